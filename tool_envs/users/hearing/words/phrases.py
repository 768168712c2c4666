"""The words by which facts are named, found in a sentence however it turns them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from verl_agentic.tool_envs.users.hearing.words.classes import ALIKE, word_set
from verl_agentic.tool_envs.users.hearing.words.clean import BLANK, words_of

_GAP = 2
_MARKS = frozenset(',;:()?!"')
_IN_TWO = {
    "pickup": ("pick", "up"),
    "dropoff": ("drop", "off"),
    "checkin": ("check", "in"),
    "checkout": ("check", "out"),
}
# The longest first.
_ALIKE: dict[str, list[tuple[tuple[str, ...], str]]] = {}
for _one, _names in ALIKE.items():
    for _words in sorted((tuple(name.split()) for name in _names.split("|")), key=len, reverse=True):
        _ALIKE.setdefault(_words[0], []).append((_words, _one))
for _several in _ALIKE.values():
    _several.sort(key=lambda pair: -len(pair[0]))
# What a word may be called where nothing has its own name.
_WIDER = {"surname": "name"}
_ASKING = word_set("when where how what which who why")
_AUXILIARIES = word_set("do did does would should can could will are is was were have has shall may")
_DOING = word_set("do did does")
_SUBJECTS = word_set("you it he she they we i this that")
_BASES = {"lost": "lose", "bought": "buy", "broken": "break", "broke": "break", "drove": "drive", "paid": "pay"}
_VERBS = word_set("order use name book pay change delay issue question number block cover charge request plan date")
_LIKE = {
    ("would", "you", "like"): (("do", "you", "want"), ("do", "you", "wish"), ("would", "you", "want")),
    ("do", "you", "want"): (("would", "you", "like"), ("do", "you", "wish")),
    ("would", "you", "prefer"): (("do", "you", "prefer"),),
}
_LINKS = frozenset({"of", "for", "on", "from", "in", "at"})


class Word(NamedTuple):
    """A word in one spelling, and where it begins in the text of its sentence."""

    word: str
    start: int


@dataclass(frozen=True, slots=True)
class _Phrase:
    words: tuple[str, ...]
    fact: str
    turned: bool
    asked: bool
    first: bool


@dataclass(frozen=True, slots=True)
class Mention:
    """A fact's words in a sentence.

    Attributes:
        fact: its name.
        places: numbers of the words.
        weight: number of words.
        head: whether what the words name is not part of something else that is said of it.
        first: whether they are the first of all words that name the fact.
    """

    fact: str
    places: tuple[int, ...]
    weight: int
    head: bool
    first: bool


def spelled(words: Iterable[str]) -> list[Word]:
    """Words in one spelling each, without plural endings."""
    words = list(words)
    found: list[Word] = []
    at = start = 0
    while at < len(words):
        word = words[at]
        if word in _IN_TWO:
            found += [Word(half, start) for half in _IN_TWO[word]]
        elif word not in _ALIKE:
            found.append(Word(_singular(word), start))
        else:
            length, one = next(
                (
                    (len(several), name)
                    for several, name in _ALIKE[word]
                    if tuple(words[at : at + len(several)]) == several
                ),
                (1, _singular(word)),
            )
            found.append(Word(one, start))
            start += sum(len(next_one) + 1 for next_one in words[at + 1 : at + length])
            at += length - 1
        start += len(word) + 1
        at += 1
    return found


class Phrases:
    """The words that name each of some things."""

    def __init__(self, named: Mapping[str, Iterable[str]]) -> None:
        self._by_first: dict[str, list[_Phrase]] = {}
        # The words of what each is named by first.
        self._names: dict[str, set[str]] = {}
        for name, texts in named.items():
            for number, text in enumerate(texts):
                words = tuple(word.word for word in spelled(words_of(text)) if word.word not in _MARKS)
                self._names.setdefault(name, set(words))
                self._add(words, name, turned=False, first=not number)
                if len(words) > 1 and words[0] in ("which", "what") and words[1] not in ("is", "are", "do", "time"):
                    self._add(words[1:], name, turned=False, asked=True)
                for other in (*_indirect(words), *_likewise(words)):
                    self._add(other, name, turned=False)
                if len(words) == 2 and not words[0].startswith(("wh", "how")):
                    self._add((words[1], words[0]), name, turned=True)

    def mentions(self, words: Sequence[Word], scope: Iterable[tuple[int, int]], *, apart: bool = True) -> list[Mention]:
        """What is named within parts of a sentence; longer wordings go before shorter ones that they hold.

        Args:
            words: the sentence's words.
            scope: begins and ends of the parts, in characters.
        """
        parts = list(scope)
        found: dict[tuple[str, tuple[int, ...]], Mention] = {}
        for place, word in enumerate(words):
            for phrase in self._beginning(word.word):
                if any(start <= word.start < end for start, end in parts):
                    places = _match(phrase, words, place)
                    if places and not (len(places) == 1 and _otherwise(words, place, apart=apart)):
                        weight, head = len(phrase.words), _is_head(words, places)
                        known = found.get((phrase.fact, places))
                        first = phrase.first or (known is not None and known.first)
                        found[phrase.fact, places] = Mention(phrase.fact, places, weight, head, first)
        if not apart:
            return list(found.values())
        kept: list[Mention] = []
        for mention in sorted(found.values(), key=lambda one: -one.weight):
            held = mention.weight == 1 and _belongs(words, mention, found.values())
            held |= any(
                other.weight > mention.weight and other.fact != mention.fact and set(other.places) & set(mention.places)
                for other in kept
            )
            # "Date of birth" is the customer's first, and somebody else's where it is named again.
            named = {other.fact for other in kept if other.places != mention.places}
            own = {words[place].word for place in mention.places} <= self._names[mention.fact]
            held |= not (mention.first or own) and any(
                other.first and other.places == mention.places and other.fact not in (mention.fact, *named)
                for other in found.values()
            )
            if not held:
                kept.append(mention)
        return sorted(kept, key=lambda one: one.places)

    def _beginning(self, word: str) -> Sequence[_Phrase]:
        return self._by_first.get(word) or self._by_first.get(_WIDER.get(word, "")) or ()

    def _add(
        self, words: tuple[str, ...], fact: str, *, turned: bool, asked: bool = False, first: bool = False
    ) -> None:
        if words:
            self._by_first.setdefault(words[0], []).append(_Phrase(words, fact, turned, asked, first))


_TELLING = word_set("share state show help check confirm")
_TOLD_TO = word_set("please kindly you to also and")
_ACTORS = frozenset(["you", "i", "we", "they"])
_QUESTION_WORDS = frozenset(["when", "where", "why", "how", "who"])
_AFTER_WHICH = _AUXILIARIES | word_set("one of it that this those these exactly you i we they , ; : ( ) ? and or")
_BEFORE_QUESTION = word_set("and or , know me us exactly : ( also ask wonder tell")


def _otherwise(words: Sequence[Word], place: int, *, apart: bool) -> bool:
    """Whether a single word is used in another sense: as a verb, or to join clauses."""
    before = words[place - 1].word if place else ""
    if apart and words[place].word in _TELLING and before in _TOLD_TO:
        return True
    if apart and words[place].word == "which" and place + 1 < len(words):
        # "Which delivery" is not the "which" of something else.
        return words[place + 1].word not in _AFTER_WHICH
    if words[place].word in _QUESTION_WORDS:
        return bool(before) and before not in _BEFORE_QUESTION
    return before in _ACTORS and words[place].word in _VERBS


def _belongs(words: Sequence[Word], mention: Mention, others: Iterable[Mention]) -> bool:
    """Whether a word is one of another fact's, as the name in "the name of your school"."""
    after = mention.places[-1] + 1
    if after >= len(words) or words[after].word != "of" or words[after - 1].word not in _OF_SOMETHING:
        return False
    return any(other.fact != mention.fact and after < other.places[0] <= after + 3 for other in others)


# An e-mail address is one, whatever it is of.
_OF_SOMETHING = word_set("name number date day kind type model title code address reference size colour color word")
_NAMED_BY = word_set("the your a desired preferred exact new")
_GIVES = word_set(
    ", : and or me us need require know have provide give tell send specify state choose pick select share enter"
    " confirm say"
)


def _indirect(words: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    """A question as it is asked within another: "when would you like" as in "tell me when you would like"."""
    if len(words) > 2 and words[0] in _ASKING and words[1] in _AUXILIARIES and words[2] in _SUBJECTS:
        yield (words[0], words[2], *words[3:]) if words[1] in _DOING else (words[0], words[2], words[1], *words[3:])


def _likewise(words: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    """The same question with another word of the same sense."""
    if len(words) > 1 and words[0] in ("which", "what") and words[1] not in _AUXILIARIES:
        yield ("what" if words[0] == "which" else "which", *words[1:])
    if words == ("when",):
        yield from (("which", "day"), ("what", "day"), ("what", "date"), ("which", "date"))
    for asks, others in _LIKE.items():
        for place in range(len(words) - len(asks) + 1):
            if words[place : place + len(asks)] == asks:
                yield from ((*words[:place], *other, *words[place + len(asks) :]) for other in others)


def _match(phrase: _Phrase, words: Sequence[Word], place: int) -> tuple[int, ...]:
    if phrase.asked and not (
        place > 1
        and words[place - 1].word in _NAMED_BY
        and words[place - 2].word in _GIVES
        and _is_head(words, (place + len(phrase.words) - 1,))
    ):
        return ()
    places = [place]
    for wanted in phrase.words[1:]:
        at = places[-1] + 1
        gap, linked = 0, at < len(words) and words[at].word in _LINKS
        while at < len(words) and words[at].word != wanted and gap < (6 if phrase.turned else _GAP):
            if words[at].word in _MARKS and not (words[at].word == "," and wanted == "or"):
                return ()
            gap, at = gap + 1, at + 1
        if at >= len(words) or words[at].word != wanted or (phrase.turned and not linked):
            return ()
        places.append(at)
    return tuple(places)


_AFTER_HEAD = word_set(
    "and or please as too also first again once so that which who where for of on in at from is are if before , ;"
    ' : ( ) ? with to when below here now by "'
) | {BLANK}


def _is_head(words: Sequence[Word], places: tuple[int, ...]) -> bool:
    after = words[places[-1] + 1].word if places[-1] + 1 < len(words) else ","
    return after in _AFTER_HEAD


@lru_cache(4096)
def _singular(word: str) -> str:
    word = word.removesuffix("'s")
    word = _BASES.get(word, word)
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "'s")):
        return word[:-3] + "y" if word.endswith("ies") and len(word) > 4 else word[:-1]
    return word
