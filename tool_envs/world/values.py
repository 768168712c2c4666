"""Values on their way between tools and SQL: arguments that are bound, JSON in columns, values shown in messages."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from verl_agentic.tool_envs.base import ToolError

MAX_ARGUMENT_CHARS = 1000
MAX_ARGUMENT_NESTING = 16
MAX_SHOWN_CHARS = 60

PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
"""What a message may hold: the name of an argument in braces."""

_MAX_INTEGER = 2**63 - 1

BoundValue = str | int | float | None


def plain_value(key: str, value: Any) -> BoundValue:
    """A text, number or nothing as it is.

    Raises:
        ToolError: it is something else, or more than a column should hold.
    """
    if value is not None and not isinstance(value, str | int | float):
        raise ToolError(f"{key[:64]} must be a text or a number")
    if isinstance(value, str) and len(value) > MAX_ARGUMENT_CHARS:
        raise ToolError(f"{key[:64]} is longer than {MAX_ARGUMENT_CHARS} characters")
    if isinstance(value, float) and not math.isfinite(value):
        raise ToolError(f"{key[:64]} must be finite")
    return value


def json_value(key: str, value: Any) -> BoundValue:
    """As :func:`plain_value`; arrays and objects as JSON text, which is as long as a text may be.

    Raises:
        ToolError: it is no JSON data, or more than a column should hold.
    """
    if not isinstance(value, list | dict):
        return plain_value(key, value)
    _check_size(key, value)
    text = json.dumps(value, ensure_ascii=False)
    if len(text) > MAX_ARGUMENT_CHARS:
        raise ToolError(f"{key[:64]} is longer than {MAX_ARGUMENT_CHARS} characters as JSON")
    return text


def decoded(text: Any) -> Any:
    """The JSON data that a column holds as text; what is no JSON stays as it is."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError):
        return text


def filled(message: str, values: Mapping[str, BoundValue]) -> str:
    """A message with values for the ``{argument}`` that it names, each on one line and shortened."""
    if "{" not in message:
        return message
    return PLACEHOLDER.sub(lambda match: _shown(values[match[1]]) if match[1] in values else match[0], message)


def new_id(seed: int, number: int) -> str:
    """What ``:new_id`` is for the ``number``-th call of a session, from 0, that takes one and succeeds."""
    digest = hashlib.blake2b(f"{seed} {number}".encode(), digest_size=5).digest()
    return base64.b32encode(digest).decode()


def _shown(value: BoundValue) -> str:
    text = " ".join(value.split()) if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}..."


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _check_size(key: str, value: list[Any] | dict[str, Any]) -> None:
    """Bound what is written as JSON before it is written; every item takes a character at least."""
    left = MAX_ARGUMENT_CHARS
    waiting: list[tuple[Any, int]] = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        left -= len(item) if isinstance(item, str | list | dict) else 1
        if isinstance(item, dict):
            left -= sum(map(len, item)) if left >= 0 else 0
        if left < 0:
            raise ToolError(f"{key[:64]} is longer than {MAX_ARGUMENT_CHARS} characters as JSON")
        if depth > MAX_ARGUMENT_NESTING:
            raise ToolError(f"{key[:64]} is nested more than {MAX_ARGUMENT_NESTING} levels deep")
        if isinstance(item, list | dict):
            waiting.extend((one, depth + 1) for one in (item.values() if isinstance(item, dict) else item))
        elif isinstance(item, int):
            if abs(item) > _MAX_INTEGER:
                raise ToolError(f"{key[:64]} holds a number that is out of range")
        elif isinstance(item, float):
            if not math.isfinite(item):
                raise ToolError(f"{key[:64]} holds a number that is not finite")
        elif item is not None and not isinstance(item, str):
            raise ToolError(f"{key[:64]} must be JSON data")
