"""Changes of one node of a query's syntax tree: a sign, a constant, a function, a column."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from sqlglot import exp

from verl_agentic.reward_fns.sql.ddl import SqlTable

Change = Callable[[Any], object]
"""Changes a copy of a node, or replaces it in its parent."""

_COMPARISONS: tuple[type[exp.Expression], ...] = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.NEQ)
_AGGREGATES: tuple[type[exp.Expression], ...] = (exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Count)
_RANKS: tuple[type[exp.Expression], ...] = (exp.Rank, exp.DenseRank, exp.RowNumber)
_SIDES = ("", "LEFT")
_MAX_COLUMNS = 3


class Columns:
    """What is known of the columns, by their names in lower case.

    Attributes:
        alike: other columns of the table that have the same type.
        kinds: the type.
        nullable: those that may hold no value.
        edges: values at which a condition on the column may go wrong.
        dialect: sqlglot's name of the engine.
    """

    def __init__(
        self, tables: Sequence[SqlTable], dialect: str, edges: Mapping[str, Sequence[tuple[str, bool]]]
    ) -> None:
        self.alike: dict[str, list[str]] = {}
        self.kinds: dict[str, str] = {}
        self.nullable: set[str] = set()
        self._by_table = {
            table.name.lower(): [column.name for column in table.columns if column.nullable] for table in tables
        }
        for table in tables:
            for column in table.columns:
                name = column.name.lower()
                others = [other.name for other in table.columns if other.kind == column.kind and other is not column]
                known = self.alike.setdefault(name, [])
                known += [other for other in others if other not in known]
                self.kinds[name] = column.kind
                if column.nullable:
                    self.nullable.add(name)
        self.edges = edges
        self.dialect = dialect

    def nullable_of(self, select: Any, limit: int) -> list[Any]:
        """Columns that a ``SELECT`` may count and that may be missing: those that it names, and as many others."""
        if select is None:
            return []
        named = {c.name.lower(): c.copy() for c in select.find_all(exp.Column) if c.name.lower() in self.nullable}
        others = [
            exp.column(name, table=table.alias_or_name)
            for table in select.find_all(exp.Table)
            for name in self._by_table.get(table.name.lower(), ())
            if name.lower() not in named
        ]
        return [*list(named.values())[:limit], *others[:limit]]

    def is_text(self, node: Any) -> bool:
        """Whether it is a column that holds text."""
        return isinstance(node, exp.Column) and self.kinds.get(node.name.lower()) == "text"

    def may_be_null(self, node: Any) -> bool:
        """Whether a value may be missing: in its table, by a join, or since nothing is known of it."""
        if not isinstance(node, exp.Column) or node.name.lower() not in self.kinds:
            return not isinstance(node, exp.Count)
        select = node.find_ancestor(exp.Select)
        joins = select.args.get("joins") or () if select is not None else ()
        return node.name.lower() in self.nullable or any(join.side for join in joins)


def changes(node: Any, columns: Columns) -> Iterator[tuple[str, Change]]:
    """The kinds of change that a node allows, and how to make each."""
    if isinstance(node, _COMPARISONS):
        yield from _comparison_changes(node, columns)
    elif isinstance(node, exp.Literal):
        yield from _literal_changes(node)
    elif isinstance(node, exp.And | exp.Or):
        yield "connective", _rebuilt(exp.Or if isinstance(node, exp.And) else exp.And)
        yield "dropped predicate", lambda n: n.replace(n.this)
        yield "dropped predicate", lambda n: n.replace(n.expression)
    elif isinstance(node, _AGGREGATES):
        yield from _aggregate_changes(node, columns)
    elif isinstance(node, exp.Like | exp.Between | exp.In | exp.Exists | exp.Is | exp.Glob):
        if not isinstance(node.parent, exp.Not):
            yield "negation", lambda n: n.replace(exp.Not(this=n.copy()))
        if isinstance(node, exp.Is) and columns.is_text(node.this):
            yield "null handling", _wrapped(_or_no_text)
        if isinstance(node, exp.Between):
            yield "bounds", lambda n: n.replace(_between(n, exp.GT, exp.LTE))
            yield "bounds", lambda n: n.replace(_between(n, exp.GTE, exp.LT))
    elif isinstance(node, exp.Not):
        yield "negation", lambda n: n.replace(n.this)
    elif isinstance(node, exp.Ordered):
        yield from _order_changes(node, columns)
    elif isinstance(node, exp.Join):
        yield from _join_changes(node)
    elif isinstance(node, exp.Window):
        yield from _window_changes(node)
    elif isinstance(node, exp.Nullif | exp.Div | exp.Sub):
        yield from _arithmetic_changes(node)
    elif isinstance(node, exp.Case):
        default = node.args.get("default")
        yield "other case", partial(_set, "default", None if default else exp.Literal.number(0))
    elif isinstance(node, exp.SetOperation):
        yield from _set_operation_changes(node, columns)
    elif isinstance(node, exp.Select):
        yield from _select_changes(node)
    elif isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
        for other in columns.alike.get(node.name.lower(), []):
            yield "column", partial(_set, "this", exp.to_identifier(other))
        if columns.is_text(node) and _is_call(node.parent):
            yield "case and blanks", _wrapped(lambda c: call("TRIM", c))
    yield from _function_changes(node)


def _set(key: str, value: Any, n: Any) -> None:
    n.set(key, value)


def _rebuilt(kind: Any) -> Change:
    return lambda n: n.replace(kind(this=n.this, expression=n.expression))


def _wrapped(make: Callable[[Any], Any]) -> Change:
    """Replace a node by something made of a copy of it."""
    return lambda n: n.replace(make(n.copy()))


def call(name: str, *arguments: Any) -> Any:
    """A call of a function that every engine has under this name."""
    return exp.func(name, *arguments)


def _comparison_changes(node: Any, columns: Columns) -> Iterator[tuple[str, Change]]:
    for kind in _COMPARISONS:
        if not isinstance(node, kind):
            yield "comparison", _rebuilt(kind)
    left, right = node.this, node.expression
    if columns.may_be_null(left):
        yield (
            "null handling",
            _wrapped(lambda c: exp.paren(exp.or_(c, exp.Is(this=c.this.copy(), expression=exp.Null()), copy=False))),
        )
    if not (isinstance(node, exp.EQ | exp.NEQ) and isinstance(right, exp.Literal) and right.is_string):
        return
    if re.fullmatch(r"\d{1,9}", right.name):
        yield "text for a number", lambda n: n.set("expression", exp.Literal.number(int(n.expression.name)))
    if isinstance(left, exp.Column):
        for name in ("LOWER", "TRIM"):
            yield "case and blanks", partial(_both_sides, name)
        if isinstance(node, exp.EQ):
            for pattern in ("{}%", "%{}%"):
                yield "pattern", partial(_as_pattern, pattern)


def _both_sides(name: str, n: Any) -> None:
    n.set("this", call(name, n.this.copy()))
    n.set("expression", call(name, n.expression.copy()))


def _as_pattern(pattern: str, n: Any) -> None:
    n.replace(exp.Like(this=n.this, expression=exp.Literal.string(pattern.format(n.expression.name))))


def _literal_changes(node: Any) -> Iterator[tuple[str, Change]]:
    if not node.is_string and node.is_int:
        place = isinstance(node.parent, exp.Ordered | exp.Group)
        bound = isinstance(node.parent, exp.Limit | exp.Offset)
        for step in (-1, 1):
            if not place and (int(node.name) + step >= 0 or not bound):
                yield "limit" if bound else "constant", partial(_step, step)
    elif not node.is_string:
        yield "constant", lambda n: n.replace(exp.Literal.number(float(n.name) + 1))
        if float(node.name).is_integer():
            yield "whole division", lambda n: n.replace(exp.Literal.number(int(float(n.name))))
    elif isinstance(node.parent, exp.Like):
        yield "pattern", lambda n: n.replace(exp.Literal.string(n.name.strip("%")))
        yield "pattern", lambda n: n.replace(exp.Literal.string(re.sub(r"[^\w%]", "", n.name)))
        if not node.name.startswith("%"):
            yield "pattern", lambda n: n.replace(exp.Literal.string("%" + n.name))
        if not node.name.endswith("%"):
            yield "pattern", lambda n: n.replace(exp.Literal.string(n.name + "%"))
    elif isinstance(node.parent, (*_COMPARISONS, exp.In, exp.Between)):
        yield "constant", lambda n: n.replace(exp.Literal.string(n.name + "x"))
        try:
            day = datetime.date.fromisoformat(node.name)
        except ValueError:
            return
        for step in (-1, 1):
            other = day + datetime.timedelta(days=step) if 1 < day.year < 9999 else day
            yield "constant", partial(_as_text, other.isoformat())


def _as_text(text: str, n: Any) -> None:
    n.replace(exp.Literal.string(text))


def _step(step: int, n: Any) -> None:
    n.replace(exp.Literal.number(int(n.name) + step))


def _aggregate_changes(node: Any, columns: Columns) -> Iterator[tuple[str, Change]]:
    inner = node.this
    if node.expressions:  # the greatest of several values, not of several rows
        return
    if isinstance(node, exp.Count) and isinstance(inner, exp.Star):
        select = node.find_ancestor(exp.Select)
        for column in columns.nullable_of(select, _MAX_COLUMNS):
            yield "null handling", partial(_set, "this", column.copy())
            yield "duplicates", partial(_set, "this", exp.Distinct(expressions=[column.copy()]))
    elif isinstance(node, exp.Count) and not isinstance(inner, exp.Distinct):
        yield "null handling", lambda n: n.set("this", exp.Star())
        yield "duplicates", lambda n: n.set("this", exp.Distinct(expressions=[n.this.copy()]))
    if isinstance(inner, exp.Distinct) and len(inner.expressions) == 1:
        yield "duplicates", lambda n: n.set("this", n.this.expressions[0])
        column = inner.expressions[0]
        if isinstance(column, exp.Column) and columns.may_be_null(column):
            none = exp.Literal.string("?") if columns.is_text(column) else exp.Literal.number(-987)
            yield "null handling", lambda n: n.this.set("expressions", [call("COALESCE", column.copy(), none)])
        return
    if isinstance(inner, exp.Star):
        return
    for kind in _AGGREGATES:
        if not isinstance(node, kind):
            yield "aggregate", _wrapped(lambda c, kind=kind: kind(this=c.this))  # type: ignore[misc]
    if not isinstance(node, exp.Count):
        yield "null handling", _wrapped(lambda c: call("COALESCE", c, exp.Literal.number(0)))
    if isinstance(node, exp.Sum | exp.Avg):
        yield "duplicates", lambda n: n.set("this", exp.Distinct(expressions=[n.this.copy()]))
    if isinstance(node, exp.Avg):
        yield "rounding", _wrapped(lambda c: exp.cast(c, "INT"))
        one = exp.Literal.number("1.0")
        yield (
            "null handling",
            _wrapped(lambda c: exp.Div(this=exp.Mul(this=one, expression=exp.Sum(this=c.this)), expression=_rows())),
        )


def _rows() -> Any:
    return exp.Count(this=exp.Star())


def _or_no_text(node: Any) -> Any:
    nothing = exp.EQ(this=node.this.copy(), expression=exp.Literal.string(""))
    return exp.paren(exp.or_(node, nothing, copy=False))


def _between(n: Any, low: Any, high: Any) -> Any:
    above = low(this=n.this.copy(), expression=n.args["low"])
    return exp.paren(exp.and_(above, high(this=n.this.copy(), expression=n.args["high"]), copy=False))


def _order_changes(node: Any, columns: Columns) -> Iterator[tuple[str, Change]]:
    yield "direction", lambda n: n.set("desc", not n.args.get("desc"))
    if not isinstance(node.this, exp.Column):
        return
    if node.this.name.lower() in columns.nullable and node.find_ancestor(exp.Window) is None:
        yield "null handling", lambda n: n.set("nulls_first", not n.args.get("nulls_first"))
    if columns.is_text(node.this):
        yield "case and blanks", lambda n: n.set("this", call("LOWER", n.this.copy()))
        yield "text for a number", lambda n: n.set("this", exp.cast(n.this.copy(), "INT"))


def _join_changes(node: Any) -> Iterator[tuple[str, Change]]:
    if node.args.get("kind") not in (None, "", "INNER", "OUTER") or not (node.args.get("on") or node.args.get("using")):
        return
    for side in _SIDES:
        if (node.args.get("side") or "") != side:
            yield "join kind", partial(_set_side, side)


def _set_side(side: str, n: Any) -> None:
    n.set("side", side)
    n.set("kind", None)


def _window_changes(node: Any) -> Iterator[tuple[str, Change]]:
    if isinstance(node.this, _RANKS):
        for kind in _RANKS:
            if not isinstance(node.this, kind):
                yield "ranks of ties", lambda n, kind=kind: n.set("this", kind())  # type: ignore[misc]
    if node.args.get("partition_by"):
        yield "dropped partition", partial(_set, "partition_by", None)


def _arithmetic_changes(node: Any) -> Iterator[tuple[str, Change]]:
    if isinstance(node, exp.Nullif):
        yield "zero divisor", lambda n: n.replace(_divisor(n.this, exp.EQ))
        yield "zero divisor", lambda n: n.replace(_divisor(n.this, exp.LTE))
        return
    yield "operands", lambda n: n.replace(type(n)(this=exp.paren(n.expression), expression=exp.paren(n.this)))
    if isinstance(node, exp.Div) and not isinstance(node.expression, exp.Literal):
        yield "zero divisor", lambda n: n.set("expression", _divisor(n.expression, exp.EQ))
        yield "zero divisor", lambda n: n.set("expression", _divisor(n.expression, exp.LTE))


def _divisor(divisor: Any, sign: Any) -> Any:
    """One in place of what must not divide."""
    zero = sign(this=divisor.copy(), expression=exp.Literal.number(0))
    return exp.Case(ifs=[exp.If(this=zero, true=exp.Literal.number(1))], default=divisor.copy())


def _set_operation_changes(node: Any, columns: Columns) -> Iterator[tuple[str, Change]]:
    # SQLite has ALL for unions only.
    if isinstance(node, exp.Union) or columns.dialect != "sqlite":
        yield "duplicates", lambda n: n.set("distinct", not n.args.get("distinct"))
    for kind in (exp.Union, exp.Intersect, exp.Except):
        if not isinstance(node, kind):
            yield "set operation", lambda n, kind=kind: n.replace(kind(**{**n.args, "distinct": True}))  # type: ignore[misc]


def _select_changes(node: Any) -> Iterator[tuple[str, Change]]:
    # DISTINCT changes nothing beside an aggregate of the whole table, nor where members of a set are asked for.
    member = isinstance(node.parent, exp.SetOperation) and node.parent.args.get("distinct")
    member = member or (isinstance(node.parent, exp.Subquery | exp.Exists) and isinstance(node.parent.parent, exp.In))
    grouped = node.args.get("group") is not None
    aggregated = any(item.find(exp.AggFunc) for item in node.selects)
    if node.args.get("distinct"):
        yield "duplicates", partial(_set, "distinct", None)
    elif (grouped or not aggregated) and not member:
        yield "duplicates", lambda n: n.set("distinct", exp.Distinct())
    for clause in ("where", "having", "limit", "offset"):
        if node.args.get(clause):
            yield "dropped " + clause, partial(_set, clause, None)
    order = node.args.get("order")
    if order and node.parent is None:
        yield "dropped order", partial(_set, "order", None)
    for place in range(len(order.expressions) if order and len(order.expressions) > 1 else 0):
        yield "dropped order", partial(_drop, "order", place)
    group = node.args.get("group")
    for place in range(len(group.expressions) if group and len(group.expressions) > 1 else 0):
        yield "dropped group", partial(_drop, "group", place)


def _drop(clause: str, place: int, n: Any) -> None:
    n.args[clause].expressions[place].pop()


def _is_call(node: Any) -> bool:
    """Whether a node is a function of one row's values, most of all of its first argument."""
    others = exp.AggFunc | exp.Connector | exp.Case | exp.If | exp.Exists | exp.Greatest | exp.Least
    return isinstance(node, exp.Func) and not isinstance(node, others)


def _function_changes(node: Any) -> Iterator[tuple[str, Change]]:
    """A call gives way to what it is called with."""
    if not _is_call(node):
        return
    kind = "null handling" if isinstance(node, exp.Coalesce) else "dropped function"
    if isinstance(node, exp.Anonymous):
        if node.expressions and not isinstance(node.expressions[0], exp.Literal):
            yield kind, lambda n: n.replace(n.expressions[0])
    elif isinstance(node.this, exp.Expression) and not isinstance(node.this, exp.Literal):
        yield kind, lambda n: n.replace(n.this)
