r"""General solutions: whether two answers differ in their arbitrary constants only.

What counts as a constant is decided by the reference, and conventions are narrow, for a letter that is given in the
question must not be taken for one:

* ``C_1``, ``c_2``, ``K_1``: always;
* ``C``, ``c``, ``K`` or ``k`` that is added to a function of some variable (``c`` and ``k`` not beside ``a`` or ``b``,
  where they are coefficients);
* any of ``C K A B D`` in an equation in lower case variables (``y = Ae^x + Be^{-x}``, ``x^2 + y^2 = C``).

The answer may call them by any of these letters, or ``constant``. Where the reference's are of the first two kinds and
both sides are linear in theirs, both must span the same functions: ``\frac12\sin^2 x + C`` is
``-\frac12\cos^2 x + C``, and ``A e^x + A e^{-x}`` is not ``C_1 e^x + C_2 e^{-x}``. All others must be equal when
renamed one to one; a letter that is in both answers, without a number, stays what it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import permutations
from typing import Any, NamedTuple

from verl_agentic.reward_fns.math.grammar.nodes import (
    SCALARS,
    Applied,
    LimitError,
    Node,
    Number,
    Relation,
    Symbol,
    UnreadableError,
    contains,
    renamed,
    substituted,
    symbols,
)
from verl_agentic.reward_fns.math.values.numeric import (
    NotRealError,
    UndefinedError,
    digits_needed,
    numeric_value,
    power_of_ten,
    working_with,
)
from verl_agentic.reward_fns.math.values.points import NEEDED, Points, traits_of
from verl_agentic.reward_fns.math.values.scalars import InconclusiveError, forgiving, same_scalar

MAX_CONSTANTS = 4

_CONSTANT = re.compile(r"[CcKkABD](?:_[0-9])?")
_NUMBERED = re.compile(r"[CcKk]_[0-9]")
_RUNNING = frozenset("rstuvwxyz") | {"theta", "phi", "rho"}
_GUARD = 60  # digits that elimination may lose
_MAX_DIGITS = 400  # so that all points together take some hundredths of a second
# Values of the constants at which a function is tested for being linear in them.
_TRIED = tuple(Number(Fraction(value)) for value in (2, 5, 11, 23))


class _Solution(NamedTuple):
    """An answer: the variable that it defines, if it defines one, and as what."""

    defined: Symbol | None
    function: Node | None
    letters: frozenset[str]


def same_solutions(answer: Node, reference: Node, same: Callable[[Node, Node], bool]) -> bool:
    """Whether two answers are one general solution.

    Args:
        answer: what the policy answered.
        reference: the right answer, which decides what is a constant.
        same: whether two answers are equal as they are written.

    Raises:
        LimitError: the answer is beyond the bounds.
        InconclusiveError: this cannot be told here.
    """
    ours, theirs = _solution(reference), _solution(answer)
    constants = _constants(ours)
    if not constants or len(constants) > MAX_CONSTANTS or _at_odds(theirs, ours):
        return False
    variables = ours.letters - set(constants)
    others = theirs.letters - variables
    if not all(map(_CONSTANT.fullmatch, others)) or not 1 <= len(others) <= MAX_CONSTANTS:
        return False
    if any(same(one, reference) for one in _renamed(answer, sorted(others), constants)):
        return True
    if ours.function is None or theirs.function is None or not all(_is_free(name, ours) for name in constants):
        return False
    spans = _Span.of(theirs.function, sorted(others)), _Span.of(ours.function, constants)
    return spans[0] is not None and spans[1] is not None and _same_span(spans[0], spans[1], sorted(variables))


def _solution(node: Node) -> _Solution:
    letters = frozenset(symbols(node))
    if isinstance(node, SCALARS):
        return _Solution(None, node, letters)
    if isinstance(node, Relation) and node.operators == ("=",):
        left, right = node.sides
        if isinstance(left, Symbol) and isinstance(right, SCALARS) and left.name not in symbols(right):
            return _Solution(left, right, letters)
    return _Solution(None, None, letters)


def _at_odds(answer: _Solution, reference: _Solution) -> bool:
    """Whether two answers do not even define the same."""
    if answer.function is None or reference.function is None:
        return answer.function is not reference.function
    return None not in (answer.defined, reference.defined) and answer.defined != reference.defined


def _constants(solution: _Solution) -> list[str]:
    """The arbitrary constants of a reference; none where it might be about something else."""
    found = [name for name in sorted(solution.letters) if _CONSTANT.fullmatch(name)]
    equation = solution.function is None or solution.defined is not None
    found = [name for name in found if (equation and name[0].isupper()) or _is_free(name, solution)]
    rest = solution.letters - set(found)
    if not rest & _RUNNING:
        return []
    if any(name[0].isupper() for name in rest) and not all(map(_NUMBERED.fullmatch, found)):
        return []  # the energy CV^2/2
    return found


def _is_free(name: str, solution: _Solution) -> bool:
    """Whether a constant is arbitrary beyond its name, so that another multiple of it, or one more, is as good."""
    if _NUMBERED.fullmatch(name):
        return True
    if name not in ("C", "c", "K", "k") or solution.function is None:
        return False
    return _is_added(name, solution.function) and not (name.islower() and solution.letters & {"a", "b"})


def _is_added(name: str, node: Node) -> bool:
    """Whether a letter occurs once, as a term of a sum, or of one that is divided or multiplied by numbers."""
    if node == Symbol(name):
        return True
    if not isinstance(node, Applied) or name not in symbols(node):
        return False
    inside = [arg for arg in node.args if name in symbols(arg)]
    if node.name == "+":
        return len(inside) == 1 and _is_added(name, inside[0])
    numbers = node.name in ("*", "/") and all(arg in inside or not symbols(arg) for arg in node.args)
    return numbers and inside == [node.args[0] if node.name == "/" else inside[0]] and _is_added(name, inside[0])


def _renamed(answer: Node, others: Sequence[str], constants: Sequence[str]) -> Iterator[Node]:
    """The answer with its constants called as the reference's, in each way but the one in which it is written."""
    if len(others) != len(constants):
        return
    for order in permutations(constants):
        pairs = list(zip(others, order, strict=True))
        kept = all(one == two or _NUMBERED.fullmatch(one) or one not in constants for one, two in pairs)
        if kept and any(one != two for one, two in pairs):
            yield renamed(answer, dict(pairs))


class _Span(NamedTuple):
    """A function that is linear in its constants: one member, and what each constant multiplies."""

    function: Node
    member: Node
    factors: tuple[Node, ...]
    example: Node

    @classmethod
    def of(cls, function: Node, constants: Sequence[str]) -> _Span | None:
        """The span; ``None`` where the function is not linear in its constants."""
        zero, one = Number(Fraction(0)), Number(Fraction(1))
        member = _with_values(function, dict.fromkeys(constants, zero))
        factors = tuple(
            _difference(_with_values(function, {**dict.fromkeys(constants, zero), name: one}), member)
            for name in constants
        )
        tried = dict(zip(constants, _TRIED, strict=False))
        terms = (Applied("*", (tried[name], factor)) for name, factor in zip(constants, factors, strict=True))
        example = _with_values(function, tried)
        try:
            added = len(constants) == 1 and _is_added(constants[0], function)
            linear = added or same_scalar(Applied("+", (member, *terms)), example)
        except (InconclusiveError, LimitError):
            return None
        return cls(function, member, factors, example) if linear else None


def _with_values(node: Node, values: dict[str, Number]) -> Node:
    for name, value in values.items():
        node = substituted(node, Symbol(name), value)
    return node


def _difference(one: Node, two: Node) -> Node:
    return Applied("+", (one, Applied("neg", (two,))))


def _same_span(answer: _Span, reference: _Span, variables: Sequence[str]) -> bool:
    """Whether two spans hold the same functions, as the values at many points tell."""
    if contains(answer.function, "i") or contains(reference.function, "i"):
        raise InconclusiveError("complex solutions")
    traits = traits_of(answer.function), traits_of(reference.function)
    points = Points(answer.function, reference.function, variables, traits)
    columns = (*reference.factors, *answer.factors, answer.member, reference.member)
    count = len(reference.factors)
    rows: list[list[Any]] = []
    digits = 0
    for index, point in enumerate(points):
        if index >= points.least and len(rows) >= count + NEEDED:
            break
        try:
            known = [_digits(span.example, point) for span in (answer, reference)]
            if None in known:
                if known != [None, None] and not forgiving(*traits):
                    return False
                continue
            most = max(one for one in known if one is not None)
            if most > _MAX_DIGITS:
                continue
            digits = max(digits, most)
            rows.append([numeric_value(column, point, digits + _GUARD, real=True) for column in columns])
        except (UndefinedError, NotRealError, LimitError):
            continue
        except UnreadableError as error:
            raise InconclusiveError(str(error)) from error
    if len(rows) < count + NEEDED:
        raise InconclusiveError("too few points where both are defined")
    with working_with(digits + _GUARD):
        return _spanned([[*row[:-2], row[-2] - row[-1]] for row in rows], count, power_of_ten(-digits))


def _digits(node: Node, point: dict[str, Fraction]) -> int | None:
    try:
        return digits_needed(node, point, real=True)
    except NotRealError:
        return None


def _spanned(rows: list[list[Any]], count: int, tiny: Any) -> bool:
    """Whether the first columns are independent and span all others, and these, but for the last, span them, too."""
    rows = [[value / max(map(abs, row)) for value in row] for row in rows if any(row)]
    rest = _eliminated(rows, count, tiny)
    if rest is None or any(abs(value) > tiny for row in rest[count:] for value in row[count:]):
        return False
    coefficients = [list(column) for column in zip(*(row[count:-1] for row in rest[:count]), strict=True)]
    return _eliminated(coefficients, count, tiny) is not None


def _eliminated(rows: list[list[Any]], count: int, tiny: Any) -> list[list[Any]] | None:
    """The rows after Gauss and Jordan on the first columns; ``None`` where these are dependent."""
    rows = [list(row) for row in rows]
    for column in range(count):
        pivot = max(range(column, len(rows)), key=lambda index: abs(rows[index][column]), default=None)
        if pivot is None or abs(rows[pivot][column]) <= tiny:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        scale = rows[column][column]
        rows[column] = [value / scale for value in rows[column]]
        for index, row in enumerate(rows):
            if index != column and row[column]:
                factor = row[column]
                rows[index] = [value - factor * other for value, other in zip(row, rows[column], strict=True)]
    return rows
