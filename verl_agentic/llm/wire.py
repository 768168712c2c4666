"""The body of a request, as a standard endpoint wants it and as those that lack something do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from verl_agentic.core.chat import ChatRequest
from verl_agentic.llm.settings import LLMSettings

# What an endpoint may refuse, and the words by which its complaint is known.
REFUSABLE: dict[str, tuple[str, ...]] = {
    "response_format": ("response_format", "json_schema", "guided", "structured output", "grammar"),
    "max_tokens": ("max_tokens",),
    "temperature": ("temperature",),
    "seed": ("seed",),
}


def request_body(settings: LLMSettings, request: ChatRequest) -> dict[str, Any]:
    """Model, messages and sampling; the schema is added by :func:`adapted_body`."""
    temperature = settings.temperature if request.temperature is None else request.temperature
    seed = settings.seed if request.seed is None else request.seed
    body: dict[str, Any] = {
        **settings.extra_body,
        "model": settings.model,
        "messages": [{"role": message["role"], "content": message["content"]} for message in request.messages],
        "max_tokens": settings.max_tokens if request.max_tokens is None else request.max_tokens,
    }
    if temperature is not None:
        body["temperature"] = temperature
    if seed is not None:
        body["seed"] = seed + request.sample  # independent replies to the same request must be able to differ
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
    elif schema is not None:
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


def _with_schema_in_words(messages: list[dict[str, str]], schema: Mapping[str, Any]) -> list[dict[str, str]]:
    words = "Reply with one JSON object and nothing else. It must match this JSON schema:\n" + json.dumps(schema)
    if messages and messages[0]["role"] == "system":
        return [{"role": "system", "content": f"{messages[0]['content']}\n\n{words}"}, *messages[1:]]
    return [{"role": "system", "content": words}, *messages]
