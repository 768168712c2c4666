"""What the agent restates otherwise than the user told it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from verl_agentic.tool_envs.users.hearing.clean import words_of

_MONTHS = {
    name: number
    for number, names in enumerate(
        "january jan|february feb|march mar|april apr|may|june jun|july jul|august aug|september sep sept|october oct"
        "|november nov|december dec".split("|"),
        1,
    )
    for name in names.split()
}
_NUMERALS = {
    word: str(number)
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
    )
}
_DAY = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?")
_TRIVIAL = frozenset(
    "the a an your my our this that it is are to of for in on at and or from with by you i we be was were new same right"
    " no not any some more only current correct other so , ; : ( ) ! ?".split()
)
_BETWEEN = frozenset("of your the more extra additional full other these those".split())
_MIN_CODE = 4


class Value:
    """One wording of what a fact holds.

    Attributes:
        words: its words.
        compact: its letters and digits in one piece.
        day: day and month, where it is a date.
        number: the number that it is or begins with, as digits.
    """

    __slots__ = ("after", "before", "compact", "day", "number", "unit", "words")

    def __init__(self, text: str, says: Iterable[str]) -> None:
        self.words = words_of(text)
        self.compact = _compact(text)
        self.day = next(iter(_days(self.words)), None)
        self.number = _number(self.words[0]) if self.words else None
        self.before: list[list[str]] = []
        self.after: list[list[str]] = []
        self.unit = ""
        for say in says:
            words = words_of(say)
            at = _find(words, self.words)
            if at >= 0:
                self.before.append(words[max(0, at - 2) : at])
                rest = words[at + len(self.words) : at + len(self.words) + 2]
                self.after.append(rest)
                units = [word for word in (self.words[1:] + rest) if word not in _TRIVIAL and word != "more"]
                self.unit = self.unit or (units[0].rstrip("s") if units else "")

    @property
    def code(self) -> bool:
        """Whether it is a code or a long number rather than words."""
        digits = sum(char.isdigit() for char in self.compact)
        named = digits and len(self.words) == 1 and len(self.compact) > _MIN_CODE
        return not self.day and not self.measure and (digits >= 2 and len(self.compact) >= _MIN_CODE or bool(named))

    @property
    def measure(self) -> bool:
        """Whether it is a number of something."""
        return bool(self.number) and len(self.words) > 1 and all(word.isalpha() for word in self.words[1:])


def differs(value: Value, words: Sequence[str], known: Sequence[Value], *, claims: bool, words_too: bool) -> bool:
    """Whether words hold something like a value in its place, and not the value.

    Args:
        value: what is true.
        words: of one sentence.
        known: all that the user knows, none of which is a mistake.
        claims: whether the sentence says what the user wants or told, for the user to agree to.
    """
    if value.day:
        days = {one.day for one in known}
        return claims and any(
            (day == value.day[0]) != (month == value.day[1]) for day, month in _days(words) if (day, month) not in days
        )
    if value.code:
        codes = {one.compact for one in known}
        return any(_mistaken(value.compact, word) for word in map(_compact, words) if word not in codes)
    if not claims:
        return False
    if '"' in words:
        first = list(words).index('"')
        quoted = list(words)[first + 1 :]
        quoted = quoted[: quoted.index('"')] if '"' in quoted else []
        if len(quoted) > 1 and len(quoted) == len(value.words) and not value.number:
            return True
    return _other_number(value, words) or (words_too and _other_word(value, words))


def holds(value: Value, words: Sequence[str], compact: str) -> bool:
    """Whether words hold a value, however it is spelled.

    Args:
        value: what is looked for.
        words: of a text.
        compact: its letters and digits in one piece.
    """
    if value.day:
        return value.day in set(_days(words))
    if value.number and len(value.words) == 1:
        return any(_number(word) == value.number for word in words)
    return value.compact in compact if len(value.compact) >= _MIN_CODE else _find(words, value.words) >= 0


def _mistaken(true: str, other: str) -> bool:
    """Whether one code is the other with two signs changed at most."""
    if other == true or abs(len(true) - len(other)) > 1 or not any(char.isdigit() for char in other):
        return False
    if len(true) == len(other):
        wrong = sum(one != two for one, two in zip(true, other, strict=True))
        return wrong <= max(1, min(2, len(true) // 2 - 1)) or sorted(true) == sorted(other)
    short, long = sorted((true, other), key=len)
    return len(short) >= _MIN_CODE and any(long[:place] + long[place + 1 :] == short for place in range(len(long)))


def _other_number(value: Value, words: Sequence[str]) -> bool:
    if not value.number:
        return False
    if not value.unit:
        return False
    for place, word in enumerate(words):
        number = _number(word)
        if number and number != value.number:
            near = [one for one in words[place + 1 : place + 4] if one not in _BETWEEN]
            if near and near[0].rstrip("s") == value.unit:
                return True
    return False


def _other_word(value: Value, words: Sequence[str]) -> bool:
    if len(value.words) > 3 or value.number:
        return False
    if len(value.words) > 1:
        # "Zenith Media" for "Zentro Media".
        for place in range(len(words) - len(value.words) + 1):
            window = words[place : place + len(value.words)]
            same = [one == two for one, two in zip(window, value.words, strict=True)]
            if same[-1] and same.count(False) == 1 and window[same.index(False)] not in _TRIVIAL:
                return True
        return False
    for before, after in zip(value.before, value.after, strict=True):
        for place, word in enumerate(words):
            if word in _TRIVIAL or word == value.words[0] or not word.isalpha():
                continue
            left = place > 0 and len(before) == 2 and list(words[max(0, place - 2) : place]) == before
            right = bool(after) and after[0] not in _TRIVIAL and list(words[place + 1 : place + 2]) == after[:1]
            if right or (left and not all(one in _TRIVIAL for one in before)):
                return True
    month = _MONTHS.get(value.words[0])
    return month is not None and any(_MONTHS.get(word, month) != month for word in words)


def _days(words: Sequence[str]) -> list[tuple[int, int]]:
    found = []
    for place, word in enumerate(words):
        month = _MONTHS.get(word)
        if month is None:
            continue
        around = [words[place - 1] if place else "", words[place - 2] if place > 1 and words[place - 1] in ("of", "the") else "", *words[place + 1 : place + 2]]
        day = next((match for one in around if (match := _DAY.fullmatch(one))), None)
        if day:
            found.append((int(day[1]), month))
            if place > 2 and words[place - 2] in ("to", "until", "and", "till", "or") and (first := _DAY.fullmatch(words[place - 3])):
                found.append((int(first[1]), month))
    return found


def _number(word: str) -> str | None:
    digits = word.rstrip(".,")
    if word in _NUMERALS:
        return _NUMERALS[word]
    return digits if digits.replace(",", "").replace(".", "").isdigit() else None


def _compact(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _find(words: Sequence[str], wanted: Sequence[str]) -> int:
    size = len(wanted)
    return next((at for at in range(len(words) - size + 1) if list(words[at : at + size]) == list(wanted)), -1)
