"""Tokens of a cleaned answer."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from verl_agentic.reward_fns.math.grammar.nodes import LimitError, UnreadableError

MAX_TOKENS = 500
MAX_DIGITS = 500
MAX_DECIMAL_EXPONENT = 4000

FUNCTIONS = frozenset({
    "arcsin", "arccos", "arctan", "arccot", "arcsec", "arccsc", "arcsinh", "arccosh", "arctanh", "asin", "acos",
    "atan", "sinh", "cosh", "tanh", "coth", "sech", "csch", "sin", "cos", "tan", "cot", "sec", "csc", "log", "ln",
    "lg", "exp", "cis", "sqrt", "cbrt", "abs", "floor", "ceil", "gcd", "lcm", "max", "min",
})  # fmt: skip
_ALIASES = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "infinity": "inf", "infty": "inf", "oo": "inf", "vee": "or",
    "lor": "or", "wedge": "and", "land": "and", "cdot": "*", "times": "*", "ast": "*", "div": "/", "lvert": "lvert",
    "rvert": "rvert", "langle": "(", "rangle": ")", "lbrack": "[", "rbrack": "]", "lparen": "(", "rparen": ")",
    "lbrace": "\\{", "rbrace": "\\}", "colon": ":", "mid": "|", "vert": "|", "U": "cup", "bigcup": "cup",
    "backslash": "setminus", "exponentialE": "e", "imaginaryI": "i", "over": "over", "to": "to", "ge": ">=", "le": "<=",
    "ne": "!=", "approx": "=", "equiv": "=", "sim": "=", "ln": "ln", "ell": "ell", "arsinh": "arcsinh",
    "arcosh": "arccosh", "artanh": "arctanh", "tg": "tan", "ctg": "cot", "cosec": "csc", "arctg": "arctan",
    "arcctg": "arccot",
}  # fmt: skip
GREEK = frozenset({
    "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "kappa",
    "lambda", "mu", "nu", "xi", "rho", "sigma", "tau", "phi", "varphi", "chi", "psi", "omega", "Gamma", "Delta",
    "Theta", "Lambda", "Sigma", "Phi", "Psi", "Omega", "Pi", "ell",
})  # fmt: skip
COMMANDS = FUNCTIONS | {
    "frac", "binom", "pi", "inf", "pm", "mp", "cup", "cap", "setminus", "in", "lfloor", "rfloor", "lceil", "rceil",
    "or", "and", "over", "overline", "emptyset", "degree", "choose", "bmod", "pmod", "lvert", "rvert", "prime",
    "sum", "prod", "cdots", "e", "i",
}  # fmt: skip
_NAMES = "|".join(sorted((*FUNCTIONS, "pi", "inf", "infinity", "or", "and"), key=len, reverse=True))
_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+(?![0-9a-zA-Z.]))?)"
    r"|(?P<matrix>\\(?:begin|end)\{[a-z]*matrix\}|\\(?:begin|end)\{array\}(?:\{[lcr| ]*\})?)"
    r"|(?P<field>\\mathbb\s*\{?\s*[RZQNC]\s*\}?)"
    r"|(?P<text>\\text\{[^{}]*\})"
    r"|(?P<named>\\name\{[^{}]*\})"
    r"|(?P<command>\\[a-zA-Z]+)"
    r"|(?P<row>\\\\)"
    r"|(?P<brace>\\[{}])"
    rf"|(?P<name>{_NAMES})"
    r"|(?P<letter>[a-zA-Z])"
    r"|(?P<sign>[-+*/^(){}\[\]|,;:=<>!_&%'])"
)
_LONG_WORD = re.compile(r"(?<![\\a-zA-Z{])[a-zA-Z]{4,}|\\(?:text|name)\{[^{}]*\}|\\(?:begin|end)\{[a-z]+\}")
NAMES = re.compile(_NAMES)


class Token(NamedTuple):
    """``kind`` is ``number``, ``letter``, ``field`` or, for everything else, the word itself in ``text``."""

    kind: str
    text: str
    spaced: bool
    value: Fraction = Fraction(0)


def tokens(text: str) -> list[Token]:
    """Split a cleaned answer into tokens.

    Raises:
        UnreadableError: there is something that is no token of the grammar.
        LimitError: there are too many, or a number is too long.
    """
    for word in _LONG_WORD.findall(text):
        if word[0] != "\\" and len(NAMES.sub("", word)) > 3:
            raise UnreadableError(f"word {word[:20]!r}")
    found: list[Token] = []
    position, spaced = 0, False
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise UnreadableError(f"{text[position : position + 12]!r}")
        position = match.end()
        kind = match.lastgroup or ""
        if kind == "space":
            spaced = True
            continue
        found.append(_token(kind, match.group(), spaced))
        spaced = False
        if len(found) > MAX_TOKENS:
            raise LimitError(f"more than {MAX_TOKENS} tokens")
    return found


def _token(kind: str, text: str, spaced: bool) -> Token:
    if kind == "number":
        return Token("number", text, spaced, _number(text))
    if kind == "letter" or (kind == "command" and text in ("\\top", "\\intercal")):
        return Token("letter", text if kind == "letter" else "T", spaced)
    if kind == "named":
        return Token("letter", "name:" + text[6:-1], spaced)
    if kind == "field":
        return Token("field", text.rstrip("} ")[-1], spaced)
    if kind == "text":
        word = text[6:-1].strip().lower()
        word = _ALIASES.get(word, word)
        if word in FUNCTIONS:
            return Token(word, word, spaced)
        if word in ("e", "i", "d"):
            return Token("letter", word, spaced)
        if word not in ("or", "and"):
            raise UnreadableError(f"text {word[:20]!r}")
        return Token(word, word, spaced)
    if kind == "matrix":
        return Token("begin" if text[1] == "b" else "end", text, spaced)
    if kind in ("command", "name"):
        name = text.lstrip("\\")
        name = _ALIASES.get(name, name)
        if name in GREEK:
            return Token("letter", name, spaced)
        if kind == "command" and name not in COMMANDS and name.isalpha():
            raise UnreadableError(f"command {text[:20]}")
        # "\sqrt23" is LaTeX for the root of 2, times 3; "sqrt 23" is not.
        return Token("\\sqrt" if text == "\\sqrt" else name, text, spaced)
    return Token(text, text, spaced)


def _number(text: str) -> Fraction:
    mantissa, _, exponent = text.lower().partition("e")
    if len(mantissa) > MAX_DIGITS or len(exponent) > 6 or abs(int(exponent or 0)) > MAX_DECIMAL_EXPONENT:
        raise LimitError(f"number {text[:20]}... is too long")
    return Fraction(text)
