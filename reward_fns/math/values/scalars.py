"""Whether two scalar expressions are the same number, or the same function of their variables.

Identities are tested at rational points (Schwartz-Zippel): exactly where both sides are rational, else to as many
digits as rule out agreement by chance. Which points is in :mod:`.points`.

Functions are compared over the real numbers. They must agree wherever both have a real value; a function has none where
a part of it has none. Where only one has, they differ (``x`` and ``(\\sqrt x)^2``, ``\\ln x`` and ``\\ln|x|``), unless
both hold roots, logarithms or broken powers of variables and both or neither an absolute value: ``\\ln(ab)`` is
``\\ln a + \\ln b`` for all that are positive. Powers with a variable in the exponent need no counterpart
(``x^{a+1}/x^a`` is ``x``). They may also differ where variables are negative that both hold under roots, as roots
do that were taken apart or rationalised: ``\\sqrt{a/b}`` is ``\\sqrt{ab}/b``, but ``\\sqrt{ab^2}`` not ``b\\sqrt a``.
So the outcome does not depend on how variables are called. Complex values count where ``i`` is written, or where
neither is real at any point.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from fractions import Fraction
from typing import Any

from verl_agentic.reward_fns.math.grammar.nodes import Applied, Constant, LimitError, Node, UnreadableError, symbols
from verl_agentic.reward_fns.math.values.exact import NotRationalError, exact_value
from verl_agentic.reward_fns.math.values.numeric import (
    NotRealError,
    UndefinedError,
    digits_needed,
    distance,
    numeric_value,
    power_of_ten,
)
from verl_agentic.reward_fns.math.values.points import NEEDED, Point, Points, Traits, traits_of

_SLACK = 25
_FEW = 2
"""Points that do where two functions are real on a small part of the line only."""


class InconclusiveError(Exception):
    """These means cannot tell whether two expressions are equal."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far from the reference a number may be: ``max(absolute, relative * |reference|)``."""

    relative: float = 0.0
    absolute: float = 0.0

    def allows(self, answer: Fraction, reference: Fraction) -> bool:
        if not self.relative and not self.absolute:
            return answer == reference
        return abs(answer - reference) <= max(Fraction(self.absolute), Fraction(self.relative) * abs(reference))


EXACT = Tolerance()


def infinite(node: Node) -> int:
    """1 for infinity, -1 for minus infinity, 0 for anything else."""
    if isinstance(node, Constant) and node.name == "inf":
        return 1
    return -infinite(node.args[0]) if isinstance(node, Applied) and node.name == "neg" else 0


def same_scalar(answer: Node, reference: Node, tolerance: Tolerance = EXACT) -> bool:
    """Whether two scalars are equal.

    Raises:
        LimitError: the answer is beyond the bounds on magnitude or digits, the reference is not.
        InconclusiveError: the reference is, too, or neither side can be evaluated.
    """
    if answer == reference:
        return True
    if infinite(answer) or infinite(reference):
        return infinite(answer) == infinite(reference)
    names = symbols(answer, reference)
    if not names:
        try:
            return tolerance.allows(*_exact_pair(answer, reference, {}))
        except ZeroDivisionError:
            return False
        except NotRationalError:
            return _same_number(answer, reference, tolerance)
    try:
        return _same_at_points(answer, reference, names)
    except UnreadableError as error:
        raise InconclusiveError(str(error)) from error


def _exact_pair(answer: Node, reference: Node, point: dict[str, Fraction]) -> tuple[Fraction, Fraction]:
    try:
        right = exact_value(reference, point)
    except LimitError as error:
        raise InconclusiveError(f"reference: {error}") from error
    return exact_value(answer, point), right


class _At(Enum):
    """What came of comparing two functions at a point."""

    SAME = auto()
    DIFFERENT = auto()
    ONE_REAL = auto()
    NONE_REAL = auto()
    UNDEFINED = auto()


def _same_at_points(answer: Node, reference: Node, names: list[str]) -> bool:
    traits = traits_of(answer), traits_of(reference)
    forgiven = forgiving(*traits)
    branched = traits[0].rooted & traits[1].rooted if forgiven else set()
    points = Points(answer, reference, names, traits)
    comparison = _Functions(answer, reference, real=not any(one.imaginary for one in traits))
    one_real, none_real = False, []
    for index, point in enumerate(points):
        at = comparison.at(point)
        if at is _At.DIFFERENT and branched.issuperset(below := {n for n in names if point[n] < 0}) and below:
            one_real = True
            continue
        if at is _At.DIFFERENT or (at is _At.ONE_REAL and not forgiven):
            return False
        one_real = one_real or at is _At.ONE_REAL
        if at is _At.NONE_REAL:
            none_real.append(point)
        if index + 1 >= points.least and comparison.agreed >= NEEDED:
            break
    if one_real:
        return _agree(_Functions(answer, reference, real=True, limit=comparison.limit), points.positive())
    if comparison.agreed >= _FEW:
        return True
    return _agree(_Functions(answer, reference, real=False, limit=comparison.limit), none_real)


def _agree(comparison: _Functions, points: Iterable[Point]) -> bool:
    """Whether two functions agree at as many of some points as are needed, and differ at none before."""
    for point in points:
        if comparison.at(point) is _At.DIFFERENT:
            return False
        if comparison.agreed >= NEEDED:
            return True
    raise comparison.limit or InconclusiveError("too few points where both are defined")


def forgiving(answer: Traits, reference: Traits) -> bool:
    """Whether two functions may be equal though only one is real somewhere."""
    if answer.absolute != reference.absolute:
        return False
    if answer.radicals or reference.radicals:
        return all(one.radicals or one.powers for one in (answer, reference))
    return answer.powers or reference.powers


class _Functions:
    """Two functions, and what is known about them from the points so far.

    Attributes:
        agreed: at how many points they were the same.
        limit: why a point was left out because values there are too large, if one was.
    """

    def __init__(self, answer: Node, reference: Node, *, real: bool, limit: Exception | None = None) -> None:
        self.agreed = 0
        self.limit = limit
        self._answer, self._reference = answer, reference
        self._real = real
        self._exact = True
        self._left_out = 0

    def at(self, point: Point) -> _At:
        """Compare them at a point.

        Raises:
            LimitError: the answer is beyond the bounds at the first points.
            InconclusiveError: the reference is.
        """
        try:
            found = self._compared(point)
        except (LimitError, InconclusiveError) as error:
            self.limit = self.limit or error
            self._left_out += 1
            if not self.agreed and self._left_out > _FEW:
                raise
            return _At.UNDEFINED
        self.agreed += found is _At.SAME
        return found

    def _compared(self, point: Point) -> _At:
        if self._exact:
            try:
                left, right = _exact_pair(self._answer, self._reference, point)
                return _At.SAME if left == right else _At.DIFFERENT
            except ZeroDivisionError:
                return _At.UNDEFINED
            except NotRationalError:
                self._exact = False
        try:
            return self._compared_to_digits(point)
        except UndefinedError:
            return _At.UNDEFINED

    def _compared_to_digits(self, point: Point) -> _At:
        digits, real = 0, 0
        for node in (self._reference, self._answer):
            try:
                digits = max(digits, _digits(node, point, real=self._real, is_reference=node is self._reference))
                real += 1
            except NotRealError:
                pass
        if real < 2:
            return _At.ONE_REAL if real else _At.NONE_REAL
        pair = _pair(self._answer, self._reference, point, digits, real=self._real)
        same = _close(self._answer, self._reference, point, pair, digits, real=self._real)
        return _At.SAME if same else _At.DIFFERENT


def _same_number(answer: Node, reference: Node, tolerance: Tolerance) -> bool:
    try:
        digits = max(_digits(reference, {}, is_reference=True), _digits(answer, {}))
        left, right = _pair(answer, reference, {}, digits)
    except UndefinedError:
        return False
    except UnreadableError as error:
        raise InconclusiveError(str(error)) from error
    if tolerance != EXACT:
        difference, _ = distance(left, right, digits)
        return bool(difference <= max(tolerance.absolute, tolerance.relative * abs(right)))
    return _close(answer, reference, {}, (left, right), digits)


def _digits(node: Node, point: Point, *, real: bool = False, is_reference: bool = False) -> int:
    try:
        return digits_needed(node, point, real=real)
    except LimitError as error:
        if is_reference:
            raise InconclusiveError(f"reference: {error}") from error
        raise


def _pair(answer: Node, reference: Node, point: Point, digits: int, *, real: bool = False) -> tuple[Any, Any]:
    """Both values."""
    return numeric_value(answer, point, digits, real=real), numeric_value(reference, point, digits, real=real)


def _close(
    answer: Node, reference: Node, point: Point, values: tuple[Any, Any], digits: int, *, real: bool = False
) -> bool:
    """Whether both agree to ``digits``; what is left of cancelled terms is told from a small number by its change."""
    difference, size = distance(*values, digits)
    tiny = power_of_ten(_SLACK - digits)
    if not difference or difference <= size * tiny:
        return True
    if difference > tiny * max(1, size):
        return False
    finer = 2 * digits
    again, _ = distance(*_pair(answer, reference, point, finer, real=real), finer)
    return not again or abs(again / difference - 1) > 1e-3
