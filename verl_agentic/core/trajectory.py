"""What happened when a policy met a task."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class End(str, Enum):
    """Why a trajectory ended."""

    ANSWER = "answer"
    """The policy gave a final answer."""
    USER_STOP = "user_stop"
    """The user was done or out of patience."""
    TRANSFER = "transfer"
    """The policy handed over to a human."""
    MAX_TURNS = "max_turns"
    MAX_TOKENS = "max_tokens"
    LOOP = "loop"
    """The policy made the same call with the same result over and over."""
    NO_USER = "no_user"
    """The policy spoke to a user where there is none, and said no answer."""


LIMITS = frozenset({End.MAX_TURNS, End.MAX_TOKENS, End.LOOP})
"""Ends by a limit, which are the policy's doing."""

CALL_OUTCOMES = ("executed", "malformed", "unknown_tool", "bad_arguments", "too_many", "rejected")
"""What becomes of tool calls, see :attr:`ToolCall.error`."""


@dataclass(slots=True)
class ToolCall:
    """One tool call of the policy.

    Attributes:
        name: the tool's name as the policy wrote it.
        arguments: the arguments as parsed, empty when they could not be.
        result: the text that went back to the policy.
        error: ``None`` for a call that was executed, else why it was not: ``malformed`` (not a call),
            ``unknown_tool``, ``bad_arguments``, ``too_many`` (for one message) or ``rejected`` (the tool refused it).
    """

    name: str
    arguments: dict[str, Any]
    result: str
    error: str | None = None


@dataclass(slots=True)
class Turn:
    """One message of the dialogue after the prompt.

    Attributes:
        role: ``assistant``, ``tool`` or ``user``.
        content: its text.
        tokens: number of tokens the message added to the trajectory, 0 where unknown; of several replies to one
            message, the last one has those of all.
        seconds: wall time to produce it.
    """

    role: str
    content: str
    tokens: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Trajectory:
    """A whole rollout of one task in one environment session.

    Attributes:
        task_id: id of the task.
        seed: seed of the session, and of its user.
        turns: everything said after the prompt, in order.
        calls: the policy's tool calls, in order.
        answer: text of the final answer, ``None`` when none was given.
        end: why it ended, ``None`` while it runs.
        state: final state of the environment, as JSON data.
        user: what the simulated user counted, by name; empty where nobody answers.
        reminders: how often the policy was reminded that a message of it was no answer.
        env: name of the environment it was played in, which the run may have set in place of the task's own.
        simulator: name of the user it was played with; empty where nobody said.
        prompt_tokens: number of tokens of the prompt, 0 where unknown.
        policy_version: number of updates that the policy had had, ``None`` where nobody said.
        reward: what the reward function made of it, with its components; empty before it is judged.
    """

    task_id: str
    seed: int = 0
    turns: list[Turn] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    answer: str | None = None
    end: End | None = None
    state: dict[str, Any] = field(default_factory=dict)
    user: dict[str, int] = field(default_factory=dict)
    reminders: int = 0
    env: str = ""
    simulator: str = ""
    prompt_tokens: int = 0
    policy_version: int | None = None
    reward: dict[str, Any] = field(default_factory=dict)

    def calls_by_outcome(self) -> Counter[str]:
        """Number of tool calls: ``executed``, or by the ``error`` of those that were not."""
        return Counter(call.error or "executed" for call in self.calls)

    def to_json(self) -> str:
        """One line of JSON with every field."""
        return json.dumps(self, default=_fields, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Trajectory:
        """Inverse of :meth:`to_json`."""
        data = json.loads(text)
        data["turns"] = [Turn(**turn) for turn in data["turns"]]
        data["calls"] = [ToolCall(**call) for call in data["calls"]]
        data["end"] = End(data["end"]) if data["end"] else None
        return cls(**data)


def _fields(value: Any) -> dict[str, Any]:
    # Not dataclasses.asdict, which copies all data, and deeply.
    return {name: getattr(value, name) for name in value.__slots__}


def stored_trajectory(text: str) -> Trajectory | None:
    """The trajectory that was stored as ``text``, ``None`` where none was kept that can be read."""
    try:
        return Trajectory.from_json(text)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
