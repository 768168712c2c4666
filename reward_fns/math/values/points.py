"""Where functions are compared: at points that nobody can foresee, enough of them, in all ranges where they may differ.

Quotients of analytic functions that agree around one place agree everywhere, so that few points do for them. What has
pieces or branches (absolute values, steps, extremes, roots, logarithms, inverse functions, counts) is compared from the
thousandth to the million, with all signs.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from verl_agentic.reward_fns.math.grammar.nodes import Applied, Constant, Node, Number, Symbol, children

Point = dict[str, Fraction]

NEEDED = 4
"""Points at which two functions must agree."""

_SECRET = secrets.randbits(64)
_ORDINARY = 4
_SPARE = 20
_PIECES = frozenset((
    "abs", "floor", "ceil", "max", "min", "gcd", "lcm", "fact", "binom", "arcsin", "arccos", "arctan", "arccot",
    "arcsec", "arccsc", "arcsinh", "arccosh", "arctanh",
))  # fmt: skip
_COUNTS = frozenset(("fact", "binom", "gcd", "lcm"))
_COUNTING = frozenset("ijklmnpqNM")
# Bounds of the ranges from which each variable takes a value in turn.
_REAL = tuple(map(Fraction, ("0.001", "0.02", "0.3", "1", "4", "12", "60", "400", "4000", "1000000")))
_FAR = ((20, 60), (80, 400), (500, 1500), (4000, 1000000))
_WHOLE = (1, 3, 8, 25, 60, 200, 1500)


@dataclass(slots=True)
class Traits:
    """What matters about a function for where it is compared, and how.

    Attributes:
        pieces: whether it has pieces or branches.
        steps: whether some of them are at whole numbers.
        radicals: whether it holds roots, logarithms or broken powers of variables.
        rooted: variables within these.
        powers: whether it holds powers of variables with variables in the exponent.
        absolute: whether it holds absolute values of variables.
        imaginary: whether it holds the imaginary unit.
        counted: variables that are counts: under a factorial, or in the exponent of a negative number.
        exponents: variables in an exponent over variables.
    """

    pieces: bool = False
    steps: bool = False
    radicals: bool = False
    powers: bool = False
    absolute: bool = False
    imaginary: bool = False
    counted: set[str] = field(default_factory=set)
    exponents: set[str] = field(default_factory=set)
    rooted: set[str] = field(default_factory=set)


def traits_of(node: Node) -> Traits:
    """The traits of a scalar."""
    found = Traits()
    _look(node, found)
    return found


def _look(node: Node, found: Traits) -> set[str]:
    """Names of the variables below; adds to what was found."""
    if isinstance(node, Symbol):
        return {node.name}
    if isinstance(node, Constant):
        found.imaginary = found.imaginary or node.name == "i"
    below = [_look(child, found) for child in children(node)]
    names: set[str] = set().union(*below)
    if not names or not isinstance(node, Applied):
        return names
    if node.name in _PIECES:
        found.pieces = True
        found.steps = found.steps or node.name in ("floor", "ceil")
        found.absolute = found.absolute or node.name == "abs"
        if node.name in _COUNTS:
            found.counted |= names
    elif node.name in ("root", "log"):
        found.pieces = found.radicals = True
        found.rooted |= names
    elif node.name == "^":
        _look_at_power(node, below[0], below[1], found)
    return names


def _look_at_power(node: Applied, base: set[str], exponent: set[str], found: Traits) -> None:
    if not base and isinstance(node.args[0], Number) and node.args[0].value < 0:
        found.pieces = True
        found.counted |= exponent
    elif base and exponent:
        found.pieces = found.powers = True
        found.exponents |= exponent
    elif base and not _whole(node.args[1]):
        found.pieces = found.radicals = True
        found.rooted |= base


def _whole(node: Node) -> bool:
    if isinstance(node, Applied) and node.name == "neg":
        return _whole(node.args[0])
    return isinstance(node, Number) and node.value.denominator == 1


class Points:
    """Points for a pair of functions, the same for each comparison of it in this process and others in each process.

    The first ones are ordinary: around one, or counts from 3 to 24.

    Attributes:
        least: how many of them must be looked at; the others are for where too few of these serve.
    """

    def __init__(self, answer: Node, reference: Node, names: Sequence[str], traits: tuple[Traits, Traits]) -> None:
        self._seed = hash((_SECRET, answer, reference))
        self._names = names
        self._counts = _counts(*traits)
        pieces = any(one.pieces for one in traits)
        self._swept = (18, 24, 32)[min(len(names), 3) - 1] if pieces and names else 0
        self._steps = _ORDINARY if any(one.steps for one in traits) and names else 0
        together = 2 * len(_FAR) if self._swept and len(names) > 1 else 0
        self.least = _ORDINARY + self._swept + together + self._steps

    def __iter__(self) -> Iterator[Point]:
        numbers = random.Random(self._seed)
        for index in range(_ORDINARY):
            yield _ordinary(numbers, self._names, self._counts, index)
        if self._swept:
            yield from _sweep(numbers, self._names, self._counts, self._swept)
            if len(self._names) > 1:
                yield from _far(numbers, self._names, self._counts)
        for index in range(self._steps):
            yield {name: Fraction(numbers.randint(1, 40) * (-1 if index % 2 else 1)) for name in self._names}
        for index in range(_SPARE):
            yield _ordinary(numbers, self._names, self._counts, index)

    def positive(self) -> Iterator[Point]:
        """The points with every variable positive."""
        for point in self:
            yield {name: abs(value) for name, value in point.items()}


def _counts(answer: Traits, reference: Traits) -> set[str]:
    """Variables that are whole numbers: where the reference counts them, or else where their letter is one for counts.

    An answer cannot make a number whole by putting it under a factorial.
    """
    found = answer.counted | answer.exponents | reference.exponents
    return reference.counted | {name for name in found if name[0] in _COUNTING}


def _ordinary(numbers: random.Random, names: Sequence[str], counts: set[str], index: int) -> Point:
    """Every second point has mixed signs."""
    point = {}
    for name in names:
        if name in counts:
            point[name] = Fraction(numbers.randint(3, 24))
        else:
            value = Fraction(numbers.randint(101, 1999), 499)
            point[name] = -value if index % 2 and numbers.random() < 0.6 else value
    return point


def _sweep(numbers: random.Random, names: Sequence[str], counts: set[str], total: int) -> Iterator[Point]:
    """Points at which each variable goes through all ranges, and the variables through all signs."""
    ranges = {name: _shuffled(numbers, len(_WHOLE if name in counts else _REAL) - 1) for name in names}
    for index in range(total):
        point = {}
        for place, name in enumerate(names):
            order = ranges[name]
            at = order[index % len(order)]
            if name in counts:
                point[name] = Fraction(numbers.randint(_WHOLE[at], _WHOLE[at + 1]))
                continue
            low, high = _REAL[at], _REAL[at + 1]
            value = low * Fraction(float(high / low) ** numbers.random()).limit_denominator(997)
            negative = index >> place & 1 if place < 3 else numbers.random() < 0.5
            point[name] = -value if negative else value
        yield point


def _far(numbers: random.Random, names: Sequence[str], counts: set[str]) -> Iterator[Point]:
    """Points at which all variables are large together, as an extreme of them and a number shows there only."""
    for low, high in _FAR:
        for sign in (1, -1):
            point = {}
            for name in names:
                value = numbers.randint(low, max(low, min(high, 1500)) if name in counts else high)
                point[name] = Fraction(value if name in counts else sign * value)
            yield point


def _shuffled(numbers: random.Random, count: int) -> list[int]:
    order = list(range(count))
    numbers.shuffle(order)
    return order
