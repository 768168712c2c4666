"""Answers in parts: labelled ones, ``(a) 3 (b) 4``, and functions by cases."""

from __future__ import annotations

import re
from typing import NamedTuple

_MAX_PARTS = 12
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
_NAME = r"[a-hA-H]|[1-9][0-2]?|[ivx]{1,4}|[IVX]{1,4}"
_LABEL = re.compile(
    rf"(?:^|(?<=[\s,;.]))(?:\\text\{{\s*)?(?:[Pp]art\s+)?(?:\((?P<round>{_NAME})\)|(?P<half>{_NAME})\)"
    rf"|(?<=[Pp]art )(?P<word>{_NAME})(?=\s*[:.)=]))\s*\}}?\s*[:.]?(?=\s)"
)
_ENDS_OPEN = re.compile(r"(?:[-+*/^=<>&|(\[{]|\\(?:times|cdot|pm|div|le|ge|ne|in|to|cup|cap|frac|text))$")
_SEPARATOR = re.compile(r"^[\s,;:]+|(?:[\s,;.]|\\\\|(?<![a-zA-Z\\])and)+$")
_CASES = re.compile(
    r"(?:[a-zA-Z]\s*(?:\(\s*[a-z]\s*\))?\s*=\s*)?\\?\{?\s*"
    r"\\begin\{(?:cases|array\}\{[lcr| ]*)\}(.*)\\end\{(?:cases|array)\}\s*\.?",
    re.DOTALL,
)
_CONDITION = re.compile(r"\\text\s*\{([^{}]*)\}")
_IF = re.compile(r"^\s*(?:if|for|when|where)(?![a-zA-Z])|[\s,;.]+$")
_REST = ("otherwise", "else", "elsewhere")


class Piece(NamedTuple):
    """One line of a function by cases; the condition is empty for all other places."""

    value: str
    condition: str


def labelled(text: str) -> dict[int, str] | None:
    """Parts by the numbers of their labels; ``None`` where there are not two labels that follow one another."""
    if (")" not in text and "art" not in text) or not _LABEL.match(text):
        return None
    marks = list(_LABEL.finditer(text))
    if not 2 <= len(marks) <= _MAX_PARTS or marks[0].start() > 0:
        return None
    for style in _styles(marks[0]):
        found = _numbered(text, marks, style)
        if found is not None:
            return found
    return None


def pieces(text: str) -> tuple[Piece, ...] | None:
    """The lines of a function by cases."""
    match = _CASES.fullmatch(text) if "\\begin{" in text and "&" in text else None
    if match is None:
        return None
    found = []
    for line in re.split(r"\\\\(?:\[[^\]]*\])?", match.group(1)):
        if not line.strip():
            continue
        value, mark, condition = line.partition("&")
        if not mark or "&" in condition:
            return None
        condition = _IF.sub("", _IF.sub("", _CONDITION.sub(r" \1 ", condition).strip())).strip()
        found.append(Piece(value.strip().rstrip(",;").strip(), "" if condition.lower() in _REST else condition))
    return tuple(found) if 2 <= len(found) <= _MAX_PARTS else None


def _styles(mark: re.Match[str]) -> list[tuple[str, ...]]:
    name = mark.group("round") or mark.group("half") or mark.group("word")
    if name.isdigit():
        return [tuple(str(number) for number in range(1, 13))]
    letters = tuple("abcdefgh")
    styles = [letters, _ROMAN]
    return [tuple(one.upper() for one in style) for style in styles] if name.isupper() else styles


def _numbered(text: str, marks: list[re.Match[str]], style: tuple[str, ...]) -> dict[int, str] | None:
    found: dict[int, str] = {}
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        name = mark.group("round") or mark.group("half") or mark.group("word")
        part = _SEPARATOR.sub("", text[mark.end() : following.start() if following else len(text)])
        if name not in style or not part or _ENDS_OPEN.search(part) or style.index(name) in found:
            return None
        found[style.index(name)] = part
    first = min(found)
    return found if set(found) == set(range(first, first + len(found))) else None
