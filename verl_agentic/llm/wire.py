"""The body of a request, as a standard endpoint wants it and as those that lack something do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from verl_agentic.core.chat import ChatRequest
from verl_agentic.llm.settings import LLMSettings

# What an endpoint may refuse, and the words by which its complaint is known.
REFUSABLE: dict[str, tuple[str, ...]] = {
    "tool_choice": ("tool_choice", "tool choice", "tool-choice", "tool-call-parser"),
    "tools": ("tools", "tool use", "tool calling", "function calling"),
    "response_format": ("response_format", "json_schema", "guided", "structured output", "grammar"),
    "max_tokens": ("max_tokens",),
    "temperature": ("temperature",),
    "seed": ("seed",),
}


# Fields of a message that go over the wire.
_MESSAGE_KEYS = ("role", "content", "tool_calls", "tool_call_id")


def request_body(settings: LLMSettings, request: ChatRequest) -> dict[str, Any]:
    """Model, messages and sampling; the schema is added by :func:`adapted_body`."""
    temperature = settings.temperature if request.temperature is None else request.temperature
    seed = settings.seed if request.seed is None else request.seed
    body: dict[str, Any] = {
        **settings.extra_body,
        "model": settings.model,
        "messages": [{key: value for key, value in one.items() if key in _MESSAGE_KEYS} for one in request.messages],
        "max_tokens": settings.max_tokens if request.max_tokens is None else request.max_tokens,
    }
    if temperature is not None:
        body["temperature"] = temperature
    if seed is not None:
        body["seed"] = seed + request.sample  # independent replies to the same request must be able to differ
    if request.tools:
        body["tools"], body["tool_choice"] = list(request.tools), "auto"
    return body


def adapted_body(
    body: Mapping[str, Any], schema: Mapping[str, Any] | None, refused: frozenset[str], attempt: int
) -> dict[str, Any]:
    """The body for an endpoint that refuses some parameters.

    Args:
        body: as :func:`request_body` makes it.
        schema: schema of the reply; in words where the endpoint has no structured output.
        refused: keys of :data:`REFUSABLE`.
        attempt: malformed replies so far; a fixed seed would bring the same one again.
    """
    adapted = {key: value for key, value in body.items() if key not in refused}
    if "max_tokens" in refused:
        adapted["max_completion_tokens"] = body["max_tokens"]
    if "seed" in adapted:
        adapted["seed"] += attempt
    if schema is not None and "response_format" in refused:
        adapted["messages"] = _with_schema_in_words(body["messages"], schema)
    if "tools" in body and "tools" in refused:
        adapted.pop("tool_choice", None)
        adapted["messages"] = _with_tools_in_words(body["messages"], body["tools"])
    elif "tools" in body and "tool_choice" in refused:
        # The server shows the tools to the model all the same, and leaves its calls in the text.
        adapted["tool_choice"] = "none"
    if schema is not None and "response_format" not in refused:
        form = {"name": "reply", "strict": True, "schema": schema}
        adapted["response_format"] = {"type": "json_schema", "json_schema": form}
    return adapted


def refused_parameter(sent: Mapping[str, Any], complaint: str, named: str | None) -> str | None:
    """Which of the parameters that were sent a 4xx is about, ``None`` for another one.

    Args:
        sent: the body that was refused.
        complaint: the server's message.
        named: the parameter it names, if it does.
    """
    text = f"{named or ''} {complaint}".lower()
    for parameter, words in REFUSABLE.items():
        if parameter in sent and any(word in text for word in words):
            return parameter
    return None


def _with_schema_in_words(messages: list[dict[str, Any]], schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    words = "Reply with one JSON object and nothing else. It must match this JSON schema:\n" + json.dumps(schema)
    return _with_system_words(messages, words)


def _with_tools_in_words(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As the chat templates of Hermes and Qwen3 have it, for servers that know nothing of tools."""
    listed = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools)
    words = (
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        "You are provided with function signatures "
        f"within <tools></tools> XML tags:\n<tools>\n{listed}\n</tools>\n\n"
        "For each function call, return a json object with function name and arguments within "
        "<tool_call></tool_call> XML tags:\n"
        '<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
    )
    told = [
        {"role": "user", "content": f"<tool_response>\n{one['content']}\n</tool_response>"}
        if one["role"] == "tool"
        else {"role": one["role"], "content": one["content"]}
        for one in messages
    ]
    return _with_system_words(told, words)


def _with_system_words(messages: list[dict[str, Any]], words: str) -> list[dict[str, Any]]:
    if messages and messages[0]["role"] == "system":
        return [{"role": "system", "content": f"{messages[0]['content']}\n\n{words}"}, *messages[1:]]
    return [{"role": "system", "content": words}, *messages]
