"""The ways to read one answer: each a node and a unit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from verl_agentic.reward_fns.math.grammar.nodes import Applied, Collection, Node, Number, Relation, UnreadableError
from verl_agentic.reward_fns.math.grammar.parser import parse, without_thousands
from verl_agentic.reward_fns.math.words.naming import named
from verl_agentic.reward_fns.math.words.units import Unit, compound, split_unit

_PRICE = re.compile(r"\\?\$\s*(?=[0-9.])")
# Two decimals, none of which three digits would be thousands; "1,2" is a list, unless it has a unit.
_DECIMAL_COMMA = re.compile(r"-?(?:(0,[0-9]+|[0-9]+,[0-9]{2}|[0-9]+,[0-9]{4,}|[0-9]{4,},[0-9]+)|[0-9]+,[0-9])")
_PRICE_NAMED = re.compile(r"=\s*\\?\$\s*(?=[0-9.])")
_NAMED_POINT = re.compile(r"(?:[Tt]he )?(?:[Pp]oint |[Vv]ertex |[Cc]enter |[Mm]idpoint )?(?:[A-Z] ?)?(\(.+,.+\))")


class Reading(NamedTuple):
    """One way to read an answer."""

    node: Node
    unit: Unit | None
    equation: bool = False
    """Whether the name of the value is an expression of unknowns, so that a reference is an equation."""


class Readings(NamedTuple):
    """All ways, the likeliest first, and why there is none."""

    found: tuple[Reading, ...]
    problem: str


@lru_cache(maxsize=2048)
def read(text: str) -> Readings:
    """Read a cleaned answer.

    Raises:
        LimitError: it is beyond the bounds on size or nesting.
    """
    found: list[Reading] = []
    problem = ""
    for candidate, unit, *equation in _candidates(text):
        try:
            node = _counted(parse(candidate), unit)
        except UnreadableError as error:
            problem = problem or str(error)
            continue
        reading = Reading(node, unit, *equation)
        if reading not in found:
            found.append(reading)
    return Readings(tuple(found), problem)


def _candidates(text: str) -> Iterator[tuple[str, Unit | None] | tuple[str, Unit | None, bool]]:
    whole = compound(text)
    if whole:
        yield whole
    if len(_PRICE.findall(text)) > 1:
        yield _PRICE.sub("", text), Unit("money")
    price = _PRICE_NAMED.search(text)
    if price:
        text = f"{text[: price.start()]}={text[price.end() :]}"
    value, unit = split_unit(text)
    unit = unit or (Unit("money") if price else None)
    if unit is not None and unit.letters:
        yield without_thousands(text), None
    folded = without_thousands(value)
    yield folded, unit
    if folded != value:
        yield value, unit
    decimal = _DECIMAL_COMMA.fullmatch(value)
    if decimal and (unit is not None or decimal.group(1) is not None):
        yield value.replace(",", "."), unit
    name, equation = named(value)
    if name != value:
        yield without_thousands(name), unit, equation
    point = _NAMED_POINT.fullmatch(text)
    if point and point.start(1):
        yield point.group(1), None


def _counted(node: Node, unit: Unit | None) -> Node:
    if unit is None or unit.count == 1:
        return node
    return times(node, Number(unit.count))


def times(node: Node, factor: Node) -> Node:
    """A scalar, or each item of a bare list, times a factor; other structures have no multiples."""
    if isinstance(node, Number) and isinstance(factor, Number):
        return Number(node.value * factor.value)
    if isinstance(node, Relation) and node.operators[-1:] == ("=",):  # A = 5 thousand
        return Relation((*node.sides[:-1], times(node.sides[-1], factor)), node.operators)
    if isinstance(node, Collection):
        return Collection(tuple(times(item, factor) for item in node.items), node.braced, node.joiner)
    return Applied("*", (node, factor))


def in_base_unit(reading: Reading) -> Node:
    """The node in the base unit of its dimension."""
    if reading.unit is None or reading.unit.factor == 1:
        return reading.node
    if reading.unit.factor is None:
        return Applied("deg", (reading.node,))
    return times(reading.node, Number(Fraction(reading.unit.factor)))
