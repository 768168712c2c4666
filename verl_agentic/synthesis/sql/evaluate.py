"""The result of a query by plain Python over the rows: a second opinion on what SQLite says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from verl_agentic.synthesis.sql.query import AGGREGATES, Query, SqlCondition

Row = dict[str, Any]
Columns = Mapping[str, Sequence[str]]

_TABLE = re.compile(r"CREATE TABLE (\w+)\(([^)]*)\)")
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    ">": lambda value, bound: value > bound,
    "<": lambda value, bound: value < bound,
    "=": lambda value, bound: value == bound,
    "!=": lambda value, bound: value != bound,
}


def columns_of(schema: Sequence[str]) -> dict[str, list[str]]:
    """Names of the columns by table, from ``CREATE TABLE`` statements of this family."""
    found = (_TABLE.fullmatch(statement) for statement in schema)
    return {match[1]: [part.split()[0] for part in match[2].split(", ")] for match in found if match}


def evaluate(query: Query, columns: Columns, rows: Mapping[str, Sequence[Sequence[Any]]]) -> list[tuple[Any, ...]]:
    """Rows of the result, each of one cell, in the order of the query.

    Args:
        query: the query.
        columns: names of the columns by table.
        rows: rows by table.

    Raises:
        KeyError: the query names a table or column that does not exist.
    """
    own = [dict(zip(columns[query.table], row, strict=True)) for row in rows[query.table]]
    found = own
    if query.join:
        table, shared = query.join
        others = [dict(zip(columns[table], row, strict=True)) for row in rows[table]]
        found = [{**other, **row} for row in own for other in others if row[shared] == other[shared]]
    for condition in query.conditions:
        bound = _mean(_values(own, condition.column)) if condition.nested else condition.value
        found = [row for row in found if _holds(condition, row[condition.column], bound)]
    if query.head in AGGREGATES:
        return [(_aggregate(query, found),)]
    if query.head == "list":
        return [(row[query.column],) for row in found]
    ordered = sorted(found, key=lambda row: row[query.column], reverse=query.head == "top")
    return [(row[query.shown],) for row in ordered[: query.limit]]


def ties(query: Query, columns: Columns, rows: Mapping[str, Sequence[Sequence[Any]]]) -> bool:
    """Whether the order that ``query`` asks for leaves open which rows come first."""
    if query.head not in ("top", "low"):
        return False
    everything = Query("list", query.table, query.column, conditions=query.conditions, join=query.join)
    keys = sorted((row[0] for row in evaluate(everything, columns, rows)), reverse=query.head == "top")
    seen = keys[: query.limit + 1]
    return len(set(seen)) != len(seen)


def _holds(condition: SqlCondition, value: Any, bound: Any) -> bool:
    return value is not None and bound is not None and _SIGNS[condition.sign](value, bound)


def _aggregate(query: Query, found: Sequence[Row]) -> Any:
    if query.head == "count":
        return len(found)
    values = _values(found, query.column)
    if not values:
        return None
    by_head: dict[str, Callable[[list[Any]], Any]] = {"max": max, "min": min, "sum": sum, "avg": _mean}
    return by_head[query.head](values)


def _values(rows: Sequence[Row], column: str) -> list[Any]:
    return [row[column] for row in rows if row[column] is not None]


def _mean(values: list[Any]) -> float | None:
    return sum(values) / len(values) if values else None
