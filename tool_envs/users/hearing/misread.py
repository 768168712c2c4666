"""What the agent restates otherwise than the user told it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from verl_agentic.tool_envs.users.hearing.clean import Sentence, words_of
from verl_agentic.tool_envs.users.hearing.lines import Line
from verl_agentic.tool_envs.users.plan import PlannedFact

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
_SIGNS = {"pound": "\u00a3", "dollar": "$", "euro": "\u20ac"}
_BETWEEN = frozenset("of your the more extra additional full other these those".split())
_CLAIM = re.compile(
    r"(?:ok |and |thanks |well |right |, )*(?:so|to (?:summari[sz]e|sum|recap|confirm|be sure|clarify|make sure|check)"
    r"|just to|just so|i (?:understand|have noted|have you|noted|see here|gather)"
    r"|you (?:want|would|are|said|mentioned|have been|bought|have)|(?:as|if) i understand)\b"
)
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
                self.before.append(words[max(0, at - 3) : at])
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


class Restatements:
    """Finds what a message restates otherwise than it is."""

    def __init__(self, facts: Sequence[PlannedFact], values: Mapping[str, Sequence[Value]]) -> None:
        """Read what is true.

        Args:
            facts: what the user knows.
            values: what each of them holds, by its name.
        """
        self._values = values
        self._slips = {fact.name: [Value(text, ()) for text in fact.slip_values] for fact in facts if fact.slip}
        known = [value for several in (*values.values(), *self._slips.values()) for value in several]
        self._days = {value.day for value in known}
        self._codes = {value.compact for value in known}

    def wrong(self, lines: Sequence[Line], told: frozenset[str]) -> list[str]:
        """Names of the told facts in whose place a message has something else.

        Only what the agent wants to be told about counts: questions, and what they are about.
        """
        wanted = [_wants_answer(line) for line in lines]
        if not any(wanted) and not any(line.clauses for line in lines):
            return []
        restated = [
            _Restated(
                line.sentence.words,
                proposes=_proposes(line),
                claims=itself
                or (not line.kinds & {"refusal", "negation"} and (next_one or bool(_CLAIM.match(line.text)))),
                itself=itself or bool(_CLAIM.match(line.text)),
            )
            for line, itself, next_one in zip(lines, wanted, [*wanted[1:], False], strict=True)
        ]
        found = []
        for name in self._values:
            if name in told and (values := self._missing(name, lines)):
                if any(self._differs(value, one) for value in values for one in restated):
                    found.append(name)
        return found

    def slips(self, lines: Sequence[Line]) -> list[str]:
        """Names of the facts that lines restate as the user tells them by mistake."""
        return [
            name
            for name, values in self._slips.items()
            if any(holds(value, line.sentence) for value in values for line in lines)
        ]

    def _missing(self, name: str, lines: Sequence[Line]) -> list[Value]:
        """The values of a fact that a message does not hold; of several, those that stand for something of their own."""
        values = self._values[name]
        held = [value for value in values if any(holds(value, line.sentence) for line in lines)]
        parts = len(values) > 1 and all(value.before for value in values)
        apart = not any(one is not two and one.compact in two.compact for one in values for two in values)
        return [value for value in values if value not in held and (not held or value.measure or (parts and apart))]

    def _differs(self, value: Value, restated: _Restated) -> bool:
        """Whether words hold something like a value in its place."""
        words = restated.words
        if value.code:
            return any(_mistaken(value.compact, one) for one in map(_compact, words) if one not in self._codes)
        if not restated.claims or restated.proposes:
            return False
        if value.day:
            day, month = value.day
            others = [other for other in _days(words) if other not in self._days]
            return any((one == day) != (another == month) for one, another in others)
        if _other_number(value, words):
            return True
        return restated.itself and (_other_title(value, words) or _other_word(value, words))


class _Restated(NamedTuple):
    """A sentence, and whether it proposes something new, says something for the user to agree to, and does so itself."""

    words: tuple[str, ...]
    proposes: bool
    claims: bool
    itself: bool


def holds(value: Value, sentence: Sentence) -> bool:
    """Whether a sentence holds a value, however it is spelled."""
    if value.day:
        return value.day in _days(sentence.words)
    if value.number and len(value.words) == 1:
        return any(_number(word) == value.number for word in sentence.words)
    if len(value.compact) < _MIN_CODE:
        return _find(sentence.words, value.words) >= 0
    return value.compact in _compact(sentence.text)


def _mistaken(true: str, other: str) -> bool:
    """Whether one code is the other with two signs changed at most."""
    if other == true or abs(len(true) - len(other)) > 1 or not any(char.isdigit() for char in other):
        return False
    if len(true) == len(other):
        wrong = sum(one != two for one, two in zip(true, other, strict=True))
        return wrong <= max(1, min(2, len(true) // 2 - 1)) or sorted(true) == sorted(other)
    short, long = sorted((true, other), key=len)
    return len(short) >= _MIN_CODE and any(long[:place] + long[place + 1 :] == short for place in range(len(long)))


def _proposes(line: Line) -> bool:
    """Whether a line has something new in it, or asks for it."""
    asks = line.asks("ask") or (line.sentence.question and "request" in line.kinds)
    return bool(asks or line.kinds & {"offer", "doubt"} or "instead" in line.sentence.words)


def _wants_answer(line: Line) -> bool:
    return line.asks("consent", "said") or "consent" in line.kinds


def _other_title(value: Value, words: Sequence[str]) -> bool:
    """Whether something else stands in quotation marks, of as many words."""
    if '"' not in words or value.number:
        return False
    quoted = list(words)[list(words).index('"') + 1 :]
    length = quoted.index('"') if '"' in quoted else 0
    return length > 1 and length == len(value.words)


def _other_number(value: Value, words: Sequence[str]) -> bool:
    if not value.number or not value.unit:
        return False
    if sign := _SIGNS.get(value.unit):
        amounts = [word[1:] for word in words if word.startswith(sign)]
        return bool(amounts) and value.number not in amounts
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
            left = len(before) > 1 and list(words[max(0, place - len(before)) : place]) == before
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
