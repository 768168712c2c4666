"""A model judges what nothing else can verify, one rubric item at a time.

It sees all that was said and done. What does not fit into one request is shown part by part, each with the whole
statement, and the verdicts are put together (:func:`verl_agentic.reward_fns.rubric.judge.judge`); a trajectory that
takes more than ``max_parts`` parts is wrong, or it would pay to hide things in a long one.

``ground_truth`` is an object (or its JSON text): ``{"rubric": [...], "policy": "..."}``. An item is
``{"id", "text", "kind": "goal" | "violation", "weight"}`` or a plain text, which is a goal; ``policy`` is optional. Any
violation zeroes the reward; the score is the weighted share of goals that came true.

What is not the policy's fault never becomes a reward: where the judge is down, slow, refuses, talks nonsense or gives
a verdict that contradicts its own evidence, :class:`verl_agentic.core.InfrastructureError` is raised, and verl drops
the sample from its group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from verl_agentic.core import BrokenTaskError, FailureKind, Task, Trajectory, UserInputError
from verl_agentic.core.chat import ChatUsage, make_chat_model
from verl_agentic.core.checked import Positive, Within, check_arguments
from verl_agentic.core.trajectory import Turn
from verl_agentic.reward_fns.common import (
    KWARGS_KEY,
    OnUndecided,
    RewardResult,
    Submission,
    decided,
    decode_ground_truth,
    no_answer,
    over_limits,
    read_submission,
    undecided,
    wrong_answer,
)
from verl_agentic.reward_fns.rubric.items import read_rubric
from verl_agentic.reward_fns.rubric.judge import ItemVerdict, judge
from verl_agentic.reward_fns.rubric.record import record_parts

__all__ = ["JUDGE_FIGURES", "RubricResult", "check_kwargs", "compute_score"]

JUDGE_FIGURES = ("agreement", "judge_tokens", "judge_cost", "judge_retries")
"""What a result holds besides those of other rewards."""

_LEAST_CHARS = 4096
_VOTING_TEMPERATURE = 0.7


class RubricResult(RewardResult):
    """A reward with the judge's figures.

    Attributes:
        agreement: share of the votes on the larger side, mean over the items, from 0.5 to 1.
        judge_tokens: tokens spent on this verdict, none on cached votes.
        judge_cost: US dollars spent on it.
        judge_retries: requests that failed or brought nothing usable, and were made anew.
    """

    agreement: float
    judge_tokens: float
    judge_cost: float
    judge_retries: float


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: dict[str, Any] | None = None,
    *,
    llm: Mapping[str, Any] | None = None,
    votes: Positive = 1,
    strict: bool = False,
    temperature: float | None = None,
    max_chars: Annotated[int, Within(least=_LEAST_CHARS)] = 60_000,
    max_parts: Positive = 16,
    on_undecided: OnUndecided = "zero",
    **kwargs: Any,
) -> RubricResult:
    """Share of the goals that came true, 0.0 after any violation.

    Args:
        data_source: kind of the task; not used.
        solution_str: text of the response; judged where there is no trajectory.
        ground_truth: see the module's text.
        extra_info: may hold the rollout as ``trajectory`` and the task as ``task``, both as JSON.
        llm: the judge's configuration (``agentic.llm``).
        votes: independent votes per item; the majority decides.
        strict: score 1.0 where every goal came true, else 0.0.
        temperature: of the judge; 0 for a single vote and 0.7 for several by default.
        max_chars: how much of a trajectory's record is shown to the judge in one request, 4096 at least.
        max_parts: in how many such parts a record may be shown; one that is longer is wrong, over the limits.
        on_undecided: what becomes of a tie that decides the score.

    Raises:
        InfrastructureError: the judge gave no usable verdict, or there is a tie and ``on_undecided`` is ``drop``.
        BrokenTaskError: the ground truth is not of the form above, or the task's messages alone are over the limits.
        UserInputError: an argument is wrong, or no judge is configured.
    """
    given = {"votes": votes, "temperature": temperature, "max_chars": max_chars, "max_parts": max_parts}
    check_arguments(compute_score, given, KWARGS_KEY)
    _check_votes(votes, temperature)
    rubric = read_rubric(decode_ground_truth(ground_truth))
    model = make_chat_model(llm)
    submission = read_submission(solution_str, extra_info)
    trajectory = submission.trajectory or Trajectory("", turns=[Turn("assistant", solution_str)])
    if not any(turn.role == "assistant" and turn.content.strip() for turn in trajectory.turns):
        return _with_figures(no_answer(submission), [])
    if temperature is None:
        temperature = 0.0 if votes == 1 else _VOTING_TEMPERATURE
    task = _task(extra_info)
    parts = record_parts(trajectory, task, max_chars, max_parts)
    if len(parts) > max_parts:
        return _with_figures(_too_long(task, max_chars, max_parts), [])
    verdicts = await judge(model, rubric, parts, votes, temperature)
    return _with_figures(_result(verdicts, strict, submission, on_undecided), verdicts)


def _too_long(task: Task | None, max_chars: int, max_parts: int) -> RewardResult:
    if task is not None and len(record_parts(Trajectory(task.id), task, max_chars, max_parts)) > max_parts:
        raise BrokenTaskError(
            f"task {task.id}: its messages alone take more than {max_parts} requests of {max_chars} characters to "
            "a judge; raise max_parts or max_chars"
        )
    return over_limits(f"the record takes more than {max_parts} requests of {max_chars} characters")


def _result(
    verdicts: Sequence[ItemVerdict], strict: bool, submission: Submission, on_undecided: OnUndecided
) -> RewardResult:
    """The result if it is the same whichever way the ties fall."""
    best = _outcome(verdicts, strict, submission, tie_is_good=True)
    worst = _outcome(verdicts, strict, submission, tie_is_good=False)
    if best["score"] == worst["score"]:
        return best
    tied = next(verdict for verdict in verdicts if verdict.satisfied is None)
    return undecided(f"{tied.votes} votes on {tied.item.id} are tied", on_undecided)


def _outcome(
    verdicts: Sequence[ItemVerdict], strict: bool, submission: Submission, *, tie_is_good: bool
) -> RewardResult:
    total = reached = 0.0
    missed: ItemVerdict | None = None
    for verdict in verdicts:
        is_goal = verdict.item.kind == "goal"
        satisfied = (tie_is_good is is_goal) if verdict.satisfied is None else verdict.satisfied
        if is_goal:
            total += verdict.item.weight
            reached += verdict.item.weight * satisfied
            missed = missed or (None if satisfied else verdict)
        elif satisfied:
            return decided(FailureKind.FORBIDDEN_CALL, f"violation {verdict.item.id}: {verdict.evidence}")
    if missed is None:
        return decided(FailureKind.NONE)
    result = wrong_answer(submission, f"{missed.item.id}: {missed.evidence}")
    result["score"] = 0.0 if strict else reached / total
    return result


def _with_figures(result: RewardResult, verdicts: Sequence[ItemVerdict]) -> RubricResult:
    usage = sum((verdict.usage for verdict in verdicts), ChatUsage())
    agreement = sum(verdict.agreement for verdict in verdicts) / len(verdicts) if verdicts else 1.0
    return {
        **result,
        "agreement": agreement,
        "judge_tokens": float(usage.tokens),
        "judge_cost": usage.cost,
        "judge_retries": float(usage.retries),
    }


def _task(extra_info: dict[str, Any] | None) -> Task | None:
    text = (extra_info or {}).get("task")
    try:
        return Task.from_json(text) if text else None
    except UserInputError as error:
        raise BrokenTaskError(f"extra_info.task: {error}") from error


def check_kwargs(reward_kwargs: Mapping[str, Any]) -> None:
    """Find out what is wrong with ``reward_kwargs`` before anything is judged; the judge itself is not asked.

    Raises:
        UserInputError: a keyword is out of its range, or the judge's configuration cannot be used.
    """
    _check_votes(reward_kwargs.get("votes", 1), reward_kwargs.get("temperature"))
    make_chat_model(reward_kwargs.get("llm"))


def _check_votes(votes: int, temperature: float | None) -> None:
    if votes > 1 and temperature == 0:
        raise UserInputError(f"{KWARGS_KEY}.temperature=0 makes all votes alike; raise it, or set votes=1")
