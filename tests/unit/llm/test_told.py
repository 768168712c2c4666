"""What servers' refusals mean: room that is left, parameters and tools that are not taken, errors in any form."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from verl_agentic.llm.refusal import AUTO_CHOICE, WITHOUT, refused_parameter, refused_tools
from verl_agentic.llm.room import Room, room_left
from verl_agentic.llm.told import error_in, read_told

ASKED = 1024


@pytest.mark.parametrize(
    ("status", "text", "room"),
    [
        (400, "This model's maximum context length is 4,096 tokens and your request has 3896 input tokens", Room(200)),
        (400, "'max_tokens' is too large: 1024 (1024 > 4096 - 3896). maximum context length is 4096", Room(200)),
        (400, "maximum context length is 4096 tokens. However, you requested 4520 tokens in the completion", Room(600)),
        (400, "input length and `max_tokens` exceed context limit: 190000 + 1024 > 190100", Room(100)),
        (422, "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 3900 `inputs` tokens and 1024", Room(196)),
        (400, "Please reduce the length of the messages or completion.", Room(512)),
        (400, "maximum context length is 1000 tokens", Room(512)),
        (400, "Range of max_tokens should be [1, 512]", Room(512, always=True)),
        (422, "body.max_tokens: Input should be less than or equal to 512", Room(512, always=True)),
        (400, "max_tokens must be at most 1024, exclusive", Room(1023, always=True)),
        (400, "max_tokens must be at least 1, got -186.", Room(0)),
        (400, "prompt is too long: 210000 tokens > 200000 maximum", Room(0)),
        (500, "Context size has been exceeded.", Room(0)),
        (413, "Payload Too Large", Room(0)),
        (
            429,
            "Request too large for m on tokens per min (TPM): Limit 3, Requested 4. Tokens must be reduced.",
            Room(0),
        ),
        (429, "Rate limit reached: tokens per min (TPM): Limit 30000, Used 29000, Requested 2000.", None),
        (500, "Rate limit exceeded: too many input tokens per minute", None),
        (500, "Internal server error", None),
        (503, "context length exceeded", None),
        (400, "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.", None),
        (400, "Invalid 'tools[0].function.description': string too long. Expected maximum length 1024", None),
        (400, "temperature: Input should be greater than 0", None),
        (400, "An assistant message with 'tool_calls' must be followed by tool messages", None),
        (400, "You exceeded your monthly token limit", None),
    ],
)
def test_room_that_is_left(status: int, text: str, room: Room | None) -> None:
    assert room_left(status, text, ASKED) == room


def test_asking_for_less_comes_to_an_end() -> None:
    asked, tries = 1 << 20, 0
    while asked:
        room = room_left(400, "Please reduce the length of the messages or completion.", asked)
        assert room is not None and room.tokens < asked
        asked, tries = room.tokens, tries + 1
    assert tries < 20


@pytest.mark.parametrize("unit", ["tools ", "max_tokens ", "context length 1", "(", "0 + ", "1,", "prompt exceeds "])
def test_complaints_are_read_in_linear_time(unit: str) -> None:
    text = read_told({"error": {"message": unit * 100_000}}).text
    started = time.monotonic()
    room_left(400, text, ASKED)
    refused_parameter(SENT, text)
    refused_tools(SENT, text)
    assert time.monotonic() - started < 2.0


SENT: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "y", "reasoning_content": "z", "reasoning": "z"},
        {"role": "assistant", "content": "y"},
    ],
    "tools": [{"type": "function", "function": {"name": name}} for name in ("get", "now")],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "max_tokens": ASKED,
    "seed": 1,
}


@pytest.mark.parametrize(
    ("text", "parameter"),
    [
        ("tool_choice is not supported", "tool_choice"),
        ("doesn't support the toolConfig.toolChoice.auto field", "tool_choice"),
        ('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', AUTO_CHOICE),
        ("This model does not support tools", "tools"),
        ("No endpoints found that support tool use. Try disabling 'get'.", "tools"),
        ("tools param requires --jinja flag", "tools"),
        ("Function calling is not enabled for models/gemma", "tools"),
        ("Unknown parameter: 'parallel_tool_calls'.", "parallel_tool_calls"),
        ("property 'messages.1.reasoning_content' is unsupported", "reasoning_content"),
        ("messages.1.reasoning: Extra inputs are not permitted", "reasoning"),
        ("The `reasoning_content` in the thinking mode must be passed back to the API.", f"{WITHOUT}reasoning_content"),
        ("This reasoning model does not support seed", "seed"),
        ("request exceeded the time limit", None),
        ("Invalid 'tools[1].function.name': string does not match pattern", None),
        ("Invalid schema for function 'now': 'oneOf' is not supported", None),
        ("messages with role 'tool' must be a response to a preceding message with 'tool_calls'", None),
    ],
)
def test_refused_parameters(text: str, parameter: str | None) -> None:
    assert refused_parameter(SENT, text) == parameter


@pytest.mark.parametrize(
    ("text", "tools"),
    [
        ("Invalid 'tools[1].function.name': string does not match pattern", "tool 'now'"),
        ("tools.0.custom.input_schema.type: Field required", "tool 'get'"),
        ("GenerateContentRequest.tools[0].function_declarations[1].parameters: should be non-empty", "tool 'now'"),
        ("Invalid schema for function 'now': array schema missing items", "tool 'now'"),
        ("Tool names must be unique.", "one of the tools 'get', 'now'"),
        ("Invalid 'tools': array too long. Expected maximum length 1", "one of the tools 'get', 'now'"),
        ("messages[2].tool_calls[0].function.name: string does not match pattern", None),
        ("messages with role 'tool' must be a response to a preceding message with 'tool_calls'", None),
        ("Bad request", None),
    ],
)
def test_refused_tools(text: str, tools: str | None) -> None:
    assert refused_tools(SENT, text) == tools


@pytest.mark.parametrize(
    ("body", "words", "status"),
    [
        ({"error": {"message": "no", "code": 429}}, "no", 429),
        ({"error": {"message": "no", "code": "rate_limit_exceeded"}}, "no", 429),
        ({"error": {"message": "no", "type": "invalid_request_error"}}, "no", 400),
        ({"error": "no", "error_type": "overloaded"}, "no", 503),
        ({"detail": "Not authenticated"}, "Not authenticated", None),
        ({"detail": [{"loc": ["body", "n"], "msg": "bad", "input": "secret"}]}, "body.n: bad", None),
        ({"object": "error", "message": "no", "code": 500}, "no", 500),
        ([{"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}}], "no", 400),
        ({"error": {"message": "up", "code": 400, "metadata": {"raw": json.dumps({"message": "no"})}}}, "up no", 400),
        ("plain words", "plain words", None),
        (None, "", None),
        ({"error": {"message": {"a": 1}, "code": True}}, "", None),
    ],
)
def test_complaints_in_any_form(body: Any, words: str, status: int | None) -> None:
    told = read_told(body)
    assert (told.words, told.status) == (words, status)
    assert "secret" not in told.text


def test_which_replies_are_errors() -> None:
    message = {"role": "assistant", "content": "hi"}
    assert error_in({"choices": [{"message": message}], "error": None}) is None
    assert error_in({"choices": [{"message": message}], "error": {"message": "success", "code": 0}}) is None
    assert error_in({"choices": []}) is None and error_in([]) is None
    told = error_in({"choices": [{"error": {"code": 502, "message": "gone"}, "message": {"content": "half"}}]})
    assert told is not None and (told.words, told.status) == ("gone", 502)
    told = error_in({"choices": None, "error": {"message": "busy"}})
    assert told is not None and (told.words, told.status) == ("busy", None)
