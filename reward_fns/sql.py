"""Execution match: the predicted and the reference query agree on several states of the database."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from verl_agentic.core import BrokenTaskError, FailureKind
from verl_agentic.reward_fns.common import (
    RewardResult,
    decided,
    decode_ground_truth,
    no_answer,
    read_submission,
    wrong_answer,
)
from verl_agentic.tool_envs.guarded_sqlite import GuardedDatabase, QueryRefusedError, QueryResult

_STRING = re.compile(r"'[^']*'|\"[^\"]*\"")
_INNERMOST = re.compile(r"\([^()]*\)")
_ORDER_BY = re.compile(r"\border\s+by\b", re.IGNORECASE)


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: dict[str, Any] | None = None,
    **kwargs: Any,
) -> RewardResult:
    """Judge an answer that is one SQL query.

    Args:
        data_source: name of the data set, unused.
        solution_str: response text; read only without a trajectory.
        ground_truth: ``{"sql": reference, "schema": [DDL], "states": [rows by table, ...]}`` or its JSON. Rows are
            compared as bags, in order only where the reference has an outer ``ORDER BY``. Two states or more, so
            that a query that is right by luck on one is not rewarded.
        extra_info: may hold ``trajectory`` as JSON.
        kwargs: accepted for verl, unused.

    Raises:
        BrokenTaskError: the reference cannot be executed.
        InfrastructureError: the trajectory cannot be read.
    """
    sql, schema, states = _reference(decode_ground_truth(ground_truth))
    submission = read_submission(solution_str, extra_info)
    if not submission.answer:
        return no_answer(submission)
    ordered = is_ordered(sql)
    for number, rows in enumerate(states):
        with GuardedDatabase(schema, rows) as database:
            try:
                expected = database.query(sql)
            except QueryRefusedError as error:
                raise BrokenTaskError(f"reference query fails on state {number}: {error}") from error
            if expected.truncated:
                raise BrokenTaskError(f"reference query gives over {len(expected.rows)} rows on state {number}")
            try:
                predicted = database.query(submission.answer)
            except QueryRefusedError as error:
                return wrong_answer(submission, f"query fails: {error}")
        if not same_result(expected, predicted, ordered):
            return wrong_answer(submission, f"rows differ on state {number}")
    return decided(FailureKind.NONE)


def same_result(expected: QueryResult, predicted: QueryResult, ordered: bool) -> bool:
    """Whether two results hold the same rows, as lists when ``ordered``, else as bags.

    Column names do not count; floats are compared to 9 significant digits, since sums depend on the order of rows.
    """
    left, right = [[_comparable(row) for row in result.rows] for result in (expected, predicted)]
    if expected.truncated != predicted.truncated or len(left) != len(right):
        return False
    return left == right if ordered else Counter(left) == Counter(right)


def is_ordered(sql: str) -> bool:
    """Whether the outermost query has an ``ORDER BY``; those in strings and parentheses do not count."""
    text, found = _STRING.sub("", sql), 1
    while found:
        text, found = _INNERMOST.subn("", text)
    return bool(_ORDER_BY.search(text))


def _comparable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(float(f"{value:.9g}") if isinstance(value, float) else value for value in row)


def _reference(truth: dict[str, Any]) -> tuple[str, list[str], list[dict[str, Any]]]:
    sql, schema, states = truth.get("sql"), truth.get("schema"), truth.get("states")
    if not isinstance(sql, str) or not isinstance(schema, list) or not isinstance(states, list):
        raise BrokenTaskError("ground_truth of a sql task needs a text 'sql' and lists 'schema' and 'states'")
    if len(states) < 2 or not all(isinstance(rows, dict) for rows in states):
        raise BrokenTaskError("ground_truth 'states' needs two or more objects of rows by table name")
    return sql, schema, states
