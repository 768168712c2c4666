"""The reward function."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from verl_agentic.core import FailureKind, UserInputError
from verl_agentic.core.messages.thoughts import without_thoughts
from verl_agentic.databases import QueryLimitError, QueryRefusedError, QueryTimeoutError
from verl_agentic.reward_fns.common import (
    OnUndecided,
    RewardResult,
    Submission,
    check_on_undecided,
    decided,
    decode_ground_truth,
    no_answer,
    over_limits,
    read_submission,
    undecided,
    wrong_answer,
)
from verl_agentic.reward_fns.sql.compare import Match, difference
from verl_agentic.reward_fns.sql.partial import partial_share
from verl_agentic.reward_fns.sql.reference import Reference, borrowed
from verl_agentic.reward_fns.sql.truth import KEYWORDS, read_settings, read_truth

__all__ = ["KEYWORDS", "check_kwargs", "compute_score"]

# Inline code, and nothing else; what begins with a backtick is no query.
_INLINE = re.compile(r"\s*(`{1,2})(?!`)(.*?)\1\s*[.;]?\s*", re.DOTALL)
_FENCED = re.compile(r"```(?:[a-zA-Z]*sql[a-zA-Z0-9]*|duckdb)?\s*(.*?)```", re.DOTALL | re.IGNORECASE)


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: dict[str, Any] | None = None,
    on_undecided: OnUndecided = "zero",
    partial: float = 0.0,
    **kwargs: Any,
) -> RewardResult:
    """Judge an answer that is one SQL query, bare, as inline code, or in a fenced code block, the last of which counts.

    Args:
        data_source: name of the data set, unused.
        solution_str: response text; read only without a trajectory.
        ground_truth: an object, or its JSON:

            * ``sql``: the reference;
            * ``schema``: ``CREATE TABLE`` statements, and ``states``: rows by table, for two or more states, so that
              a query that is right by luck on one is not rewarded;
            * ``url``: SQLAlchemy URL of SQLite (in memory by default), PostgreSQL or DuckDB. Without ``schema`` it
              names the database itself, and may be a list of several (files of a test suite);
            * ``compare``: fields of :class:`~verl_agentic.reward_fns.sql.Match` for this row.
        extra_info: may hold ``trajectory`` as JSON.
        on_undecided: what becomes of a query that a clock stopped, not a budget: ``zero`` or ``drop``.
        partial: score of a wrong query that runs on the right tables and columns; a third of it for running only.
            Less than 1; ``acc`` stays 0.
        kwargs: fields of :class:`~verl_agentic.reward_fns.sql.Match` for all rows, and ``timeout_seconds``.

    Raises:
        BrokenTaskError: the reference cannot be executed.
        InfrastructureError: the trajectory cannot be read, the database cannot be reached, or ``drop``.
        UserInputError: an argument is wrong, or a driver is missing.
    """
    _check_partial(partial)
    truth = read_truth(decode_ground_truth(ground_truth), kwargs)
    submission = read_submission(solution_str, extra_info)
    query = _query(submission, solution_str)
    if not query:
        return no_answer(submission)
    with borrowed(truth) as reference:
        try:
            reason, runs = _judge(reference, query, truth.match)
        except QueryTimeoutError as error:
            return undecided(str(error), on_undecided)
        except QueryLimitError as error:
            return over_limits(str(error))
    if reason is None:
        return decided(FailureKind.NONE)
    result = wrong_answer(submission, reason)
    if partial and runs:
        result["score"] = partial * partial_share(query, truth.sql, truth.dialect)
    return result


def check_kwargs(reward_kwargs: Mapping[str, Any]) -> None:
    """Find out what is wrong with ``reward_kwargs`` before anything is scored.

    Raises:
        UserInputError: a keyword is out of its range.
    """
    _check_partial(reward_kwargs.get("partial", 0.0))
    check_on_undecided(reward_kwargs.get("on_undecided", "zero"))
    read_settings(reward_kwargs)


def _check_partial(partial: object) -> None:
    if isinstance(partial, bool) or not isinstance(partial, int | float) or not 0 <= partial < 1:
        raise UserInputError(f"reward_kwargs.partial={partial!r}: must be a number from 0 to below 1")


def _query(submission: Submission, solution_str: str) -> str | None:
    """The query of an answer; of a response without one and without a trajectory, its last fenced code block."""
    if submission.answer:
        if blocks := _FENCED.findall(submission.answer):
            return str(blocks[-1]).strip()
        inline = _INLINE.fullmatch(submission.answer)
        return inline[2].strip() if inline else submission.answer
    blocks = [] if submission.trajectory else _FENCED.findall(without_thoughts(solution_str))
    return blocks[-1].strip() if blocks else None


def _judge(reference: Reference, answer: str, match: Match) -> tuple[str | None, bool]:
    """Why an answer is wrong (``None`` when it is right), and whether it runs."""
    for number in range(len(reference)):
        state = reference.state(number)
        try:
            predicted = state.database.query(answer)
        except (QueryTimeoutError, QueryLimitError):
            raise
        except QueryRefusedError as error:
            return f"query fails: {error}", False
        if (found := difference(state.groups, state.columns, predicted, match)) is not None:
            return f"{found} on state {number}", True
    return None, True
