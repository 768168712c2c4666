"""Tool calls as models write them, decoded strictly: what is not exactly a call is told why.

Forms: Hermes and Qwen3 (a JSON object with ``name`` and ``arguments``), Qwen3-Coder (``<function=NAME>`` with
``<parameter=NAME>`` elements, :mod:`verl_agentic.core.messages.elements`), and messages that are nothing but JSON: such
objects, a list of them, or ``{"tool_calls": [...]}`` as in OpenAI's API, alone, in one code fence or between the
``<tools>`` tags of Qwen2.5-Coder.

What is read as written:

* ``arguments`` may be a JSON text, also one that was encoded twice; ``null`` and blank texts are no arguments;
* ``parameters``, ``input`` or ``args`` is taken for ``arguments`` where there are none and nothing stands beside it;
* ``{"type": "function", "function": {...}}`` and an ``id`` are fine.

Anything else beside ``name`` and ``arguments`` is refused by name: arguments that stand in the wrong place must not be
lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from verl_agentic.core.messages.elements import CallFormError, read_function
from verl_agentic.core.messages.json_text import MAX_NESTING, decode_json, end_of_json
from verl_agentic.core.messages.values import typed

__all__ = ["MAX_CALL_CHARS", "MAX_NESTING", "RequestedCall", "decode_call", "decode_json", "decode_message", "typed"]

# Nothing sensible is longer; what is longer is not parsed, so that no parser meets a bomb.
MAX_CALL_CHARS = 65_536

_FORM = 'write {"name": ..., "arguments": {...}}'
_FENCE = re.compile(r"```(?:json|tool_calls?|xml)?[ \t]*\n(.*)\n[ \t]*```", re.DOTALL)
_TOOLS = re.compile(r"<tools>(.*)</tools>", re.DOTALL)
_MESSAGE_KEYS = {"role", "content", "tool_calls"}
_ALIASES = ("parameters", "input", "args")
_BESIDE = {"id", "type", "index"}
_MEANT = re.compile(r"\{\s*[\"']name[\"']\s*:\s*[\"'][\w.-]+[\"']\s*,\s*[\"'](?:arguments|parameters)[\"']\s*:")
_BLANKS = re.compile(r"[\s,]*")


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
    if not text.endswith(("}", "]", "```", "</tools>")) or len(text) > MAX_CALL_CHARS:
        return []
    for form in (_FENCE, _TOOLS):
        if inside := form.fullmatch(text):
            text = inside[1].strip()
    if not text.startswith(("{", "[")):
        return []
    values = _values(text)
    if not values and _MEANT.match(text):
        return [decode_call(text)]  # which says what is wrong
    if len(values) == 1 and isinstance(values[0], list):
        values = values[0]
    if len(values) == 1 and isinstance(values[0], dict):
        calls = values[0].get("tool_calls")
        if isinstance(calls, list) and calls and set(values[0]) <= _MESSAGE_KEYS:
            return [_from_data(call) for call in calls]
    if values and all(_looks_like_call(value) for value in values):
        return [_from_data(value) for value in values]
    return []


def _values(text: str) -> list[Any]:
    """JSON values that follow each other, with nothing but blanks and commas between; none where one is broken."""
    found: list[Any] = []
    position = 0
    while position < len(text):
        end = end_of_json(text, position)
        if end < 0:
            return []
        try:
            found.append(decode_json(text[position:end]))
        except ValueError:
            return []
        position = _BLANKS.match(text, end).end()  # type: ignore[union-attr]
    return found


def _unwrapped(data: Any) -> Any:
    """What OpenAI's ``{"type": "function", "function": {...}}`` holds; other data as they are."""
    if isinstance(data, dict) and isinstance(data.get("function"), dict) and set(data) <= {"function", *_BESIDE}:
        return data["function"]
    return data


def _looks_like_call(data: Any) -> bool:
    """Whether data that stands alone is meant as a call: it has a name and arguments, and nothing else."""
    data = _unwrapped(data)
    if not isinstance(data, dict):
        return False
    given = [key for key in ("arguments", *_ALIASES) if key in data]
    return isinstance(data.get("name"), str) and len(given) == 1 and set(data) <= {"name", given[0], *_BESIDE}


def _decode_function(text: str) -> RequestedCall:
    try:
        element = read_function(text)
    except CallFormError as error:
        return RequestedCall(text.removeprefix("<function=").partition(">")[0].strip()[:64], error=str(error))
    if text[element.end :].strip():
        reason = "write nothing after </function>; each function has its own <tool_call>"
        return RequestedCall(element.name, error=reason)
    return RequestedCall(element.name, dict(element.arguments), untyped=True)


def _from_data(data: Any) -> RequestedCall:
    data = _unwrapped(data)
    if not isinstance(data, dict) or not isinstance(data.get("name"), str):
        return RequestedCall("", error=f'tool call has no "name"; {_FORM}')
    name = data["name"]
    given = [key for key in ("arguments", *_ALIASES) if key in data]
    key = given[0] if given else "arguments"
    labels = _BESIDE if given else ()  # alone they may be arguments that stand in the wrong place
    if strangers := [other for other in data if other not in ("name", key, *labels)]:
        reason = f'"{strangers[0][:64]}" stands beside "name"; put all arguments into "arguments": {{...}}'
        return RequestedCall(name, error=reason)
    arguments = data.get(key)
    for _ in range(2):  # some servers encode them once more
        if not isinstance(arguments, str):
            break
        try:
            arguments = decode_json(arguments) if arguments.strip() else None
        except ValueError as error:
            return RequestedCall(name, error=f'"{key}" is not valid JSON ({error}); {_FORM}')
    if arguments is None:
        return RequestedCall(name)
    if not isinstance(arguments, dict):
        return RequestedCall(name, error=f'"{key}" must be a JSON object')
    return RequestedCall(name, arguments)
