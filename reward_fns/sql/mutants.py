"""Near misses of a query: what a policy that almost understood the question would write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.simplify import simplify

from verl_agentic.core import BrokenTaskError

_COMPARISONS: tuple[type[exp.Expression], ...] = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.NEQ)
_AGGREGATES: tuple[type[exp.Expression], ...] = (exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Count)
_SIDES = ("", "LEFT")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One near miss.

    Attributes:
        sql: the query.
        kind: what was changed.
    """

    sql: str
    kind: str


def mutants(sql: str, schema: Sequence[str] = (), dialect: str = "sqlite") -> list[Mutant]:
    """Queries that differ from ``sql`` in one place, each once, without those that mean the same on their face.

    Args:
        sql: one query.
        schema: ``CREATE TABLE`` statements; with them, columns are swapped for others of the same type.
        dialect: sqlglot's name: ``sqlite``, ``postgres`` or ``duckdb``.

    Raises:
        BrokenTaskError: it cannot be parsed.
    """
    tree = parse(sql, dialect)
    columns = _columns_by_type(schema, dialect)
    found: dict[str, Mutant] = {}
    own = _normal(tree, dialect)
    for place, node in enumerate(tree.walk()):
        for kind, change in _changes(node, columns):
            copy = tree.copy()
            change(next(other for i, other in enumerate(copy.walk()) if i == place))
            text = copy.sql(dialect=dialect)
            if text not in found and text != tree.sql(dialect=dialect) and _normal(copy, dialect) != own:
                found[text] = Mutant(text, kind)
    return list(found.values())


def parse(sql: str, dialect: str) -> Any:
    """The syntax tree of one query.

    Raises:
        BrokenTaskError: it cannot be parsed.
    """
    try:
        tree: Any = sqlglot.parse_one(sql, read=dialect)
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        raise BrokenTaskError(f"query cannot be parsed: {str(error).splitlines()[0]}") from error
    if not isinstance(tree, exp.Query):
        raise BrokenTaskError("not a query")
    return tree


def _normal(tree: Any, dialect: str) -> str:
    """Text after simplification; queries with equal ones are equivalent."""
    text: str = simplify(tree.copy()).sql(dialect=dialect)
    return text


Change = Callable[[Any], object]


def _changes(node: Any, columns: dict[str, list[str]]) -> Iterator[tuple[str, Change]]:
    """The kinds of change that a node allows, each done in place on a copy of it."""
    if isinstance(node, _COMPARISONS):
        yield from _comparison_changes(node)
    elif isinstance(node, exp.Literal):
        yield from _literal_changes(node)
    elif isinstance(node, exp.And | exp.Or):
        yield "connective", _rebuilt(exp.Or if isinstance(node, exp.And) else exp.And)
        yield "dropped predicate", lambda n: n.replace(n.this)
        yield "dropped predicate", lambda n: n.replace(n.expression)
    elif isinstance(node, _AGGREGATES):
        yield from _aggregate_changes(node)
    elif isinstance(node, exp.Like | exp.Between | exp.In | exp.Exists | exp.Is):
        yield "negation", lambda n: n.replace(exp.Not(this=n.copy()))
    elif isinstance(node, exp.Not):
        yield "negation", lambda n: n.replace(n.this)
    elif isinstance(node, exp.Ordered):
        yield "direction", lambda n: n.set("desc", not n.args.get("desc"))
    elif isinstance(node, exp.Join):
        yield from _join_changes(node)
    elif isinstance(node, exp.Coalesce):
        yield "null handling", lambda n: n.replace(n.this)
    elif isinstance(node, exp.SetOperation):
        yield "duplicates", lambda n: n.set("distinct", not n.args.get("distinct"))
        for kind in (exp.Union, exp.Intersect, exp.Except):
            if not isinstance(node, kind):
                yield "set operation", partial(_as_kind, kind)
    elif isinstance(node, exp.Select):
        yield from _select_changes(node)
    elif isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
        for other in columns.get(node.name.lower(), []):
            yield "column", partial(_set, "this", exp.to_identifier(other))


def _as_kind(kind: Any, n: Any) -> None:
    n.replace(kind(**n.args))


def _as_aggregate(kind: Any, n: Any) -> None:
    n.replace(kind(this=n.this))


def _set(key: str, value: Any, n: Any) -> None:
    n.set(key, value)


def _set_side(side: str, n: Any) -> None:
    n.set("side", side)
    n.set("kind", None)


def _step(step: int, n: Any) -> None:
    n.replace(exp.Literal.number(int(n.name) + step))


def _drop_group(place: int, n: Any) -> None:
    n.args["group"].expressions.pop(place)


def _rebuilt(kind: Any) -> Change:
    return lambda n: n.replace(kind(this=n.this, expression=n.expression))


def _comparison_changes(node: Any) -> Iterator[tuple[str, Change]]:
    for kind in _COMPARISONS:
        if not isinstance(node, kind):
            yield "comparison", _rebuilt(kind)
    yield (
        "null handling",
        lambda n: n.replace(exp.paren(exp.or_(n.copy(), exp.Is(this=n.this.copy(), expression=exp.Null())))),
    )


def _literal_changes(node: Any) -> Iterator[tuple[str, Change]]:
    if not node.is_string and node.is_int:
        place = isinstance(node.parent, exp.Ordered | exp.Group)
        for step in (-1, 1):
            if not place and (int(node.name) + step >= 0 or not isinstance(node.parent, exp.Limit | exp.Offset)):
                kind = "limit" if isinstance(node.parent, exp.Limit | exp.Offset) else "constant"
                yield kind, partial(_step, step)
    elif not node.is_string:
        yield "constant", lambda n: n.replace(exp.Literal.number(float(n.name) + 1))
    elif isinstance(node.parent, exp.Like):
        yield "pattern", lambda n: n.replace(exp.Literal.string(n.name.strip("%")))
        if not node.name.startswith("%"):
            yield "pattern", lambda n: n.replace(exp.Literal.string("%" + n.name))
        if not node.name.endswith("%"):
            yield "pattern", lambda n: n.replace(exp.Literal.string(n.name + "%"))
    elif isinstance(node.parent, (*_COMPARISONS, exp.In, exp.Between)):
        yield "constant", lambda n: n.replace(exp.Literal.string(n.name + "x"))


def _aggregate_changes(node: Any) -> Iterator[tuple[str, Change]]:
    inner = node.this
    if isinstance(node, exp.Count) and not isinstance(inner, exp.Star | exp.Distinct):
        yield "null handling", lambda n: n.set("this", exp.Star())
        yield "duplicates", lambda n: n.set("this", exp.Distinct(expressions=[n.this.copy()]))
    if isinstance(inner, exp.Distinct) and len(inner.expressions) == 1:
        yield "duplicates", lambda n: n.set("this", n.this.expressions[0])
        return
    if isinstance(inner, exp.Star):
        return
    for kind in _AGGREGATES:
        if not isinstance(node, kind):
            yield "aggregate", partial(_as_aggregate, kind)


def _join_changes(node: Any) -> Iterator[tuple[str, Change]]:
    if node.args.get("kind") not in (None, "", "INNER", "OUTER") or not node.args.get("on"):
        return
    for side in _SIDES:
        if (node.args.get("side") or "") != side:
            yield "join kind", partial(_set_side, side)


def _select_changes(node: Any) -> Iterator[tuple[str, Change]]:
    # DISTINCT beside an aggregate of the whole table changes nothing.
    grouped = node.args.get("group") is not None
    aggregated = any(item.find(exp.AggFunc) for item in node.selects)
    if node.args.get("distinct"):
        yield "duplicates", lambda n: n.set("distinct", None)
    elif grouped or not aggregated:
        yield "duplicates", lambda n: n.set("distinct", exp.Distinct())
    for clause in ("where", "having", "limit", "offset"):
        if node.args.get(clause):
            yield "dropped " + clause, partial(_set, clause, None)
    if node.args.get("order") and node.parent is None:
        yield "dropped order", lambda n: n.set("order", None)
    group = node.args.get("group")
    if group and len(group.expressions) > 1:
        for place in range(len(group.expressions)):
            yield "dropped group", partial(_drop_group, place)


def _columns_by_type(schema: Sequence[str], dialect: str) -> dict[str, list[str]]:
    """For each column, the others of its table that have the same type."""
    from verl_agentic.reward_fns.sql.ddl import read_tables

    found: dict[str, list[str]] = {}
    for table in read_tables(schema, dialect):
        for column in table.columns:
            others = [other.name for other in table.columns if other.kind == column.kind and other is not column]
            found.setdefault(column.name.lower(), []).extend(others)
    return {name: list(dict.fromkeys(others)) for name, others in found.items()}
