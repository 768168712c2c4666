"""Values of facts: numbers, dates, codes and words, and whether a sentence holds them however they are spelled."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from verl_agentic.tool_envs.users.hearing.words.classes import word_set
from verl_agentic.tool_envs.users.hearing.words.clean import Sentence, words_of

MIN_CODE = 4
"""Fewest signs of what is looked for in one piece."""
TRIVIAL = word_set(
    "the a an your my our this that it is are to of for in on at and or from with by you i we be was were new"
    " same right no not any some more only current correct other so , ; : ( ) ! ?"
)
"""Words that say nothing of a value beside them."""
_MONTHS = {
    name: number
    for number, (first, *more) in enumerate(
        (
            ("january", "jan"), ("february", "feb"), ("march", "mar"), ("april", "apr"), ("may",), ("june", "jun"),
            ("july", "jul"), ("august", "aug"), ("september", "sep", "sept"), ("october", "oct"), ("november", "nov"),
            ("december", "dec"),
        ),
        1,
    )
    for name in (first, *more)
}  # fmt: skip
_COUNTED = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
_COUNTED += " seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_NUMERALS = {word: str(number) for number, word in enumerate(_COUNTED.split())} | {
    word: str(10 * number) for number, word in enumerate(_TENS.split(), 2)
}
_NO_SIGN = re.compile(r"[\W_]+")
_WRITTEN_DAY = re.compile(r"(?:19|20)\d\d-(\d\d)-(\d\d)")
_NO_CENTS = re.compile(r"[.,]00?$|,(?=\d{3}(?:\D|$))")
_DAY = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?")


class Value:
    """One wording of what a fact holds.

    Attributes:
        words: its words.
        compact: its letters and digits in one piece.
        day: day and month, where it is a date.
        number: the number that it is or begins with, as digits.
        proper: whether it is one word that is written as names are.
    """

    __slots__ = ("after", "before", "compact", "day", "number", "proper", "unit", "words")

    def __init__(self, text: str, says: Iterable[str]) -> None:
        self.words = words_of(text)
        self.compact = compact_of(text)
        self.day = next(iter(days_of(self.words)), None)
        self.number = number_of(self.words[0]) if self.words else None
        self.proper = len(self.words) == 1 and text[:1].isupper() and text.isalpha()
        self.before: list[list[str]] = []
        self.after: list[list[str]] = []
        self.unit = ""
        for say in says:
            words = words_of(say)
            at = place_of(words, self.words)
            if at >= 0:
                self.before.append(words[max(0, at - 3) : at])
                rest = words[at + len(self.words) : at + len(self.words) + 2]
                self.after.append(rest)
                units = [word for word in (self.words[1:] + rest) if word not in TRIVIAL and word != "more"]
                self.unit = self.unit or (units[0].rstrip("s") if units else "")

    @property
    def code(self) -> bool:
        """Whether it is a code or a long number rather than words."""
        digits = sum(char.isdigit() for char in self.compact)
        named = digits and len(self.words) == 1 and len(self.compact) > MIN_CODE
        return not self.day and not self.measure and ((digits >= 2 and len(self.compact) >= MIN_CODE) or bool(named))

    @property
    def measure(self) -> bool:
        """Whether it is a number of something."""
        return bool(self.number) and len(self.words) > 1 and all(word.isalpha() for word in self.words[1:])


def holds(value: Value, sentence: Sentence) -> bool:
    """Whether a sentence holds a value, however it is spelled."""
    if value.day:
        return value.day in days_of(sentence.words) or not _ordinals(value.day[0]).isdisjoint(sentence.words)
    if value.number and len(value.words) == 1:
        return any(number_of(word) == value.number for word in sentence.words)
    if len(value.compact) < MIN_CODE:
        return place_of(sentence.words, value.words) >= 0
    return value.compact in compact_of(sentence.text)


def _ordinals(day: int) -> frozenset[str]:
    """A day without its month, as in "after the 14th"."""
    return frozenset(f"{day}{ending}" for ending in ("st", "nd", "rd", "th"))


def month_of(word: str) -> int | None:
    """The number of a month by its name."""
    return _MONTHS.get(word)


def days_of(words: Sequence[str]) -> list[tuple[int, int]]:
    found = []
    for place, word in enumerate(words):
        if written := _WRITTEN_DAY.fullmatch(word):
            found.append((int(written[2]), int(written[1])))
            continue
        month = _MONTHS.get(word)
        if month is None:
            continue
        around = [
            words[place - 1] if place else "",
            words[place - 2] if place > 1 and words[place - 1] in ("of", "the") else "",
            *words[place + 1 : place + 2],
        ]
        day = next((match for one in around if (match := _DAY.fullmatch(one))), None)
        if day:
            found.append((int(day[1]), month))
            if (
                place > 2
                and words[place - 2] in ("to", "until", "and", "till", "or")
                and (first := _DAY.fullmatch(words[place - 3]))
            ):
                found.append((int(first[1]), month))
    return found


def number_of(word: str) -> str | None:
    digits = _NO_CENTS.sub("", word.rstrip(".,"))
    if word in _NUMERALS:
        return _NUMERALS[word]
    return digits if digits.replace(",", "").replace(".", "").isdigit() else None


_BETWEEN = word_set("of your the more extra additional full other these those")


def units_in(words: Sequence[str], unit: str) -> list[str]:
    """The numbers that words give of a unit, without its plural ending, as digits."""
    found = []
    for place, word in enumerate(words):
        if number := number_of(word):
            near = [one for one in words[place + 1 : place + 4] if one not in _BETWEEN]
            if near and near[0].rstrip("s") == unit:
                found.append(number)
    return found


def compact_of(text: str) -> str:
    return _NO_SIGN.sub("", text.casefold())


def place_of(words: Sequence[str], wanted: Sequence[str]) -> int:
    size = len(wanted)
    return next((at for at in range(len(words) - size + 1) if list(words[at : at + size]) == list(wanted)), -1)
