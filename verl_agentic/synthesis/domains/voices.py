"""How users speak: greetings, agreement, small talk and typing errors of different kinds of people."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import yaml

from verl_agentic.domains.rules import PLACEHOLDER

TYPO_SHARE = 0.25
"""Share of users whose first message has a typing error or two."""
SMALL_TALK_SHARE = 0.35


@cache
def voices() -> dict[str, dict[str, Any]]:
    """Wordings by kind of user."""
    text = (resources.files("verl_agentic.synthesis.domains") / "voices.yaml").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return found


class Voice:
    """One user's way of speaking.

    Args:
        rng: chooses the kind of user and the wordings.
        small_talk: what users of this business say beside the point.
    """

    def __init__(self, rng: random.Random, small_talk: Sequence[str] = ()) -> None:
        self.kind = rng.choice(list(voices()))
        self._words = voices()[self.kind]
        self._rng = rng
        self._small_talk = list(small_talk)

    def line(self, what: str) -> str:
        """One wording."""
        return str(self._rng.choice(self._words[what]))

    def lines(self, what: str) -> list[str]:
        """All wordings, in any order."""
        found = list(self._words[what])
        self._rng.shuffle(found)
        return found

    def opening(self, want: str, words: Mapping[str, str], kept: Sequence[str] = ()) -> str:
        """The first message: a greeting, what is wanted, and perhaps something that does not matter.

        Args:
            want: the request, with ``{fact}`` in it.
            words: the facts in words.
            kept: texts in which there must be no typing error.
        """
        said = sentence(PLACEHOLDER.sub(lambda found: words[found[1]], want))
        parts = [self.line("greeting"), said]
        if self._small_talk and self._rng.random() < SMALL_TALK_SHARE:
            parts.insert(self._rng.choice([1, 2]), self._rng.choice(self._small_talk))
        text = " ".join(part for part in parts if part)
        if self._rng.random() < TYPO_SHARE:
            text = _mistyped(text, [*kept, *words.values()], self._rng)
        return text


def sentence(text: str) -> str:
    """A text with a capital letter at its beginning, and behind every full stop."""
    pieces = text.split(". ")
    return ". ".join(piece[:1].upper() + piece[1:] for piece in pieces)


def _mistyped(text: str, kept: Sequence[str], rng: random.Random) -> str:
    """Swap or drop a letter in one or two words that stand for no fact."""
    words = text.split(" ")
    places = [
        place
        for place, word in enumerate(words)
        if len(word) > 4 and word.isalpha() and word.islower() and not any(word in one for one in kept)
    ]
    rng.shuffle(places)
    for place in places[: rng.randint(1, 2)]:
        word = words[place]
        at = rng.randint(1, len(word) - 3)
        swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        words[place] = swapped if rng.random() < 0.6 else word[:at] + word[at + 1 :]
    return " ".join(words)
