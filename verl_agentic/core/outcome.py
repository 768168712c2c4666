"""The judged result of one trajectory."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class FailureKind(str, Enum):
    """Why the policy failed, as far as the trajectory shows it. Infrastructure failures have no outcome."""

    NONE = "none"
    WRONG_ANSWER = "wrong_answer"
    WRONG_STATE = "wrong_state"
    FORBIDDEN_CALL = "forbidden_call"
    MISSING_CALL = "missing_call"
    TOOL_MISUSE = "tool_misuse"
    NO_ANSWER = "no_answer"
    GAVE_UP = "gave_up"
    LIMIT = "limit"
    UNDECIDED = "undecided"


class ErrorKind(str, Enum):
    """What went wrong, finer than the reward's :class:`verl_agentic.core.FailureKind`."""

    WRONG_ANSWER = "wrong_answer"
    """A wrong way to the answer, or a wrong query."""
    WRONG_STATE = "wrong_state"
    """The world is not as it should be, or a call was missing or forbidden."""
    FORMAT = "format"
    """What it said was not in a form that counts."""
    TOOL_MISUSE = "tool_misuse"
    """Most of its calls were refused, or there was none where one was due."""
    ARITHMETIC_SLIP = "arithmetic_slip"
    """It calculated wrongly itself, or copied a result wrongly."""
    GAVE_UP = "gave_up"
    """It handed over, said that it could not, or said nothing."""
    LOOP = "loop"
    """It repeated itself."""
    LIMIT = "limit"
    """It ran out of turns or tokens without repeating itself."""
    UNDECIDED = "undecided"
    """Nobody could tell whether it was right."""


@dataclass(slots=True)
class Outcome:
    """One trajectory's reward, as the flywheel reads it.

    Attributes:
        task_id: id of the task.
        session: index of the trajectory in its group, from 0.
        step: training step it was sampled at.
        epoch: epoch it was drawn in, from 0.
        reward: shaped reward that RL trained on.
        acc: binary success, 0.0 or 1.0.
        failure: why it failed.
        turns: number of assistant turns.
        trajectory: the trajectory as JSON (see :class:`verl_agentic.core.trajectory.Trajectory`).
        policy_version: number of updates that the policy which sampled it had had, ``None`` where nobody said.
    """

    task_id: str
    session: int
    step: int
    epoch: int
    reward: float
    acc: float
    failure: FailureKind
    turns: int
    trajectory: str = ""
    policy_version: int | None = None
