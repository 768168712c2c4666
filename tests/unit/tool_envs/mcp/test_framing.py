"""Messages of an MCP server as its standard output carries them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

pytest.importorskip("mcp")

from verl_agentic.tool_envs.mcp.framing import (
    RESULT_TOO_LONG,
    UNREADABLE,
    LineReader,
    UnreadableMessageError,
    clean_json,
)


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
        b"Server listening",
        b'[{"jsonrpc":"2.0","id":1,"result":{}}]',
        b'{"level":"info","msg":"started"}',
        b'{"level":50,"id":7,"error":"none yet"}',
        b'{"level":"info","msg":"cut',
        b"{" * 5000,
        b'{"msg":"' + b"x" * 5000 + b'"}',
        b'{"result":"' + b"x" * 5000 + b'","other":{"id":7}}',
        b'{"result":"' + b"x" * 5000 + b',\\"id\\":7}"}',
        b'{"jsonrpc":"2.0","method":5}',
        b'{"jsonrpc":"2.0","method":"notifications/message","params":"' + b"x" * 5000 + b'"}',
        b'{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage","params":"' + b"x" * 5000 + b'"}',
    ],
)
def test_lines_that_are_no_messages_are_ignored_and_counted(line: bytes) -> None:
    reader = LineReader(1000)
    found = reader.feed(line + b"\n\n" + reply(8, "after"))
    assert [as_data(one)["id"] for one in found] == [8]
    assert (reader.ignored, reader.last_ignored) == (1, line[:100])


@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0","id":7}',
        b'{"jsonrpc":"2.0","id":7,"result":5}',
        b'{"jsonrpc":"1.0","id":7,"result":{}}',
        b'{"id":7,"result":{}}',
        b'{"jsonrpc":"2.0","id":7,"result":{"text":"cut',
        b'{"result":{"text":nonsense},"jsonrpc":"2.0","id":7}',
        b'{"jsonrpc":"2.0","id":7,"result":' + b"[" * 900,
    ],
)
def test_a_reply_that_cannot_be_read_fails_its_own_request(line: bytes) -> None:
    found = [as_data(one) for one in LineReader(1000).feed(line + b"\n" + reply(8, "after"))]
    assert [one["id"] for one in found] == [7, 8]
    assert found[0]["error"]["code"] == UNREADABLE and "malformed message: b'{" in found[0]["error"]["message"]


@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0"',
        b'{"id":{},"jsonrpc":"2.0","result":{}}',
        b'{"a":{"jsonrpc":"2.0","id":7,"x":"' + b"x" * 5000 + b'"}}',
    ],
)
def test_a_reply_whose_request_is_unknown_says_so(line: bytes) -> None:
    found, after = LineReader(1000).feed(line + b"\n" + reply(8, "after"))
    assert isinstance(found, UnreadableMessageError) and as_data(after)["id"] == 8


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (b'"no such row"', -32603, "no such row"),
        (b'{"code":"ENOENT","message":"no file"}', -32603, "no file"),
        (b'{"code":-32000}', -32000, '{"code": -32000}'),
    ],
)
def test_errors_that_are_nearly_errors_are_read(error: bytes, code: int, message: str) -> None:
    (found,) = LineReader(1000).feed(b'{"jsonrpc":"2.0","id":7,"error":' + error + b"}\n")
    assert as_data(found) == {"jsonrpc": "2.0", "id": 7, "error": {"code": code, "message": message}}


@pytest.mark.parametrize(
    ("given", "cleaned"),
    [
        (rb'"\ud83d\ude00"', rb'"\ud83d\ude00"'),
        (rb'"\ud83d"', rb'"\ufffd"'),
        (rb'"\uDE00\uD83D"', rb'"\ufffd\ufffd"'),
        (rb'"\ud83d\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\\ud83d"', rb'"\\ud83d"'),
        (rb'"\\\ud83d"', rb'"\\\ufffd"'),
        (rb'"\ud83"', rb'"\ud83"'),
        (b'"\xff"', '"\ufffd"'.encode()),
    ],
)
def test_halves_of_surrogate_pairs_and_bytes_that_are_no_text_are_replaced(given: bytes, cleaned: bytes) -> None:
    assert clean_json(given) == cleaned


def test_cleaning_takes_linear_time() -> None:
    started = time.perf_counter()
    for piece in (b"\\", rb"\ud83d", rb"\\ud83d", b"\xed\xa0"):
        clean_json(piece * 100_000)
    assert time.perf_counter() - started < 5.0


def test_a_line_without_an_end_costs_linear_time_and_bounded_memory() -> None:
    reader = LineReader(1 << 16)
    started = time.perf_counter()
    for _ in range(2000):
        assert reader.feed(b"{" + b"x" * 65535) == []
    assert time.perf_counter() - started < 5.0
    assert len(reader._line) <= 1 << 16
