"""Answers that are words: multiple choice, yes or no, names, and words for sets."""

from __future__ import annotations

import re
from typing import NamedTuple

from verl_agentic.reward_fns.math.grammar.lexer import NAMES
from verl_agentic.reward_fns.math.grammar.text import unwrapped, words
from verl_agentic.reward_fns.math.words.numerals import numeral

_CHOICE = re.compile(r"(?:\(\s*([A-Ja-j])\s*\)|\[\s*([A-J])\s*\]|([A-J])(?:\s*[.):](?=\s|$)|$))\s*:?\s*(.*)", re.DOTALL)
_SYNONYMS = {
    "\\emptyset": "no solution|no solutions|none|no real solution|no real solutions|empty set|null set|"
    "no solution exists|no solutions exist|no real solution exists|no real solutions exist|"
    "equation has no solution|equation has no solutions|equation has no real solutions|"
    "system has no solution|system has no solutions|"
    "there is no solution|there are no solutions|no real roots|no such number exists",
    "\\mathbb{R}": "all real numbers|all reals|any real number|all real number|reals|real numbers|all real x",
    "\\mathbb{Z}": "all integers|the integers|integers|any integer|every integer",
    "\\text{undefined}": "undefined|does not exist|dne|not defined|doesn't exist|limit does not exist|"
    "limit doesn't exist",
    "\\text{infinitely many}": "infinitely many|infinitely many solutions|there are infinitely many solutions|"
    "infinite solutions",
    "\\text{divergent}": "divergent|diverges|it diverges|series diverges|integral diverges|sequence diverges",
    "\\text{convergent}": "convergent|converges|it converges|series converges|integral converges|sequence converges",
    "\\text{impossible}": "impossible|not possible",
    "\\infty": "infinity|positive infinity|+infinity",
    "-\\infty": "negative infinity|minus infinity|-infinity",
}
_CANONICAL = {phrase: symbol for symbol, phrases in _SYNONYMS.items() for phrase in phrases.split("|")}
_EXCEPT = re.compile(r"(?:all|any|every) (?:real numbers?|reals?)(?: x)?(?:,? (?:except|other than)(?: for)?) (.+)")
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
_PERIODS = re.compile(r"[+-]\s*[0-9]*\s*[nkm]\s*\\pi(?![a-zA-Z])|[+-]\s*[0-9]*\s*\\pi\s*[nkm](?![a-zA-Z])")
_MODULO = re.compile(
    r"(?:[a-z]\s*(?:\\equiv|=)\s*)?(.+?)\s*\(?\s*\\?(?:[pb]?mod)\s*\{?\s*([1-9][0-9]{0,30})\s*\}?\s*\)?"
)


_WORDS = re.compile(r"[^\W\d_]+(?:[ ,'-]+[^\W\d_]+)*")
_SHORT_WORDS = frozenset({
    "no", "on", "so", "it", "is", "to", "up", "of", "at", "an", "as", "be", "by", "do", "go", "he", "hi", "if", "me",
    "my",
    "oh", "ok", "us", "we", "am", "pm",
})  # fmt: skip


_REMAINDER = re.compile(
    r"([0-9]+)\s*(?:,\s*)?(?:\\text\s*\{)?\s*(?:with\s+)?(?:an?\s+)?(?:R|r|[Rr]em(?:ainder|\.)?)\s*(?:of\s+)?\}?\s*([0-9]+)\s*\}?"
)
_ORDINAL = re.compile(r"([0-9]+)\s*(?:\^\s*)?\{?\s*(?:\\text\s*\{)?\s*(?:st|nd|rd|th)\s*\}{0,2}")
_BOUND = re.compile(
    r"(?:[a-z] (?=is))?(?:is )?((?:less|smaller|fewer|greater|more|larger) than(?: or equal to)?|at least|at most) "
    r"(-?[0-9./]+)"
)
_INTERVALS = {
    "less than or equal to": "(-\\infty,{}]", "smaller than or equal to": "(-\\infty,{}]",
    "fewer than or equal to": "(-\\infty,{}]", "than or equal to": "[{},\\infty)", "less than": "(-\\infty,{})",
    "smaller than": "(-\\infty,{})", "fewer than": "(-\\infty,{})", "than": "({},\\infty)", "at least": "[{},\\infty)",
    "at most": "(-\\infty,{}]",
}  # fmt: skip
_WORD = re.compile("[a-z]{3}")
_COMPOUND = re.compile(r"(?:\(?[A-Z][a-z]?[0-9]*(?:\)[0-9]*)?){2,}(?:\^?[0-9]?[-+])?")
_FIGURES = frozenset(("triangle", "trapezoid", "quadrilateral", "polygon", "prism", "pyramid", "number", "integer",
                      "function", "matrix", "graph", "parallelogram"))  # fmt: skip
_PROGRESSION = re.compile(
    r"(?:[a-z]\s*=\s*)?(?:(-?[0-9]{1,30})\s*(?:\\cdot\s*)?([nkmt])\s*([-+]\s*[0-9]{1,30})?"
    r"|(-?[0-9]{1,30})\s*([-+]\s*[0-9]{1,30})\s*(?:\\cdot\s*)?([nkmt]))"
    r"(?:\s*[,;(]?\s*(?:\\text\{[^{}]*\}|where|for)?\s*[nkmt]\s*\\in\s*\\mathbb\s*\{?\s*Z\s*\}?\s*\)?)?"
)


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
    number = numeral(plain)
    if number is not None:
        return number
    if text[:1].isdigit():
        return _of_number(text)
    bound = _BOUND.fullmatch(plain)
    if bound:
        return next(form for word, form in _INTERVALS.items() if bound[1].endswith(word)).format(bound[2])
    if " than " in text:
        for pattern, sign in _ORDERED:
            text = pattern.sub(sign, text)
    return text


def _of_number(text: str) -> str:
    """Text that begins with a number, with a remainder or the ending of an ordinal in one form."""
    division = _REMAINDER.fullmatch(text)
    if division:
        return f"\\text{{{division[1]} remainder {division[2]}}}"
    ordinal = _ORDINAL.fullmatch(text)
    return ordinal[1] if ordinal else text


def same_phrase(answer: str, reference: str) -> bool:
    """Whether two texts are the same words, apart from what changes no meaning.

    That is an "all", "prime numbers" for "primes", the order of two adjectives before the name of a figure, and how the
    numbers in a chemical formula are written.
    """
    if not _WORD.search(reference.casefold()) and not _COMPOUND.fullmatch(answer):
        return False
    if "\\" in answer.replace("\\text", "") or "\\" in reference.replace("\\text", ""):
        return False
    left, right = _phrase(answer), _phrase(reference)
    if same_words(answer, reference, left == right) and _WORD.search(left):
        return True
    compounds = [re.sub(r"\\text|\\ce|[_{}\s$]", "", text) for text in (answer, reference)]
    if compounds[0] == compounds[1] and _COMPOUND.fullmatch(compounds[0]):
        return True
    one, two = left.split(), right.split()
    return len(one) > 2 and one[-1] == two[-1] and one[-1] in _FIGURES and sorted(one) == sorted(two)


def same_words(answer: str, reference: str, equal: bool | None = None) -> bool:
    """Whether texts agree but for case and spacing; beside a number case counts, as in ``5 MPa`` and ``5 mPa``."""
    if not (words(answer) == words(reference) if equal is None else equal):
        return False
    if not any(one.isdigit() for one in reference):
        return True
    return re.findall("(?<!^)[A-Z]", unwrapped(answer)) == re.findall("(?<!^)[A-Z]", unwrapped(reference))


def _phrase(text: str) -> str:
    plain = re.sub(r"(?<!not )(?<![a-z])all (?=[a-z])", "", words(text))
    return re.sub(r"(?<![a-z])prime numbers?(?![a-z])", "primes", plain)


def progression(text: str) -> tuple[int, int] | None:
    """First term and step of ``x = 7k + 3``, where the letter runs over the integers."""
    match = _PROGRESSION.fullmatch(text)
    if match is None:
        return None
    step, first = (match[1], match[3]) if match[2] else (match[5], match[4])
    step = step.replace(" ", "")
    return (int((first or "0").replace(" ", "")), abs(int(step))) if int(step) else None


def family(text: str) -> str:
    """A general solution, the letter that it declares to run over the integers renamed; other text as it is."""
    match = _FAMILY.fullmatch(text) if "Z" in text or "integer" in text else None
    if match is None:
        return text
    solution, letter = (match.group(1), match.group(2)) if match.group(1) else (match.group(3), match.group(4))
    return _RUNNING.sub(_INDEX, solution) if set(_RUNNING.findall(solution)) == {letter} else text


def periodic(text: str) -> bool:
    """Whether a text is a general solution though it does not say so: ``\\pi/4 + k\\pi``."""
    return _PERIODS.search(text) is not None and len(set(_RUNNING.findall(text))) == 1


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
