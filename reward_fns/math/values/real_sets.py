"""Sets of real numbers with constant bounds, in a normal form: intervals, inequalities, unions, complements."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cmp_to_key

from verl_agentic.reward_fns.math.grammar.nodes import (
    SCALARS,
    Applied,
    Bracketed,
    Collection,
    Constant,
    LimitError,
    Node,
    Number,
    Relation,
    SetOperation,
    Symbol,
    UnreadableError,
    symbols,
)
from verl_agentic.reward_fns.math.values.exact import exact_value
from verl_agentic.reward_fns.math.values.order import compare
from verl_agentic.reward_fns.math.values.scalars import InconclusiveError, infinite

MAX_WHOLE_NUMBERS = 64
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_MINUS, _PLUS = Applied("neg", (Constant("inf"),)), Constant("inf")


@dataclass(frozen=True, slots=True)
class Cut:
    """A place between real numbers: just before ``value`` (``after`` is 0) or just after it (1)."""

    value: Node
    after: int


RealSet = tuple[Cut, ...]
"""Strictly increasing cuts; the set is what lies between the first and second, third and fourth, and so on."""

EVERYTHING: RealSet = (Cut(_MINUS, 1), Cut(_PLUS, 0))


def _order(left: Cut, right: Cut) -> int:
    return compare(left.value, right.value) or left.after - right.after


def real_set(node: Node) -> tuple[RealSet, str] | None:
    """The set and the variable that it bounds (empty for none); ``None`` where a node is no such set.

    Raises:
        InconclusiveError: bounds cannot be put in order.
        LimitError: a bound is beyond the limits on magnitude.
    """
    if isinstance(node, Constant) and node.name == "R":
        return EVERYTHING, ""
    if isinstance(node, Bracketed):
        return _interval(node)
    if isinstance(node, Collection):
        return _collection(node)
    if isinstance(node, SetOperation):
        return _operation(node)
    return _inequality(node) if isinstance(node, Relation) else None


def whole_numbers(condition: Node, name: str, natural: bool) -> Node:
    """The whole numbers that a condition on a variable leaves, where they are few.

    Raises:
        UnreadableError: the condition is none, or leaves too many.
    """
    found = real_set(condition)
    if found is None or found[1] not in ("", name):
        raise UnreadableError("no condition on one variable")
    items: list[Node] = []
    for low, high in zip(found[0][::2], found[0][1::2], strict=True):
        if infinite(high.value) or (infinite(low.value) and not natural):
            raise UnreadableError("infinitely many numbers")
        try:
            first = Fraction(1) if infinite(low.value) else exact_value(low.value, {})
            last = exact_value(high.value, {})
        except (ArithmeticError, LimitError) as error:
            raise UnreadableError("bounds that are not rational") from error
        start = math.floor(first) + 1 if low.after and not infinite(low.value) else math.ceil(first)
        if natural and start < 1:
            raise UnreadableError("zero may be a natural number or none")
        stop = math.floor(last) if high.after else math.ceil(last) - 1
        if stop - start >= MAX_WHOLE_NUMBERS:
            raise UnreadableError("many numbers")
        items += (Number(Fraction(number)) for number in range(start, stop + 1))
    return Collection(tuple(items), True)


def same_real_set(left: RealSet, right: RealSet) -> bool:
    """Whether two sets have the same normal form."""
    return len(left) == len(right) and all(not _order(one, two) for one, two in zip(left, right, strict=True))


def _constant(*nodes: Node) -> bool:
    return all(isinstance(node, SCALARS) and not symbols(node) for node in nodes)


def _between(low: Cut, high: Cut) -> RealSet:
    return (low, high) if _order(low, high) < 0 else ()


def _interval(node: Bracketed) -> tuple[RealSet, str] | None:
    if len(node.items) != 2 or not _constant(*node.items):
        return None
    low, high = node.items
    opening = int(node.left == "(" and not infinite(low)) or int(infinite(low) < 0)
    closing = int(node.right == "]" and not infinite(high))
    if compare(low, high) > 0:
        return None  # a point, not an interval
    return _between(Cut(low, opening), Cut(high, closing)), ""


def _collection(node: Collection) -> tuple[RealSet, str] | None:
    if node.items and all(isinstance(item, Relation) for item in node.items) and not node.braced:
        parts = [real_set(item) for item in node.items]
        return _combined(parts, _intersection if node.joiner == "and" else _union)
    if not _constant(*node.items) or not node.braced or any(infinite(item) for item in node.items):
        return None
    return _combined([((Cut(item, 0), Cut(item, 1)), "") for item in node.items] or [((), "")], _union)


def _operation(node: SetOperation) -> tuple[RealSet, str] | None:
    parts = [real_set(part) for part in node.parts]
    if node.name == "setminus":
        parts[1:] = [part and (_complement(part[0]), part[1]) for part in parts[1:]]
    return _combined(parts, _union if node.name == "cup" else _intersection)


def _combined(
    parts: list[tuple[RealSet, str] | None], operation: Callable[[RealSet, RealSet], RealSet]
) -> tuple[RealSet, str] | None:
    known = [part for part in parts if part is not None]
    names = {name for _, name in known if name}
    if len(known) < len(parts) or len(names) > 1:
        return None
    total = known[0][0]
    for one, _ in known[1:]:
        total = operation(total, one)
    return total, names.pop() if names else ""


def _inequality(node: Relation) -> tuple[RealSet, str] | None:
    names = symbols(node)
    if node.operators == ("in",) and isinstance(node.sides[0], Symbol):
        inner = real_set(node.sides[1])
        return inner and (inner[0], node.sides[0].name)
    if node.operators == ("=",) and isinstance(node.sides[0], Symbol) and isinstance(node.sides[1], Collection):
        values = node.sides[1].items
        inner = _collection(Collection(values, True)) if values else None
        return inner and (inner[0], node.sides[0].name)
    if len(names) != 1 or not all(isinstance(side, SCALARS) for side in node.sides):
        return None
    found = EVERYTHING
    for index, operator in enumerate(node.operators):
        one, two = node.sides[index : index + 2]
        if symbols(one):
            link = _link(one, operator, two, names[0])
        else:
            link = _link(two, _MIRRORED.get(operator, operator), one, names[0])
        if link is None:
            return None
        found = _intersection(found, link)
    return found, names[0]


def _link(side: Node, operator: str, bound: Node, name: str) -> RealSet | None:
    """Where ``side``, a linear function of a variable or the absolute value of one, is so related to a constant."""
    if isinstance(side, Symbol) and _constant(bound):
        return _half_line(operator, bound)
    if isinstance(side, Applied) and side.name == "abs" and _constant(bound) and not infinite(bound):
        if operator == "=":
            values = [bound, Applied("neg", (bound,))] if compare(bound, Number(Fraction(0))) >= 0 else []
            both = [_link(side.args[0], "=", value, name) for value in values]
            return None if None in both else _union(*both) if both else ()  # type: ignore[arg-type]
        within = operator in ("<", "<=")
        if not within and operator not in (">", ">="):
            return None
        upper = _link(side.args[0], operator, bound, name)
        lower = _link(side.args[0], _MIRRORED[operator], Applied("neg", (bound,)), name)
        if upper is None or lower is None:
            return None
        return _intersection(upper, lower) if within else _union(upper, lower)
    if infinite(bound) or infinite(side):
        return None
    line = _line(Applied("+", (side, Applied("neg", (bound,)))), name)
    if line is None:
        return None
    slope, intercept = line
    return _half_line(operator if slope > 0 else _MIRRORED.get(operator, operator), Number(-intercept / slope))


def _line(node: Node, name: str) -> tuple[Fraction, Fraction] | None:
    """Slope, which is not zero, and intercept of a linear function with rational coefficients."""
    places = [Fraction(place) for place in (0, 1, 2, -5)]
    try:
        values = [exact_value(node, {name: place}) for place in places]
    except (ArithmeticError, LimitError):
        return None
    slope, intercept = values[1] - values[0], values[0]
    straight = all(value == slope * place + intercept for place, value in zip(places, values, strict=True))
    return (slope, intercept) if straight and slope else None


def _half_line(operator: str, bound: Node) -> RealSet | None:
    first, last = EVERYTHING
    if infinite(bound):
        return EVERYTHING if (infinite(bound) > 0) == (operator in ("<", "<=")) else None
    if operator in ("<", "<="):
        return first, Cut(bound, int(operator == "<="))
    if operator in (">", ">="):
        return Cut(bound, int(operator == ">")), last
    point: RealSet = (Cut(bound, 0), Cut(bound, 1))
    return {"=": point, "!=": _complement(point)}.get(operator)


def _complement(one: RealSet) -> RealSet:
    first, last = EVERYTHING
    cuts = list(one)
    cuts = cuts[1:] if cuts and not _order(cuts[0], first) else [first, *cuts]
    return tuple(cuts[:-1] if cuts and not _order(cuts[-1], last) else [*cuts, last])


def _intersection(left: RealSet, right: RealSet) -> RealSet:
    return _swept(left, right, 2)


def _union(left: RealSet, right: RealSet) -> RealSet:
    return _swept(left, right, 1)


def _step_order(left: tuple[Cut, int], right: tuple[Cut, int]) -> int:
    return _order(left[0], right[0]) or right[1] - left[1]


def _swept(left: RealSet, right: RealSet, needed: int) -> RealSet:
    """Where at least ``needed`` of the two sets are."""
    if len(left) + len(right) > 128:
        raise InconclusiveError("too many pieces")
    steps = [(cut, 1 - 2 * (index % 2)) for cuts in (left, right) for index, cut in enumerate(cuts)]
    steps.sort(key=cmp_to_key(_step_order))
    found: list[Cut] = []
    depth = 0
    for cut, step in steps:
        before, depth = depth, depth + step
        if (before < needed) != (depth < needed):
            if found and not _order(found[-1], cut):
                found.pop()
            else:
                found.append(cut)
    return tuple(found)
