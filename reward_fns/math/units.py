"""Units, currencies and percent signs around an answer, split off before it is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Unit:
    """What a number counts.

    Attributes:
        dimension: equal for units that convert into each other, e.g. ``length^2`` or ``word:apple``.
        factor: size in the dimension's base unit; ``None`` for degrees, whose factor is pi / 180.
        count: what the number is to be multiplied by, whether the unit counts or not: 1000 in ``5 thousand euros``.
    """

    dimension: str
    factor: Fraction | None = Fraction(1)
    count: Fraction = Fraction(1)


_SCALES = {
    "length": {
        "nm": "1e-9", "nanometer": "1e-9", "micrometer": "1e-6", "mm": "0.001", "millimeter": "0.001", "cm": "0.01",
        "centimeter": "0.01", "dm": "0.1", "decimeter": "0.1", "m": "1", "meter": "1",
        "km": "1000", "kilometer": "1000",
        "in": "0.0254", "inch": "0.0254", "inche": "0.0254", "ft": "0.3048", "foot": "0.3048", "feet": "0.3048",
        "yd": "0.9144", "yard": "0.9144", "mi": "1609.344", "mile": "1609.344",
    },
    "mass": {
        "mg": "1e-6", "milligram": "1e-6", "g": "0.001", "gram": "0.001", "kg": "1", "kilogram": "1", "tonne": "1000",
        "oz": "0.028349523125", "ounce": "0.028349523125", "lb": "0.45359237", "pound": "0.45359237",
    },
    "time": {
        "ms": "0.001", "millisecond": "0.001", "s": "1", "sec": "1", "second": "1", "min": "60", "minute": "60",
        "h": "3600", "hr": "3600", "hour": "3600", "day": "86400", "week": "604800", "year": "31557600",
    },
    "length^2": {"acre": "4046.8564224", "hectare": "10000", "ha": "10000"},
    "length^3": {"ml": "1e-6", "milliliter": "1e-6", "cc": "1e-6", "l": "0.001", "liter": "0.001"},
    "money": {"dollar": "1", "usd": "1", "buck": "1", "cent": "0.01", "¢": "0.01"},
    "euro": {"euro": "1", "€": "1", "eur": "1"},
    "sterling": {"£": "1", "gbp": "1"},
    "yen": {"¥": "1", "yen": "1"},
    "rupee": {"₹": "1", "rupee": "1"},
    "angle": {"radian": "1", "rad": "1"},
    "energy": {"j": "1", "joule": "1", "kj": "1000", "kilojoule": "1000"},
    "power": {"w": "1", "watt": "1", "kw": "1000", "kilowatt": "1000"},
    "force": {"n": "1", "newton": "1"},
    "frequency": {"hz": "1", "hertz": "1", "khz": "1000"},
    "voltage": {"v": "1", "volt": "1"},
}  # fmt: skip
_TABLE = {name: (dimension, Fraction(size)) for dimension, scale in _SCALES.items() for name, size in scale.items()}
_SPECIAL = {
    "%": Unit("percent", Fraction(1, 100)), "\\degree": Unit("angle", None),
    "c": Unit("celsius"), "celsius": Unit("celsius"), "fahrenheit": Unit("fahrenheit"), "f": Unit("fahrenheit"),
    "k": Unit("kelvin"), "kelvin": Unit("kelvin"), "kelvins": Unit("kelvin"),
    "years old": Unit("time", Fraction(31557600)), "times": Unit("word:time^1"),
    "mph": Unit("length/time", Fraction("1609.344") / 3600),
}  # fmt: skip
_COUNTS = {"dozen": 12, "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SHORT_WORDS = frozenset({
    "bag", "ball", "bat", "bee", "bit", "box", "boy", "bug", "bus", "can", "cap", "car", "cat", "cow", "cup", "dog",
    "egg", "fan", "fly", "hat", "hen", "hot", "ice", "jar", "jug", "kid", "law", "map", "man", "men", "mug", "nut",
    "one", "pan", "pen", "pet", "pie", "pig", "pin", "pot", "ray", "row", "set", "sum", "tie", "toy", "tub", "van",
    "way", "bird",
})  # fmt: skip
# Words behind a number that are mathematics or prose, not what it counts.
_NO_UNITS = frozenset({
    "or", "and", "not", "no", "none", "is", "if", "then", "times", "plus", "minus", "over", "half", "halves",
    "third", "thirds", "quarter", "quarters", "squared", "cubed", "by", "to", "from", "than", "less", "more", "mod",
    "modulo", "factorial", "pi", "sqrt", "sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "exp", "arcsin",
    "arccos", "arctan", "sinh", "cosh", "tanh", "infinity", "inf", "but", "maybe", "perhaps", "wait", "false",
    "true", "im", "re", "det", "choose", "tenths", "hundredths", "negative", "except", "where", "for", "with",
    "all", "solutions", "wrong", "right", "correct", "incorrect", "in", "base",
})  # fmt: skip
_NOTHING = frozenset(
    ("unit", "units", "total", "each", "exactly", "sq unit", "square unit", "cubic unit", "altogether")
)
_CURRENCY_FIRST = re.compile(r"(-?)\s*(\\\$|\$|£|€|¥|₹|\\pounds|\\euro|(?:USD|EUR|GBP)(?=\s))\s*(?=[-\d.\\(])")
_CURRENCY_LAST = re.compile(r"\s*(\\\$|\$|£|€|¥|₹|¢|\\cents?)$")
_SYMBOL = {"\\$": "dollar", "$": "dollar", "\\pounds": "£", "\\euro": "€", "\\cent": "cent", "\\cents": "cent"}
_WORD = r"[a-zA-Z¢]+\.?"
_WORDS = rf"{_WORD}(?:(?:\s+|\s*/\s*|\s*\\cdot\s*){_WORD}){{0,4}}"
_POWER = r"(?:\s*\^\s*(?:\{\s*[23]\s*\}|[23]))?"
_TAIL_TEXT = re.compile(
    rf"\s*\\text\{{\s*((?:{_WORDS})?{_POWER}|%)\s*\}}\s*({_POWER}(?:\s*/\s*\\text\{{\s*{_WORD}\s*\}}{_POWER})?)$"
)
_TAIL_PLAIN = re.compile(rf"(?<=[\d\s)}}])\s*((?<![a-zA-Z\\])(?:{_WORDS}){_POWER}(?:\s*/\s*{_WORD}{_POWER})?)$")
_TAIL_SIGN = re.compile(r"\s*(\\degree|%)\s*$")
_ANGLE_INSIDE = re.compile(r"sin|cos|tan|cot|sec|csc")  # the degrees are its argument's
_TAIL_TEMPERATURE = re.compile(r"\s*\\degree\s*(?:\\text\{\s*)?([CF])(?:elsius|ahrenheit)?\s*\}?$")
_TAIL_FRACTION = re.compile(
    r"(?<=[\d\s)}])\s*\\frac\s*\{\s*(?:\\text\{)?\s*([a-z]+)\s*\}?\s*\}\s*"
    r"\{\s*(?:\\text\{)?\s*([a-z]+)\s*\}?\s*(\^\s*\{?[23]\}?)?\s*\}$"
)
_TAIL_RECIPROCAL = re.compile(
    r"(?<=[\d\s)}])(?:\\text\{\s*)?([a-z]+)\s*\}?\s*(?:\\cdot|\s|\*)?\s*"
    r"(?:\\text\{\s*)?([a-z]+)\s*\}?\s*\^\s*\{?\s*-([123])\s*\}*$"
)
_COMPOUND = re.compile(r"[0-9]+ ?[a-z]+\.?(?:,? (?:and )?[0-9]+(?:\.[0-9]+)? ?[a-z]+\.?){1,3}")
_PART = re.compile(r"([0-9.]*[0-9]) ?([a-z]+)")


def split_unit(text: str, plain_letters: bool) -> tuple[str, Unit | None]:
    """The text before a trailing (or currency sign before a leading) unit, and the unit.

    Args:
        text: cleaned text.
        plain_letters: whether a single plain letter, as in ``5 m``, may be a unit rather than a variable.
    """
    match = _CURRENCY_FIRST.match(text)
    if match:
        rest, inner = split_unit(text[match.end() :], False)
        money = _read(_SYMBOL.get(match.group(2), match.group(2).lower()))
        if inner and money and inner.count != 1:  # $3 million
            money = Unit(money.dimension, money.factor, inner.count)
        return match.group(1) + rest, money
    for pattern in (_CURRENCY_LAST, _TAIL_TEMPERATURE, _TAIL_SIGN):
        match = pattern.search(text)
        if match and match.start() and not (pattern is _TAIL_SIGN and _ANGLE_INSIDE.search(text)):
            name = match.group(1)
            return text[: match.start()].rstrip(), _SPECIAL.get(name.lower()) or _read(_SYMBOL.get(name, name))
    text = _TAIL_FRACTION.sub(_quotient, text)
    text = _TAIL_RECIPROCAL.sub(_quotient, text)
    match = _TAIL_TEXT.search(text)
    if match and match.start():
        name = re.sub(r"\\text\{([^{}]*)\}|[{}]", r"\1", match.group(1) + match.group(2)).strip()
        if not name:
            return text[: match.start()].rstrip(), None
        unit = _read(name)
        return (text[: match.start()].rstrip(), unit) if unit else (text, None)
    match = _TAIL_PLAIN.search(text)
    while match and match.start():
        name = match.group(1).strip()
        letters = re.sub(r"[^a-zA-Z]", "", name)
        glued = not text[: match.start(1)].endswith((" ", "}"))
        unit = _read(name) if len(letters) > 1 or plain_letters else None
        if unit and not (glued and "word:" in unit.dimension):
            return text[: match.start()].rstrip(), unit
        match = _TAIL_PLAIN.search(text, match.start(1) + 1)
    return text, None


def compound(text: str) -> tuple[str, Unit] | None:
    """``1 h 30 min`` as one number of the first one's base unit; ``None`` unless units of a kind get smaller."""
    plain = re.sub(r"\\text\s*\{([^{}]*)\}", r" \1 ", text)
    plain = " ".join(plain.split())
    if not _COMPOUND.fullmatch(plain):
        return None
    total, last, dimension = Fraction(0), None, None
    for number, name in _PART.findall(plain):
        known = _TABLE.get(_singular(name))
        if (
            known is None
            or (dimension is not None and known[0] != dimension)
            or (last is not None and known[1] >= last)
        ):
            return None
        dimension, last = known
        total += Fraction(number) * last
    return (str(total), Unit(dimension)) if dimension else None


def _quotient(match: re.Match[str]) -> str:
    over, under, power = match.groups()
    power = f"^{power}" if power and power in "23" else "" if power == "1" else power or ""
    return f" {over}/{under}{power}"


def _read(name: str) -> Unit | None:
    """The unit of that name; unknown words are units of their own; ``None`` for words of mathematics and prose."""
    name = re.sub(r"[{}]|\.(?=\s|$)", "", name).replace("\\cdot", " ").strip()
    name = re.sub(r"\s*([/^])\s*", r"\1", name)
    if name in _SPECIAL or name.lower() in ("mph", "celsius", "fahrenheit", "k"):
        return _SPECIAL[name.lower()]
    name = re.sub(r"\s+(?:per|an?)\s+", "/", name)
    if _singular(name.lower()) in _NOTHING or re.fullmatch(r"units?\^[23]", name):
        return Unit("")
    first, _, rest = name.partition(" ")
    if _singular(first.lower()) in _COUNTS:
        inner = _read(rest.removeprefix("of ")) if rest else Unit("")
        return inner and Unit(inner.dimension, inner.factor, inner.count * _COUNTS[_singular(first.lower())])
    dimension, factor = "", Fraction(1)
    for position, part in enumerate(name.split("/")):
        one = _simple(part)
        if one is None:
            return None
        dimension += ("/" if position else "") + one[0]
        factor = factor / one[1] if position else one[1]
    return Unit(dimension, factor)


def _simple(name: str) -> tuple[str, Fraction] | None:
    match = re.fullmatch(r"(?:(sq\.?|square|cubic|cu)\s+)?(.+?)(?:\^([23])|\s+(squared|cubed))?", name.strip())
    if match is None:
        return None
    before, core, power, after = match.groups()
    exponent = int(power or (3 if (before or "").startswith("cu") or after == "cubed" else 2 if before or after else 1))
    known = _TABLE.get(_singular(core.lower()))
    if known and (len(core) > 1 or not core.isupper() or core in "LJWNV"):
        dimension, size = known
        return f"{dimension}^{exponent}" if exponent > 1 else dimension, size**exponent
    parts = core.split()
    short = [part for part in parts if len(part) < 4 and part not in _SHORT_WORDS and part != "of"]
    if len(parts) > 4 or short or not core.islower() or any(part in _NO_UNITS for part in parts):
        return None
    return f"word:{_singular(core)}^{exponent}", Fraction(1)


def _singular(word: str) -> str:
    if word in _TABLE and len(word) <= 2:
        return word
    word = re.sub(r"metre", "meter", re.sub(r"litre", "liter", word))
    return word[:-1] if word.endswith("s") and len(word) > 2 else word
