"""Whether one text gives another away, however it is spelled."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MASK = "[...]"
"""Stands where :func:`masked` took something out."""

_WORD = re.compile(r"[^\W_]+")
_NUMERALS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_DIGITS = {word: str(digit) for digit, word in enumerate(_NUMERALS)}
# A text this long is found inside words and across them, a shorter one as words of its own.
_LONG = 6
_LONG_WITH_DIGITS = 3


class Wording:
    """A text as far as it can be told from others: without case, accents, punctuation, spacing, invisible characters,
    with digits for their names and in one piece what is spelled out one by one."""

    __slots__ = ("_compact", "_spaced", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        words = _words(text)
        self._spaced = f" {' '.join(words)} "
        self._compact = "".join(words)

    def gives_away(self, value: Wording) -> bool:
        """Whether ``value`` occurs in this text; one without a letter or digit occurs nowhere."""
        compact = value._compact
        if not compact:
            return False
        digits = any(char.isdigit() for char in compact)
        if len(compact) >= (_LONG_WITH_DIGITS if digits else _LONG) or not compact.isascii():
            return compact in self._compact
        return value._spaced in self._spaced


def masked(text: str, values: Iterable[Wording]) -> str:
    """``text`` with :data:`MASK` in place of the values, as far as they are written alike but for case and spacing."""
    for value in sorted((value.text for value in values), key=len, reverse=True):
        pattern = r"[\W_]*".join(map(re.escape, _WORD.findall(value)))
        if pattern:
            text = re.sub(rf"(?<!\w){pattern}(?!\w)", MASK, text, flags=re.IGNORECASE)
    return text


def _words(text: str) -> list[str]:
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(char for char in decomposed if unicodedata.category(char) not in ("Mn", "Cf"))
    joined: list[str] = []
    spelling = False
    for word in _WORD.findall(text.casefold()):
        piece = _DIGITS.get(word, word)
        if spelling and len(piece) == 1:
            joined[-1] += piece
        else:
            joined.append(piece)
        spelling = len(piece) == 1
    return joined
