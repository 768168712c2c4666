"""Messages of an MCP server as its standard output carries them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

pytest.importorskip("mcp")

from verl_agentic.tool_envs.mcp_framing import RESULT_TOO_LONG, LineReader, MalformedMessageError


def reply(request_id: Any, text: str) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "result": {"text": text}}).encode() + b"\n"


def as_data(message: Any) -> Any:
    return message.model_dump(by_alias=True, exclude_unset=True)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_messages_come_whole_however_they_are_cut(size: int) -> None:
    stream = reply(1, "a\u00e9") + b"Server listening\n\n" + reply("x", "b") + b'{"jsonrpc":"2.0","method":"ping"}\n'
    reader = LineReader(1000)
    found = [as_data(one) for at in range(0, len(stream), size) for one in reader.feed(stream[at : at + size])]
    assert [one.get("id") for one in found] == [1, "x", None]
    assert found[0]["result"] == {"text": "aé"}


@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0","id":7,"result":{"text":"%s","id":9}}',
        b'{"id": 7, "jsonrpc": "2.0", "result": "%s"}',
        b'{"result":{"text":"%s","id":9},"jsonrpc":"2.0","id":7}',
        b'{"result":{"text":"%s"},"id":7,"jsonrpc":"2.0"}',
    ],
)
def test_a_reply_that_is_too_long_becomes_an_error_reply_to_its_request(line: bytes) -> None:
    reader = LineReader(1000)
    found = [as_data(one) for one in reader.feed(line % (b"x" * 5000) + b"\n" + reply(8, "short"))]
    assert [one["id"] for one in found] == [7, 8]
    assert found[0]["error"] == {"code": RESULT_TOO_LONG, "message": "result is longer than 1000 bytes"}


@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0"',
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"1.0","id":1,"result":{}}',
        b'{"id":{},"jsonrpc":"2.0","result":{}}',
        b"{" * 5000,
        b'{"result":"' + b"x" * 5000 + b'","other":{"id":7}}',
        b'{"result":"' + b"x" * 5000 + b',\\"id\\":7}"}',
        b'{"a":{"jsonrpc":"2.0","id":7,"x":"' + b"x" * 5000 + b'"}}',
    ],
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        LineReader(1000).feed(line + b"\n")


def test_a_line_without_an_end_costs_linear_time_and_bounded_memory() -> None:
    reader = LineReader(1 << 16)
    started = time.perf_counter()
    for _ in range(2000):
        assert reader.feed(b"{" + b"x" * 65535) == []
    assert time.perf_counter() - started < 5.0
    assert len(reader._line) <= 1 << 16
