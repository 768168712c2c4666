"""Other ways to ask nearly the same: a whole ``SELECT``, or a set operation, put in another form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from sqlglot import exp

from verl_agentic.reward_fns.sql.changes import Change, Columns, call


def rewrites(node: Any, columns: Columns) -> Iterator[tuple[str, Change]]:
    """The forms that a node allows, and how to make each."""
    if isinstance(node, exp.SetOperation):
        yield from _set_operations(node)
    if not isinstance(node, exp.Select) or node.find(exp.From) is None:
        return
    yield from _extremes(node, columns)
    yield from _empty_tables(node)
    yield from _subqueries(node, columns)
    yield from _joins(node)
    yield from _values(node, columns)
    if node.parent is None:
        for place, item in enumerate(node.selects):
            yield from _outputs(place, item, columns)


def terms(condition: Any) -> list[Any]:
    """What a condition, or a clause that holds one, connects by ``AND``."""
    if condition is None:
        return []
    if isinstance(condition, exp.Where | exp.Paren):
        return terms(condition.this)
    if isinstance(condition, exp.And):
        return [*terms(condition.this), *terms(condition.expression)]
    return [condition]


def _set_where(n: Any, conditions: Sequence[Any]) -> None:
    n.set("where", exp.Where(this=exp.and_(*conditions)) if conditions else None)


def _is_null(column: Any) -> Any:
    return exp.Is(this=column.copy(), expression=exp.Null())


def _named(query: Any) -> Any:
    """A query whose columns are ``c0``, ``c1`` and so on; ``None`` where they cannot be named."""
    if not isinstance(query, exp.Select) or any(item.is_star for item in query.selects):
        return None
    copy = query.copy()
    copy.set("expressions", [exp.alias_(item.unalias(), f"c{i}") for i, item in enumerate(copy.selects)])
    return copy


def _column(table: str, place: int) -> Any:
    return exp.column(f"c{place}", table=table)


def _extremes(node: Any, columns: Columns) -> Iterator[tuple[str, Change]]:
    """The first rows in an order, and the rows that hold the greatest value."""
    order, limit = node.args.get("order"), node.args.get("limit")
    simple = not any(node.args.get(clause) for clause in ("group", "having", "distinct"))
    if order and limit and limit.args.get("expression") is not None and _named(node) and not node.args.get("distinct"):
        yield "all that tie", _with_ties
    for place, ordered in enumerate(order.expressions if order and simple else ()):
        if isinstance(ordered.this, exp.Column) and ordered.this.name.lower() in columns.nullable:
            yield "null handling", partial(_known_only, place)
    if order or limit or not simple:
        return
    for place, term in enumerate(terms(node.args.get("where"))):
        if isinstance(term, exp.EQ) and _extreme_of(term.expression) is not None:
            yield "one of those that tie", partial(_first_only, place)


def _with_ties(n: Any) -> None:
    inner = _named(n)
    own = {item.alias.lower(): item.unalias() for item in n.selects if item.alias}
    order = inner.args["order"].copy()
    for column in list(order.find_all(exp.Column)):
        if not column.table and column.name.lower() in own:
            column.replace(own[column.name.lower()].copy())
    count = n.args["limit"].args["expression"].copy()
    for clause in ("order", "limit", "offset"):
        inner.set(clause, None)
    inner.append("expressions", exp.alias_(exp.Window(this=exp.Rank(), order=order), "rank_"))
    outer = exp.select(*[_column("q_", i) for i in range(len(n.selects))]).from_(inner.subquery("q_"))
    n.replace(outer.where(exp.LTE(this=exp.column("rank_", table="q_"), expression=count)).order_by("rank_"))


def _known_only(place: int, n: Any) -> None:
    column = n.args["order"].expressions[place].this
    _set_where(n, [*terms(n.args.get("where")), exp.Not(this=_is_null(column))])


def _extreme_of(node: Any) -> Any:
    """The ``MAX`` or ``MIN`` that is all a subquery gives."""
    query = node.this if isinstance(node, exp.Subquery) else None
    found = isinstance(query, exp.Select) and len(query.selects) == 1 and not query.args.get("group")
    item = query.selects[0].unalias() if found and query is not None else None
    return item if isinstance(item, exp.Max | exp.Min) else None


def _first_only(place: int, n: Any) -> None:
    conditions = terms(n.args.get("where"))
    term = conditions.pop(place)
    _set_where(n, conditions)
    ordered = exp.Ordered(this=term.this.copy(), desc=isinstance(_extreme_of(term.expression), exp.Max))
    n.set("order", exp.Order(expressions=[ordered]))
    n.set("limit", exp.Limit(expression=exp.Literal.number(1)))


def _empty_tables(node: Any) -> Iterator[tuple[str, Change]]:
    """An aggregate of no rows is one row, the first of none is none."""
    items = [item.unalias() for item in node.selects]
    whole = not any(node.args.get(clause) for clause in ("group", "having", "order", "limit"))
    if not whole or not items or not all(item.find(exp.AggFunc) for item in items):
        return
    yield "no rows", lambda n: n.set("having", exp.Having(this=exp.GT(this=_count(), expression=exp.Literal.number(0))))
    if len(items) == 1 and isinstance(items[0], exp.Max | exp.Min) and not items[0].expressions:
        yield "no rows", _first_value


def _count() -> Any:
    return exp.Count(this=exp.Star())


def _first_value(n: Any) -> None:
    item = n.selects[0].unalias()
    n.set("expressions", [item.this.copy()])
    n.set("order", exp.Order(expressions=[exp.Ordered(this=item.this.copy(), desc=isinstance(item, exp.Max))]))
    n.set("limit", exp.Limit(expression=exp.Literal.number(1)))


def _subqueries(node: Any, columns: Columns) -> Iterator[tuple[str, Change]]:
    """Membership in a subquery, asked for in other ways, which see NULLs and duplicates differently."""
    for place, term in enumerate(terms(node.args.get("where"))):
        for number, inner in enumerate(_scalars(term)):
            # The same table inside and outside: what holds inside is asked for outside, too, or instead.
            if inner.args.get("where") and inner.find(exp.From) == node.find(exp.From):
                yield "scope", partial(_outside, place, number, False)
                yield "scope", partial(_outside, place, number, True)
        inside = term.this if isinstance(term, exp.Not) else term
        query = inside.args.get("query") if isinstance(inside, exp.In) else None
        if not isinstance(query, exp.Subquery) or _named(query.this) is None or len(query.this.selects) != 1:
            continue
        if columns.may_be_null(inside.this):
            yield "null handling", partial(_members, place, _or_null)
        yield "null handling", partial(_members, place, _no_match)
        if inside is term:
            yield "duplicates", partial(_members, place, _joined)
            yield "duplicates", partial(_members, place, _joined_once)
        item = query.this.selects[0].unalias()
        if isinstance(item, exp.Column) and not query.this.args.get("limit"):
            yield "null handling", partial(_members, place, _known_members)


def _scalars(term: Any) -> list[Any]:
    """The subqueries that a comparison compares with."""
    sides = (term.this, term.expression) if isinstance(term, exp.Binary) else ()
    found = [side.this for side in sides if isinstance(side, exp.Subquery)]
    return [query for query in found if isinstance(query, exp.Select)]


def _outside(place: int, number: int, instead: bool, n: Any) -> None:
    conditions = terms(n.args.get("where"))
    inner = _scalars(conditions[place])[number]
    conditions += [term.copy() for term in terms(inner.args["where"])]
    if instead:
        inner.set("where", None)
    _set_where(n, conditions)


def _members(place: int, form: Any, n: Any) -> None:
    conditions = terms(n.args.get("where"))
    term = conditions[place]
    inside = term.this if isinstance(term, exp.Not) else term
    other = form(n, term, inside)
    conditions[place : place + 1] = [] if other is None else [other]
    _set_where(n, conditions)


def _or_null(n: Any, term: Any, inside: Any) -> Any:
    return exp.paren(exp.or_(term.copy(), _is_null(inside.this), copy=False))


def _no_match(n: Any, term: Any, inside: Any) -> Any:
    members = _named(inside.args["query"].this).subquery("m_")
    same = exp.EQ(this=_column("m_", 0), expression=inside.this.copy())
    found = exp.Exists(this=exp.select("1").from_(members).where(same))
    return exp.Not(this=found) if isinstance(term, exp.Not) else found


def _joined(n: Any, term: Any, inside: Any) -> None:
    members = _named(inside.args["query"].this).subquery("m_")
    on = exp.EQ(this=_column("m_", 0), expression=inside.this.copy())
    n.append("joins", exp.Join(this=members, on=on))


def _joined_once(n: Any, term: Any, inside: Any) -> None:
    _joined(n, term, inside)
    n.set("distinct", exp.Distinct())


def _known_members(n: Any, term: Any, inside: Any) -> Any:
    query = inside.args["query"].this
    _set_where(query, [*terms(query.args.get("where")), exp.Not(this=_is_null(query.selects[0].unalias()))])
    return term


def _joins(node: Any) -> Iterator[tuple[str, Change]]:
    """What a join asks, asked after it, and the other way around; a join that is not there."""
    wheres = terms(node.args.get("where"))
    for place, join in enumerate(node.args.get("joins") or ()):
        yield "dropped join", lambda n, place=place: n.args["joins"].pop(place)  # type: ignore[misc]
        if join.side != "LEFT" or not join.args.get("on"):
            continue
        for number, term in enumerate(terms(join.args["on"])):
            if len(terms(join.args["on"])) > 1 and not _compares_columns(term):
                yield "join condition", partial(_to_where, place, number)
        for number, term in enumerate(wheres):
            tables = {column.table.lower() for column in term.find_all(exp.Column)}
            if tables == {join.alias_or_name.lower()}:
                yield "join condition", partial(_to_join, place, number)


def _compares_columns(term: Any) -> bool:
    return isinstance(term, exp.EQ) and isinstance(term.this, exp.Column) and isinstance(term.expression, exp.Column)


def _to_where(place: int, number: int, n: Any) -> None:
    join = n.args["joins"][place]
    conditions = terms(join.args["on"])
    moved = conditions.pop(number)
    join.set("on", exp.and_(*conditions))
    _set_where(n, [*terms(n.args.get("where")), moved])


def _to_join(place: int, number: int, n: Any) -> None:
    conditions = terms(n.args.get("where"))
    moved = conditions.pop(number)
    join = n.args["joins"][place]
    join.set("on", exp.and_(*terms(join.args["on"]), moved))
    _set_where(n, conditions)


def _values(node: Any, columns: Columns) -> Iterator[tuple[str, Change]]:
    """One value treated wrongly: let in where the conditions keep it out, or left out."""
    where = node.args.get("where")
    seen = {column.name.lower(): column for column in (where.find_all(exp.Column) if where else ())}
    for name, column in seen.items():
        for value, holds in columns.edges.get(name, ()):
            yield "one value", partial(_left_out if holds else _let_in, column.copy(), value)


def _left_out(column: Any, value: str, n: Any) -> None:
    other = exp.paren(exp.or_(exp.NEQ(this=column, expression=exp.Literal.string(value)), _is_null(column), copy=False))
    _set_where(n, [*terms(n.args["where"]), other])


def _let_in(column: Any, value: str, n: Any) -> None:
    conditions = terms(n.args["where"])
    for place, term in enumerate(conditions):
        if any(column == other for other in term.find_all(exp.Column)):
            same = exp.EQ(this=column.copy(), expression=exp.Literal.string(value))
            conditions[place] = exp.paren(exp.or_(term.copy(), same, copy=False))
    _set_where(n, conditions)


def _outputs(place: int, item: Any, columns: Columns) -> Iterator[tuple[str, Change]]:
    """A column of the result, nearly as it should be."""
    inner = item.unalias()
    if inner.is_star or isinstance(inner, exp.Literal):
        return
    if isinstance(inner, exp.Column) and inner.name.lower() in columns.nullable:
        yield "null handling", partial(_shown_only, place)
    kind = columns.kinds.get(inner.name.lower()) if isinstance(inner, exp.Column) else ""
    if kind == "text":
        yield "case and blanks", partial(_put, place, lambda e: call("UPPER", e))
        yield "case and blanks", partial(_put, place, lambda e: call("TRIM", e))
        yield "cut text", partial(_put, place, lambda e: call("SUBSTRING", e, *map(exp.Literal.number, (1, 10))))
    elif (kind in ("integer", "real") or inner.find(exp.AggFunc, exp.Binary)) and not isinstance(inner, exp.Count):
        yield "sign", partial(_put, place, lambda e: call("ABS", e))
        if kind != "integer":
            for digits in (0, 1, 2):
                yield "rounding", partial(_put, place, partial(_rounded, digits))


def _shown_only(place: int, n: Any) -> None:
    _set_where(n, [*terms(n.args.get("where")), exp.Not(this=_is_null(n.selects[place].unalias()))])


def _put(place: int, make: Any, n: Any) -> None:
    item = n.selects[place]
    made = make(item.unalias().copy())
    item.replace(exp.alias_(made, item.alias) if item.alias else made)


def _rounded(digits: int, value: Any) -> Any:
    return call("ROUND", value, exp.Literal.number(digits))


def _set_operations(node: Any) -> Iterator[tuple[str, Change]]:
    """Rows that are in both, or in one only, found by joins and memberships."""
    clauses = any(node.args.get(clause) for clause in ("order", "limit", "offset")) or node.ctes
    left, right = _named(node.this), _named(node.expression)
    if clauses or left is None or right is None or not isinstance(node, exp.Intersect | exp.Except):
        return
    if left.find(exp.From) == right.find(exp.From) and not left.args.get("group"):
        yield "one row for both", _as_one
    yield "duplicates", partial(_as_match, False)
    yield "null handling", partial(_as_match, True)
    if isinstance(node, exp.Intersect):
        yield "duplicates", _as_join
    elif len(left.selects) == 1:
        yield "null handling", _as_not_in


def _sides(n: Any) -> tuple[Any, Any, Any, Any]:
    """Both queries by the names ``l_`` and ``r_``, what their rows have in common, and the columns of the left."""
    left, right = _named(n.this), _named(n.expression)
    width = len(left.selects)
    same = exp.and_(*[exp.EQ(this=_column("l_", i), expression=_column("r_", i)) for i in range(width)])
    return left.subquery("l_"), right.subquery("r_"), same, [_column("l_", i) for i in range(width)]


def _as_match(distinct: bool, n: Any) -> None:
    left, right, same, items = _sides(n)
    found = exp.Exists(this=exp.select("1").from_(right).where(same))
    query = exp.select(*items).from_(left).where(exp.Not(this=found) if isinstance(n, exp.Except) else found)
    n.replace(query.distinct() if distinct else query)


def _as_one(n: Any) -> None:
    left, conditions = n.this.copy(), terms(n.expression.args.get("where"))
    second = exp.and_(*conditions) if conditions else exp.true()
    _set_where(left, [*terms(left.args.get("where")), exp.not_(second) if isinstance(n, exp.Except) else second])
    n.replace(left.distinct())


def _as_join(n: Any) -> None:
    left, right, same, items = _sides(n)
    n.replace(exp.select(*items).from_(left).join(right, on=same))


def _as_not_in(n: Any) -> None:
    left, right, _, items = _sides(n)
    known = exp.select("c0").from_(right).where(exp.Not(this=_is_null(exp.column("c0"))))
    n.replace(
        exp.select(*items).distinct().from_(left).where(exp.Not(this=exp.In(this=items[0], query=known.subquery())))
    )
