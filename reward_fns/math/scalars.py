"""Whether two scalar expressions are the same number, or the same function of their variables.

Identities are tested at rational points that are fixed by the names of the variables (Schwartz-Zippel): exactly where
both sides are rational, else to as many digits as rule out agreement by chance. Real functions are compared where
both are real.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from verl_agentic.reward_fns.math.exact import NotRationalError, exact_value
from verl_agentic.reward_fns.math.nodes import (
    Call,
    Constant,
    LimitError,
    Node,
    Number,
    UnreadableError,
    contains,
    symbols,
    walk,
)
from verl_agentic.reward_fns.math.numeric import (
    UndefinedError,
    digits_needed,
    distance,
    is_real,
    numeric_value,
    power_of_ten,
)

_POINTS = 24
_NEEDED = 4
_SLACK = 25
_WHOLE_ONLY = ("fact", "binom", "gcd", "lcm")


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
    return -infinite(node.args[0]) if isinstance(node, Call) and node.name == "neg" else 0


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


def points(names: list[str], whole: bool, count: int = _POINTS) -> list[dict[str, Fraction]]:
    """Points to test an identity at, the same in each process; real ones alternate between positive and mixed signs."""
    numbers = random.Random(",".join(names))
    found = []
    for index in range(count):
        point = {}
        for name in names:
            value = Fraction(numbers.randint(3, 24)) if whole else Fraction(numbers.randint(101, 1999), 499)
            point[name] = -value if not whole and index % 2 and numbers.random() < 0.6 else value
        found.append(point)
    return found


def wants_whole_numbers(*nodes: Node) -> bool:
    """Whether variables count something: they are under a factorial, or the exponent of a negative number."""
    return any(
        contains(node, *_WHOLE_ONLY)
        or any(
            isinstance(part, Call) and part.name == "^" and isinstance(part.args[0], Number) and part.args[0].value < 0
            for part in walk(node)
        )
        for node in nodes
    )


def _exact_pair(answer: Node, reference: Node, point: dict[str, Fraction]) -> tuple[Fraction, Fraction]:
    try:
        right = exact_value(reference, point)
    except LimitError as error:
        raise InconclusiveError(f"reference: {error}") from error
    return exact_value(answer, point), right


def _same_at_points(answer: Node, reference: Node, names: list[str]) -> bool:
    agreed, exact = 0, True
    compare_complex = contains(answer, "i") or contains(reference, "i")
    for point in points(names, wants_whole_numbers(answer, reference)):
        try:
            if exact:
                left, right = _exact_pair(answer, reference, point)
                if left != right:
                    return False
                agreed += 1
        except ZeroDivisionError:
            continue
        except NotRationalError:
            exact = False
        if not exact:
            verdict = _agree(answer, reference, point, compare_complex)
            if verdict is False:
                return False
            agreed += verdict is True
        if agreed >= _NEEDED:
            return True
    raise InconclusiveError("too few points where both are defined")


def _agree(answer: Node, reference: Node, point: dict[str, Fraction], compare_complex: bool) -> bool | None:
    """Whether two functions agree at a point; ``None`` where one of them is undefined or not real."""
    try:
        left, right, digits = _numeric_pair(answer, reference, point)
    except UndefinedError:
        return None
    if not compare_complex and is_real(left, digits) != is_real(right, digits):
        return None
    return _close(answer, reference, point, (left, right), digits)


def _same_number(answer: Node, reference: Node, tolerance: Tolerance) -> bool:
    try:
        left, right, digits = _numeric_pair(answer, reference, {})
    except UndefinedError:
        return False
    except UnreadableError as error:
        raise InconclusiveError(str(error)) from error
    if tolerance != EXACT:
        difference, _ = distance(left, right, digits)
        return bool(difference <= max(tolerance.absolute, tolerance.relative * abs(right)))
    return _close(answer, reference, {}, (left, right), digits)


def _numeric_pair(answer: Node, reference: Node, point: dict[str, Fraction]) -> tuple[Any, Any, int]:
    """Both values, and the digits they are good to."""
    try:
        digits = digits_needed(reference, point)
    except LimitError as error:
        raise InconclusiveError(f"reference: {error}") from error
    digits = max(digits, digits_needed(answer, point))
    return numeric_value(answer, point, digits), numeric_value(reference, point, digits), digits


def _close(answer: Node, reference: Node, point: dict[str, Fraction], values: tuple[Any, Any], digits: int) -> bool:
    """Whether both agree to ``digits``; what is left of cancelled terms is told from a small number by its change."""
    difference, size = distance(*values, digits)
    tiny = power_of_ten(_SLACK - digits)
    if not difference or difference <= size * tiny:
        return True
    if difference > tiny * max(1, size):
        return False
    finer = 2 * digits
    left, right = numeric_value(answer, point, finer), numeric_value(reference, point, finer)
    again, _ = distance(left, right, finer)
    return not again or abs(again / difference - 1) > 1e-3
