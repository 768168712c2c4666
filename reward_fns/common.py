"""What every reward function shares: what the policy handed in, and the form of the verdict."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, TypedDict

from verl_agentic.core import BrokenTaskError, End, FailureKind, InfrastructureError, Trajectory
from verl_agentic.core.checked import value_of
from verl_agentic.core.messages.answers import answer_in_text
from verl_agentic.core.trajectory import LIMITS

KWARGS_KEY = "reward.custom_reward_function.reward_kwargs"
"""Where keywords of a reward function are configured."""
MAX_REASON_CHARS = 200


OnUndecided = Literal["zero", "drop"]
"""What becomes of a sample without a verdict: scored 0 and marked as undecided, or dropped from its group."""


class UndecidedError(InfrastructureError):
    """Nobody could tell right from wrong, and the sample is to be dropped."""


class Verdict(str, Enum):
    """Whether the policy did what was asked; undecided is never taken for wrong."""

    RIGHT = "right"
    WRONG = "wrong"
    UNDECIDED = "undecided"


class RewardResult(TypedDict):
    """Result for one trajectory; every reward function returns these keys at least.

    Attributes:
        score: what RL trains on.
        acc: binary success, 0.0 or 1.0.
        verdict: value of a :class:`Verdict`.
        failure: value of a :class:`verl_agentic.core.FailureKind`.
        reason: one short sentence for people.
    """

    score: float
    acc: float
    verdict: str
    failure: str
    reason: str


@dataclass(frozen=True, slots=True)
class Submission:
    """What the policy handed in.

    Attributes:
        answer: text of its final answer, ``None`` when it gave none.
        trajectory: the whole rollout, ``None`` when only the response text is known.
    """

    answer: str | None
    trajectory: Trajectory | None


def read_submission(solution_str: str, extra_info: dict[str, Any] | None) -> Submission:
    """The answer, from ``extra_info["trajectory"]`` (as :meth:`Trajectory.to_json` writes it) or else the text.

    Raises:
        InfrastructureError: a trajectory was handed over that is not one.
    """
    text = (extra_info or {}).get("trajectory")
    if not text:
        return Submission(answer_in_text(solution_str), None)
    try:
        trajectory = Trajectory.from_json(text)
    except (KeyError, TypeError, ValueError) as error:
        raise InfrastructureError(f"extra_info['trajectory'] is not a trajectory: {error}") from error
    return Submission(trajectory.answer, trajectory)


def decode_ground_truth(ground_truth: Any) -> dict[str, Any]:
    """The reference data as an object; JSON text is decoded.

    Raises:
        BrokenTaskError: it is not an object.
    """
    if isinstance(ground_truth, str):
        try:
            ground_truth = json.loads(ground_truth)
        except ValueError as error:
            raise BrokenTaskError(f"ground_truth is not JSON: {error}") from error
    if not isinstance(ground_truth, dict):
        raise BrokenTaskError(f"ground_truth must be an object, got {type(ground_truth).__name__}")
    return ground_truth


def decided(failure: FailureKind, reason: str = "", score: float | None = None) -> RewardResult:
    """The result for ``failure``; ``NONE`` is right, all others are wrong.

    Args:
        failure: why the policy failed, if it did.
        reason: one short sentence.
        score: partial credit of a wrong answer; 0.0 by default, and always 1.0 for a right one.
    """
    right = failure is FailureKind.NONE
    return {
        "score": 1.0 if right else (score or 0.0),
        "acc": float(right),
        "verdict": (Verdict.RIGHT if right else Verdict.WRONG).value,
        "failure": failure.value,
        "reason": reason[:MAX_REASON_CHARS],
    }


def over_limits(reason: str) -> RewardResult:
    """The result of an answer that exceeds a limit by its own size or nesting: wrong, or it would pay to exceed it."""
    return decided(FailureKind.LIMIT, f"over the limits: {reason}")


def check_on_undecided(value: object) -> None:
    """Refuse anything but the values of :data:`OnUndecided`.

    Raises:
        UserInputError: naming the key and the values.
    """
    value_of(OnUndecided, value, f"{KWARGS_KEY}.on_undecided", plain=False)


def undecided(reason: str, on_undecided: OnUndecided) -> RewardResult:
    """The result where nobody could tell right from wrong: a clock ran out, a process was lost, votes are tied.

    What exceeds a limit by its own size or nesting is wrong (``FailureKind.LIMIT``), not undecided.

    Raises:
        UndecidedError: ``on_undecided`` is ``drop``, so that verl drops the sample.
        UserInputError: ``on_undecided`` is neither ``zero`` nor ``drop``.
    """
    if on_undecided == "drop":
        raise UndecidedError(f"undecided: {reason}"[:MAX_REASON_CHARS])
    check_on_undecided(on_undecided)
    return {
        "score": 0.0,
        "acc": 0.0,
        "verdict": Verdict.UNDECIDED.value,
        "failure": FailureKind.UNDECIDED.value,
        "reason": reason[:MAX_REASON_CHARS],
    }


def no_answer(submission: Submission) -> RewardResult:
    """The result of a trajectory that ended without an answer."""
    end = submission.trajectory.end if submission.trajectory else None
    if end is End.TRANSFER:
        return decided(FailureKind.GAVE_UP, "handed over to a human")
    if end in LIMITS:
        return decided(FailureKind.LIMIT, f"no answer before {end.value}")
    return decided(FailureKind.NO_ANSWER, "no answer")


def wrong_answer(submission: Submission, reason: str) -> RewardResult:
    """The result of a wrong answer; misused tools are named as the cause where most calls failed."""
    calls = submission.trajectory.calls if submission.trajectory else []
    failed = sum(call.error is not None for call in calls)
    kind = FailureKind.TOOL_MISUSE if failed * 2 > len(calls) else FailureKind.WRONG_ANSWER
    return decided(kind, reason)
