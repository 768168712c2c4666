"""Words behind a number: what it counts, or what takes it back."""

from __future__ import annotations

import re

_MAX_WORDS = 6
# Words with which what stands before them is no answer any more, or another one.
HEDGES = frozenset({
    "or", "and", "not", "no", "none", "nor", "never", "if", "unless", "but", "maybe", "perhaps", "possibly", "wait",
    "either", "except", "excluding", "excluded", "without", "basis", "false", "true", "wrong", "right", "correct",
    "incorrect",
    "invalid", "rejected", "reject", "discarded", "impossible", "extraneous", "unknown", "undefined", "alternatively",
    "instead", "otherwise", "fails", "contradicts", "violates", "mod", "modulo", "base", "than", "less", "more",
    "fewer", "greater", "smaller", "larger", "at", "least", "most", "above", "below", "under", "almost", "nearly",
    "other", "another", "missing", "negative", "minus", "plus", "times", "over", "divided", "multiplied", "squared",
    "cubed", "choose", "factorial", "half", "halves", "third", "thirds", "quarter", "quarters", "fourths", "fifths",
    "tenths", "hundredths", "thousandths", "pair", "pairs", "couple", "couples", "triple", "triples", "double",
    "doubles", "dozens", "pi", "remainder", "remainders", "where", "when", "while", "versus", "ours", "others",
    "always", "sometimes", "besides", "backwards", "upwards", "downwards", "does", "was", "has", "goes", "yes",
    "its", "this", "thus", "is", "are", "were", "be", "infinity", "inf", "zero", "one", "two", "three",
    "four", "five", "six", "seven", "eight", "nine", "ten", "to", "from", "with", "by", "sqrt", "sin", "cos", "tan",
    "cot", "sec", "csc", "log", "ln", "exp", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "im", "re", "det",
    "works", "satisfies", "holds", "remains", "exists", "gives", "yields", "means", "seems", "tens", "ones", "zeros",
    "errors", "mistakes", "guesses", "then", "equals", "contradiction", "contradictions", "unclear", "unsure",
    "guess", "estimate",
})  # fmt: skip
_PLURALS = frozenset({
    "people", "children", "men", "women", "mice", "geese", "teeth", "feet", "fish", "sheep", "deer", "dice", "oxen",
    "vertices", "indices", "matrices", "axes", "radii", "cattle", "police", "water", "rice", "paint", "milk", "juice",
    "buses", "gas", "glasses", "classes", "foci", "loci", "formulae", "criteria", "series", "species",
    "data", "money", "cash", "offspring", "aircraft", "cm", "percent", "each", "wide", "long", "high", "tall", "deep",
})  # fmt: skip
_NO_PLURAL = re.compile(r"(?:ss|us|is|[^aeiou]ths|ings)$|^(?:as|always)$")
_BEHIND = re.compile(
    r"\s+(?:left(?:\s+over)?|remaining|in total|in all|total|altogether|each|per\s.*|of\s.*|in\s.*|for\s.*)$"
)
_PHRASE = re.compile(r"[a-z]+(?:[ -][a-z]+)*")


def counts_things(name: str) -> bool | None:
    """Whether words behind a number say what it counts; ``None`` where they do not leave the number as it is.

    A count takes the plural (``7 apples``, ``12 different ways``). Words that are none (``3 white``) count nothing for
    sure: ``False``. Words that take the number back, multiply it or compare with it are no count.
    """
    name = name.strip().removesuffix(".").lower()
    if not _PHRASE.fullmatch(name):
        return None
    words = re.split(r"[ -]", name)
    if len(words) > _MAX_WORDS or any(word in HEDGES for word in words):
        return None
    if all(len(word) < 3 for word in words):
        return None
    head = _BEHIND.sub("", name) or name
    last = head.rsplit(" ", 1)[-1]
    return last in _PLURALS or (len(last) > 3 and last.endswith("s") and not _NO_PLURAL.search(last))


def singular(word: str) -> str:
    """Without the ending of a plural, and in American spelling: equal for ``metres`` and ``meter``."""
    word = re.sub(r"metre", "meter", re.sub(r"litre", "liter", word))
    return word[:-1] if word.endswith("s") and len(word) > 2 else word
