"""The body of a request, as a standard endpoint wants it and as those that lack something do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from verl_agentic.core.chat import THOUGHT_FIELDS, ChatRequest
from verl_agentic.core.openai_form import tool_response
from verl_agentic.llm.refusal import AUTO_CHOICE, WITHOUT
from verl_agentic.llm.settings import LLMSettings

# Fields of a message that go over the wire, or, as the last, decide what does.
_MESSAGE_KEYS = ("role", "content", "tool_calls", "tool_call_id", *THOUGHT_FIELDS, "said")


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
        if request.parallel_calls is not None:
            body.setdefault("parallel_tool_calls", request.parallel_calls)
    return body


def adapted_body(
    body: Mapping[str, Any],
    schema: Mapping[str, Any] | None,
    refused: frozenset[str],
    attempt: int,
    longest: int | None = None,
) -> dict[str, Any]:
    """The body for an endpoint that refuses some parameters.

    Args:
        body: as :func:`request_body` makes it.
        schema: schema of the reply; in words where the endpoint has no structured output.
        refused: what :func:`verl_agentic.llm.refusal.refused_parameter` found.
        attempt: malformed replies so far; a fixed seed would bring the same one again.
        longest: tokens that there is room for, ``None`` where that is not known.
    """
    adapted = {key: value for key, value in body.items() if key not in refused}
    adapted["messages"] = _told(body, refused)
    if "tools" in body and "tools" in refused:
        for key in ("tool_choice", "parallel_tool_calls"):
            adapted.pop(key, None)
    elif "tools" in body and AUTO_CHOICE in refused:
        # The server shows the tools to the model all the same, and leaves its calls in the text.
        adapted["tool_choice"] = "none"
        adapted.pop("parallel_tool_calls", None)
    if longest is not None:
        adapted["max_tokens"] = min(longest, body["max_tokens"])
    if "max_tokens" in refused:
        adapted["max_completion_tokens"] = adapted.pop("max_tokens", body["max_tokens"])
    if "seed" in adapted:
        adapted["seed"] += attempt
    if schema is not None and "response_format" in refused:
        adapted["messages"] = _with_schema_in_words(adapted["messages"], schema)
    elif schema is not None:
        form = {"name": "reply", "strict": True, "schema": schema}
        adapted["response_format"] = {"type": "json_schema", "json_schema": form}
    return adapted


def asked_length(sent: Mapping[str, Any]) -> int:
    """Tokens that a body allows the reply."""
    return int(sent.get("max_tokens") or sent["max_completion_tokens"])


def _told(body: Mapping[str, Any], refused: frozenset[str]) -> list[dict[str, Any]]:
    """The messages with the fields that the endpoint takes, and calls and their results in its way."""
    in_words = "tools" in body and "tools" in refused
    needed = [name for name in THOUGHT_FIELDS if WITHOUT + name in refused]
    told = []
    for message in body["messages"]:
        one = {key: value for key, value in message.items() if key not in refused and key != "said"}
        if "tool_calls" in one and not in_words:
            one["tool_calls"] = [
                {key: value for key, value in call.items() if key not in refused} for call in one["tool_calls"]
            ]
        elif "tool_calls" in one:
            del one["tool_calls"]
            one["content"] = message.get("said") or one["content"] or ""
        if one["role"] == "assistant":
            one |= {name: "" for name in needed if name not in one}
        told.append(one)
    return _with_tools_in_words(told, body["tools"]) if in_words else told


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
    told: list[dict[str, Any]] = []
    for from_tools, some in groupby(messages, lambda one: one["role"] == "tool"):
        # The results of a message together, since the templates of some models want users and models to take turns.
        said = list(some)
        told += [{"role": "user", "content": tool_response([one["content"] for one in said])}] if from_tools else said
    return _with_system_words(told, words)


def _with_system_words(messages: list[dict[str, Any]], words: str) -> list[dict[str, Any]]:
    if messages and messages[0]["role"] == "system":
        return [{"role": "system", "content": f"{messages[0]['content']}\n\n{words}"}, *messages[1:]]
    return [{"role": "system", "content": words}, *messages]
