"""What a server says that went wrong, in whatever form it says it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_KEPT = 4000
_DEEPEST = 6
# Fields that hold words, and those that hold further objects with words. What repeats the request is not among them.
_WORDS = ("message", "msg", "detail", "error", "errors", "error_description", "reason", "title", "status_msg")
_INNER = ("metadata", "raw", "base_resp", "innererror", "details")
_NAMES = ("code", "type", "status", "error_type", "param", "loc")
_NUMBERS = ("n_prompt_tokens", "n_ctx")
_STATUSES = (
    (401, re.compile(r"invalid_?api_?key|unauthenticated|unauthori[sz]ed|authentication_?error")),
    (404, re.compile(r"model_?not_?found|not_?found_?error")),
    (429, re.compile(r"rate_?limit|too_?many_?requests|resource_?exhausted|throttl")),
    (503, re.compile(r"overloaded|unavailable|server_?error|internal_?error|timeout|bad_?gateway")),
    (400, re.compile(r"invalid_?request|bad_?request|invalid_?argument|context_length_exceeded")),
)


@dataclass(frozen=True, slots=True)
class Told:
    """A server's complaint.

    Attributes:
        words: its message, codes left out.
        text: its message with all codes, names and parameters.
        code: its code, empty where it names none.
        status: HTTP status that the code stands for, ``None`` where it stands for none.
        param: the parameter that it is about, empty where it names none.
    """

    words: str
    text: str
    code: str = ""
    status: int | None = None
    param: str = ""


def read_told(body: Any) -> Told:
    """The complaint in the body of a refusal: JSON data of any form, or its text."""
    if isinstance(body, (str, bytes)):
        text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            body = text
    while isinstance(body, list) and len(body) == 1:
        body = body[0]
    words = _joined(_words(body))
    error = body.get("error") if isinstance(body, dict) else None
    fields = error if isinstance(error, dict) else body if isinstance(body, dict) else {}
    names = [str(fields[name]) for name in ("code", "type", "status", "error_type") if _is_name(fields.get(name))]
    code, param = fields.get("code"), fields.get("param")
    return Told(
        words,
        _joined([words, *_names(body)]),
        str(code) if _is_name(code) else "",
        _status(names),
        param if isinstance(param, str) else "",
    )


def error_in(body: Any) -> Told | None:
    """The error that a reply of status 200 is about, ``None`` where it holds a message of the model."""
    if not isinstance(body, dict):
        return None
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if isinstance(choice, dict):
        told = choice.get("error")
        return read_told({"error": told}) if told else None
    told = read_told(body)
    return told if told.words else None


def _words(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        # Gateways put what the server behind them said into a text.
        inner = _parsed(value) if value.startswith(("{", "[")) and depth < _DEEPEST else None
        if inner is None:
            yield value
        else:
            yield from _words(inner, depth + 1)
    elif isinstance(value, list) and depth < _DEEPEST:
        for one in value[:16]:
            yield from _words(one, depth + 1)
    elif isinstance(value, dict) and depth < _DEEPEST:
        place = value.get("loc")
        if isinstance(place, list):
            yield ".".join(str(one) for one in place[:8]) + ":"
        for name in (*_WORDS, *_INNER):
            if name in value:
                yield from _words(value[name], depth + 1)


def _names(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, list) and depth < _DEEPEST:
        for one in value[:16]:
            yield from _names(one, depth + 1)
    elif isinstance(value, dict) and depth < _DEEPEST:
        for name in _NAMES:
            if _is_name(value.get(name)):
                yield str(value[name])
        for name in _NUMBERS:
            if isinstance(value.get(name), int):
                yield f"{name}: {value[name]}"
        for name in (*_WORDS, *_INNER):
            yield from _names(value.get(name), depth + 1)


def _is_name(value: Any) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool) and value != ""


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _joined(texts: Any) -> str:
    kept: list[str] = []
    for text in texts:
        short = " ".join(str(text)[:_KEPT].split())
        if short and short not in kept:
            kept.append(short)
    return " ".join(kept)[:_KEPT]


def _status(names: list[str]) -> int | None:
    for name in names:
        if name.isascii() and name.isdigit() and len(name) == 3 and 400 <= int(name) <= 599:
            return int(name)
    for name in names:
        for status, pattern in _STATUSES:
            if pattern.search(name.lower()):
                return status
    return None
