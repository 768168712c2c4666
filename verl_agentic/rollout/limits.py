"""Bounds of a trajectory, what of a reply they let through, and how a policy is told to act within them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

from verl_agentic.core.checked import Count, Positive, Seconds, Within, read
from verl_agentic.core.task import Task

NATURAL_TURNS = 30
"""``max_turns`` that tasks in the natural register are meant for; the profiles for accelerators have it."""
NATURAL_REPEATS = 4
"""``max_repeats`` of tasks in the natural register, where none is set."""


@dataclass(frozen=True, slots=True)
class DialogueLimits:
    """Bounds of one trajectory, and what the policy is told of how to act.

    Attributes:
        max_turns: assistant turns.
        max_tool_chars: characters of a tool's reply that reach the policy (the paper's 4096): its beginning and end.
        max_parallel_calls: tool calls executed per assistant turn; further ones are refused.
        call_seconds: wall time of one tool call or user reply, and of closing the session.
        open_seconds: wall time of opening the session, which may be the first to start a server or build an index.
        grace_seconds: how long what was cancelled may clean up before it is left behind.
        protocol: how the policy of a task in the natural register is told to act: ``plain`` for tools in the form of
            its chat template, plain words to the user and a tool that hands over, ``agenticqwen`` for the tags of the
            paper. All of these are read either way.
        tell_limits: whether it is also told ``max_turns`` and ``max_repeats``, in a task in the natural register.
        reminders: how often it is reminded, in a task in the natural register, that a message which nobody reads is
            neither a call nor an answer; one more such message ends the trajectory.
        max_repeats: the same call with the same result so many times in a row ends the trajectory as ``loop``; 0 for
            never, ``None`` for 4 in tasks in the natural register and never in others.
    """

    max_turns: Positive = 15
    max_tool_chars: Positive = 4096
    max_parallel_calls: Positive = 1
    call_seconds: Seconds = 60.0
    open_seconds: Seconds = 120.0
    grace_seconds: Annotated[float, Within(least=0)] = 5.0
    protocol: Literal["plain", "agenticqwen"] = "plain"
    tell_limits: bool = True
    reminders: Count = 1
    max_repeats: Count | None = None

    def repeats_in(self, task: Task) -> int:
        """:attr:`max_repeats` of a task, 0 for any number."""
        if self.max_repeats is not None:
            return self.max_repeats
        return NATURAL_REPEATS if task.register == "natural" else 0


def stored_limits(rollout: Mapping[str, Any] | None) -> DialogueLimits:
    """The limits among ``agentic.rollout`` as a run stored it; an earlier release stored fewer.

    Raises:
        UserInputError: one of them has a wrong value.
    """
    names = {one.name for one in fields(DialogueLimits)}
    return read(DialogueLimits, {k: v for k, v in (rollout or {}).items() if k in names}, "agentic.rollout")


def shortened(text: str, limit: int) -> str:
    """At most ``limit`` characters of a reply: its beginning, a mark that says what is missing, and its end."""
    if len(text) <= limit:
        return text
    room = max(0, limit - len(_mark(len(text))))
    mark = _mark(len(text) - room)
    tail = room // 4
    return (text[: room - tail] + mark + text[len(text) - tail :])[:limit]


def _mark(characters: int) -> str:
    return f"\n[... {characters} characters left out ...]\n"


def encodable(text: str) -> str:
    """``text`` without halves of surrogate pairs, which no database or tokenizer takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
