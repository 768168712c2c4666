"""Names of quantities: what stands before ``=`` in ``AB = 4``, ``f'(2) = 5``, ``\\angle ABC = 60^\\circ``."""

from __future__ import annotations

import re

from verl_agentic.reward_fns.math.grammar.lexer import GREEK

_LANDMARK = re.compile(r"\\text\{[^{}]*\}|\\[{}]|[(\[{]|[)\]}]|[=,;]|(?<![a-zA-Z\\])(?:or|and)(?![a-zA-Z])")
_SEPARATING_TEXT = re.compile(r"\\text\{\s*(?:or|and)\s*\}")
_SYMBOL = re.compile(
    rf"\s*(?:[a-zA-Z]|\\(?:{'|'.join(sorted(GREEK))}))(?:_(?:\w|\{{\w+\}}))?\s*|\s*\(\s*\\?[a-zA-Z_0-9]+(?:\s*,\s*\\?[a-zA-Z_0-9]+)*\s*\)\s*"
)
_SCRIPTS = re.compile(r"[_^]\s*(?:\{(?:[^{}]|\{[^{}]*\})*\}|\\?[a-zA-Z]+|[0-9])")
_ARGUMENTS = re.compile(r"(?<=[a-zA-Z'}])\s*\([^()+-]*\)|(?<=[fghFGPQpqT'}])\s*\([^()]*\)")
_RELATION = re.compile(r"[<>]|\\(?:le|ge|ne|in|subset|approx|equiv|sim|mid|parallel|perp|to|iff|implies)(?![a-zA-Z])")
_ACCENTED = re.compile(r"\\(?:overline|bar|hat|vec|dot|det|arg|Re|Im)\s*\{?\s*[a-z]\s*\}?")
_DERIVATIVE = re.compile(r"d\s*\}?\s*\{?\s*[a-z]?\s*\}?\s*\{?\s*d|'")
_OPERATION = re.compile(r"\\(?:[bp]?mod|i*o?int|sum|prod|lim)(?![a-zA-Z])")
_DENIAL = re.compile(
    r"(?<![a-zA-Z])(?:[Nn]ot|[Nn]o|[Nn]ever|[Ww]rong|[Ii]ncorrect|[Ff]alse|[Ii]f|[Uu]nless|[Ww]ithout|isn't|[Nn]either)(?![a-zA-Z])"
)
_PLAIN = re.compile(r"\\text|\\(?:vec|mathbf)(?![a-zA-Z])|[{}\s~]|\\[,;! ]")
MAX_NAME = 120


def named(text: str) -> tuple[str, bool]:
    """The text with each name before a ``=``, where it is more than one letter, as one symbol: ``\\name{AB}=4``.

    A name has no number in it but as an index, an exponent or an argument: ``2x = 6`` names nothing. The second item
    tells whether one of them is an expression of unknowns, ``x^2 + y``: beside its value that may be what was asked
    for, but as a reference it is an equation.
    """
    if "=" not in text:
        return text, False
    equation = False
    parts: list[str] = []
    start = done = depth = 0
    open_ = True  # whether the item has had no sign of equality yet
    for match in _LANDMARK.finditer(text):
        mark = match.group()
        if mark in ("(", "[", "{", "\\{"):
            depth += 1
        elif mark in (")", "]", "}", "\\}"):
            depth -= 1
        elif depth:
            continue
        elif mark == "=":
            if open_ and _is_name(text[start : match.start()]):
                equation |= _is_expression(text[start : match.start()])
                parts += [text[done:start], " \\name{", _normal(text[start : match.start()]), "}"]
                done = match.start()
            open_ = False
        elif len(mark) < 4 or _SEPARATING_TEXT.fullmatch(mark):
            start, open_ = match.end(), True
    return "".join((*parts, text[done:])), equation


def _is_name(text: str) -> bool:
    if not text.strip() or len(text) > MAX_NAME or _SYMBOL.fullmatch(text):
        return False
    if _OPERATION.search(text):
        return True
    if _RELATION.search(_ARGUMENTS.sub("", text)) or _DENIAL.search(text):
        return False
    bare = _ARGUMENTS.sub("", _SCRIPTS.sub("", text))
    return bool(re.search("[a-zA-Z]", bare)) and not re.search("[0-9]", bare) and "\\pm" not in bare


def _is_expression(text: str) -> bool:
    bare = _ACCENTED.sub("", _ARGUMENTS.sub("", _SCRIPTS.sub("", text)))
    return bool(
        re.search(
            r"[-+]|(?<![a-zA-Z])(?:\\(?:sin|cos|tan|ln|log|sqrt|frac)\W*)?(?:[a-z]?[xyz][a-z]?)(?![a-zA-Z'])", bare
        )
    ) and not _DERIVATIVE.search(bare)


def _normal(text: str) -> str:
    """One form of a name; segments and angles have no direction."""
    plain = _PLAIN.sub("", text)
    if re.fullmatch("[A-Z]{2}", plain):
        return "".join(sorted(plain))
    angle = re.fullmatch(r"m?\\angle([A-Z]{3})", plain)
    if angle:
        return "\\angle" + min(angle[1], angle[1][::-1])
    return plain.casefold() if re.fullmatch("[a-zA-Z]{4,}", plain) else plain
