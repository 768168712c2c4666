"""What order a reference gives its rows, and where it leaves it open.

The rule: rows whose ordering keys are equal may come in any order, and where a ``LIMIT`` or ``OFFSET`` cuts through
such rows, any of them may be in the result; without an ``ORDER BY`` all rows are equal in this sense. Where the keys
cannot be had (a set operation or ``DISTINCT`` ordered by what is not selected), the order must be the reference's own.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from verl_agentic.reward_fns.sql.compare import Group, Match, difference
from verl_agentic.tool_envs.databases import Database, QueryRefusedError, QueryResult

_STRING = re.compile(r"'[^']*'|\"[^\"]*\"")
_INNERMOST = re.compile(r"\([^()]*\)")
_ORDER_BY = re.compile(r"\border\s+by\b", re.IGNORECASE)
_CUT = re.compile(r"\b(limit|offset|fetch)\b", re.IGNORECASE)
SQLGLOT_NAMES = {"sqlite": "sqlite", "postgresql": "postgres", "duckdb": "duckdb"}


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """How to learn the ordering keys of a reference.

    Attributes:
        probe: the reference without its ``LIMIT``, giving ``extra`` further columns after its own.
        keys: positions of the ordering keys in the probe's rows, negative ones from the end.
        extra: how many columns of the probe are not the reference's.
        first: rows that ``OFFSET`` skips.
        count: rows that ``LIMIT`` leaves, ``None`` for all.
    """

    probe: str
    keys: tuple[int, ...]
    extra: int
    first: int
    count: int | None


def is_ordered(sql: str) -> bool:
    """Whether the outermost query has an ``ORDER BY``; those in strings and parentheses do not count."""
    return bool(_ORDER_BY.search(_outermost(sql)))


def is_backwards(sql: str, number: int) -> bool:
    """Whether tables are scanned from their last row in the state of that number, from 0.

    Where a reference orders its rows, every other state is: rows that happen to lie in its order, as those of a table
    do by their primary key, do not come in it then, unless a query asks for it.
    """
    return number % 2 == 1 and is_ordered(sql)


def expected_groups(database: Database, sql: str, result: QueryResult, dialect: str) -> list[Group]:
    """The rows of a reference's ``result`` as groups that tie."""
    outermost = _outermost(sql)
    ordered = bool(_ORDER_BY.search(outermost))
    rows = result.rows
    whole = [Group(tuple(rows), len(rows))]
    if not ordered and not _CUT.search(outermost):
        return whole
    exact = [Group((row,), 1) for row in rows] if ordered else whole
    plan = order_plan(sql, dialect)
    if plan is None:
        return exact
    try:
        probed = database.query(plan.probe)
    except QueryRefusedError:
        return exact
    groups = exact if probed.truncated else _groups(plan, probed.rows)
    # The plan is our reading of the query, the result is the engine's.
    agrees = difference(groups, result.columns, result, Match(tolerance=0.0, dates=False)) is None
    return groups if agrees else exact


@functools.lru_cache(maxsize=512)
def order_plan(sql: str, dialect: str) -> OrderPlan | None:
    """How to learn the ordering keys of ``sql``, ``None`` when they cannot be had."""
    import sqlglot
    from sqlglot import exp

    name = SQLGLOT_NAMES[dialect]
    try:
        tree: Any = sqlglot.parse_one(sql, read=name)
        query = tree.copy()
        bounds = [_literal(query.args.get(key), default) for key, default in (("offset", 0), ("limit", None))]
        first, count = bounds
        if not isinstance(query, exp.Query) or first is None or (query.args.get("limit") and count is None):
            return None
        query.set("limit", None)
        query.set("offset", None)
        order = query.args.get("order")
        terms = [term.this if isinstance(term, exp.Ordered) else term for term in order.expressions] if order else []
        selected = list(query.selects)
        open_ended = any(isinstance(item, exp.Star) or item.find(exp.Star) is item for item in selected)
        open_ended = open_ended or any(isinstance(item, exp.Column) and item.is_star for item in selected)
        simple = isinstance(query, exp.Select) and not query.args.get("distinct")
        keys: list[int] = []
        extra: list[Any] = []
        for term in terms:
            place = _place(term, selected) if not open_ended else None
            if place is not None:
                keys.append(place)
            elif simple and not (isinstance(term, exp.Literal) and term.is_int):
                extra.append(term.copy())
                keys.append(-len(extra))
            else:
                return None
        if extra:
            query = query.select(*[exp.alias_(term, f"order_key_{i}") for i, term in enumerate(reversed(extra))])
        return OrderPlan(query.sql(dialect=name), tuple(keys), len(extra), int(first), count)
    except (sqlglot.errors.SqlglotError, RecursionError):
        return None


def _groups(plan: OrderPlan, rows: Sequence[tuple[Any, ...]]) -> list[Group]:
    last = len(rows) if plan.count is None or plan.count < 0 else min(len(rows), plan.first + plan.count)
    groups, start = [], 0
    for _, tied in itertools.groupby(rows, key=lambda row: [row[key] for key in plan.keys]):
        group = tuple(row[: len(row) - plan.extra] for row in tied)
        taken = min(start + len(group), last) - max(start, plan.first)
        if taken > 0:
            groups.append(Group(group, taken))
        start += len(group)
    return groups


def _place(term: Any, selected: Sequence[Any]) -> int | None:
    """Which selected column an ordering term names: by number, by alias, or by being it."""
    from sqlglot import exp

    if isinstance(term, exp.Literal) and term.is_int:
        place = int(term.name) - 1
        return place if 0 <= place < len(selected) else None
    for place, item in enumerate(selected):
        plain = isinstance(term, exp.Column) and not term.table
        if item.unalias() == term or (plain and item.alias_or_name.lower() == term.name.lower()):
            return place
    return None


def _literal(clause: Any, default: int | None) -> int | None:
    if clause is None:
        return default
    value = clause.args.get("expression") or clause.args.get("count")
    return int(value.name) if value is not None and value.is_int else None


def _outermost(sql: str) -> str:
    """The text without strings and parentheses."""
    text, found = _STRING.sub("", sql), 1
    while found:
        text, found = _INNERMOST.subn("", text)
    return text
