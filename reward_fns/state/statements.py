"""What the user was told: facts looked for in the messages that the user gets to read.

A fact is a number, a phrase, ``{"all": [fact, ...]}`` (in one sentence) or ``{"any": [fact, ...]}``. Phrases match word
by word whatever their case, punctuation and currency (signs and codes beside a number); numbers match by value
(``1,250.00``, ``1.250,00`` and ``1'250`` are ``1250``, ``40,50`` is ``40.5``) and never inside of a longer number. Tool
calls, thoughts and what was cut off are not read by the user, so they tell nothing. Neither does what a sentence denies
(``no refund of 40``, ``a refund of 40 is not possible``; :mod:`verl_agentic.reward_fns.state.denial`), unless the
denial is part of the fact.

Naming everything is not telling: a sentence of more than :data:`MAX_SENTENCE_WORDS` words states nothing, and neither
does any number of a policy that names more than :data:`MAX_GUESSES` numbers which nothing it was given holds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from verl_agentic.core import BrokenTaskError, End, Trajectory
from verl_agentic.core.messages.action import parse_assistant
from verl_agentic.reward_fns.state.denial import BORDERS, Denial, Sentence, Token

MAX_SENTENCE_WORDS = 60
MAX_GUESSES = 10
MAX_MESSAGE_CHARS = 65_536
MAX_NUMBER_CHARS = 40
MAX_NESTING = 4

# Not at the point in "3.5" or the comma in "1,250".
_SENTENCE_END = re.compile(r"[.!?;](?:\s+|$)|\n")
_TOKEN = re.compile(
    r"(?P<number>(?<![\w.,])(?:(?<=[\s(:=$€£¥])-|^-)?(?:"
    r"[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]{1,2}|[0-9]+,[0-9]{2}(?![0-9]|[.,][0-9])"
    r"|(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,3}(?:'[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?)(?![\w]))"
    r"|(?P<word>\w+(?:'\w+)*|%)"
    r"|(?P<border>[,:()\u2013\u2014]|\s-\s)"
)
_DECIMAL_COMMA = re.compile(r"[-0-9.]+,[0-9]{1,2}")
_GROUPED = re.compile(r"(?<=[0-9])[\u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")
_STRAIGHT = str.maketrans({"\u2212": "-", "\u2019": "'"})
_CURRENCIES = frozenset(
    ("usd", "eur", "gbp", "chf", "jpy", "cny", "inr", "cad", "aud", "nzd", "sek", "nok", "dkk", "pln", "brl", "krw")
)


@dataclass(frozen=True, slots=True)
class StatedFact:
    """One fact: phrases that all stand in one sentence, or alternatives of which one does.

    Attributes:
        text: the fact as the task words it, for people.
        phrases: tokens of each phrase.
        alternatives: facts of which any will do; ``phrases`` is empty then.
    """

    text: str
    phrases: tuple[Sentence, ...] = ()
    alternatives: tuple[StatedFact, ...] = ()


@dataclass(frozen=True, slots=True)
class SpokenText:
    """One sentence.

    Attributes:
        tokens: its words and numbers.
        denied: whether a phrase that begins and ends at two places is denied.
    """

    tokens: Sentence
    denied: Denial


@dataclass(slots=True)
class ToldFacts:
    """What the user was told.

    Attributes:
        sentences: every sentence short enough to state something.
        guesses: whether more numbers were named than could be known.
    """

    sentences: list[SpokenText] = field(default_factory=list)
    guesses: bool = False

    def states(self, fact: StatedFact) -> bool:
        """Whether the user was told ``fact``."""
        if fact.alternatives:
            return any(self.states(one) for one in fact.alternatives)
        if self.guesses and any(isinstance(token, Decimal) for phrase in fact.phrases for token in phrase):
            return False
        return any(all(_holds(sentence, phrase) for phrase in fact.phrases) for sentence in self.sentences)


def read_fact(value: Any, where: str, nesting: int = 0) -> StatedFact:
    """A fact from a task's data.

    Args:
        value: a number, a text, or an object with ``all`` or ``any``.
        where: the field, for error messages.
        nesting: how deep in other facts it stands.

    Raises:
        BrokenTaskError: it is none of these, or nothing could ever match it.
    """
    if isinstance(value, dict) and len(value) == 1 and nesting < MAX_NESTING:
        (key, items) = next(iter(value.items()))
        if key in ("all", "any") and isinstance(items, list) and items:
            parts = tuple(read_fact(item, f"{where}.{key}", nesting + 1) for item in items)
            text = f"{key} of {', '.join(part.text for part in parts)}"
            if key == "any":
                return StatedFact(text, alternatives=parts)
            if not any(part.alternatives for part in parts):
                return StatedFact(text, tuple(phrase for part in parts for phrase in part.phrases))
            raise BrokenTaskError(f"{where}: 'any' inside of 'all' is not possible; turn them round")
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        tokens = tuple(_tokens(str(value)))
        if tokens:
            return StatedFact(repr(value), (tokens,))
    raise BrokenTaskError(f"{where} must be a number, a text with words, or an object with a list 'all' or 'any'")


def told(trajectory: Trajectory, given: Iterable[str] = ()) -> ToldFacts:
    """Everything the user was told in a trajectory.

    Args:
        trajectory: the finished trajectory.
        given: further texts that the policy was given, its prompt above all.
    """
    result = ToldFacts()
    named: set[Decimal] = set()
    for message in messages_to_user(trajectory):
        for text in _SENTENCE_END.split(message[:MAX_MESSAGE_CHARS]):
            parts = list(_parts(text))
            sentence = tuple(part for part in parts if part not in BORDERS)
            named.update(token for token in sentence if isinstance(token, Decimal))
            if sentence and len(sentence) <= MAX_SENTENCE_WORDS:
                result.sentences.append(SpokenText(sentence, Denial(parts)))
    if len(named) > MAX_GUESSES:
        heard = [turn.content for turn in trajectory.turns if turn.role != "assistant"]
        for text in (*given, *heard):
            named.difference_update(token for token in _tokens(text) if isinstance(token, Decimal))
        result.guesses = len(named) > MAX_GUESSES
    return result


def messages_to_user(trajectory: Trajectory) -> list[str]:
    """What the user got to read, in order: questions, statements and the answer."""
    spoken = [turn.content for turn in trajectory.turns if turn.role == "assistant"]
    if not spoken:
        return [trajectory.answer] if trajectory.answer else []
    # The last message was cut, or there was nobody to read it.
    if trajectory.end in (End.MAX_TOKENS, End.NO_USER):
        spoken.pop()
    return [message for message in map(shown_to_user, spoken) if message]


def shown_to_user(text: str) -> str:
    """What the user gets to read of a message; empty where nothing of it is for the user."""
    action = parse_assistant(text)
    return action.message if action.answer is None else action.answer


def _tokens(text: str) -> Iterator[Token]:
    return (part for part in _parts(text) if part not in BORDERS)


def _parts(text: str) -> Iterator[Token]:
    """Words, numbers and the marks that part clauses. A currency beside a number is left out, as its sign is."""
    read = list(_read(text))
    for place, part in enumerate(read):
        beside = read[max(0, place - 1) : place + 2]
        if not (part in _CURRENCIES and any(isinstance(other, Decimal) for other in beside)):
            yield part


def _read(text: str) -> Iterator[Token]:
    # No-break spaces inside of a number group its digits.
    text = _GROUPED.sub("'", text)
    for match in _TOKEN.finditer(unicodedata.normalize("NFKC", text).casefold().translate(_STRAIGHT)):
        number = match["number"]
        # Codes such as 0417 are names, not values.
        is_code = number and len(number) > 1 and number[0] == "0" and number[1] not in ".,"
        if number and not is_code and len(number) <= MAX_NUMBER_CHARS:
            if _DECIMAL_COMMA.fullmatch(number):
                number = number.replace(".", "").replace(",", ".")
            yield Decimal(number.replace(",", "").replace("'", ""))
        else:
            yield match[0].strip()


def _holds(said: SpokenText, phrase: Sentence) -> bool:
    size, tokens = len(phrase), said.tokens
    return any(
        tokens[start : start + size] == phrase and not said.denied.of(start, start + size)
        for start in range(len(tokens) - size + 1)
    )
