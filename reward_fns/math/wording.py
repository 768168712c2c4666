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
    "\\mathbb{Z}": "all integers|the integers|integers|any integer|every integer",
    "\\text{undefined}": "undefined|does not exist|dne|not defined|doesn't exist|limit does not exist|"
    "limit doesn't exist",
    "\\text{infinitely many}": "infinitely many|infinitely many solutions|there are infinitely many solutions|"
    "infinite solutions",
    "\\text{divergent}": "divergent|diverges|it diverges|series diverges|integral diverges|sequence diverges",
    "\\text{convergent}": "convergent|converges|it converges|series converges|integral converges|sequence converges",
    "\\infty": "infinity|positive infinity|+infinity",
    "-\\infty": "negative infinity|minus infinity|-infinity",
}
_NUMERALS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_FRACTIONS = {"half": "1/2", "one half": "1/2", "one third": "1/3", "two thirds": "2/3", "one quarter": "1/4",
              "one fourth": "1/4", "three quarters": "3/4", "three fourths": "3/4", "dozen": "12", "hundred": "100",
              "thousand": "1000", "million": "1000000"}  # fmt: skip
_CANONICAL = {phrase: symbol for symbol, phrases in _SYNONYMS.items() for phrase in phrases.split("|")}
_CANONICAL.update({word: str(number) for number, word in enumerate(_NUMERALS)})
for _ten, _word in enumerate(_TENS, 2):
    _CANONICAL.update({f"{_word} {unit}": str(10 * _ten + one) for one, unit in enumerate(_NUMERALS[:10]) if one})
    _CANONICAL[_word] = str(10 * _ten)
_CANONICAL.update({f"{word} {many}": f"{one}{zeros}" for one, word in enumerate(_NUMERALS[:10]) if one
                   for many, zeros in (("hundred", "00"), ("thousand", "000"), ("million", "000000"))})  # fmt: skip
_CANONICAL.update(_FRACTIONS)

_EXCEPT = re.compile(r"(?:all|any|every) (?:real numbers?|reals?)(?: x)?(?:,? (?:except|other than)(?: for)?) (.+)")
_CLOCK = re.compile(r"([0-9]{1,2}:[0-9]{2})\s*([ap])\.?\s*m\.?", re.IGNORECASE)
_ORDERED = (
    (re.compile(r"\s+(?:is\s+)?(?:greater|more|larger) than or equal to\s+"), r"\\ge "),
    (re.compile(r"\s+(?:is\s+)?(?:less|smaller) than or equal to\s+"), r"\\le "),
    (re.compile(r"\s+(?:is\s+)?(?:greater|more|larger) than\s+"), ">"),
    (re.compile(r"\s+(?:is\s+)?(?:less|smaller) than\s+"), "<"),
)
_INTEGERS = r"\\in\s*\\mathbb\s*\{?\s*Z\s*\}?|(?:\\text\{\s*)?(?:is )?an(?:y)? integer\s*\}?"
_FAMILY = re.compile(
    rf"(?:\\\{{\s*(.+?)\s*(?::|\||\\mid)\s*([nkm])\s*(?:{_INTEGERS})\s*\\\}}"
    rf"|(.+?)\s*[,;(]?\s*(?:\\text\{{)?\s*(?:where|for)?\s*(?:(?:any|all|every|some) )?(?:integers? )?\}}?\s*"
    rf"(?<![a-zA-Z\\^])([nkm])\s*(?:{_INTEGERS})\s*\)?)"
)
_INDEX = r"\\nu "  # a letter that is no unit
_RUNNING = re.compile(r"(?<![a-zA-Z\\])([nkm])(?![a-zA-Z])")
_MODULO = re.compile(
    r"(?:[a-z]\s*(?:\\equiv|=)\s*)?(.+?)\s*\(?\s*\\?(?:[pb]?mod)\s*\{?\s*([1-9][0-9]{0,30})\s*\}?\s*\)?"
)


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
    """LaTeX for what has a symbol (``no solution``, ``all real numbers``, ``twenty-one``); other text as it is."""
    plain = words(text).replace("-", " ") if text[:1].isalpha() else words(text)
    known = _CANONICAL.get(plain) or _CANONICAL.get(words(text))
    if known:
        return known
    gap = _EXCEPT.fullmatch(plain)
    if gap:
        return f"\\mathbb{{R}}\\setminus\\{{{re.sub(' (?:and|or) ', ',', gap.group(1))}\\}}"
    clock = _CLOCK.fullmatch(text)
    if clock:
        return f"\\text{{{clock.group(1).lstrip('0')} {clock.group(2).lower()}m}}"
    if " than " in text:
        for pattern, sign in _ORDERED:
            text = pattern.sub(sign, text)
    return text


def family(text: str) -> str:
    """A general solution, the letter that it declares to run over the integers renamed; other text as it is."""
    match = _FAMILY.fullmatch(text) if "Z" in text or "integer" in text else None
    if match is None:
        return text
    solution, letter = (match.group(1), match.group(2)) if match.group(1) else (match.group(3), match.group(4))
    return _RUNNING.sub(_INDEX, solution) if set(_RUNNING.findall(solution)) == {letter} else text


def running(text: str) -> str:
    """The text with its only ``n``, ``k`` or ``m`` renamed so: beside a general solution, it goes without saying."""
    return _RUNNING.sub(_INDEX, text) if len(set(_RUNNING.findall(text))) == 1 else text


def residue(text: str) -> tuple[str, int] | None:
    """What stands before ``mod 12``, and 12."""
    match = _MODULO.fullmatch(text) if "mod" in text else None
    return (match.group(1), int(match.group(2))) if match else None


def names(text: str) -> frozenset[str]:
    """The words of ``{red, blue}`` and of ``Ann and Bob``, whose order does not count; empty for other text."""
    plain = unwrapped(text)
    braced = re.fullmatch(r"\\?\{(.*?)\\?\}", plain)
    parts = [
        words(part) for part in re.split(r"\s*(?:,\s*(?:and\b)?|&|\band\b)\s*", braced.group(1) if braced else plain)
    ]
    if len(parts) < 2 or not (braced or re.search(r"&|\band\b", plain)):
        return frozenset()
    return frozenset(parts) if all(map(is_prose, parts)) else frozenset()


def is_prose(text: str) -> bool:
    """Whether an answer is words only, which only equal words equal; ``xy`` and ``sin x`` are not."""
    plain = words(text)
    if not _WORDS.fullmatch(plain):
        return False
    rest = [NAMES.sub("", word) for word in re.findall(r"[^\W\d_]+", plain)]
    return any((len(word) > 2 and word.strip("xyz")) or word in _SHORT_WORDS for word in rest)
