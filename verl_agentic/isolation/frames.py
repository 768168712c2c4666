"""Messages to and from a process that can be killed: a 4-byte big-endian length and as much JSON, read with a limit."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

HEADER = struct.Struct(">I")


class BrokenFrameError(Exception):
    """The other side sent what is no message, or ended."""


def framed(body: bytes) -> bytes:
    """A body as it travels."""
    return HEADER.pack(len(body)) + body


def encode(message: dict[str, Any]) -> bytes:
    """A message as it travels."""
    return framed(json.dumps(message).encode("ascii"))


def decode(body: bytes) -> dict[str, Any]:
    """The message in ``body``.

    Raises:
        BrokenFrameError: it is not a JSON object.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BrokenFrameError("no JSON") from error
    if not isinstance(message, dict):
        raise BrokenFrameError("no object")
    return message


def read_exactly(read: Callable[[int], bytes], size: int) -> bytes:
    """``size`` bytes of a blocking stream.

    Raises:
        BrokenFrameError: it ended before.
    """
    data = bytearray()
    while len(data) < size:
        piece = read(min(size - len(data), 1 << 16))
        if not piece:
            raise BrokenFrameError("end of stream")
        data += piece
    return bytes(data)
