"""Numbers in English words: ``one hundred and five``, ``two and three quarters``, ``minus five eighths``."""

from __future__ import annotations

import re
from fractions import Fraction

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL = {word: number for number, word in enumerate(_ONES)} | {
    word: 10 * number for number, word in enumerate(_TENS, 2)
}
_LARGE = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ORDINALS = {"half": 2, "halve": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
             "eighth": 8, "ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12, "sixteenth": 16, "twentieth": 20,
             "hundredth": 100, "thousandth": 1000}  # fmt: skip
_WORDS = re.compile(r"[a-z]+(?:[ -]+[a-z]+)*")
_MAX_WORDS = 30


def numeral(text: str) -> str | None:
    """The number that words in lower case say, as ``105`` or ``11/4``; ``None`` for all other words."""
    if not _WORDS.fullmatch(text):
        return None
    words = re.split("[ -]+", text)
    if len(words) > _MAX_WORDS:
        return None
    sign = -1 if words[0] in ("minus", "negative") else 1
    words = words[sign < 0 :]
    if words[:1] in (["a"], ["an"]) and len(words) > 1:
        words = ["one", *words[1:]]
    value = _number(words)
    return None if value is None else str(sign * value)


def _number(words: list[str]) -> Fraction | None:
    if not words:
        return None
    if words in (["dozen"], ["one", "dozen"]):
        return Fraction(12)
    if "point" in words[1:-1]:
        at = words.index("point")
        whole, digits = _whole(words[:at]), [_SMALL.get(word, 10) for word in words[at + 1 :]]
        if whole is None or max(digits) > 9:
            return None
        return whole + Fraction(int("".join(map(str, digits))), 10 ** len(digits))
    if _denominator(words):
        return _fraction(words)
    for at in range(len(words) - 2, 0, -1):  # two and three quarters
        if words[at] == "and" and _denominator(words[at + 1 :]):
            whole, part = _whole(words[:at]), _fraction(words[at + 1 :])
            return whole + part if whole is not None and part is not None and part < 1 else None
    return _whole(words)


def _denominator(words: list[str]) -> int:
    return _ORDINALS.get(words[-1].removesuffix("s"), 0) if "and" not in words else 0


def _fraction(words: list[str]) -> Fraction | None:
    if len(words) == 1 or words[0] in ("a", "an"):
        return Fraction(1, _denominator(words)) if (len(words) == 1 and words[0] == "half") or len(words) == 2 else None
    top = _whole(words[:-1])
    return None if top is None else top / _denominator(words)


def _whole(words: list[str]) -> Fraction | None:
    total = group = 0
    last = 10**15
    before = ""
    for index, word in enumerate(words):
        if word == "and":
            if before not in ("hundred", *_LARGE) or index == len(words) - 1:
                return None
        elif word in _SMALL:
            number = _SMALL[word]
            tens = before in _TENS and 0 < number < 10
            if not (tens or before in ("", "hundred", "and", *_LARGE)) or (number == 0 and len(words) > 1):
                return None
            group += number
        elif word == "hundred":
            if group == 0 and index == 0:
                group = 1
            if not 0 < group < 100 or before == "and":
                return None
            group *= 100
        elif word in _LARGE and _LARGE[word] < last and (group or index == 0):
            last = _LARGE[word]
            total += (group or 1) * last
            group = 0
        else:
            return None
        before = word
    return Fraction(total + group)
