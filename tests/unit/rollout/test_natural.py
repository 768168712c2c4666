"""Tasks in plain words, played: every convention is read, one reminder is given, and a loop ends."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from verl_agentic.core import End, FailureKind, Message, Task, Trajectory
from verl_agentic.core.outcome import ErrorKind
from verl_agentic.reward_fns.calls import compute_score as judge_calls
from verl_agentic.reward_fns.registry import judge
from verl_agentic.rollout import Dialogue, DialogueLimits, Policy, play
from verl_agentic.rollout.diagnosis import diagnose_trajectory
from verl_agentic.rollout.protocol import HANDED_OVER, TRANSFER_TOOL
from verl_agentic.synthesis.math.family import MathFamily
from verl_agentic.synthesis.service import ServiceFamily
from verl_agentic.synthesis.sql.family import SqlFamily
from verl_agentic.tool_envs import Environment, User, make_environment
from verl_agentic.tool_envs.calculator import CALCULATOR_TOOLS
from verl_agentic.tool_envs.users.registry import make_user

MATH = MathFamily().natural(MathFamily().generate("add-mul", Random(0)))
RIGHT = MATH.ground_truth["answer"]
SERVICE = ServiceFamily()
SQL = SqlFamily().natural(SqlFamily().generate("count-gt", Random(0)))


def call(name: str, **arguments: Any) -> str:
    return f"<tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>"


def saying(*texts: str) -> Policy:
    """Says the texts in turn, then the last one for ever."""
    script = iter(texts)
    return lambda messages, tools: next(script, texts[-1])


def request(structure: str) -> Task:
    return SERVICE.natural(SERVICE.generate(structure, Random(structure)))


async def played(task: Task, *texts: str, **limits: Any) -> tuple[Dialogue, dict[str, Any]]:
    user = make_user("scripted") if task.user is not None else None
    dialogue = await play(task, saying(*texts), user=user, limits=DialogueLimits(**limits))
    return dialogue, await judge(task, dialogue.trajectory)


# Answers


@pytest.mark.parametrize("protocol", ["plain", "agenticqwen"])
@pytest.mark.parametrize(
    "text",
    [f"So it is\n<answer>{RIGHT}</answer>", f"Hence \\boxed{{{RIGHT}}}.", f"Add, then multiply.\n#### {RIGHT}"],
)
async def test_an_answer_is_read_however_it_is_written(protocol: str, text: str) -> None:
    dialogue, result = await played(MATH, call("calc", expression="1+1"), text, protocol=protocol)
    assert (dialogue.trajectory.end, dialogue.trajectory.reminders, result["acc"]) == (End.ANSWER, 0, 1.0)


async def test_a_query_may_stand_in_a_fence() -> None:
    dialogue, result = await played(SQL, f"This is it:\n```sql\n{SQL.ground_truth['sql']}\n```")
    assert (dialogue.trajectory.end, result["acc"]) == (End.ANSWER, 1.0)


# Reminders


async def test_a_message_that_is_no_answer_is_reminded_of_once() -> None:
    dialogue, result = await played(MATH, "The result is easy to see.", f"<answer>{RIGHT}</answer>")
    assert result["acc"] == 1.0 and dialogue.trajectory.reminders == 1
    said = [(turn.role, turn.content[:8]) for turn in dialogue.trajectory.turns]
    assert said[1] == ("user", "[system]") and dialogue.messages[-2]["role"] == "user"
    assert Trajectory.from_json(dialogue.trajectory.to_json()) == dialogue.trajectory

    dialogue, result = await played(MATH, "It is easy.", "I said that it is easy.", f"<answer>{RIGHT}</answer>")
    assert dialogue.trajectory.end is End.NO_USER and dialogue.assistant_turns == 2
    assert result["failure"] == FailureKind.NO_ANSWER.value


@pytest.mark.parametrize(("reminders", "turns"), [(0, 1), (1, 2), (3, 4)])
async def test_the_number_of_reminders_is_set(reminders: int, turns: int) -> None:
    dialogue, _ = await played(MATH, "Well.", reminders=reminders)
    assert (dialogue.assistant_turns, dialogue.trajectory.reminders) == (turns, reminders)


async def test_nobody_is_reminded_after_the_last_turn() -> None:
    dialogue, _ = await played(MATH, "Well.", max_turns=1)
    assert (dialogue.trajectory.end, dialogue.trajectory.reminders) == (End.NO_USER, 0)


async def test_the_micro_register_knows_no_reminder() -> None:
    micro = MathFamily().generate("add-mul", Random(0))
    dialogue, _ = await played(micro, "Well.", reminders=3)
    assert (dialogue.trajectory.end, dialogue.assistant_turns) == (End.NO_USER, 1)
    dialogue, _ = await played(micro, f"\\boxed{{{RIGHT}}}")
    assert dialogue.trajectory.end is End.NO_USER


def test_trajectories_of_earlier_releases_are_read() -> None:
    stored = json.loads(Trajectory("t", end=End.ANSWER).to_json())
    del stored["reminders"]
    assert Trajectory.from_json(json.dumps(stored)).reminders == 0


# The hand-over

TRANSFER = next(s for s in SERVICE.structures("train") if "/transfer-" in s and s.endswith("/plain"))


def looked_up(task: Task) -> str:
    return call("get", id=task.meta["target"])


@pytest.mark.parametrize("protocol", ["plain", "agenticqwen"])
@pytest.mark.parametrize("how", [call(TRANSFER_TOOL, summary="It costs too much."), "###TRANSFER_TO_HUMAN"])
async def test_a_user_is_handed_over_either_way(protocol: str, how: str) -> None:
    task = request(TRANSFER)
    dialogue, result = await played(task, looked_up(task), how, protocol=protocol)
    assert (dialogue.trajectory.end, result["acc"]) == (End.TRANSFER, 1.0), result
    if TRANSFER_TOOL in how:
        assert dialogue.trajectory.calls[-1].result == HANDED_OVER == dialogue.trajectory.turns[-1].content


async def test_handing_over_takes_a_summary() -> None:
    task = request(TRANSFER)
    dialogue, _ = await played(task, looked_up(task), call(TRANSFER_TOOL), call(TRANSFER_TOOL, summary="Too dear."))
    assert [one.error for one in dialogue.trajectory.calls] == [None, "bad_arguments", None]
    assert dialogue.trajectory.end is End.TRANSFER


async def test_without_a_user_nobody_is_handed_over() -> None:
    dialogue, _ = await played(MATH, call(TRANSFER_TOOL, summary="Too hard."), max_turns=1)
    assert dialogue.trajectory.calls[0].error == "unknown_tool"
    assert TRANSFER_TOOL not in dialogue.trajectory.calls[0].result.partition("tools: ")[2]


async def test_an_unknown_tool_is_answered_with_those_that_there_are() -> None:
    dialogue, _ = await played(request(TRANSFER), call("fetch"), max_turns=1)
    assert dialogue.trajectory.calls[0].result.endswith(f"tools: get, refund, cancel, {TRANSFER_TOOL}")


class Desk(Environment):
    """Has a tool of that name that does something else."""

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        return "noted"


async def test_an_environments_own_tool_of_that_name_is_its_own() -> None:
    own = {"type": "function", "function": {"name": TRANSFER_TOOL, "parameters": {}}}
    task = replace(request(TRANSFER), tools=[own])
    user: User = make_user("scripted")
    async with Dialogue(task, Desk(user)) as dialogue:
        assert await dialogue.open() == [own]
        assert [one["content"] for one in await dialogue.feed(call(TRANSFER_TOOL))] == ["noted"]
        assert not dialogue.done


# Loops

AGAIN = call("calc", expression="2+2")


async def test_the_same_call_with_the_same_result_is_a_loop() -> None:
    dialogue, result = await played(MATH, AGAIN)
    assert (dialogue.trajectory.end, dialogue.assistant_turns) == (End.LOOP, 4)
    assert result["failure"] == FailureKind.LIMIT.value and "loop" in result["reason"]
    found = diagnose_trajectory(dialogue.trajectory, FailureKind.LIMIT)
    assert found.kind is ErrorKind.LOOP
    assert len(dialogue.trajectory.calls) == sum(turn.role == "tool" for turn in dialogue.trajectory.turns) == 4


@pytest.mark.parametrize(("repeats", "turns"), [(2, 2), (3, 3), (0, 15)])
async def test_the_number_of_repeats_is_set(repeats: int, turns: int) -> None:
    dialogue, _ = await played(MATH, AGAIN, max_repeats=repeats)
    assert dialogue.assistant_turns == turns
    assert dialogue.trajectory.end is (End.LOOP if repeats else End.MAX_TURNS)
    found = diagnose_trajectory(dialogue.trajectory, FailureKind.LIMIT)
    assert found.kind is ErrorKind.LOOP


async def test_another_call_or_a_word_to_the_user_is_no_loop() -> None:
    mixed = [call("calc", expression=f"{n % 2}+1") for n in range(6)]
    dialogue, _ = await played(MATH, *mixed, f"<answer>{RIGHT}</answer>", max_repeats=2)
    assert dialogue.trajectory.end is End.ANSWER
    dialogue, _ = await played(MATH, AGAIN, "Let me see.", AGAIN, f"<answer>{RIGHT}</answer>", max_repeats=2)
    assert dialogue.trajectory.end is End.ANSWER
    other = replace(MATH, id="other")
    dialogue = await play(other, saying(AGAIN, f"<answer>{RIGHT}</answer>"), limits=DialogueLimits(max_repeats=2))
    assert dialogue.trajectory.end is End.ANSWER


class Clock(Environment):
    """Answers the same question otherwise each time."""

    def __init__(self, user: User | None = None) -> None:
        super().__init__(user)
        self._seconds = itertools.count()

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        return str(next(self._seconds))


async def test_what_answers_otherwise_may_be_asked_again() -> None:
    async with Dialogue(MATH, Clock(), DialogueLimits(max_repeats=2)) as dialogue:
        await dialogue.open()
        for _ in range(5):
            assert await dialogue.feed(AGAIN)


async def test_a_refused_call_that_is_repeated_is_a_loop_and_a_malformed_one_is_none() -> None:
    dialogue, _ = await played(MATH, call("calc", expression="2/0"), max_repeats=3)
    assert (dialogue.trajectory.end, dialogue.assistant_turns) == (End.LOOP, 3)
    dialogue, _ = await played(MATH, "<tool_call>{</tool_call>", max_repeats=3, max_turns=5)
    assert dialogue.trajectory.end is End.MAX_TURNS
    many = AGAIN * 3  # of which the second and third are refused as too many
    dialogue, _ = await played(MATH, many, many, f"<answer>{RIGHT}</answer>", max_repeats=3)
    assert dialogue.trajectory.end is End.ANSWER


async def test_the_micro_register_ends_no_loop_unless_it_is_asked_to() -> None:
    micro = MathFamily().generate("add-mul", Random(0))
    assert (await played(micro, AGAIN, max_turns=6))[0].trajectory.end is End.MAX_TURNS
    assert (await played(micro, AGAIN, max_turns=6, max_repeats=3))[0].trajectory.end is End.LOOP


async def test_a_loop_is_a_limit_to_every_reward() -> None:
    task = request(TRANSFER)
    dialogue, result = await played(task, looked_up(task))
    assert dialogue.trajectory.end is End.LOOP
    assert (result["failure"], result["reason"]) == (FailureKind.LIMIT.value, "no end before loop")
    truth = {"required": [{"name": "refund", "arguments": {}}], "forbidden": []}
    looped = judge_calls("any", "", truth, {"trajectory": dialogue.trajectory.to_json()})
    assert looped["failure"] == FailureKind.LIMIT.value


# From end to end, with policies that know the words of the prompt alone


def serving(task: Task) -> Policy:
    """Serves in plain words, as somebody would who was told the policy's decision for each record."""
    expert = SERVICE.expert(task)
    plain = {
        "<question>Confirm?</question>": "I can do that for you. Do you want me to go ahead? Please confirm.",
        "Sorry, that is not allowed.": "I am sorry, but our rules do not allow that.",
        "<answer>done</answer>": "That is done now. Is there anything else?",
        "<answer>kept</answer>": "Very well, everything stays as it is. Is there anything else?",
    }

    def act(messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> str:
        assert tools[-1]["function"]["name"] == TRANSFER_TOOL
        # Back into the expert's own words, by which it knows what it has said.
        known = {told: said for said, told in plain.items()}
        heard = [Message(role=one["role"], content=known.get(one["content"], one["content"])) for one in messages]
        text = str(expert(heard, tools))
        for said, told in plain.items():
            if text.endswith(said):
                return told
        if text.startswith("<question>Which"):
            return "Could you please tell me the number?"
        if text.endswith("###TRANSFER_TO_HUMAN"):
            return f"I will hand you over to a colleague. {call(TRANSFER_TOOL, summary='Above my limit.')}"
        return text

    return act


async def test_plain_words_are_enough_to_serve() -> None:
    ends = set()
    for structure in [*SERVICE.structures("train")[::6], *SERVICE.structures("held_out")[::9]]:
        task = request(structure)
        dialogue = await play(task, serving(task), user=make_user("scripted"))
        result = await judge(task, dialogue.trajectory)
        assert result["acc"] == 1.0, (structure, result, dialogue.messages)
        ends.add(dialogue.trajectory.end)
        said = " ".join(turn.content for turn in dialogue.trajectory.turns if turn.role == "assistant")
        assert "<answer>" not in said and "<question>" not in said and "###" not in said
    assert ends == {End.USER_STOP, End.TRANSFER}


@pytest.mark.parametrize(
    "texts",
    [
        ("That is done now.",),
        (call("refund", id="{target}"), "That is done now."),
        (call("get", id="{target}"), call(TRANSFER_TOOL, summary="I do not like it.")),
        (call("get", id="{target}"), "I am sorry, but our rules do not allow that."),
        (call("get", id="{target}"), "That is done now."),
        (call("get", id="{target}"), "<answer>done</answer>"),
    ],
)
async def test_plain_words_alone_are_not(texts: tuple[str, ...]) -> None:
    task = request("orders/refund/allow/confirm")
    filled = [text.replace("{target}", task.meta["target"]) for text in texts]
    assert (await played(task, *filled))[1]["acc"] == 0.0


async def test_a_session_opens_with_what_the_policy_is_told() -> None:
    task = replace(MATH, tools=CALCULATOR_TOOLS)
    async with Dialogue(task, make_environment("calculator"), DialogueLimits(protocol="agenticqwen")) as dialogue:
        tools = await dialogue.open()
        assert [tool["function"]["name"] for tool in tools] == ["calc"]
        assert "<answer>" in dialogue.messages[0]["content"] and dialogue.messages[1:] == task.messages[1:]
