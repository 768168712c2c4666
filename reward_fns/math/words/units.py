"""Units, currencies and percent signs around an answer, split off before it is read."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from enum import IntEnum
from fractions import Fraction

from verl_agentic.reward_fns.math.words.things import counts_things, singular
from verl_agentic.reward_fns.math.words.unit_table import COUNTS, FOLDED, SYMBOLS, WORDS, Dimension


class Trust(IntEnum):
    """Beside what a unit means what stands before it."""

    BESIDE_UNITS = 0
    """Beside a unit of its kind only: ``5m`` may be 5 times m."""
    OF_REFERENCE = 1
    """Also beside a bare answer, where the reference has it: ``3 each way``."""
    ALWAYS = 2
    """Also beside a bare reference: ``5 cm``, ``5 apples``."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What a number counts.

    Attributes:
        dimension: equal for units that convert into each other, e.g. ``length^2`` or ``word:apple``.
        factor: size in the dimension's base unit; ``None`` for degrees, whose factor is pi / 180.
        count: what the number is to be multiplied by, whether the unit counts or not: 1000 in ``5 thousand euros``.
        letters: whether it is single letters, as in ``5 m``, which may be variables.
        trust: beside what it goes without saying.
    """

    dimension: str
    factor: Fraction | None = Fraction(1)
    count: Fraction = Fraction(1)
    letters: bool = False
    trust: Trust = Trust.ALWAYS


DEGREES = Unit("angle", None)
TEMPERATURES = ("celsius", "fahrenheit")
_PERCENT = Unit("percent", Fraction(1, 100))
_SIGNS = {"%": _PERCENT, "\\degree": DEGREES, "C": Unit("celsius"), "F": Unit("fahrenheit")}
_NOTHING = frozenset(
    ("unit", "units", "total", "in total", "each", "exactly", "sq unit", "square unit", "cubic unit", "altogether",
     "in all", "ad", "ce", "times")
)  # fmt: skip
_PHRASES = {
    "light year": "lightyear", "nautical mile": "nauticalmile", "fluid ounce": "fluidounce", "fl oz": "fluidounce",
    "metric ton": "tonne", "short ton": "ton", "electron volt": "electronvolt", "horse power": "horsepower",
    "years old": "years", "year old": "years", "degrees celsius": "celsius", "degrees fahrenheit": "fahrenheit",
    "km hr": "km/hr", "US dollars": "dollars",
}  # fmt: skip
_PHRASE = re.compile(rf"\b(?:{'|'.join(_PHRASES)})(?=s?\b)")
_FIXED = WORDS | {
    "nauticalmile": ((("length", 1),), Fraction(1852)),
    "fluidounce": ((("length", 3),), WORDS["gallon"][1] / 128),
}
_CURRENCY_FIRST = re.compile(r"(-?)\s*(\\\$|\$|£|€|¥|₹|\\pounds|\\euro|(?:USD|EUR|GBP)(?=\s))\s*(?=[-\d.\\(])")
_CURRENCY_LAST = re.compile(r"\s*(\\\$|\$|£|€|¥|₹|¢|\\cents?|\\euro)$")
_SYMBOL = {"\\$": "dollar", "$": "dollar", "\\pounds": "£", "\\euro": "€", "\\cent": "cent", "\\cents": "cent"}
_TAIL_SIGN = re.compile(r"\s*(\\degree|%)\s*$")
_ANGLE_INSIDE = re.compile(r"sin|cos|tan|cot|sec|csc")  # the degrees are its argument's
_TAIL_TEMPERATURE = re.compile(r"\s*\\degree\s*(?:\\text\{\s*)?([CF])(?:elsius|ahrenheit)?\s*\}?$")
_BLOCK = r"\\text\s*\{(?:[^{}]|\{[^{}]*\})*\}"
_POWER = r"\^\s*(?:\{\s*-?[1-4]\s*\}|-?[1-4](?![0-9]))"
_NAME = r"[a-zA-Zµ]+"
_ENDS = re.compile(rf"(?:{_POWER}|\\frac\s*\{{\s*{_NAME}(?:{_POWER})?\s*\}}\s*\{{\s*{_NAME}(?:{_POWER})?\s*\}})$")
_PIECE = re.compile(
    rf"(?P<block>{_BLOCK})|(?P<sign>\\(?:Omega|mu)(?![a-zA-Z])\s?)|(?P<power>\s*{_POWER})"
    rf"|(?P<quotient>\\frac\s*\{{\s*(?:{_BLOCK}|{_NAME})(?:{_POWER})?\s*\}}\s*\{{\s*(?:{_BLOCK}|{_NAME})(?:{_POWER})?\s*\}})"
    r"|(?P<dot>\s*(?:\\cdot(?![a-zA-Z])|\\times(?=\s*\\text)|\*|/)\s*)|(?P<space>\s+)|(?P<word>[a-zA-Zµ¢]+\.?)"
    r"|(?P<other>\\[a-zA-Z]+\s*|\\?.)",
    re.DOTALL,
)
_UNIT_PIECES = frozenset(("block", "sign", "power", "quotient", "dot", "space", "word"))
_MOST_PIECES = 17
_NUMERAL = re.compile(r"(?:[-+\d.,/^{}\s()]|\\frac(?![a-z])|\\times(?![a-z])|\\cdot(?![a-z])|(?<=\d)e(?=[-+]?\d))+")
_FUNCTION_BEFORE = re.compile(r"\\(?!(?:pi|infty|degree|%)$)[a-zA-Z]+$")
_PER = re.compile(r"\s+(?:per|an?)\s+(?=[a-zA-Z])")
_FACTOR = re.compile(
    r"(?:(sq\.?|square|cubic|cu\.?)\s+)?([a-zA-ZµΩ¢€£¥₹]+)\.?(?:\s*\^\s*(-?[1-4])|\s+(squared|cubed))?"
)
_FEET = re.compile(r"([0-9]+)\s*'\s*([0-9]+(?:\.[0-9]+)?)\s*(?:\"|'')")
_INCHES = re.compile(r"([0-9]+(?:\.[0-9]+)?|[0-9]+/[0-9]+)\s*(?:\"|'')")
_MINUTES = re.compile(r"([0-9]+)\s*\\degree\s*([0-9]+)\s*'(?:\s*([0-9]+(?:\.[0-9]+)?)\s*(?:\"|''))?")
_COMPOUND = re.compile(r"[0-9]+ ?[a-z]+\.?(?:,? (?:and )?[0-9]+(?:\.[0-9]+)? ?[a-z]+\.?){1,3}")
_PART = re.compile(r"([0-9.]*[0-9]) ?([a-z]+)")


def split_unit(text: str) -> tuple[str, Unit | None]:
    """The text before a trailing (or currency sign before a leading) unit, and the unit."""
    match = _CURRENCY_FIRST.match(text)
    if match:
        rest, inner = split_unit(text[match.end() :])
        money = _read(_SYMBOL.get(match.group(2), match.group(2)))
        if inner and money and inner.count != 1:  # $3 million
            money = replace(money, count=inner.count)
        return match.group(1) + rest, money
    for pattern in (_CURRENCY_LAST, _TAIL_TEMPERATURE, _TAIL_SIGN):
        match = pattern.search(text)
        if match and match.start() and not (pattern is _TAIL_SIGN and _ANGLE_INSIDE.search(text)):
            name = match.group(1)
            known = _SIGNS.get(name)
            return text[: match.start()].rstrip(), known or _read(_SYMBOL.get(name, name))
    return _split_name(text) if _may_end_in_unit(text) else (text, None)


def _may_end_in_unit(text: str) -> bool:
    last = text[-1:]
    if last == "}":
        return "\\text" in text or bool(_ENDS.search(text, max(0, len(text) - 60)))
    return last.isalpha() or last == "." or (last.isdigit() and "^" in text[-4:])


def _split_name(text: str) -> tuple[str, Unit | None]:
    """As :func:`split_unit`, for what is written behind a number: the longest tail that is a unit."""
    pieces = [(match.lastgroup or "", match.group(), match.start()) for match in _PIECE.finditer(text)]
    first = len(pieces)
    while first > max(0, len(pieces) - _MOST_PIECES) and pieces[first - 1][0] in _UNIT_PIECES:
        first -= 1
    for index in range(first, len(pieces)):
        kind, written, start = pieces[index]
        head = text[:start].rstrip()
        if not start or kind in ("space", "dot", "power") or not (head[-1:].isalnum() or head[-1:] in ")}!.|"):
            continue
        glued = kind == "word" and text[start - 1].isalnum()
        if kind == "word" and not glued and _FUNCTION_BEFORE.search(head):
            continue  # \sin x
        if kind == "block" and not written[written.index("{") + 1 : -1].strip():
            return head, None
        unit = _read("".join(_plain(*piece[:2]) for piece in pieces[index:]))
        if unit is None or (glued and ("word:" in unit.dimension or unit.count != 1)):
            continue
        if unit.letters and any(piece[0] == "block" for piece in pieces[index:]):
            unit = replace(unit, letters=False)
        elif unit.letters and (glued or not _NUMERAL.fullmatch(head)):
            unit = replace(unit, trust=Trust.BESIDE_UNITS)
        elif head == "1" and unit.trust is Trust.OF_REFERENCE:
            unit = replace(unit, trust=Trust.ALWAYS)  # 1 apple
        return head, unit
    return text, None


def compound(text: str) -> tuple[str, Unit] | None:
    """``1 h 30 min`` or ``5'6"`` as one number of its base unit; ``None`` unless units of a kind get smaller."""
    signs = _FEET.fullmatch(text) or _INCHES.fullmatch(text)
    if signs:
        sizes = [WORDS["foot"][1], WORDS["inch"][1]][-len(signs.groups()) :]
        total = sum(Fraction(number) * size for number, size in zip(signs.groups(), sizes, strict=True))
        return str(total), Unit("length")
    arc = _MINUTES.fullmatch(text)
    if arc:
        return str(sum(Fraction(part or 0) / 60**index for index, part in enumerate(arc.groups()))), DEGREES
    plain = " ".join(re.sub(r"\\text\s*\{([^{}]*)\}", r" \1 ", text).split())
    if not _COMPOUND.fullmatch(plain):
        return None
    total, last, dimension = Fraction(0), None, None
    for number, name in _PART.findall(plain):
        known = _known(name)
        if known is None or (last is not None and (known[0] != dimension or known[1] >= last)):
            return None
        dimension, last = known
        total += Fraction(number) * last
    return (str(total), Unit(_written(dimension))) if dimension else None


def _plain(kind: str, written: str) -> str:
    if kind == "sign":
        return "Ω" if written.startswith("\\Omega") else "µ"
    if kind == "dot":
        return "/" if "/" in written else " "
    if kind == "quotient":
        written = re.sub(r"\\frac\s*\{(.*)\}\s*\{(.*?)\}$", r"\1/\2", written)
    if kind in ("block", "quotient"):
        written = re.sub(r"\\text|\\cdot|\\times|\*", " ", written)
    written = re.sub(r"\\Omega\s?", "Ω", re.sub(r"\\mu\s?", "µ", written))
    return re.sub(r"[{}]", "", written) if kind != "block" else re.sub(r"[{}]", "", written).rstrip()


def _read(name: str) -> Unit | None:
    """The unit of that name; things that are counted are units of their own; ``None`` for all other words."""
    name = _PER.sub("/", re.sub(r"\s*([/^])\s*", r"\1", " ".join(name.split())))
    name = re.sub(r"µ (?=[a-zA-Z])", "µ", name)
    plain = re.sub(r"\.(?=\s|$)", "", name.lower())
    if plain in _NOTHING or plain.removesuffix("s") in _NOTHING or re.fullmatch(r"units?\^[23]", plain):
        return Unit("")
    if plain in ("percent", "pct", "percentage"):
        return _PERCENT
    first, _, rest = name.partition(" ")
    many = COUNTS.get(first.lower()) or COUNTS.get(first.lower().removesuffix("s"))
    if many:
        inner = _read(rest.removeprefix("of ")) if rest else Unit("")
        return inner and replace(inner, count=inner.count * many)
    if _PHRASE.search(name):
        name = _PHRASE.sub(lambda found: _PHRASES[found.group()], name)
    return _quantity(name) or _thing(name)


def _quantity(name: str) -> Unit | None:
    """Units of measurement with powers, products and quotients; a thing may stand in it, as in miles per gallon."""
    powers: Counter[str] = Counter()
    size, letters = Fraction(1), True
    for position, written in enumerate(name.split("/")):
        end = 0
        part = written.strip("() ")
        for match in _FACTOR.finditer(part):
            if part[end : match.start()].strip():
                return None
            end = match.end()
            before, core, power, after = match.groups()
            known = _known(core)
            if known is None:
                if position == 0 or match.group() != part or not core.islower() or len(core) < 3:
                    return None
                known = ((f"word:{singular(core)}", 1),), Fraction(1)
            letters &= len(core) == 1 and not before
            shape = 3 if "cu" in (before or after or "")[:3] else 2 if before or after else 1
            exponent = int(power or shape) * (-1 if position else 1)
            size *= known[1] ** exponent
            for base, times in known[0]:
                powers[base] += times * exponent
        if part[end:].strip() or not part:
            return None
    dimension = tuple(sorted((base, times) for base, times in powers.items() if times))
    return Unit(_written(dimension), size, letters=letters and "Ω" not in name)


def _thing(name: str) -> Unit | None:
    """What is counted: ``apples``, ``ways``, ``students left``."""
    sure = counts_things(name)
    if sure is None:
        return None
    return Unit(f"word:{singular(name.lower())}", trust=Trust.ALWAYS if sure else Trust.OF_REFERENCE)


def _known(name: str) -> tuple[Dimension, Fraction] | None:
    if name in SYMBOLS:
        return SYMBOLS[name]
    if len(name) < 2:
        return None
    lower = name.lower()
    if name in ("Mm", "Mg", "Ms"):
        return None  # a thousand million times mm
    return FOLDED.get(lower) or _FIXED.get(lower) or _FIXED.get(singular(lower))


def _written(dimension: Dimension) -> str:
    return "*".join(base if times == 1 else f"{base}^{times}" for base, times in dimension)
