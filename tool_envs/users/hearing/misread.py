"""What the agent restates otherwise than the user told it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import or_
from typing import NamedTuple

from verl_agentic.tool_envs.users.hearing.lines import Line
from verl_agentic.tool_envs.users.hearing.proposals import denials
from verl_agentic.tool_envs.users.hearing.words.classes import word_set
from verl_agentic.tool_envs.users.hearing.words.clean import sentences, words_of
from verl_agentic.tool_envs.users.hearing.words.phrases import spelled
from verl_agentic.tool_envs.users.hearing.words.values import (
    MIN_CODE,
    TRIVIAL,
    Value,
    compact_of,
    days_of,
    holds,
    month_of,
    units_in,
)
from verl_agentic.tool_envs.users.plan import PlannedFact

# Sums, years and times are no codes.
_AMOUNT = re.compile(r"\d{1,3}(?:,\d{3})*[.,]\d\d|(?:19|20)\d\d|\d{1,2}:\d\d")
_SIGNS = {"pound": "\u00a3", "dollar": "$", "euro": "\u20ac"}
_OFFERING = frozenset({"instead", "if", "could"})
_PERSONS = TRIVIAL | word_set("me us him her them one it myself ourselves")
_CLAIM = re.compile(
    r"(?:ok |and |thanks |well |right |, )*(?:so|to (?:summari[sz]e|sum|recap|confirm|be sure|clarify|make sure|check)"
    r"|just to|just so|i (?:understand|have noted|have you|noted|see here|gather)"
    r"|you (?:want|would|are|said|mentioned|have been|bought|have)|(?:as|if) i understand)\b"
)


class Known:
    """All that the user knows, none of which is mistaken for a mistake."""

    def __init__(self, values: Iterable[Value], expects: Iterable[Value] = ()) -> None:
        expects = list(expects)
        values = [*values, *expects]
        # What the agent may name as a number of anything.
        self._expected = {
            value.number for value in expects if value.number and (len(value.words) == 1 or value.measure)
        }
        self._days = {value.day for value in values}
        self._codes = {value.compact for value in values}

    def differs(self, value: Value, restated: _Restated) -> bool:
        """Whether words hold something like a value in its place."""
        words = restated.words
        if value.code:
            codes = (compact_of(word) for word in words if not _AMOUNT.fullmatch(word))
            return any(_mistaken(value.compact, one) for one in codes if one not in self._codes)
        if not restated.claims or restated.proposes:
            return False
        if value.day:
            day, month = value.day
            others = [other for other in days_of(words) if other not in self._days]
            return any((one == day) != (another == month) for one, another in others)
        if _other_number(value, words, self._expected):
            return True
        if value.proper and any(_misspelled(value.words[0], word) for word in words):
            return True
        return restated.itself and (_other_title(value, words) or _other_word(value, words))


class Restatements:
    """Finds what a message restates otherwise than it is."""

    def __init__(
        self, facts: Sequence[PlannedFact], values: Mapping[str, Sequence[Value]], expects: Iterable[str] = ()
    ) -> None:
        """Read what is true.

        Args:
            facts: what the user knows.
            values: what each of them holds, by its name.
            expects: what the agent may name besides.
        """
        self._values = values
        self._slips = {fact.name: [Value(text, ()) for text in fact.slip_values] for fact in facts if fact.slip}
        self._words = {fact.name: _content([*fact.ask, *fact.say]) for fact in facts}
        known = [value for several in (*values.values(), *self._slips.values()) for value in several]
        self._known = Known(known, [Value(text, ()) for text in expects])

    def wrong(self, lines: Sequence[Line], told: frozenset[str]) -> list[str]:
        """Names of the told facts in whose place a message has something else.

        Only what the agent wants to be told about counts: questions, and what they are about.
        """
        wanted = [line.wants_consent for line in lines]
        if not any(wanted) and not any(line.clauses for line in lines):
            return []
        # After a denial comes what there is instead.
        denied = list(itertools.accumulate((bool(denials(line)) for line in lines), or_, initial=False))
        restated = [
            _Restated(
                line.sentence.words,
                proposes=_proposes(line) or after,
                claims=itself
                or (not line.kinds & {"refusal", "negation"} and (next_one or bool(_CLAIM.match(line.text)))),
                itself=itself or bool(_CLAIM.match(line.text)),
            )
            for line, itself, next_one, after in zip(lines, wanted, [*wanted[1:], False], denied[:-1], strict=True)
        ]
        missing = {name: self._missing(name, lines) for name in self._values if name in told}
        found = [
            name
            for name, values in missing.items()
            if any(self._known.differs(value, one) for value in values for one in restated)
        ]
        # One mistake can stand for several facts; it is about the one that is spoken of.
        words = {word.word for line in lines for word in line.words}
        spoken = {name: len(self._words[name] & words) for name in found}
        return [name for name in found if spoken[name] == max(spoken.values())]

    def slips(self, lines: Sequence[Line]) -> list[str]:
        """Names of the facts that lines restate as the user tells them by mistake."""
        return [
            name
            for name, values in self._slips.items()
            if any(holds(value, line.sentence) for value in values for line in lines)
        ]

    def _missing(self, name: str, lines: Sequence[Line]) -> list[Value]:
        """The values of a fact that a message does not hold; where it holds some, those that stand for themselves."""
        values = self._values[name]
        held = [value for value in values if any(holds(value, line.sentence) for line in lines)]
        parts = len(values) > 1 and all(value.before for value in values)
        apart = not any(one is not two and one.compact in two.compact for one in values for two in values)
        return [value for value in values if value not in held and (not held or value.measure or (parts and apart))]


class _Restated(NamedTuple):
    """A sentence: whether it proposes something new, claims something for the user to agree to, and does so itself."""

    words: tuple[str, ...]
    proposes: bool
    claims: bool
    itself: bool


def contradicts(fact: PlannedFact, text: str, known: Iterable[str]) -> bool:
    """Whether a text that is to tell a fact tells something else of its kind.

    Args:
        fact: what is true.
        text: what was said.
        known: values of anything, none of which contradicts it.
    """
    values = [Value(value, fact.say) for value in fact.values]
    spoken = sentences(text)
    if any(holds(value, sentence) for value in values for sentence in spoken):
        return False
    others = Known([Value(value, ()) for value in known])
    said = [_Restated(one.words, proposes=False, claims=True, itself=True) for one in spoken]
    return any(others.differs(value, one) for value in values for one in said)


def _content(texts: Iterable[str]) -> set[str]:
    """The words of texts that say something."""
    return {word.word for text in texts for word in spelled(words_of(text)) if word.word not in TRIVIAL}


def _mistaken(true: str, other: str) -> bool:
    """Whether one code is the other with two signs changed at most."""
    if other == true or abs(len(true) - len(other)) > 1 or not any(char.isdigit() for char in other):
        return False
    if len(true) == len(other):
        wrong = sum(one != two for one, two in zip(true, other, strict=True))
        return wrong <= max(1, min(2, len(true) // 2 - 1)) or sorted(true) == sorted(other)
    short, long = sorted((true, other), key=len)
    return len(short) >= MIN_CODE and any(long[:place] + long[place + 1 :] == short for place in range(len(long)))


def _misspelled(true: str, other: str) -> bool:
    """Whether a word is a name with one letter changed, left out or too much; an ending is no mistake."""
    if len(true) <= MIN_CODE or abs(len(true) - len(other)) > 1 or other[:1] != true[0] or not other.isalpha():
        return False
    if len(true) == len(other):
        return sum(one != two for one, two in zip(true, other, strict=True)) == 1 and true[-1] == other[-1]
    short, long = sorted((true, other), key=len)
    return any(long[:place] + long[place + 1 :] == short for place in range(len(short)))


def _proposes(line: Line) -> bool:
    """Whether a line has something new in it, or asks for it."""
    asks = line.asks("ask") or (line.sentence.question and "request" in line.kinds)
    return bool(asks or line.kinds & {"offer", "doubt"} or _OFFERING.intersection(line.sentence.words))


def _other_title(value: Value, words: Sequence[str]) -> bool:
    """Whether something else stands in quotation marks, of as many words."""
    if '"' not in words or value.number:
        return False
    quoted = list(words)[list(words).index('"') + 1 :]
    length = quoted.index('"') if '"' in quoted else 0
    return length > 1 and length == len(value.words)


def _other_number(value: Value, words: Sequence[str], expected: Collection[str]) -> bool:
    if not value.number or not value.unit:
        return False
    if sign := _SIGNS.get(value.unit):
        amounts = [word[1:] for word in words if word.startswith(sign)]
        return bool(amounts) and value.number not in amounts
    return any(number not in (value.number, *expected) for number in units_in(words, value.unit))


def _follows(words: Sequence[str], place: int, before: list[str]) -> bool:
    """Whether these words stand before a place, and say something."""
    return list(words[max(0, place - len(before)) : place]) == before and not all(one in TRIVIAL for one in before)


def _other_word(value: Value, words: Sequence[str]) -> bool:
    if len(value.words) > 3 or value.number or value.words[-1] in _PERSONS:
        return False
    if len(value.words) > 1:
        # "Zenith Media" for "Zentro Media".
        for place in range(len(words) - len(value.words) + 1):
            window = words[place : place + len(value.words)]
            same = [one == two for one, two in zip(window, value.words, strict=True)]
            if same[-1] and same.count(False) == 1 and window[same.index(False)] not in TRIVIAL:
                return True
        return False
    for before, after in zip(value.before, value.after, strict=True):
        for place, word in enumerate(words):
            if word in TRIVIAL or word == value.words[0] or not word.isalpha():
                continue
            left = any(_follows(words, place, before[-size:]) for size in (2, 3) if len(before) >= size)
            right = bool(after) and after[0] not in TRIVIAL and list(words[place + 1 : place + 2]) == after[:1]
            if right or left:
                return True
    month = month_of(value.words[0])
    # "May" is a verb more often.
    return month is not None and any((month_of(word) or month) != month for word in words if word != "may")
