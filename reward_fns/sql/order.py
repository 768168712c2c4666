"""What order a reference gives its rows, and where it leaves it open.

The rule: rows that tie, as the engine itself ranks them, may come in any order, and where a ``LIMIT`` or ``OFFSET``
cuts through such rows, any of them may be in the result; without an ``ORDER BY`` all rows tie in this sense. Where ties
cannot be told (a set operation or ``DISTINCT`` ordered by what is not selected), the order must be the reference's own.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from verl_agentic.databases import Database, QueryRefusedError, QueryResult
from verl_agentic.reward_fns.sql.compare import Match, RowGroup, difference

_STRING = re.compile(r"'[^']*'|\"[^\"]*\"")
_INNERMOST = re.compile(r"\([^()]*\)")
_ORDER_BY = re.compile(r"\border\s+by\b", re.IGNORECASE)
_CUT = re.compile(r"\b(limit|offset|fetch)\b", re.IGNORECASE)
SQLGLOT_NAMES = {"sqlite": "sqlite", "postgresql": "postgres", "duckdb": "duckdb"}


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """How to learn which rows of a reference tie.

    Attributes:
        probes: the reference without its ``LIMIT``, giving the number of the tie after its own columns; the first
            one that the engine takes is meant.
        first: rows that ``OFFSET`` skips.
        count: rows that ``LIMIT`` leaves, ``None`` for all.
    """

    probes: tuple[str, ...]
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


def expected_groups(database: Database, sql: str, result: QueryResult, dialect: str) -> list[RowGroup]:
    """The rows of a reference's ``result`` as groups that tie."""
    outermost = _outermost(sql)
    ordered = bool(_ORDER_BY.search(outermost))
    rows = result.rows
    whole = [RowGroup(tuple(rows), len(rows))]
    if not ordered and not _CUT.search(outermost):
        return whole
    exact = [RowGroup((row,), 1) for row in rows] if ordered else whole
    plan = order_plan(sql, dialect)
    for probe in plan.probes if plan else ():
        try:
            probed = database.query(probe)
        except QueryRefusedError:
            continue
        groups = exact if probed.truncated or plan is None else _groups(plan, probed.rows)
        # The plan is our reading of the query, the result is the engine's.
        if difference(groups, result.columns, result, Match(tolerance=0.0, dates=False)) is None:
            return groups
    return exact


@functools.lru_cache(maxsize=512)
def order_plan(sql: str, dialect: str) -> OrderPlan | None:
    """How to learn which rows of ``sql`` tie, ``None`` when that cannot be had."""
    import sqlglot
    from sqlglot import exp

    name = SQLGLOT_NAMES[dialect]
    try:
        tree: Any = sqlglot.parse_one(sql, read=name)
        if not isinstance(tree, exp.Query):
            return None
        query: Any = tree.copy()
        first, count = _literal(query.args.get("offset"), 0), _literal(query.args.get("limit"), None)
        if first is None or (query.args.get("limit") and count is None):
            return None
        query.set("limit", None)
        query.set("offset", None)
        order = query.args.get("order")
        simple = isinstance(query, exp.Select) and not query.args.get("distinct")
        made = _beside(query, order) if simple else _around(query, order)
        probes = dict.fromkeys(probe.sql(dialect=name, unsupported_level="ignore") for probe in made)
        return OrderPlan(tuple(probes), int(first), count)
    except (sqlglot.errors.SqlglotError, RecursionError):
        return None


_TIE = "tie_"


def _beside(query: Any, order: Any) -> list[Any]:
    """A ``SELECT`` with the number of the tie beside its columns, as the engine itself tells rows apart.

    A bare name in ``ORDER BY`` is a column of the result before it is one of a table, inside of an expression it is
    one of a table first.
    """
    probes = []
    for inside in (False, True):
        terms = [_resolved(term.copy(), query.selects, inside) for term in order.expressions] if order else []
        if None in terms:
            return []
        probes.append(_numbered(query.copy(), terms))
    return probes


def _around(query: Any, order: Any) -> list[Any]:
    """Anything else, as a subquery whose result alone is ordered."""
    from sqlglot import exp

    selects = list(query.selects)
    if not order or any(item.is_star for item in selects):
        return []
    names = [f"c{i}" for i in range(len(selects))]
    terms = []
    for term in order.expressions:
        collations = [node.expression for node in term.find_all(exp.Collate)]
        inner = term.this
        while isinstance(inner, exp.Collate | exp.Paren):
            inner = inner.this
        place = _place(inner, selects)
        if place is None:
            return []
        column: Any = exp.column(names[place])
        for collation in collations:
            column = exp.Collate(this=column, expression=collation.copy())
        terms.append(exp.Ordered(**{**term.args, "this": column}))
    plain = query.copy()
    plain.set("order", None)
    ctes = plain.args.get("with_") or plain.args.get("with")
    alias = exp.TableAlias(this=exp.to_identifier("result_"), columns=[exp.to_identifier(name) for name in names])
    outer = exp.select(*names).from_("result_")
    body = exp.CTE(this=plain, alias=alias)
    key = "with_" if "with_" in exp.Select.arg_types else "with"
    if ctes is not None:
        plain.set(key, None)
        ctes = ctes.copy()
        ctes.append("expressions", body)
    outer.set(key, ctes if ctes is not None else exp.With(expressions=[body]))
    return [_numbered(outer, terms)]


def _numbered(query: Any, terms: Sequence[Any]) -> Any:
    from sqlglot import exp

    if not terms:
        return query.select(exp.alias_(exp.Literal.number(1), _TIE))
    number = exp.Window(this=exp.DenseRank(), order=exp.Order(expressions=[term.copy() for term in terms]))
    query = query.select(exp.alias_(number, _TIE))
    query.set("order", exp.Order(expressions=[exp.Ordered(this=exp.column(_TIE))]))
    return query


def _resolved(term: Any, selected: Sequence[Any], inside: bool) -> Any:
    """An ordering term without names and numbers of columns of the result; ``None`` if it cannot be told."""
    from sqlglot import exp

    holder: Any = term if isinstance(term, exp.Ordered) else exp.Ordered(this=term)
    while isinstance(holder.this, exp.Collate | exp.Paren):
        holder = holder.this
    inner = holder.this
    if isinstance(inner, exp.Literal) and inner.is_int:
        place = int(inner.name) - 1
        if not 0 <= place < len(selected) or any(item.is_star for item in selected[: place + 1]):
            return None
        inner.replace(exp.paren(selected[place].unalias()))
        return term
    aliases = {item.alias.lower(): item.unalias() for item in reversed(selected) if item.alias}
    if isinstance(inner, exp.Column):
        if not inner.table and inner.name.lower() in aliases:
            inner.replace(exp.paren(aliases[inner.name.lower()]))
    elif inside:
        for column in list(inner.find_all(exp.Column)):
            if not column.table and column.name.lower() in aliases:
                column.replace(exp.paren(aliases[column.name.lower()]))
    return term


def _groups(plan: OrderPlan, rows: Sequence[tuple[Any, ...]]) -> list[RowGroup]:
    last = len(rows) if plan.count is None or plan.count < 0 else min(len(rows), plan.first + plan.count)
    groups, start = [], 0
    for _, tied in itertools.groupby(rows, key=lambda row: row[-1]):
        group = tuple(row[:-1] for row in tied)
        taken = min(start + len(group), last) - max(start, plan.first)
        if taken > 0:
            groups.append(RowGroup(group, taken))
        start += len(group)
    return groups


def _place(term: Any, selected: Sequence[Any]) -> int | None:
    """Which column of the result an ordering term names: by number, by name, or by being it."""
    from sqlglot import exp

    if isinstance(term, exp.Literal) and term.is_int:
        place = int(term.name) - 1
        return place if 0 <= place < len(selected) else None
    plain = isinstance(term, exp.Column) and not term.table
    named = [plain and item.alias_or_name.lower() == term.name.lower() for item in selected]
    for places in (named, [item.unalias() == term for item in selected]):
        if True in places:
            return places.index(True)
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
