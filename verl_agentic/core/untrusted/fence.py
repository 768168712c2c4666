"""Text of strangers - a policy, a tool - handed to a model as data, and never as anything else."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import unicodedata
from typing import Any

# All but printable ASCII without angle brackets.
_PECULIAR = re.compile(r"[^ -;=?-~]")


def encoded(value: Any) -> str:
    """JSON of ``value`` on one line, without invisible characters and without angle brackets, of which chat templates
    make their control tokens; both appear as escapes."""
    return _PECULIAR.sub(lambda found: escaped(found[0]), json.dumps(value, ensure_ascii=False))


def fenced(value: Any) -> str:
    """:func:`encoded` JSON between two equal lines of 32 hexadecimal digits.

    The line is a hash of what stands between, so nothing in it can hold its own fence, and the same data always reads
    the same: replies can be repeated by seed and found in a cache.
    """
    data = encoded(value)
    boundary = hashlib.sha256(data.encode()).hexdigest()[:32]
    return f"{boundary}\n{data}\n{boundary}"


def clipped(text: str, limit: int) -> str:
    """At most ``limit`` characters (64 or more) of a text: two thirds from its head, the rest from its tail."""
    if len(text) <= limit:
        return text
    mark = f" [{len(text) - limit} or more characters left out] "
    room = limit - len(mark)
    head = room * 2 // 3
    return text[:head] + mark + text[len(text) - (room - head) :]


@functools.lru_cache(maxsize=4096)
def escaped(char: str) -> str:
    """One character of JSON as :func:`encoded` shows it."""
    if char in "<>":
        return f"\\u{ord(char):04x}"
    folded = unicodedata.normalize("NFKC", char)
    return char if char.isprintable() and "<" not in folded and ">" not in folded else json.dumps(char)[1:-1]
