"""How the policy of a task in the natural register is told to act.

Such a task says what is wanted, and leaves it to the run to say how tools are called, who is talked with and how an
answer is given. That is appended to its system message when it is opened, so that one pool serves every protocol. Tasks
in the micro register are played as they stand.

Whatever prompt a policy reads is that of :func:`opening_messages`, with the tools of :func:`protocol_tools`.
"""

from __future__ import annotations

import zlib
from typing import Any

from verl_agentic.core import Message, Task
from verl_agentic.rollout.limits import DialogueLimits

TRANSFER_TOOL = "transfer_to_human"
"""Name of the tool that hands a user over to a human, which ends the dialogue."""
HANDED_OVER = "The conversation was handed over to a human."
"""What the tool answers."""
REMINDER_ROLE = "user"
"""Who reminds: chat templates take a second system message from hardly anybody, and a user's from everybody."""

TRANSFER_SCHEMA: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": TRANSFER_TOOL,
        "description": "Hand the conversation over to a human colleague. It ends the conversation for you.",
        "parameters": {
            "type": "object",
            "properties": {
                "summary": {
                    "type": "string",
                    "description": "What the user wants and what has been done so far, in a sentence or two.",
                }
            },
            "required": ["summary"],
        },
    },
}

_TOOLS = (
    "Look things up and make changes with your tools, {calls}, and read each result before you go on.",
    "Use your tools for whatever has to be looked up, computed or changed: {calls}, then wait for the result.",
    "Never guess what a tool can tell you: make {calls} and go by what it returns.",
)
_TURNS = (
    "You have at most {turns}, tool calls included.",
    "After {turns}, tool calls included, the task is over.",
    "The task ends after {turns} of yours, tool calls included.",
)
_REPEATS = (
    "Making the same call {repeats} times in a row with the same result ends the task early.",
    "It is also over when the same call gives the same result {repeats} times in a row.",
    "It also ends when you repeat a call {repeats} times in a row and the result stays the same.",
)
# By protocol, and whether there is a user.
_WORDINGS: dict[tuple[str, bool], tuple[str, str, str]] = {
    ("plain", True): (
        "You are in a chat with a user, who reads every message of yours that is not a tool call. Write to the user"
        " in plain, polite sentences: ask for whatever you still need to know, and say what you have done or why it"
        " cannot be done. {tools} If the matter has to go to a human colleague, call transfer_to_human with a short"
        " summary; that ends the chat for you. Otherwise the chat goes on until the user ends it, so finish the work"
        " first and then tell the user the result. {limits}",
        "How to act: whatever you write without calling a tool goes to the user you are talking with, so write it for"
        " them, in ordinary words and without any special marks. Ask when something is missing. Report what you did,"
        " and explain a refusal openly. {tools} To pass the conversation on to a human, call transfer_to_human and"
        " give a brief summary; nothing more can be said after that. You cannot close the conversation yourself: it"
        " is over when the user says so. {limits}",
        "Talk to the user in natural language. Every message without a tool call is shown to the user, whose reply"
        " comes back to you. Ask a clear question when you need a detail or a confirmation, and tell the user plainly"
        " what has been done and what cannot be done. {tools} The tool transfer_to_human hands the user over to a"
        " human colleague and ends your part; give it a short summary, and use it only where your instructions say"
        " so. Otherwise carry on until the user leaves. {limits}",
    ),
    ("plain", False): (
        "You work on your own here: nobody reads your messages while you work, and nobody answers questions. {tools}"
        " Take as many steps as you need, and check your work before you finish. When you know the final answer,"
        " write it between <answer> and </answer>, in a message without a tool call and with nothing but the answer"
        " itself between the two tags. That message ends the task. A message that holds neither a tool call nor an"
        " answer in these tags does not count. {limits}",
        "How to act: there is no user to talk to, so do not ask for anything; decide for yourself. {tools} Once you"
        " are done, give the final answer as <answer>...</answer>: put the bare answer between the two tags, without"
        " an explanation, and do not call a tool in the same message. With that the task is finished, and only what"
        " stands between the tags is judged. An explanation may stand before the tags. Messages with neither a tool"
        " call nor the tags are wasted. {limits}",
        "Solve the task step by step without help; nobody reads your messages until the end. {tools} Your last"
        " message must hold the final answer between the tags <answer> and </answer>, and no tool call. Write only"
        " the answer between them, in the form that the task asks for, and keep your reasoning outside of them. As"
        " soon as such a message is there the task is over, so do not send it before you are sure. Until then nothing"
        " that you write counts as an answer. {limits}",
    ),
    ("agenticqwen", True): (
        "Each of your messages does exactly one of these things. Call a tool. Speak to the user, to ask, to report or"
        " to refuse: <question>what the user reads</question>. Hand over to a human colleague: ###TRANSFER_TO_HUMAN."
        " Finish, once what the user wanted is done: <answer>a short summary of the outcome</answer>. {tools} The"
        " user reads only what stands between the question tags. Where you have to refuse, say so in a question and"
        " let the user end the conversation; do not write an answer. {limits}",
        "How to act: write <question> and </question> around everything that the user should read, whether you ask,"
        " inform or decline, and the user will reply. Write <answer> and </answer> around the final result when the"
        " request has been carried out; this closes the conversation. Write ###TRANSFER_TO_HUMAN, and nothing else,"
        " to hand the user over to a human colleague; this closes it, too. {tools} Do only one of these in a message."
        " If you decline, write no answer: explain yourself and wait until the user leaves. {limits}",
        "Use these forms, one in each message: a tool call; <question>...</question> for words to the user, such as a"
        " question, a confirmation that you need, a report or a refusal; <answer>...</answer> for the final outcome,"
        " when all that was asked for is done; ###TRANSFER_TO_HUMAN to hand the conversation over to a human. {tools}"
        " Text outside of these forms is meant for nobody. An answer or a handover ends the conversation. After a"
        " refusal keep to questions until the user gives up. {limits}",
    ),
    ("agenticqwen", False): (
        "Work towards a final answer on your own. {tools} Nobody answers questions here, so do not ask any. Think"
        " before you act, and check what you found. When you know the result, write <answer>, then the bare result,"
        " then </answer>, in a message without a tool call. This ends the task, and only what stands between the two"
        " tags is judged. A message with neither a tool call nor an answer does not count. {limits}",
        "How to act: work alone and step by step. {tools} Put your final answer between <answer> and </answer>, with"
        " no explanation between the tags and no tool call in the same message; reasoning may stand before them. The"
        " task is finished as soon as an answer is given, so give it only when you are sure. There is no user, and a"
        " question would go to nobody. Nothing outside of the answer tags is judged. {limits}",
        "Your work ends with a message of the form <answer>...</answer>, where the dots stand for the final answer"
        " and nothing else. {tools} Before that, take whatever steps you need, but do not ask questions: nobody is"
        " there to reply. Do not call a tool in the message with the answer, and do not write the tags before you are"
        " ready, since the first answer counts and ends the task. Explanations belong outside of the tags. {limits}",
    ),
}


def opening_messages(task: Task, limits: DialogueLimits) -> list[Message]:
    """The first messages of a dialogue as the policy reads them.

    Args:
        task: the task.
        limits: with the protocol.
    """
    messages = list(task.messages)
    if task.register != "natural":
        return messages
    told = _instructions(task, limits)
    if messages and messages[0]["role"] == "system":
        messages[0] = {**messages[0], "content": f"{messages[0]['content']}\n\n{told}"}
        return messages
    return [Message(role="system", content=told), *messages]


def protocol_tools(task: Task, limits: DialogueLimits, tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tools of a session as the policy is told them: under ``plain`` with one that hands a user over to a human.

    Args:
        task: the task.
        limits: with the protocol.
        tools: those of the environment.
    """
    if limits.protocol != "plain" or not hands_over_by_call(task):
        return tools
    own = any((tool.get("function") or {}).get("name") == TRANSFER_TOOL for tool in tools)
    return tools if own else [*tools, TRANSFER_SCHEMA]


def hands_over_by_call(task: Task) -> bool:
    """Whether a call of :data:`TRANSFER_TOOL` hands over, unless the environment has a tool of that name."""
    return task.register == "natural" and task.user is not None


def reminder(task: Task) -> str:
    """What a policy is told whose message was neither a call nor an answer, where nobody else reads it."""
    call = "no tool call and " if _has_tools(task) else ""
    mend = "Go on with a tool call, or give" if call else "Give"
    return (
        f"[system] Your last message holds {call}no answer, and nobody reads it. {mend} the final answer between"
        " <answer> and </answer>."
    )


def _instructions(task: Task, limits: DialogueLimits) -> str:
    wordings = _WORDINGS[limits.protocol, task.user is not None]
    number = zlib.crc32(task.id.encode("utf-8", "replace")) % len(wordings)
    calls = limits.max_parallel_calls
    per_message = "one tool call per message" if calls == 1 else f"at most {calls} tool calls per message"
    tools = _TOOLS[number].format(calls=per_message) if _has_tools(task) else ""
    told = wordings[number].format(tools=tools, limits=_limits(task, limits, number) if limits.tell_limits else "")
    return " ".join(told.split())


def _limits(task: Task, limits: DialogueLimits, number: int) -> str:
    turns = limits.max_turns
    told = _TURNS[number].format(turns=f"{turns} message{'s' if turns > 1 else ''}")
    repeats = limits.repeats_in(task)
    return f"{told} {_REPEATS[number].format(repeats=repeats)}" if repeats and _has_tools(task) else told


def _has_tools(task: Task) -> bool:
    """Whether there are tools, as far as the task tells: those of some environments are told when it is opened."""
    return bool(task.tools) or task.env != "none"
