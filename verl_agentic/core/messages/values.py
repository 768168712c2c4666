"""Values that a policy wrote as text, read as the types that a tool's JSON schema gives them.

The rules, which are those of the engines that serve Qwen3-Coder as far as they are safe:

* where the schema allows a text, it is the text, but for the members of an ``enum`` or ``const``, ``true`` and
  ``false`` where a boolean is allowed, and ``null``;
* where it does not, it is read as JSON, then as a Python literal (``['a', None]``, ``True``);
* where the schema says nothing of a parameter, it is the text;
* what cannot be read stays text, for the schema to refuse.

Types are looked for behind ``$ref`` (within the schema), ``allOf``, ``anyOf``, ``oneOf``, ``enum`` and ``const``.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Mapping
from typing import Any

from verl_agentic.core.messages.json_text import MAX_NESTING, decode_json, nesting

_ALL = frozenset({"string", "integer", "number", "boolean", "object", "array", "null"})
_MAX_DEPTH = 16
_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'?|\"(?:[^\"\\]|\\.)*\"?", re.DOTALL)
_NEIGHBOURS = re.compile(r"S\s*S")
_PYTHON_NAMES = {"None": None, "True": True, "False": False}
# What no literal of data holds, and what parsers take stack for.
_NO_LITERAL = re.compile(r"[-+~]{2}|[@:=]=|\b(?:not|lambda|for|if|await|yield)\b(?![^'\"]*['\"])")


def typed(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Texts as values of the types that a tool's JSON schema gives its parameters.

    Args:
        arguments: what was written, by parameter; what is no text stays as it is.
        schema: JSON schema of the tool's parameters.
    """
    properties = schema.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    return {
        name: _value(value, properties.get(name), schema) if isinstance(value, str) else value
        for name, value in arguments.items()
    }


def _value(text: str, schema: Any, root: Mapping[str, Any]) -> Any:
    bare = text.strip()
    members = _members(schema, root, 0)
    if members:
        if text in members or bare in members:
            return text if text in members else bare
        read = _read(bare)
        return read if any(_same(read, member) for member in members) else text
    types = _types(schema, root, 0)
    if types is None or types == {"string"}:
        return text
    if "boolean" in types and bare.lower() in ("true", "false"):
        return bare.lower() == "true"
    if "string" in types:
        return None if "null" in types and text == "null" else text
    return _read(bare, otherwise=text)


def _read(text: str, otherwise: str | None = None) -> Any:
    """JSON, or else a Python literal, or else the text."""
    try:
        return decode_json(text)
    except ValueError:
        pass
    if text in _PYTHON_NAMES:
        return _PYTHON_NAMES[text]
    try:
        return _literal(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text if otherwise is None else otherwise


def _literal(text: str) -> Any:
    """A list or object as Python writes it, as JSON data.

    Raises:
        ValueError: it is none, or nested deeper than :data:`MAX_NESTING`; likewise the errors of Python's parser.
    """
    if text[:1] not in ("[", "{") or _NO_LITERAL.search(text):
        raise ValueError("no literal")
    if sum(text.count(bracket) for bracket in "[({") > MAX_NESTING and nesting(text) > MAX_NESTING:
        raise ValueError("nested too deep")
    with warnings.catch_warnings():
        # Of escapes that Python does not know.
        warnings.simplefilter("ignore")
        tree = ast.parse(text, mode="eval")
        value = ast.literal_eval(tree)
    if _NEIGHBOURS.search(_TEXT.sub("S", text)):
        raise ValueError("two texts without a comma between them")
    for node in ast.walk(tree):
        keys = [key.value for key in node.keys if isinstance(key, ast.Constant)] if isinstance(node, ast.Dict) else []
        if len(set(keys)) < len(keys):
            raise ValueError("a key twice")
    # What JSON has no form for (sets, bytes, infinities, keys that are no texts) is no value of a call.
    data = json.dumps(_plain(value), allow_nan=False)
    data.encode()
    return json.loads(data)


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("a key is no text")
        return {key: _plain(entry) for key, entry in value.items()}
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise ValueError(f"{type(value).__name__} is no JSON")


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _resolved(schema: Any, root: Mapping[str, Any], depth: int) -> Mapping[str, Any] | None:
    """What a reference within ``root`` leads to, or the schema itself; ``None`` where it leads nowhere."""
    for _ in range(max(0, _MAX_DEPTH - depth)):
        if not isinstance(schema, Mapping):
            return None
        reference = schema.get("$ref")
        if reference is None:
            return schema
        if not isinstance(reference, str) or not reference.startswith("#"):
            return None
        target: Any = root
        for part in reference.removeprefix("#").strip("/").split("/") if reference != "#" else ():
            key = part.replace("~1", "/").replace("~0", "~")
            target = target.get(key) if isinstance(target, Mapping) else None
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {"allOf": [target, beside]} if beside.keys() & {"type", "enum", "const", "allOf"} else target
    return None


def _members(schema: Any, root: Mapping[str, Any], depth: int) -> list[Any]:
    """The only values that are allowed, empty where more than a list of them are."""
    found = _resolved(schema, root, depth)
    if found is None or depth >= _MAX_DEPTH:
        return []
    if "const" in found:
        return [found["const"]]
    if isinstance(found.get("enum"), list):
        return list(found["enum"])
    for part in _parts(found, "allOf"):
        if members := _members(part, root, depth + 1):
            return members
    for key in ("anyOf", "oneOf"):
        parts = [_members(part, root, depth + 1) or _null(part) for part in _parts(found, key)]
        if parts and all(parts):
            return [member for part in parts for member in part]
    return []


def _null(schema: Any) -> list[Any]:
    return [None] if isinstance(schema, Mapping) and schema.get("type") == "null" else []


def _types(schema: Any, root: Mapping[str, Any], depth: int) -> frozenset[str] | None:
    """Names of the JSON types that are allowed, ``None`` where nothing is said of them."""
    found = _resolved(schema, root, depth)
    if found is None or depth >= _MAX_DEPTH:
        return None
    wanted = found.get("type")
    names = [wanted] if isinstance(wanted, str) else wanted if isinstance(wanted, list) else []
    types: frozenset[str] | None = frozenset(name for name in names if isinstance(name, str)) or None
    for part in _parts(found, "allOf"):
        types = _both(types, _types(part, root, depth + 1))
    for key in ("anyOf", "oneOf"):
        parts = [_types(part, root, depth + 1) for part in _parts(found, key)]
        if parts:
            some = [part for part in parts if part is not None]
            types = _both(types, frozenset().union(*some) if len(some) == len(parts) else None)
    return types


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other or one


def _parts(schema: Mapping[str, Any], key: str) -> list[Any]:
    parts = schema.get(key)
    return parts[:64] if isinstance(parts, list) else []
