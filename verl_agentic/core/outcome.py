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
