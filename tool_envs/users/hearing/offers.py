"""Whether what a message wants the user to agree to is something else than what the user asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import Enum
from functools import cached_property

from verl_agentic.tool_envs.users.hearing.lines import Line
from verl_agentic.tool_envs.users.hearing.words.classes import word_set
from verl_agentic.tool_envs.users.hearing.words.clean import words_of
from verl_agentic.tool_envs.users.hearing.words.phrases import spelled
from verl_agentic.tool_envs.users.hearing.words.values import TRIVIAL, Value, days_of, holds

_INSTEAD = re.compile(r"\b(?:instead|alternatively|alternatives?|another option|different option|other option) ")
_OFFER = re.compile(
    r"\b(?:(?:i|we) (?:can|could|would be able to|am able to|are able to|would|may) (?:[a-z]+ ){0,2}?(?:offer|propose)"
    r"|(?:what|all) (?:i|we) (?:can|could) (?:do|offer|suggest)|(?:i|we) (?:also |now |currently )?(?:offer|propose"
    r"|suggest)"
    r"|(?:my|our) (?:suggestion|proposal)) "
)
# What the agent does of its own accord carries out what was asked.
_ITSELF = ("me to ", "us to ")
# After these comes what is offered, and nothing that is only announced.
_WANTED = re.compile(
    r"\b(?:would|do) you (?:also |perhaps |maybe |rather )?(?:like|accept|want|prefer|consider|take|settle for"
    r"|be interested"
    r" in|be open to|be happy with|be ok with|be fine with|be willing to) |\b(?:how|what) about |\binterested in "
)
_CARRIES_ON = word_set(
    "me us to it that this them these those one proceed go ahead continue do make submit confirm request process change"
    " action option solution arrangement help know book place next step would like want please now then so with for and"
    " or in case yes no if as well also same further set up take have get receive use send your you i we be can could"
    " will shall should accept agree alternative instead rather offer offered"
)
_DAYS = word_set(
    "monday tuesday wednesday thursday friday saturday sunday tomorrow today tonight morning afternoon evening noon"
    " week date day time slot appointment"
)
_CLOCK = re.compile(r"\b\d{1,2}[:.]\d\d\b|\b\d{1,2} (?:am|pm)\b|\b20\d\d-\d\d-\d\d\b")
_STEM = 5


class Offer(Enum):
    """What is offered that the user did not ask for."""

    INSTEAD = "instead"
    """Something in place of what is wanted, which is a no."""
    BESIDES = "besides"
    """Something that has nothing to do with it."""


class Wants:
    """The words of what a user asks for."""

    def __init__(self, texts: Iterable[str], expects: Iterable[str] = ()) -> None:
        """Read what is wanted.

        Args:
            texts: what the user says and is asked for.
            expects: what the agent may name in carrying it out.
        """
        self._texts = list(texts)
        self._expects = [Value(text, ()) for text in expects]

    @cached_property
    def _stems(self) -> frozenset[str]:
        return frozenset(word[:_STEM] for text in self._texts for word in _content(words_of(text)))

    def other(self, lines: Sequence[Line], *, refused: bool) -> Offer | None:
        """What lines offer that is not wanted, ``None`` where they offer nothing of that kind.

        Args:
            lines: a message that wants the user to agree.
            refused: whether the agent has said no before.
        """
        denied = refused
        offered: list[Line] = []
        for line in lines:
            if "refusal" in line.kinds and not denied:
                denied, offered = True, []
            instead = bool(_INSTEAD.search(line.text))
            if instead or _OFFER.search(line.text):
                offered.append(line)
            if not line.wants_consent:
                continue
            if any(holds(value, one.sentence) for one in (*offered, line) for value in self._expects):
                return None
            if (instead and denied) or ((instead or (denied and offered)) and not self._holds(line)):
                return Offer.INSTEAD
            wanted = _WANTED.search(line.text)
            if wanted and (denied or offered) and self._is_other(line, wanted.end(), offered, denied=denied):
                return Offer.INSTEAD if denied else Offer.BESIDES
        return None

    def _is_other(self, line: Line, at: int, offered: Sequence[Line], *, denied: bool) -> bool:
        things = _content(line.text[at:].split())
        if line.text.startswith(_ITSELF, at):
            return False
        if things and denied:
            return not self._hold(things) and not _is_time(line)
        # "Would you like that?" is about what was offered before.
        before = [thing for one in offered for thing in _content(one.sentence.words)]
        return bool(before) and not self._hold([*before, *things]) and not any(map(_is_time, offered))

    def _holds(self, line: Line) -> bool:
        return self._hold(_content(line.sentence.words))

    def _hold(self, words: Iterable[str]) -> bool:
        return any(word[:_STEM] in self._stems for word in words)


def content_of(text: str) -> list[str]:
    """The words of a text that say what it is about, in one spelling each."""
    return _content(words_of(text))


def _content(words: Iterable[str]) -> list[str]:
    found = (word.word for word in spelled(words))
    return [word for word in found if word not in TRIVIAL and word not in _CARRIES_ON and word[0].isalpha()]


def _is_time(line: Line) -> bool:
    words = line.sentence.words
    return bool(_DAYS.intersection(words) or days_of(words) or _CLOCK.search(line.text))
