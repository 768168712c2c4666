"""JSON as RFC 8259 has it: no NaN or infinities, no key twice, no half of a surrogate pair, no bomb of brackets."""

from __future__ import annotations

import json
import re
from typing import Any

MAX_NESTING = 64
"""Deepest data that is read."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_BRACKET = re.compile(r"[\[\]{}()]")
# The closing quote is optional so that one left open is not scanned again from each quote in it.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)


def decode_json(text: str) -> Any:
    """JSON data, strictly.

    Raises:
        ValueError: saying what is wrong.
    """
    if text.count("{") + text.count("[") > MAX_NESTING and nesting(_STRING.sub("", text)) > MAX_NESTING:
        raise ValueError(f"nested deeper than {MAX_NESTING}")
    try:
        data = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos + 1}") from error
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if _SURROGATE.search(text):
        try:
            json.dumps(data, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError("half of a surrogate pair") from error
    return data


def nesting(text: str) -> int:
    """How deep the brackets of a text are nested, those within its strings counted like all others."""
    depth = deepest = 0
    for bracket in _BRACKET.findall(text):
        depth += 1 if bracket in "[{(" else -1
        deepest = max(deepest, depth)
    return deepest


def end_of_json(text: str, start: int) -> int:
    """Where the object or list that begins at ``start`` ends, -1 where none that is well formed does."""
    try:
        return _SCANNER.raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return -1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"key {twice[:64]!r} stands twice")
    return found


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"number {text[:32]} is too large")
    return value


def _constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_float, parse_constant=_constant)
_SCANNER = json.JSONDecoder(parse_float=len, parse_int=len)
