"""Wordings: patterns of words that stand for many sentences, found by the word that they begin with.

A wording is words with blanks between them:

* ``(a|b c)`` is one of several, ``x?`` may be missing, ``(a|b)*`` stands for any number of them;
* ``!(a|b)`` means that neither comes next;
* ``<name>`` is one of a class of words, ``*ing`` and ``*ed`` are words that end so, ``word*`` words that begin so;
* ``..`` is up to four words without a mark between them, ``...`` up to nine;
* ``^`` before a wording finds it only where a clause begins.

The first word is always written out, or is one that ends so: a sentence costs one look-up a word, and not one search a
wording. A line that begins with ``|`` continues the one before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from verl_agentic.tool_envs.users.hearing.words.classes import word_set

_CONTINUED = re.compile(r"\n\s*\|")
_ATOM = re.compile(r"\s*(?:(\.\.\.?)|<(\w+)>|(!?\(|[)|])|([^\s()|<>?]+))")
_SUFFIX = {"?": "?", "*": f"{{0,{6}}}"}
_GAPS = {"..": r"(?:[^\s,;:()?!]+ ){0,4}?", "...": r"(?:[^\s,;:()?!]+ ){0,9}?"}


class _Read(NamedTuple):
    regex: str
    firsts: frozenset[str]
    optional: bool


_ENDINGS = ("ing", "ed")
_SUFFIXES = frozenset({"*ing", "*ed"})
_OPENERS = word_set(
    ', ; : ( ) ! please kindly just then so but ok now also simply first next well great thanks sorry again hi hello "'
)
_JOINERS = frozenset({"and"})
_SPEAKERS = frozenset({"i", "we"})


class Found(NamedTuple):
    """A wording in a sentence: its name, where it begins and where it ends, in characters of the text."""

    name: str
    start: int
    end: int


class Wordings:
    """Named wordings, looked for all at once."""

    def __init__(self, named: Mapping[str, str], classes: Mapping[str, str]) -> None:
        """Read the wordings.

        Args:
            named: wordings by their name, one a line.
            classes: words by the name of their class, separated by blanks; several words in one are joined by ``_``.
        """
        self._classes = {name: _Class(words.split()) for name, words in classes.items()}
        by_first: dict[str, dict[tuple[str, bool], list[str]]] = {}
        for name, lines in named.items():
            for written in filter(None, map(str.strip, _CONTINUED.sub("|", lines).splitlines())):
                opens, line = written.startswith("^"), written.lstrip("^ ")
                read, rest = self._sequence(line, 0)
                if rest != len(line) or read.optional or not read.firsts:
                    raise ValueError(f"{name}: {line!r} cannot be read from character {rest} on")
                for first in read.firsts:
                    by_first.setdefault(first, {}).setdefault((name, opens), []).append(read.regex)
        compiled: dict[str, re.Pattern[str]] = {}
        self._by_first: dict[str, list[tuple[str, bool, re.Pattern[str]]]] = {}
        for first, found in by_first.items():
            for (name, opens), regexes in found.items():
                regex = "|".join(dict.fromkeys(regexes))
                if regex not in compiled:
                    compiled[regex] = re.compile(regex)
                self._by_first.setdefault(first, []).append((name, opens, compiled[regex]))

    def begin(self, text: str, place: int) -> str:
        """The name of the first wording that a text has at a place, empty where there is none."""
        word = text[place : text.find(" ", place)]
        return next((name for name, _, regex in self._starting(word) if regex.match(text, place)), "")

    def find(self, words: Iterable[str]) -> list[Found]:
        """What occurs in a sentence, in order; a name may occur several times."""
        words = list(words)
        text = " ".join(words) + " "
        found, place, opening, spoken = [], 0, True, False
        for word in words:
            for name, opens, regex in self._starting(word):
                if (opening or not opens) and (match := regex.match(text, place)):
                    found.append(Found(name, place, match.end()))
            place += len(word) + 1
            spoken |= word in _SPEAKERS
            opening = word in _OPENERS or (word in _JOINERS and not spoken)
        return found

    def _starting(self, word: str) -> Iterable[tuple[str, bool, re.Pattern[str]]]:
        own = self._by_first.get(word, ())
        if not word.endswith(_ENDINGS):
            return own
        return [*own, *self._by_first.get("*ing" if word.endswith("ing") else "*ed", ())]

    def _sequence(self, line: str, at: int) -> tuple[_Read, int]:
        regex, firsts, optional = "", frozenset[str](), True
        while at < len(line) and (atom := _ATOM.match(line, at)) and atom[3] not in ("|", ")"):
            at = atom.end()
            if atom[1]:
                one = _Read(_GAPS[atom[1]], frozenset(), optional=True)
            elif atom[2]:
                one = self._classes[atom[2]].read
            elif atom[3]:
                one, at = self._group(line, at)
                if atom[3] == "!(":
                    one = _Read(f"(?!{one.regex})", frozenset(), optional=True)
            else:
                one = _word(atom[4])
            if suffix := _SUFFIX.get(line[at : at + 1]):
                at += 1
                one = _Read(f"(?:{one.regex}){suffix}", one.firsts, optional=True)
            regex += one.regex
            firsts |= one.firsts if optional else frozenset()
            optional &= one.optional
        return _Read(regex, firsts, optional), at

    def _group(self, line: str, at: int) -> tuple[_Read, int]:
        read = []
        while True:
            one, at = self._sequence(line, at)
            read.append(one)
            mark, at = line[at : at + 1], at + 1
            if mark != "|":
                break
        regex = f"(?:{'|'.join(one.regex for one in read)})"
        return _Read(regex, frozenset().union(*(one.firsts for one in read)), any(one.optional for one in read)), at


class _Class:
    def __init__(self, words: list[str]) -> None:
        read = [_word(word.replace("_", " ")) for word in words]
        # Longer ones first, so that "set up" is not read as "set".
        texts = sorted((one.regex for one in read), key=len, reverse=True)
        self.read = _Read(f"(?:{'|'.join(texts)})", frozenset().union(*(one.firsts for one in read)), optional=False)


def _word(word: str) -> _Read:
    first = word.split(" ", maxsplit=1)[0]
    if first.startswith("*"):
        if first not in _SUFFIXES:
            raise ValueError(f"{word!r}: no words are looked up by this ending")
        return _Read(r"[^\s]+" + re.escape(first[1:]) + " ", frozenset({first}), optional=False)
    if first.endswith("*"):
        return _Read(re.escape(first[:-1]) + r"[^\s]* ", frozenset(), optional=False)
    return _Read(re.escape(word) + " ", frozenset({first}), optional=False)
