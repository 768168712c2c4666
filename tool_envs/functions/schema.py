"""OpenAI tool schemas of Python functions, from their type hints and Google style docstrings."""

from __future__ import annotations

import inspect
import json
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Union

from verl_agentic.core import UserInputError

EXPLICIT = "openai_schema"
"""Attribute of a function that holds its schema where hints cannot express it."""

_SCALARS: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
_SECTION = re.compile(r"(?m)^[ \t]*(Args|Arguments|Returns|Return|Yields|Raises|Examples?|Notes?|Attributes):[ \t]*$")
_PARAMETER = re.compile(r"(?P<indent>\s*)\*{0,2}(?P<name>\w+)\s*(?:\([^)]*\))?:\s*(?P<text>.*)")


def function_schema(function: Callable[..., Any], name: str | None = None) -> dict[str, Any]:
    """Schema of one function: ``{"type": "function", "function": {"name", "description", "parameters"}}``.

    Every parameter needs a hint made of ``str``, ``int``, ``float``, ``bool``, ``None``, ``Any``, ``Literal``, lists,
    string-keyed dicts, ``TypedDict``, unions of them, or ``Annotated[HINT, "description"]``. Those without a default
    are required, and no others are allowed. Descriptions come from the docstring and its ``Args`` section. A function
    with an attribute ``openai_schema`` (the whole schema, or its ``function`` object) keeps that one.

    Args:
        function: the function; a bound method loses its ``self``.
        name: the tool's name, by default the function's.

    Raises:
        UserInputError: a parameter has no hint, or one that JSON schema cannot express.
    """
    name = name or function.__name__
    if explicit := getattr(function, EXPLICIT, None):
        return _explicit(name, explicit)
    signature = inspect.signature(function)
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise UserInputError(f"tool {name!r}: its type hints cannot be read: {error}") from error
    description, described = parse_docstring(inspect.getdoc(function) or "")
    properties: dict[str, Any] = {}
    required: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise UserInputError(f"tool {name!r}: parameter {parameter.name!r} cannot be passed by name")
        if parameter.name not in hints:
            raise UserInputError(f"tool {name!r}: parameter {parameter.name!r} has no type hint")
        schema = _hint_schema(f"tool {name!r}: parameter {parameter.name!r}", hints[parameter.name])
        if text := described.get(parameter.name):
            schema["description"] = text
        if parameter.default is parameter.empty:
            required.append(parameter.name)
        elif parameter.default is not None and _is_json(parameter.default):
            schema["default"] = parameter.default
        properties[parameter.name] = schema
    parameters = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def parse_docstring(text: str) -> tuple[str, dict[str, str]]:
    """The text before the first section of a Google style docstring, and the description of each argument."""
    sections = _SECTION.split(text)
    described: dict[str, str] = {}
    for title, body in zip(sections[1::2], sections[2::2], strict=True):
        if title in ("Args", "Arguments"):
            described.update(_arguments(body))
    return sections[0].strip(), described


def whole_numbers(arguments: dict[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """``arguments`` with ``3.0`` as ``3`` where the schema says integer: JSON schema, unlike Python, takes both."""
    properties = parameters.get("properties", {})
    return {key: _whole(value, properties.get(key)) for key, value in arguments.items()}


def _whole(value: Any, schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return value
    if isinstance(value, float) and schema.get("type") == "integer" and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(item, schema.get("items")) for item in value]
    if isinstance(value, dict):
        return whole_numbers(value, schema)
    return value


def _explicit(name: str, schema: Any) -> dict[str, Any]:
    function = schema.get("function", schema) if isinstance(schema, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("parameters"), Mapping):
        raise UserInputError(f"tool {name!r}: {EXPLICIT} needs an object 'parameters'")
    return {"type": "function", "function": {"name": name, "description": "", **function}}


def _arguments(body: str) -> dict[str, str]:
    described: dict[str, str] = {}
    indent, current = None, ""
    for line in body.splitlines():
        match = _PARAMETER.fullmatch(line)
        if match and (indent is None or len(match["indent"]) <= indent):
            indent, current = len(match["indent"]), match["name"]
            described[current] = match["text"].strip()
        elif current and line.strip():
            described[current] = f"{described[current]} {line.strip()}".strip()
    return described


def _hint_schema(where: str, hint: Any) -> dict[str, Any]:
    """JSON schema of one type hint."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in (Any, inspect.Parameter.empty):
        return {}
    if isinstance(hint, type) and hint in _SCALARS:
        return {"type": _SCALARS[hint]}
    if hint is None:
        return {"type": "null"}
    if origin is Annotated:
        texts = [note for note in arguments[1:] if isinstance(note, str)]
        return {**_hint_schema(where, arguments[0]), **({"description": texts[0]} if texts else {})}
    if origin is Literal:
        kinds = sorted({_SCALARS[type(value)] for value in arguments if type(value) in _SCALARS})
        return {"type": kinds[0] if len(kinds) == 1 else kinds, "enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return _union(where, arguments)
    if hint in (list, Sequence) or origin in (list, Sequence):
        return {"type": "array", **({"items": _hint_schema(where, arguments[0])} if arguments else {})}
    if (hint in (dict, Mapping) or origin in (dict, Mapping)) and (not arguments or arguments[0] is str):
        return {"type": "object", **({"additionalProperties": _hint_schema(where, arguments[1])} if arguments else {})}
    if isinstance(hint, type) and hasattr(hint, "__required_keys__"):
        return _typed_dict(where, hint)
    raise UserInputError(f"{where}: no JSON schema for the hint {hint}; give the function an attribute {EXPLICIT}")


def _typed_dict(where: str, hint: Any) -> dict[str, Any]:
    """Of a ``TypedDict``; whose own word on what is required is wrong where its annotations are postponed."""
    properties: dict[str, Any] = {}
    required: list[str] = []
    for key, field in typing.get_type_hints(hint, include_extras=True).items():
        marker = getattr(typing.get_origin(field), "_name", None)
        marked = marker in ("Required", "NotRequired")
        if marker == "Required" or (not marked and key in hint.__required_keys__):
            required.append(key)
        properties[key] = _hint_schema(f"{where}.{key}", typing.get_args(field)[0] if marked else field)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _union(where: str, members: tuple[Any, ...]) -> dict[str, Any]:
    schemas = [_hint_schema(where, member) for member in members]
    if all(set(schema) == {"type"} and isinstance(schema["type"], str) for schema in schemas):
        return {"type": [schema["type"] for schema in schemas]}
    return {"anyOf": schemas}


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True
