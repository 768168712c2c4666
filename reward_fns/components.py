"""What a trajectory is like besides right or wrong: pure functions to shape a reward with, each in [0, 1].

All are 1.0 where there is nothing to find fault with. Without a trajectory the response counts as one message.
"""

from __future__ import annotations

import re

from verl_agentic.core import End, Trajectory, Turn
from verl_agentic.core.messages.answers import answer_in_text
from verl_agentic.core.messages.speech import hands_over
from verl_agentic.core.messages.thoughts import without_thoughts

CHARS_PER_TOKEN = 4
"""Counts for a message whose tokens nobody counted."""

_BLOCK = re.compile(r"<(/?)(tool_call|answer|question)>")


def as_trajectory(solution_str: str) -> Trajectory:
    """The trajectory of a plain response: one message, with an answer where it holds one."""
    answer = answer_in_text(solution_str)
    return Trajectory(
        "", turns=[Turn("assistant", solution_str)], answer=answer, end=End.NO_USER if answer is None else End.ANSWER
    )


def message_format(trajectory: Trajectory) -> float:
    """Share of assistant messages that are well formed: every block closed, and one kind of action only.

    A malformed tool call makes its message ill-formed. A dialogue that ended because nobody could answer its last
    message, or because that was cut, lacks the answer that was required: its last message does not count as well
    formed.
    """
    messages = [turn for turn in trajectory.turns if turn.role == "assistant"]
    if not messages:
        return 1.0
    malformed = sum(call.error == "malformed" for call in trajectory.calls)
    fine = [well_formed(turn.content) for turn in messages]
    if trajectory.end in (End.NO_USER, End.MAX_TOKENS):
        fine[-1] = False
    return max(0.0, sum(fine) - malformed) / len(messages)


def well_formed(text: str) -> bool:
    """Whether a message has every block closed and asks for one kind of action: call, answer, question, transfer."""
    if text.count("<think>") != text.count("</think>"):
        return False
    visible = without_thoughts(text)
    inside: str | None = None
    kinds: set[str] = {"transfer"} if hands_over(visible) else set()
    for closing, tag in _BLOCK.findall(visible):
        if closing:
            if inside != tag:
                return False
            inside = None
        else:
            if inside is not None:
                return False
            inside = tag
            kinds.add(tag)
    return inside is None and len(kinds) <= 1 and bool(visible.strip())


def tool_use(trajectory: Trajectory) -> float:
    """Share of tool calls that were executed, those that repeat an executed one word by word not counted as such."""
    if not trajectory.calls:
        return 1.0
    seen: set[str] = set()
    good = 0
    for call in trajectory.calls:
        if call.error is not None:
            continue
        # The same call may be worth repeating when it shows something new.
        key = f"{call.name} {sorted(call.arguments.items(), key=lambda item: item[0])} {call.result}"
        good += key not in seen
        seen.add(key)
    return good / len(trajectory.calls)


def brevity(trajectory: Trajectory, max_tokens: float) -> float:
    """What is left of a budget of assistant tokens, as a share: 1.0 for none used, 0.0 from the budget on."""
    used = sum(
        turn.tokens or len(turn.content) / CHARS_PER_TOKEN for turn in trajectory.turns if turn.role == "assistant"
    )
    return max(0.0, 1.0 - used / max_tokens)


def turns(trajectory: Trajectory, max_turns: float) -> float:
    """What is left of a budget of assistant messages after the first, as a share; 0.0 from the budget on."""
    used = sum(turn.role == "assistant" for turn in trajectory.turns)
    return min(1.0, max(0.0, 1.0 - (used - 1) / max_turns))
