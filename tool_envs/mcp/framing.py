"""Lines of JSON-RPC from an MCP server's standard output, with a bound on their length."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

from mcp_types import ErrorData, JSONRPCError, JSONRPCMessage, RequestId, jsonrpc_message_adapter

logger = logging.getLogger(__name__)

RESULT_TOO_LONG = -32090
"""JSON-RPC error code, of the range left to implementations, that stands for a reply that was too long to read."""
UNREADABLE = -32091
"""The same for a reply that is none, whatever its length."""

# Where an id of the message itself can be told from one inside of it: right at the start, or before the last brace.
_ID = rb'"id"\s*:\s*(?:(?P<number>\d{1,18})|"(?P<text>[^"\\]{1,64})")'
_MARK = rb'(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?'
_ID_FIRST = re.compile(rb"\s*\{\s*" + _MARK + _ID + rb"\s*,")
_ID_LAST = re.compile(rb",\s*" + _ID + rb'\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$')
# A request or notification of the server's own, whose id is none of ours.
_METHOD_FIRST = re.compile(rb"\s*\{\s*" + _MARK + rb"(?:" + _ID + rb'\s*,\s*)?"method"\s*:')
_LONE_SURROGATE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_KEPT = 256
_SHOWN = 100


class UnreadableMessageError(ValueError):
    """A server wrote a message that cannot be read, and whose request cannot be told from it."""


class LineReader:
    """Cuts a byte stream into messages in linear time, holding no more than ``max_bytes`` of a line.

    Attributes:
        ignored: lines that were no messages.
        last_ignored: the beginning of the last of them.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._line = bytearray()
        self._tail = bytearray()
        self._length = 0
        self.ignored = 0
        self.last_ignored = b""

    def feed(self, chunk: bytes) -> list[JSONRPCMessage | UnreadableMessageError]:
        """The messages that ``chunk`` completes.

        Lines that are no JSON-RPC are ignored and counted, as logs and other stray output, JSON or not. Bytes that are
        no UTF-8 and halves of surrogate pairs are replaced. A reply that cannot be read, or is too long, becomes an
        error reply to its request, with the code :data:`UNREADABLE` or :data:`RESULT_TOO_LONG`; where its request
        cannot be told, an error that says so.
        """
        messages: list[JSONRPCMessage | UnreadableMessageError] = []
        first, *others = chunk.split(b"\n")
        self._add(first)
        for piece in others:
            if (message := self._message()) is not None:
                messages.append(message)
            self._line.clear()
            self._tail.clear()
            self._length = 0
            self._add(piece)
        return messages

    def _add(self, piece: bytes) -> None:
        self._length += len(piece)
        room = self._max_bytes - len(self._line)
        self._line += piece[: max(0, room)]
        self._tail = (self._tail + piece[-_KEPT:])[-_KEPT:]

    def _message(self) -> JSONRPCMessage | UnreadableMessageError | None:
        line = bytes(self._line)
        if not line.lstrip().startswith(b"{"):
            self._ignore(line)
            return None
        if self._length > self._max_bytes:
            return self._unreadable(line, None, RESULT_TOO_LONG)
        if (message := _parsed(line)) is not None:
            return message
        line = clean_json(line)
        if (message := _parsed(line)) is not None:
            return message
        try:
            data = json.loads(line)
        except (ValueError, RecursionError):
            return self._unreadable(line, None, UNREADABLE)
        return _failed_reply(data) or self._unreadable(line, data, UNREADABLE)

    def _unreadable(self, line: bytes, data: Any, code: int) -> JSONRPCError | UnreadableMessageError | None:
        """What stands for a line that is no message: a reply's error, or nothing where it is no reply."""
        if isinstance(data, dict):
            is_reply = "method" not in data and ("jsonrpc" in data or set(data) == {"id", "result"})
            found = data.get("id")
            request = found if isinstance(found, (int, str)) and not isinstance(found, bool) else None
        else:
            head, request = line[:_KEPT], _request_id(line[:_KEPT], bytes(self._tail))
            # What is too long is a reply where an id is found as well as where it says what it is.
            is_reply = b'"jsonrpc"' in head or (code == RESULT_TOO_LONG and request is not None)
            is_reply = is_reply and not _METHOD_FIRST.match(head)
        if not is_reply:
            self._ignore(line)
            return None
        if code == RESULT_TOO_LONG:
            what = f"result of {self._length} bytes, more than {self._max_bytes}"
        else:
            what = f"malformed message: {line[:_SHOWN]!r}"
        if request is None:
            return UnreadableMessageError(what)
        return too_long_reply(request, self._max_bytes) if code == RESULT_TOO_LONG else _error(request, code, what)

    def _ignore(self, line: bytes) -> None:
        if line.strip():
            self.ignored += 1
            self.last_ignored = line[:_SHOWN]
            logger.debug("no message: %r", self.last_ignored)


def clean_json(text: bytes) -> bytes:
    """JSON with the replacement character for bytes that are no UTF-8, and for escaped halves of surrogate pairs."""
    whole = text.decode("utf-8", "replace").encode()
    return _LONE_SURROGATE.sub(lambda match: rb"\ufffd" if match["lone"] else match[0], whole)


def too_long_reply(request_id: RequestId, max_bytes: int) -> JSONRPCError:
    """The error reply that stands for a reply of more than ``max_bytes``."""
    return _error(request_id, RESULT_TOO_LONG, f"result is longer than {max_bytes} bytes")


def _error(request_id: RequestId, code: int, message: str) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=message))


def _parsed(line: bytes) -> JSONRPCMessage | None:
    try:
        return jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError:
        return None


def _failed_reply(data: Any) -> JSONRPCError | None:
    """An error reply whose error is a text, or an object without a number or a text where they belong."""
    if not isinstance(data, dict) or "jsonrpc" not in data or "method" in data:
        return None
    error, request = data.get("error"), data.get("id")
    if not isinstance(error, (dict, str)) or not isinstance(request, (int, str)) or isinstance(request, bool):
        return None
    code, message = (error.get("code"), error.get("message")) if isinstance(error, dict) else (None, error)
    whole = code if isinstance(code, int) and not isinstance(code, bool) else -32603
    return _error(request, whole, message if isinstance(message, str) else json.dumps(error)[:500])


def _request_id(head: bytes, tail: bytes) -> RequestId | None:
    match = _ID_FIRST.match(head) or _ID_LAST.search(tail)
    if match is None:
        return None
    number = match["number"]
    return int(number) if number else match["text"].decode("utf-8", "replace")
