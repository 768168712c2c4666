"""Whether two equations, or two inequalities, say the same."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from verl_agentic.reward_fns.math.grammar.nodes import Applied, LimitError, Node, Relation, UnreadableError, symbols
from verl_agentic.reward_fns.math.values.exact import NotRationalError, exact_value
from verl_agentic.reward_fns.math.values.numeric import (
    NotRealError,
    UndefinedError,
    is_real,
    numeric_value,
    power_of_ten,
    working_with,
)
from verl_agentic.reward_fns.math.values.points import NEEDED, Point, Points, traits_of
from verl_agentic.reward_fns.math.values.scalars import InconclusiveError, forgiving

_DIGITS = 60
_SLACK = 25
_FLIPPED = {">": "<", ">=": "<="}


def same_relation(answer: Relation, reference: Relation) -> bool:
    """Whether both are one relation of a kind whose sides differ by proportional amounts; chains link by link.

    Raises:
        LimitError: the answer is beyond the bounds on magnitude.
        InconclusiveError: they cannot be evaluated at enough points.
    """
    left, right = _links(answer), _links(reference)
    if len(left) != len(right):
        return False
    return all(any(_same_link(one, two) for two in right) for one in left) and all(
        any(_same_link(one, two) for one in left) for two in right
    )


def _links(relation: Relation) -> list[tuple[str, Node]]:
    """Each link as an operator and the expression that stands in it to zero."""
    found: list[tuple[str, Node]] = []
    for index, operator in enumerate(relation.operators):
        one, two = relation.sides[index : index + 2]
        if operator in _FLIPPED:
            one, two = two, one
        found.append((_FLIPPED.get(operator, operator), Applied("+", (one, Applied("neg", (two,))))))
    return found


def _same_link(answer: tuple[str, Node], reference: tuple[str, Node]) -> bool:
    if answer[0] != reference[0]:
        return False
    ratio: Any = None
    agreed, limit = 0, None
    names = symbols(answer[1], reference[1])
    traits = traits_of(answer[1]), traits_of(reference[1])
    real = not any(one.imaginary for one in traits)
    points = Points(answer[1], reference[1], names, traits)
    for index, point in enumerate(points):
        try:
            pair = _pair(answer[1], reference[1], point, real)
        except LimitError as error:
            limit = error
            if not agreed and index >= NEEDED:
                raise
            continue
        except NotRealError:
            if not forgiving(*traits):
                return False
            continue
        if pair is None:
            continue
        left, right = pair
        if not left or not right:
            if bool(left) != bool(right):
                return False
            continue
        with working_with(_DIGITS):
            one = left / right
            ratio = one if ratio is None else ratio
            proportional = _near(one, ratio)
        if not proportional or (answer[0] in ("<", "<=") and not _positive(one)):
            return False
        agreed += 1
        if agreed >= NEEDED and index + 1 >= points.least:
            return True
        if not names:
            return True
    raise limit or InconclusiveError("too few points where both are defined")


def _pair(left: Node, right: Node, point: Point, real: bool) -> tuple[Any, Any] | None:
    """Both values; ``None`` where one of them has none, or none that is real.

    Raises:
        NotRealError: only one of them is real.
    """
    try:
        return exact_value(left, point), exact_value(right, point)
    except ZeroDivisionError:
        return None
    except NotRationalError:
        pass
    values = []
    for node in (left, right):
        try:
            values.append(numeric_value(node, point, _DIGITS, real=real))
        except NotRealError:
            pass
        except UndefinedError:
            return None
        except UnreadableError as error:
            raise InconclusiveError(str(error)) from error
    if len(values) == 1:
        raise NotRealError("only one side is real")
    return (values[0], values[1]) if values and all(is_real(value, _DIGITS) for value in values) else None


def _near(one: Any, two: Any) -> bool:
    if isinstance(one, Fraction) and isinstance(two, Fraction):
        return one == two
    one, two = (_real(value) for value in (one, two))
    return bool(abs(one - two) <= abs(two) * power_of_ten(_SLACK - _DIGITS))


def _positive(value: Any) -> bool:
    return bool(_real(value) > 0)


def _real(value: Any) -> Any:
    if isinstance(value, Fraction):
        return power_of_ten(0) * value.numerator / value.denominator
    return value.real
