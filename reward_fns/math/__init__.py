"""Equality of a final answer with the reference: exact, fast, and neither hung nor fooled by what a model writes.

Answers may be LaTeX or plain text: numbers, expressions, sets, tuples, intervals, matrices, equations, inequalities,
quantities with units, options of multiple choice, words. Most are decided in this process by a bounded parser and exact
or high-precision arithmetic; what takes a computer algebra system goes to math-verify in processes that can be killed.

Where two readings of an answer would do, these rules tell which counts:

* A reference that is a plain number (integer, decimal, fraction) takes a number. An answer that leaves a calculation
  to do (a sum or difference of numbers, a product of two plain ones, ``\\sum``, ``\\int``, ``mod``, ``gcd``, ``max``,
  the floor of a quotient) is wrong with the reason ``not evaluated``. Forms in which values are written are right:
  fractions, powers, roots, factorials, binomials, logarithms, products with one of these, multiples of pi. In ``17
  \\times 23 = 391`` the last side counts, and the others must agree.
* A unit or sign on one side only goes without saying: ``50`` equals ``50%``, and so does ``0.5``. A whole number over
  1 is taken as written: ``5`` is neither ``500%`` nor ``500 cents``. A single letter is a unit of an answer only
  where it is the symbol of one behind a spaced number (``5 m``, not ``5m`` or ``5 n``); a word only where it is what
  is counted, in the plural (``7 apples``), and not where it takes the number back, compares with it or multiplies it
  (``3 rejected``, ``3 fewer``, ``3 pairs``).
* A base that a reference names may be left out by the answer; an answer that names one has its value only: ``10_7``
  is 7.
* ``name = value`` is the value, whatever is named: ``AB``, ``f'(2)``, ``P(A)``, ``\\angle ABC``, ``\\text{Area}``,
  ``a + b``; names that both sides give must be the same. A reference such as ``x + y = 5`` is an equation and not 5,
  and ``2x = 6`` names nothing. Where the reference is ``x = 5``, an equation that is not solved (``x - 5 = 0``) is
  wrong; ``|x| = 3`` is as good as ``x = \\pm 3``.
* Several named values are compared by their names. Beside a tuple their order is the customary one, else the
  alphabet's: ``y = 2, x = 5`` is ``(5, 2)``. Beside a bare answer it may also be the reference's own.
* Labelled parts, ``(a) 3 (b) 4``, are compared by their labels, and a list without labels in its order.
* Where the reference is a time of the day (``10:20``, two digits for the minutes), it is no ratio; ``2:3`` is one.
  The half of the day counts where the reference tells it. Years may be marked AD.
* Factors commute, except transposed letters, letters around ``\\times``, and products of nothing but the capitals
  that usually are matrices or sets (A to D, M, N, P, Q, S, X, Y): ``AB`` is not ``BA``, ``ab`` is ``ba``, ``IR`` is
  ``RI``. ``f(x)`` is a function of x, no product; g and h are, too, beside f. ``p \\land q`` and ``A \\cup B`` go by
  truth tables.
* ``1,234`` is a number and ``1, 234`` two; ``3,14`` and ``0,5`` are decimals, ``1,2`` is a list. An ordinal is its
  number.
* A remark in brackets (``72 (approx.)``, ``4 (not 5)``) and a sentence around one value count for nothing, unless a
  word takes it back, compares it or offers another (``12 (or 13)``, ``at least 5``).

``reward.custom_reward_function.reward_kwargs`` may hold ``rel_tol`` and ``abs_tol`` (how far a number may be off; 0),
``seconds`` (how long a worker may work on one answer; 3) and ``on_undecided`` (``zero`` or ``drop``; ``zero``).
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
from typing import Annotated, Any

from verl_agentic.core import BrokenTaskError, FailureKind
from verl_agentic.core.checked import Share, Within, check_arguments
from verl_agentic.reward_fns.common import (
    KWARGS_KEY,
    OnUndecided,
    RewardResult,
    Submission,
    Verdict,
    decided,
    no_answer,
    over_limits,
    read_submission,
    undecided,
    wrong_answer,
)
from verl_agentic.reward_fns.math.decide import MAX_CHARS, Decision
from verl_agentic.reward_fns.math.judge import SECONDS, Judge
from verl_agentic.reward_fns.math.values.scalars import EXACT, Tolerance

__all__ = ["MAX_CHARS", "acompute_score", "answers_equal", "compute_score", "statistics"]

MAX_SECONDS = 60

_judge = Judge()


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: dict[str, Any] | None = None,
    *,
    rel_tol: Share = 0.0,
    abs_tol: Annotated[float, Within(least=0)] = 0.0,
    seconds: Annotated[float, Within(above=0, most=MAX_SECONDS)] = SECONDS,
    on_undecided: OnUndecided = "zero",
    **kwargs: Any,
) -> RewardResult:
    """Judge a final answer.

    Args:
        data_source: name of the data set, unused.
        solution_str: response text; read only without a trajectory.
        ground_truth: the reference as text or a number, or ``{"answer": "37"}``, or the JSON of that.
        extra_info: may hold ``trajectory`` as JSON.
        rel_tol: how far a number may be off, relative to the reference.
        abs_tol: how far a number may be off; the larger of both counts.
        seconds: how long a worker may work on the pair before it is undecided, from when it begins.
        on_undecided: score 0 with verdict ``undecided``, or drop the sample.
        kwargs: accepted for verl, unused.

    Raises:
        BrokenTaskError: there is no reference, or it is longer than ``MAX_CHARS``.
        InfrastructureError: the trajectory cannot be read; no worker can be started; or ``drop`` without a verdict.
        UserInputError: a keyword is out of its range.
    """
    tolerance = _settings(rel_tol, abs_tol, seconds, on_undecided)
    reference = _reference(ground_truth)
    submission = read_submission(solution_str, extra_info)
    if not submission.answer:
        return no_answer(submission)
    decision = _judge.decide(submission.answer, reference, tolerance, seconds)
    return _result(submission, reference, decision, on_undecided)


async def acompute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: dict[str, Any] | None = None,
    *,
    rel_tol: float = 0.0,
    abs_tol: float = 0.0,
    seconds: float = SECONDS,
    on_undecided: OnUndecided = "zero",
    **kwargs: Any,
) -> RewardResult:
    """As :func:`compute_score`; the event loop goes on while a worker works."""
    tolerance = _settings(rel_tol, abs_tol, seconds, on_undecided)
    reference = _reference(ground_truth)
    submission = read_submission(solution_str, extra_info)
    if not submission.answer:
        return no_answer(submission)
    decision = await _judge.adecide(submission.answer, reference, tolerance, seconds)
    return _result(submission, reference, decision, on_undecided)


def answers_equal(answer: str, reference: str, *, rel_tol: float = 0.0, abs_tol: float = 0.0) -> bool:
    """Whether an answer is the reference, by the rules above; ``False`` also where that cannot be told in time.

    Raises:
        BrokenTaskError: the reference is empty or longer than ``MAX_CHARS``.
    """
    return _judge.decide(answer, reference, Tolerance(rel_tol, abs_tol)).verdict is Verdict.RIGHT


def statistics() -> dict[str, int]:
    """Counts since the process began: ``right``, ``wrong``, ``undecided``, ``cache_hits``, ``worker_verdicts``,
    ``timeouts``, ``out_of_memory``, ``crashes``, ``errors``."""
    return _judge.counters.snapshot()


def _settings(rel_tol: Any, abs_tol: Any, seconds: Any, on_undecided: Any) -> Tolerance:
    if rel_tol == 0 and abs_tol == 0 and seconds == SECONDS and on_undecided in ("zero", "drop"):
        return EXACT
    given = (rel_tol, abs_tol, seconds, on_undecided)
    # Read once per configuration: to check takes as long as to judge.
    return (
        _checked(*given) if all(isinstance(one, int | float | str) for one in given) else _checked.__wrapped__(*given)
    )


@functools.lru_cache(maxsize=64, typed=True)
def _checked(rel_tol: Any, abs_tol: Any, seconds: Any, on_undecided: Any) -> Tolerance:
    given = {"rel_tol": rel_tol, "abs_tol": abs_tol, "seconds": seconds, "on_undecided": on_undecided}
    check_arguments(compute_score, given, KWARGS_KEY)
    return Tolerance(float(rel_tol), float(abs_tol))


def _reference(ground_truth: Any) -> str:
    if isinstance(ground_truth, str) and (ground_truth.lstrip().startswith("{") or ground_truth == "null"):
        with contextlib.suppress(ValueError):  # {1, 2} is an answer
            ground_truth = json.loads(ground_truth)
    if isinstance(ground_truth, dict):
        ground_truth = ground_truth.get("answer")
    if isinstance(ground_truth, (int, float)) and not isinstance(ground_truth, bool) and math.isfinite(ground_truth):
        return str(ground_truth)  # as a column of numbers is read
    if not isinstance(ground_truth, str) or not ground_truth.strip():
        raise BrokenTaskError("ground_truth of a math task needs an 'answer', text or a number")
    return ground_truth


def _result(submission: Submission, reference: str, decision: Decision, on_undecided: OnUndecided) -> RewardResult:
    if decision.verdict is Verdict.RIGHT:
        return decided(FailureKind.NONE)
    if decision.verdict is Verdict.UNDECIDED:
        return undecided(decision.reason, on_undecided)
    if decision.failure is FailureKind.LIMIT:
        return over_limits(decision.reason)
    return wrong_answer(submission, decision.reason or f"{(submission.answer or '')[:60]!r} is not {reference[:60]!r}")
