"""Answers that are words: multiple choice, yes or no, names, and words for sets."""

from __future__ import annotations

import re
from typing import NamedTuple

from verl_agentic.reward_fns.math.lexer import NAMES
from verl_agentic.reward_fns.math.text import unwrapped, words

_CHOICE = re.compile(r"(?:\(\s*([A-Ja-j])\s*\)|\[\s*([A-J])\s*\]|([A-J])(?:\s*[.):](?=\s|$)|$))\s*:?\s*(.*)", re.DOTALL)
_SYNONYMS = {
    "\\emptyset": "no solution|no solutions|none|no real solution|no real solutions|empty set|null set|"
    "there is no solution|there are no solutions|no real roots|no such number exists",
    "\\mathbb{R}": "all real numbers|all reals|any real number|all real number|reals|real numbers|all real x",
    "\\text{undefined}": "undefined|does not exist|dne|not defined|doesn't exist|limit does not exist",
    "\\infty": "infinity|positive infinity|+infinity",
    "-\\infty": "negative infinity|minus infinity|-infinity",
}
_NUMERALS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
_CANONICAL = {phrase: symbol for symbol, phrases in _SYNONYMS.items() for phrase in phrases.split("|")}
_CANONICAL.update({word: str(number) for number, word in enumerate(_NUMERALS.split())})


_WORDS = re.compile(r"[^\W\d_]+(?:[ ,'-]+[^\W\d_]+)*")
_SHORT_WORDS = frozenset({
    "no", "on", "so", "it", "is", "to", "up", "of", "at", "an", "as", "be", "by", "do", "go", "he", "hi", "if", "me",
    "my",
    "oh", "ok", "us", "we", "am", "pm",
})  # fmt: skip


class Choice(NamedTuple):
    """One option of a multiple-choice question, and what stands behind its letter."""

    letter: str
    rest: str


def choice(text: str) -> Choice | None:
    """The option that a cleaned answer names: ``B``, ``(B)``, ``B.``, ``\\text{(B)} 12``."""
    match = _CHOICE.fullmatch(unwrapped(text).strip())
    if match is None:
        return None
    return Choice((match.group(1) or match.group(2) or match.group(3)).upper(), match.group(4).strip())


def canonical(text: str) -> str:
    """LaTeX for what has a symbol (``no solution``, ``all real numbers``); other text as it is."""
    return _CANONICAL.get(words(text), text)


def is_prose(text: str) -> bool:
    """Whether an answer is words only, which only equal words equal; ``xy`` and ``sin x`` are not."""
    plain = words(text)
    if not _WORDS.fullmatch(plain):
        return False
    rest = [NAMES.sub("", word) for word in re.findall(r"[^\W\d_]+", plain)]
    return any(len(word) > 2 or word in _SHORT_WORDS for word in rest)
