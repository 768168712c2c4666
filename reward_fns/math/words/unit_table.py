"""What units measure, and how large they are."""

from __future__ import annotations

from fractions import Fraction

Dimension = tuple[tuple[str, int], ...]
"""Base quantities and their exponents, sorted: ``(("length", 1), ("time", -1))``."""


def _scaled(base: str, exponent: int = 1, **sizes: str) -> dict[str, tuple[Dimension, Fraction]]:
    return {name: (((base, exponent),), Fraction(size)) for name, size in sizes.items()}


_WORDS: dict[str, tuple[Dimension, Fraction]] = {
    **_scaled("length", nanometer="1e-9", micrometer="1e-6", micron="1e-6", millimeter="0.001", centimeter="0.01",
              decimeter="0.1", meter="1", kilometer="1000", inch="0.0254", inche="0.0254", foot="0.3048", feet="0.3048",
              yard="0.9144", mile="1609.344", furlong="201.168", fathom="1.8288", lightyear="9460730472580800"),
    **_scaled("mass", microgram="1e-9", milligram="1e-6", gram="0.001", gramme="0.001", kilogram="1", kilo="1",
              tonne="1000", ton="907.18474", ounce="0.028349523125", pound="0.45359237", stone="6.35029318"),
    **_scaled("time", nanosecond="1e-9", microsecond="1e-6", millisecond="0.001", second="1", minute="60", hour="3600",
              day="86400", week="604800", fortnight="1209600", month="2629800", year="31557600", decade="315576000",
              century="3155760000", centurie="3155760000"),
    **_scaled("length", 2, acre="4046.8564224", hectare="10000"),
    **_scaled("length", 3, milliliter="1e-6", centiliter="1e-5", deciliter="1e-4", liter="0.001",
              gallon="0.003785411784",
              quart="0.000946352946", pint="0.000473176473", cup="0.0002365882365", tablespoon="0.00001478676478125",
              teaspoon="0.00000492892159375", barrel="0.158987294928"),
    **_scaled("money", dollar="1", usd="1", buck="1", cent="0.01", penny="0.01", pennie="0.01", nickel="0.05",
              dime="0.1"),
    **_scaled("euro", euro="1", eur="1"), **_scaled("sterling", gbp="1"), **_scaled("yen", yen="1"),
    **_scaled("rupee", rupee="1"),
    **_scaled("angle", radian="1"), **_scaled("substance", mole="1", millimole="0.001"),
    **_scaled("current", ampere="1", amp="1", milliamp="0.001", milliampere="0.001"),
    **_scaled("light", candela="1"), **_scaled("information", bit="1", byte="8"),
}  # fmt: skip

_MECHANICS = {"length": 1, "mass": 1, "time": -2}
_DERIVED: dict[str, tuple[dict[str, int], str]] = {
    "hertz": ({"time": -1}, "1"), "newton": (_MECHANICS, "1"), "dyne": (_MECHANICS, "1e-5"),
    "kilonewton": (_MECHANICS, "1000"),
    "joule": ({"length": 2, "mass": 1, "time": -2}, "1"), "kilojoule": ({"length": 2, "mass": 1, "time": -2}, "1000"),
    "megajoule": ({"length": 2, "mass": 1, "time": -2}, "1e6"), "erg": ({"length": 2, "mass": 1, "time": -2}, "1e-7"),
    "calorie": ({"length": 2, "mass": 1, "time": -2}, "4.184"),
    "kilocalorie": ({"length": 2, "mass": 1, "time": -2}, "4184"),
    "electronvolt": ({"length": 2, "mass": 1, "time": -2}, "1.602176634e-19"),
    "watt": ({"length": 2, "mass": 1, "time": -3}, "1"), "kilowatt": ({"length": 2, "mass": 1, "time": -3}, "1000"),
    "megawatt": ({"length": 2, "mass": 1, "time": -3}, "1e6"),
    "horsepower": ({"length": 2, "mass": 1, "time": -3}, "745.69987158227022"),
    "pascal": ({"length": -1, "mass": 1, "time": -2}, "1"),
    "kilopascal": ({"length": -1, "mass": 1, "time": -2}, "1000"),
    "megapascal": ({"length": -1, "mass": 1, "time": -2}, "1e6"),
    "bar": ({"length": -1, "mass": 1, "time": -2}, "1e5"),
    "atmosphere": ({"length": -1, "mass": 1, "time": -2}, "101325"),
    "coulomb": ({"current": 1, "time": 1}, "1"),
    "volt": ({"length": 2, "mass": 1, "time": -3, "current": -1}, "1"),
    "kilovolt": ({"length": 2, "mass": 1, "time": -3, "current": -1}, "1000"),
    "millivolt": ({"length": 2, "mass": 1, "time": -3, "current": -1}, "0.001"),
    "ohm": ({"length": 2, "mass": 1, "time": -3, "current": -2}, "1"),
    "kiloohm": ({"length": 2, "mass": 1, "time": -3, "current": -2}, "1000"),
    "farad": ({"length": -2, "mass": -1, "time": 4, "current": 2}, "1"),
    "tesla": ({"mass": 1, "time": -2, "current": -1}, "1"),
    "henry": ({"length": 2, "mass": 1, "time": -2, "current": -2}, "1"),
    "weber": ({"length": 2, "mass": 1, "time": -2, "current": -1}, "1"),
    "mph": ({"length": 1, "time": -1}, "0.44704"), "kph": ({"length": 1, "time": -1}, "5/18"),
    "kmph": ({"length": 1, "time": -1}, "5/18"), "kmh": ({"length": 1, "time": -1}, "5/18"),
    "knot": ({"length": 1, "time": -1}, "463/900"), "fps": ({"length": 1, "time": -1}, "0.3048"),
    "celsius": ({"celsius": 1}, "1"), "fahrenheit": ({"fahrenheit": 1}, "1"), "kelvin": ({"kelvin": 1}, "1"),
    "rpm": ({"word:revolution": 1, "time": -1}, "1/60"),
}  # fmt: skip
WORDS = _WORDS | {name: (tuple(sorted(powers.items())), Fraction(size)) for name, (powers, size) in _DERIVED.items()}
"""Units by their names, in lower case and the singular."""

_OF_WORD = {
    "m": "meter", "mm": "millimeter", "cm": "centimeter", "dm": "decimeter", "km": "kilometer", "nm": "nanometer",
    "in": "inch", "ft": "foot", "yd": "yard", "mi": "mile", "ly": "lightyear",
    "g": "gram", "kg": "kilogram", "mg": "milligram", "oz": "ounce", "lb": "pound", "lbs": "pound",
    "s": "second", "sec": "second", "secs": "second", "ms": "millisecond", "ns": "nanosecond", "min": "minute",
    "mins": "minute", "h": "hour", "hr": "hour", "hrs": "hour", "yr": "year", "yrs": "year", "mo": "month",
    "ha": "hectare", "l": "liter", "L": "liter", "ml": "milliliter", "mL": "milliliter", "cl": "centiliter",
    "cL": "centiliter", "dl": "deciliter", "dL": "deciliter", "gal": "gallon", "qt": "quart", "pt": "pint",
    "tbsp": "tablespoon", "tsp": "teaspoon",
    "rad": "radian", "mol": "mole", "mmol": "millimole", "cd": "candela", "A": "ampere", "mA": "milliampere",
    "Hz": "hertz", "N": "newton", "kN": "kilonewton", "J": "joule", "kJ": "kilojoule", "MJ": "megajoule",
    "cal": "calorie", "kcal": "kilocalorie", "eV": "electronvolt", "W": "watt", "kW": "kilowatt", "MW": "megawatt",
    "hp": "horsepower", "Pa": "pascal", "kPa": "kilopascal", "MPa": "megapascal", "atm": "atmosphere",
    "V": "volt", "kV": "kilovolt", "mV": "millivolt", "Ω": "ohm", "T": "tesla", "H": "henry", "Wb": "weber",
    "K": "kelvin", "C": "celsius", "F": "fahrenheit", "€": "euro", "¢": "cent",
}  # fmt: skip
_PREFIXES = {"n": "1e-9", "µ": "1e-6", "m": "1e-3", "k": "1e3", "M": "1e6", "G": "1e9", "T": "1e12"}
SYMBOLS = {symbol: WORDS[word] for symbol, word in _OF_WORD.items()} | {
    "£": ((("sterling", 1),), Fraction(1)), "¥": ((("yen", 1),), Fraction(1)), "₹": ((("rupee", 1),), Fraction(1)),
    "cc": WORDS["milliliter"], "dB": ((("word:decibel", 1),), Fraction(1)),
}  # fmt: skip
"""Units by their symbols, in the right case."""
SYMBOLS["kWh"] = (WORDS["joule"][0], Fraction(3_600_000))
for _symbol in ("Hz", "N", "J", "eV", "W", "Wh", "Pa", "V", "Ω", "A", "T", "H"):
    _dimension, _size = SYMBOLS.get(_symbol, (WORDS["joule"][0], Fraction(3600)))
    SYMBOLS.setdefault(_symbol, (_dimension, _size))
    for _prefix, _factor in _PREFIXES.items():
        SYMBOLS.setdefault(_prefix + _symbol, (_dimension, _size * Fraction(_factor)))
for _symbol in ("m", "g", "s", "l", "L", "mol"):
    SYMBOLS.setdefault("µ" + _symbol, (SYMBOLS[_symbol][0], SYMBOLS[_symbol][1] / 10**6))
SYMBOLS["F"] = WORDS["fahrenheit"]
for _prefix in "nµmp":
    SYMBOLS[_prefix + "F"] = (WORDS["farad"][0], Fraction(_PREFIXES.get(_prefix, "1e-12")))
_ANY_CASE = (
    "mm", "cm", "km", "in", "ft", "yd", "mi", "kg", "mg", "oz", "lb", "lbs", "sec", "secs", "min", "mins", "hr", "hrs",
    "yr", "yrs", "mL", "cl", "dl", "gal", "qt", "pt", "tbsp", "tsp", "rad", "mol", "Hz", "kHz", "MHz", "GHz", "kJ",
    "cal", "kcal", "kW", "kWh", "hp", "kPa", "atm", "kV",
)  # fmt: skip
FOLDED = {symbol.lower(): SYMBOLS[symbol] for symbol in _ANY_CASE}
"""Symbols in lower case, for those that write ``KM`` or ``Khz``; none that differ by case only."""
COUNTS = {"dozen": 12, "score": 20, "gross": 144, "hundred": 100, "thousand": 1000, "lakh": 10**5, "million": 10**6,
          "crore": 10**7, "billion": 10**9, "trillion": 10**12}  # fmt: skip
"""Words that multiply."""
