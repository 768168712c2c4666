"""Read what an endpoint sent back. Nothing in it is taken on trust."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jsonschema

from verl_agentic.core.chat import ChatReply, ChatUsage, NativeCall, RefusalError
from verl_agentic.core.fence import clipped
from verl_agentic.core.text import without_thoughts
from verl_agentic.llm.settings import Prices

_SHOWN = 200


def read_json(text: str | bytes) -> Any:
    """A JSON value, strictly.

    Raises:
        ValueError: it is none, or is nested too deep.
    """
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def read_usage(body: Any, prices: Prices) -> ChatUsage | None:
    """Tokens as the endpoint counted them, ``None`` where it did not."""
    usage = body.get("usage") if isinstance(body, dict) else None
    if not isinstance(usage, dict):
        return None
    details = usage.get("prompt_tokens_details")
    prompt, completion = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    cached = min(prompt, _count(details, "cached_tokens"))
    cached_price = prices.prompt if prices.cached is None else prices.cached
    cost = (prompt - cached) * prices.prompt + cached * cached_price + completion * prices.completion
    return ChatUsage(prompt, cached, completion, cost / 1e6)


def read_content(body: Any) -> str:
    """The reply's text.

    Raises:
        RefusalError: the model or its provider's filter declined.
        ValueError: there is no whole reply in it.
    """
    choices = body.get("choices") if isinstance(body, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise ValueError("no choices in the reply")
    if message.get("refusal"):
        raise RefusalError(f"the model refused: {str(message['refusal'])[:_SHOWN]}")
    reason = choice.get("finish_reason") if isinstance(choice, dict) else None
    if reason == "content_filter":
        raise RefusalError("the provider's content filter withheld the reply")
    if reason == "length":
        raise ValueError("the reply was cut at max_tokens; raise agentic.llm.max_tokens")
    content = message.get("content")
    if not isinstance(content, str) or not content.strip():
        raise ValueError("the reply is empty")
    return content


def read_verbatim(body: Any) -> ChatReply:
    """Whatever the model wrote: text, thoughts and tool calls, be they cut, empty or a refusal.

    Raises:
        RefusalError: the provider's filter withheld it.
        ValueError: there is no message in it.
    """
    choices = body.get("choices") if isinstance(body, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise ValueError("no choices in the reply")
    if choice.get("finish_reason") == "content_filter":
        raise RefusalError("the provider's content filter withheld the reply")
    content = _text(message, "content") or _text(message, "refusal")
    reasoning = _text(message, "reasoning_content") or _text(message, "reasoning")
    calls = message.get("tool_calls")
    native = [_native(call, place) for place, call in enumerate(calls if isinstance(calls, list) else [])]
    return ChatReply(
        content, tool_calls=tuple(native), reasoning=reasoning, cut=choice.get("finish_reason") == "length"
    )


def read_structured(content: str, schema: Mapping[str, Any]) -> Any:
    """The JSON value in a reply, also where it stands after thoughts or in a code fence.

    Raises:
        ValueError: it is not JSON, or does not match the schema.
    """
    text = content.strip()
    if not text.startswith(("{", "```")):  # tags in the value itself are content
        text = without_thoughts(text).strip()
    if text.startswith("```") and text.endswith("```") and len(text) >= 6:
        text = text[3:-3].removeprefix("json")
    value = read_json(text)
    try:
        # The first one is enough: in a long reply there may be more than anybody waits for.
        first = next(jsonschema.Draft202012Validator(schema).iter_errors(value), None)
        error = None if first is None else jsonschema.exceptions.best_match([first])
    except RecursionError as deep:
        raise ValueError("nested too deep") from deep
    if error is not None:
        raise ValueError(f"the reply does not match its schema: {error.json_path}: {clipped(error.message, _SHOWN)}")
    return value


def _native(call: Any, place: int) -> NativeCall:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        raise ValueError("a tool call of the reply has no function")
    arguments = function.get("arguments")
    text = arguments if isinstance(arguments, str) else json.dumps({} if arguments is None else arguments)
    return NativeCall(_text(call, "id") or f"call_{place}", _text(function, "name"), text)


def _text(container: Mapping[str, Any], key: str) -> str:
    value = container.get(key)
    return value if isinstance(value, str) else ""


def _count(container: Any, key: str) -> int:
    value = container.get(key) if isinstance(container, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40 else 0


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
