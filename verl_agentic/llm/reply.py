"""Read what an endpoint sent back. Nothing in it is taken on trust."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import jsonschema

from verl_agentic.core.chat import THOUGHT_FIELDS, ChatReply, ChatUsage, NativeCall, RefusalError
from verl_agentic.core.messages.thoughts import without_thoughts
from verl_agentic.core.untrusted.fence import clipped
from verl_agentic.llm.settings import Prices
from verl_agentic.llm.told import error_in

_SHOWN = 200
_DEEPEST = 4
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
# By which finish_reason servers say that a reply was cut at its longest length.
_CUT = ("length", "max_tokens", "max_output_tokens", "model_length")
# Of the fields of thoughts, those that hold their text.
_THOUGHT_TEXTS = ("reasoning_content", "reasoning", "thinking")
_TEXTS = ("text", "output_text", "refusal", "input_text", "")


def read_json(text: str | bytes, objects: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """A JSON value, strictly.

    Args:
        text: the JSON.
        objects: makes an object of its keys and values.

    Raises:
        ValueError: it is none, or is nested too deep.
    """
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=objects)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def read_body(received: bytes) -> Any:
    """The JSON value of a response. Beside the message it may hold what is no JSON, such as the rate NaN of a counter.

    Halves of surrogate pairs, which models cut in the middle leave behind, become question marks: nothing that takes
    text takes those.

    Raises:
        ValueError: it is none, or is nested too deep.
    """
    try:
        body = json.loads(received)
        if not _SURROGATE.search(received):
            return body
        return json.loads(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))
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
    choice, message = _message(body)
    if message.get("refusal"):
        raise RefusalError(f"the model refused: {str(message['refusal'])[:_SHOWN]}")
    if _reason(choice) in _CUT:
        raise ValueError("the reply was cut at max_tokens; raise agentic.llm.max_tokens")
    content = _words(message.get("content"))
    if not content.strip():
        raise ValueError("the reply is empty")
    return content


def read_verbatim(body: Any, longest: int | None = None) -> ChatReply:
    """Whatever the model wrote: text, thoughts and tool calls, be they cut, empty or a refusal.

    Content in parts is read as their texts in order; parts of thoughts are thoughts, and others are left out.

    Args:
        body: the response.
        longest: tokens that the reply was allowed. Servers call a reply whole whose calls were cut there, so that one
            with calls that is exactly as long counts as cut.

    Raises:
        RefusalError: the provider's filter withheld it.
        ValueError: there is no message in it, or nothing of it can be read.
    """
    choice, message = _message(body)
    parts = message.get("content")
    content = _words(parts) or _words(message.get("refusal"))
    thoughts = _thoughts(message)
    told_apart = (_words(message.get(name), thoughts=True) for name in _THOUGHT_TEXTS)
    reasoning = next(filter(None, told_apart), "") or _words(parts, thoughts=True, only=True)
    calls = message.get("tool_calls")
    native = [_native(call, place) for place, call in enumerate(_listed(calls))]
    if parts and not isinstance(parts, str) and not (content or reasoning or native):
        kinds = sorted({str(one.get("type", "unknown")) for one in _listed(parts) if isinstance(one, dict)})
        if kinds and kinds != ["text"]:
            raise ValueError(f"nothing in the reply can be read, only parts of type {', '.join(kinds)[:_SHOWN]}")
    usage = body.get("usage")
    filled = bool(native) and longest is not None and _count(usage, "completion_tokens") == longest
    cut = _reason(choice) in _CUT or filled
    return ChatReply(content, tool_calls=tuple(native), reasoning=reasoning, thoughts=thoughts, cut=cut)


def read_structured(content: str, schema: Mapping[str, Any]) -> Any:
    """The JSON value in a reply, also where it stands after thoughts or in a code fence.

    Raises:
        ValueError: it is not JSON, says something twice, or does not match the schema.
    """
    text = content.strip()
    if not text.startswith(("{", "```")):  # tags in the value itself are content
        text = without_thoughts(text).strip()
    if text.startswith("```") and text.endswith("```") and len(text) >= 6:
        text = text[3:-3].removeprefix("json")
    value = read_json(text, _said_once)
    try:
        # The first one is enough: in a long reply there may be more than anybody waits for.
        first = next(jsonschema.Draft202012Validator(schema).iter_errors(value), None)
        error = None if first is None else jsonschema.exceptions.best_match([first])
    except RecursionError as deep:
        raise ValueError("nested too deep") from deep
    if error is not None:
        raise ValueError(f"the reply does not match its schema: {error.json_path}: {clipped(error.message, _SHOWN)}")
    return value


def _said_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("the reply has a key twice")
    return value


def _message(body: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The choice of a response, and its message."""
    choices = body.get("choices") if isinstance(body, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        told = error_in(body)
        raise ValueError(f"an error in its place: {told.words[:_SHOWN]}" if told else "no choices in the reply")
    if _reason(choice) == "content_filter":
        raise RefusalError("the provider's content filter withheld the reply")
    return choice, message


def _reason(choice: Mapping[str, Any]) -> str:
    return _text(choice, "finish_reason").lower()


def _words(value: Any, *, thoughts: bool = False, only: bool = False, depth: int = 0) -> str:
    """The texts of content in whatever form: a text, a part, or parts.

    Args:
        value: the content.
        thoughts: whether parts of thoughts count.
        only: whether nothing else does.
        depth: of the parts in parts.
    """
    if isinstance(value, str):
        return "" if only else value
    if isinstance(value, list) and depth < _DEEPEST:
        return "".join(_words(one, thoughts=thoughts, only=only, depth=depth + 1) for one in value)
    if not isinstance(value, dict) or depth >= _DEEPEST:
        return ""
    kind = _text(value, "type").lower()
    if kind in ("thinking", "reasoning"):
        held = next((value[key] for key in ("thinking", "reasoning", "text", "summary") if value.get(key)), None)
        return _words(held, depth=depth + 1) if thoughts else ""
    if only or kind not in _TEXTS:
        return ""
    held = next((value[key] for key in ("text", "value", "parts", "content", "refusal") if value.get(key)), None)
    return _words(held, thoughts=thoughts, depth=depth + 1)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if isinstance(value, dict) else []


def _native(call: Any, place: int) -> NativeCall:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        raise ValueError("a tool call of the reply has no function")
    arguments = function.get("arguments")
    text = arguments if isinstance(arguments, str) else json.dumps({} if arguments is None else arguments)
    return NativeCall(_text(call, "id") or f"call_{place}", _text(function, "name"), text, _thoughts(call))


def _thoughts(container: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of thoughts as they came, but as JSON: a NaN in them could not be sent back."""
    held = {name: container[name] for name in THOUGHT_FIELDS if container.get(name) is not None}
    try:
        plain: dict[str, Any] = json.loads(json.dumps(held), parse_constant=lambda _: None)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return plain


def _text(container: Mapping[str, Any], key: str) -> str:
    value = container.get(key)
    return value if isinstance(value, str) else ""


def _count(container: Any, key: str) -> int:
    value = container.get(key) if isinstance(container, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40 else 0


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
