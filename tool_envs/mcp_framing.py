"""Lines of JSON-RPC from an MCP server's standard output, with a bound on their length."""

from __future__ import annotations

import re

from mcp_types import ErrorData, JSONRPCError, JSONRPCMessage, RequestId, jsonrpc_message_adapter

RESULT_TOO_LONG = -32090
"""JSON-RPC error code, of the range left to implementations, that stands for a reply that was too long to read."""

# Where an id of the message itself can be told from one inside of it: right at the start, or before the last brace.
_ID = rb'"id"\s*:\s*(?:(?P<number>\d{1,18})|"(?P<text>[^"\\]{1,64})")'
_ID_FIRST = re.compile(rb'\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?' + _ID + rb"\s*,")
_ID_LAST = re.compile(rb",\s*" + _ID + rb'\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$')
_KEPT = 256


class MalformedMessageError(ValueError):
    """A server wrote what is no JSON-RPC message."""


class LineReader:
    """Cuts a byte stream into messages in linear time, holding no more than ``max_bytes`` of a line."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._line = bytearray()
        self._tail = bytearray()
        self._length = 0

    def feed(self, chunk: bytes) -> list[JSONRPCMessage]:
        """The messages that ``chunk`` completes. Lines that do not start with a brace are ignored, as stray output.

        A reply that is too long becomes an error reply with the code :data:`RESULT_TOO_LONG`.

        Raises:
            MalformedMessageError: a line starts with a brace and is no message, or is too long and has no id.
        """
        messages: list[JSONRPCMessage] = []
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

    def _message(self) -> JSONRPCMessage | None:
        if not self._line.lstrip().startswith(b"{"):
            return None
        if self._length > self._max_bytes:
            return _too_long(bytes(self._line[:_KEPT]), bytes(self._tail), self._length, self._max_bytes)
        try:
            return jsonrpc_message_adapter.validate_json(bytes(self._line), by_name=False)
        except ValueError as error:
            raise MalformedMessageError(f"malformed message: {bytes(self._line[:100])!r}") from error


def too_long_reply(request_id: RequestId, max_bytes: int) -> JSONRPCError:
    """The error reply that stands for a reply of more than ``max_bytes``."""
    error = ErrorData(code=RESULT_TOO_LONG, message=f"result is longer than {max_bytes} bytes")
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=error)


def _too_long(head: bytes, tail: bytes, length: int, max_bytes: int) -> JSONRPCError:
    match = _ID_FIRST.match(head) or _ID_LAST.search(tail)
    if match is None:
        raise MalformedMessageError(f"message of {length} bytes, more than {max_bytes}, without an id at either end")
    number = match["number"]
    return too_long_reply(int(number) if number else match["text"].decode("utf-8", "replace"), max_bytes)
