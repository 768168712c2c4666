"""Tool calls as models write them, decoded strictly: what is not exactly a call is told why.

Forms: Hermes and Qwen3 (a JSON object with ``name`` and ``arguments``), Qwen3-Coder (``<function=NAME>`` with
``<parameter=NAME>`` elements), and messages that are nothing but JSON: such an object, or ``{"tool_calls": [...]}`` as
in OpenAI's API, either alone or in one code fence.

JSON is read as RFC 8259 has it: no NaN or infinities, no key twice, no half of a surrogate pair.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Nothing sensible is longer; what is longer is not parsed, so that no parser meets a bomb.
MAX_CALL_CHARS = 65_536
MAX_NESTING = 64

_FORM = 'write {"name": ..., "arguments": {...}}'
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_FENCE = re.compile(r"```(?:json)?[ \t]*\n(.*)\n[ \t]*```", re.DOTALL)
_MESSAGE_KEYS = {"role", "content", "tool_calls"}


@dataclass(slots=True)
class RequestedCall:
    """One tool call as the policy wrote it.

    Attributes:
        name: the tool's name; empty where there is none.
        arguments: by parameter.
        error: why it is not a call, ``None`` when it is one.
        untyped: whether the arguments are texts whose types only the tool's schema tells (see :func:`typed`).
    """

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    untyped: bool = False


def decode_call(text: str) -> RequestedCall:
    """Decode what stands between ``<tool_call>`` and its end, in linear time. Never raises."""
    text = text.strip()
    if len(text) > MAX_CALL_CHARS:
        return RequestedCall("", error=f"tool call is longer than {MAX_CALL_CHARS} characters")
    if text.startswith("<function="):
        return _decode_function(text)
    try:
        data = decode_json(text)
    except ValueError as error:
        return RequestedCall("", error=f"tool call is not valid JSON ({error}); {_FORM}")
    return _from_data(data)


def decode_message(text: str) -> list[RequestedCall]:
    """Calls of a message that is nothing but JSON; none where it is anything else. Never raises."""
    if not text.endswith(("}", "```")) or len(text) > MAX_CALL_CHARS:
        return []
    if fenced := _FENCE.fullmatch(text):
        text = fenced[1].strip()
    if not text.startswith("{"):
        return []
    try:
        data = decode_json(text)
    except ValueError:
        return []
    calls = data.get("tool_calls")
    if isinstance(calls, list) and calls and set(data) <= _MESSAGE_KEYS:
        return [_from_data(call.get("function") if isinstance(call, dict) else None) for call in calls]
    if isinstance(data.get("name"), str) and "arguments" in data:
        return [_from_data(data)]
    return []


def decode_json(text: str) -> Any:
    """JSON data, strictly.

    Raises:
        ValueError: saying what is wrong.
    """
    if text.count("{") + text.count("[") > MAX_NESTING and _nesting(text) > MAX_NESTING:
        raise ValueError(f"nested deeper than {MAX_NESTING}")
    try:
        data = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos + 1}") from error
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if _SURROGATE.search(text):
        try:
            json.dumps(data, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError("half of a surrogate pair") from error
    return data


def typed(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Texts as values of the types that a tool's JSON schema gives its parameters.

    What is not of any such type stays text, for the schema to refuse.
    """
    properties = schema.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    return {name: _value(text, _types(properties.get(name))) for name, text in arguments.items()}


def _decode_function(text: str) -> RequestedCall:
    name, opened, body = text.removeprefix("<function=").partition(">")
    name = name.strip()
    if not opened or not name:
        return RequestedCall("", error="function has no name; write <function=NAME>")
    body, _, after = body.partition("</function>")
    if after.strip():
        return RequestedCall(name, error="write nothing after </function>; each function has its own <tool_call>")
    arguments: dict[str, Any] = {}
    before, found, rest = body.partition("<parameter=")
    while found and not before.strip():
        key, opened, rest = rest.partition(">")
        value, closed, rest = rest.partition("</parameter>")
        if not opened or not closed:
            return RequestedCall(name, error="write each parameter as <parameter=NAME>VALUE</parameter>")
        if key in arguments:
            return RequestedCall(name, error=f"parameter {key[:64]!r} is given twice")
        # The template puts values on lines of their own.
        arguments[key] = value.removeprefix("\n").removesuffix("\n")
        before, found, rest = rest.partition("<parameter=")
    if before.strip():
        return RequestedCall(name, error="write nothing between <parameter=NAME>VALUE</parameter> elements")
    return RequestedCall(name, arguments, untyped=True)


def _from_data(data: Any) -> RequestedCall:
    if not isinstance(data, dict) or not isinstance(data.get("name"), str):
        return RequestedCall("", error=f'tool call has no "name"; {_FORM}')
    arguments = data.get("arguments", {})
    if isinstance(arguments, str):
        try:
            arguments = decode_json(arguments)
        except ValueError as error:
            return RequestedCall(data["name"], error=f'"arguments" is not valid JSON ({error}); {_FORM}')
    if not isinstance(arguments, dict):
        return RequestedCall(data["name"], error='"arguments" must be a JSON object')
    return RequestedCall(data["name"], arguments)


def _value(text: str, types: set[str]) -> Any:
    if not isinstance(text, str) or (types == {"string"}):
        return text
    if "boolean" in types and text.strip().lower() in ("true", "false"):
        return text.strip().lower() == "true"
    if "string" in types:
        return None if "null" in types and text == "null" else text
    try:
        return decode_json(text.strip())
    except ValueError:
        return text


def _types(schema: Any) -> set[str]:
    """Names of the JSON types that a parameter's schema speaks of, as far as it does on its face."""
    if not isinstance(schema, dict):
        return set()
    wanted = schema.get("type", [])
    types = {wanted} if isinstance(wanted, str) else {name for name in wanted if isinstance(name, str)}
    for key in ("anyOf", "oneOf"):
        for one in schema.get(key) or []:
            types |= _types(one)
    if not types and isinstance(schema.get("enum"), list):
        types = {"string" if isinstance(value, str) else "other" for value in schema["enum"]}
    return types


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"key {twice[:64]!r} stands twice")
    return found


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"number {text[:32]} is too large")
    return value


def _constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _nesting(text: str) -> int:
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


_BRACKET = re.compile(r"[\[\]{}]")
# The closing quote is optional so that one left open is not scanned again from each quote in it.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_float, parse_constant=_constant)
