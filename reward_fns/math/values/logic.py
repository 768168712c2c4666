"""Formulas of propositions, ``p \\lor q``, and of sets that are letters, ``A \\cap B``, by their truth tables."""

from __future__ import annotations

import re

_MAX_TOKENS = 80
_MAX_NAMES = 8
_TOKEN = re.compile(
    r"\s*(?:(?P<word>\\[a-zA-Z]+)|(?P<letter>[a-zA-Z](?:_\w)?)|(?P<complement>\^\s*\{?\s*(?:c|\\complement)(?![a-z])\s*\}?|')"
    r"|(?P<sign>[(){}~]))\s*"
)
_CONNECTIVES = {
    "\\land": "and", "\\wedge": "and", "\\cap": "and", "\\lor": "or", "\\vee": "or", "\\cup": "or",
    "\\setminus": "without", "\\oplus": "xor", "\\triangle": "xor", "\\to": "if", "\\rightarrow": "if",
    "\\Rightarrow": "if", "\\implies": "if", "\\leftrightarrow": "iff", "\\Leftrightarrow": "iff", "\\iff": "iff",
    "\\neg": "not", "\\lnot": "not", "~": "not", "\\overline": "not", "\\bar": "not",
}  # fmt: skip
_ANY = re.compile("|".join(re.escape(word) for word in _CONNECTIVES if word[0] == "\\"))
_BINARY = (("iff",), ("if",), ("or", "xor"), ("and", "without"))
"""Loosest first."""


def same_formula(answer: str, reference: str) -> bool | None:
    """Whether both formulas are true for the same values; ``None`` where one is no such formula."""
    if not _ANY.search(answer) or not _ANY.search(reference):
        return None
    parsed = [_tokens(answer), _tokens(reference)]
    if not all(parsed):
        return None
    names = sorted({word for tokens in parsed for kind, word in tokens if kind == "name"})
    if len(names) > _MAX_NAMES:
        return None
    width = 2 ** len(names)
    columns = {name: sum(1 << row for row in range(width) if row >> index & 1) for index, name in enumerate(names)}
    try:
        return len({_Formula(tokens, columns, (1 << width) - 1).value() for tokens in parsed}) == 1
    except SyntaxError:
        return None


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or len(found) > _MAX_TOKENS:
            return []
        position = match.end()
        word = match.group().strip()
        kind = match.lastgroup
        if kind == "letter":
            found.append(("name", word))
        elif kind == "complement":
            found.append(("complement", ""))
        elif word in _CONNECTIVES:
            found.append((_CONNECTIVES[word], word))
        elif kind == "sign":
            found.append(({"{": "(", "}": ")"}.get(word, word), word))
        else:
            return []
    return found


class _Formula:
    """A value is the column of the truth table, a bit for each row."""

    def __init__(self, tokens: list[tuple[str, str]], columns: dict[str, int], full: int) -> None:
        self._tokens, self._columns, self._full = tokens, columns, full
        self._position = 0

    def value(self) -> int:
        found = self._level(0)
        if self._position < len(self._tokens):
            raise SyntaxError
        return found

    def _peek(self) -> str:
        return self._tokens[self._position][0] if self._position < len(self._tokens) else ""

    def _level(self, level: int) -> int:
        if level == len(_BINARY):
            return self._unary()
        left = self._level(level + 1)
        while self._peek() in _BINARY[level]:
            kind = self._peek()
            self._position += 1
            right = self._level(level if kind == "if" else level + 1)
            left = {
                "and": left & right,
                "or": left | right,
                "xor": left ^ right,
                "without": left & ~right,
                "if": ~left | right,
                "iff": ~(left ^ right),
            }[kind] & self._full
        return left

    def _unary(self) -> int:
        kind = self._peek()
        self._position += 1
        if kind == "not":
            return ~self._unary() & self._full
        if kind == "(":
            found = self._level(0)
            if self._peek() != ")":
                raise SyntaxError
            self._position += 1
        elif kind == "name":
            found = self._columns[self._tokens[self._position - 1][1]]
        else:
            raise SyntaxError
        while self._peek() == "complement":
            self._position += 1
            found = ~found & self._full
        return found
