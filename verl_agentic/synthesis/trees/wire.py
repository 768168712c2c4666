"""The form in which language models read and write behavior trees, derived from the strict one.

It says what :mod:`verl_agentic.core.behavior_tree.schema` says in what constrained decoding knows everywhere: a map is
a list of objects with a ``name``, what may be left out is null, a condition on a value's type is a choice of forms, and
of bounds there is only how long a list may be. ``grown`` is left out: where a tree comes from is not for the model to
say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jsonschema

from verl_agentic.core import BrokenTaskError
from verl_agentic.core.behavior_tree import BehaviorTree, from_data, to_data
from verl_agentic.core.behavior_tree.schema import NODE_SCHEMAS, TREE_SCHEMA

Schema = Mapping[str, Any]

_KINDS = "x-kinds"  # schemas of an object by its ``type``
_SHOWN = 48

_properties = {key: schema for key, schema in TREE_SCHEMA["properties"].items() if key != "grown"}
_STRICT: Schema = {
    **TREE_SCHEMA,
    "properties": {
        **_properties,
        "nodes": {**_properties["nodes"], "additionalProperties": {_KINDS: NODE_SCHEMAS}},
    },
}


def _schema(strict: Schema) -> dict[str, Any]:
    """The schema of the form in which data of a strict schema are written."""
    if _KINDS in strict:
        return {"anyOf": [_schema(kind) for kind in strict[_KINDS].values()]}
    if "if" in strict:
        typed = {key: strict["if"][key] for key in ("type",) if key in strict["if"]}
        return {"anyOf": _choices({**typed, **strict["then"]}) + _choices(strict["else"])}
    if _is_map(strict):
        return _list(_named_schema(_schema(strict["additionalProperties"])), strict["maxProperties"])
    if "properties" in strict:
        properties = {key: _schema(inner) for key, inner in strict["properties"].items()}
        left_out = properties.keys() - set(strict["required"])
        return _object({key: _or_null(inner) if key in left_out else inner for key, inner in properties.items()})
    if "items" in strict:
        return _list(_schema(strict["items"]), strict["maxItems"])
    if "const" in strict or "enum" in strict:
        return {"type": "string", "enum": strict.get("enum", [strict.get("const")])}
    return {"type": strict["type"]}


def _is_map(strict: Schema) -> bool:
    return isinstance(strict.get("additionalProperties"), Mapping)


def _choices(strict: Schema) -> list[dict[str, Any]]:
    inner = _schema(strict)
    return list(inner.get("anyOf", [inner]))


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    named = dict(properties)
    return {"type": "object", "properties": named, "required": list(named), "additionalProperties": False}


def _list(items: Schema, most: int) -> dict[str, Any]:
    # The number first: a list that is too long is not looked into.
    return {"type": "array", "maxItems": most, "items": items}


def _or_null(inner: Schema) -> dict[str, Any]:
    return {"anyOf": [*inner.get("anyOf", [inner]), {"type": "null"}]}


def _named_schema(entry: Schema) -> dict[str, Any]:
    """An entry of a map beside its name; what is no object of our own is its ``value``."""
    kinds = entry.get("anyOf", [entry])
    if all("properties" in kind for kind in kinds):
        named = [_object({"name": {"type": "string"}, **kind["properties"]}) for kind in kinds]
        return named[0] if len(named) == 1 else {"anyOf": named}
    return _object({"name": {"type": "string"}, "value": entry})


WIRE_SCHEMA: dict[str, Any] = _schema(_STRICT)
"""JSON schema of the form."""


def from_wire(data: Mapping[str, Any]) -> BehaviorTree:
    """The tree that data of :data:`WIRE_SCHEMA` describe, read as strictly as any other.

    Raises:
        BrokenTaskError: a name stands twice, or it is no tree; the message names the place.
    """
    return from_data(_converted(data, _STRICT, "", _as_map, _without_nulls))


def to_wire(tree: BehaviorTree) -> dict[str, Any]:
    """Inverse of :func:`from_wire`, but for ``grown``."""
    data = {key: value for key, value in to_data(tree).items() if key != "grown"}
    wire: dict[str, Any] = _converted(data, _STRICT, "", _as_list, _with_nulls)
    return wire


_Map = Callable[[Any, Schema, str, Callable[[Any, Schema, str], Any]], Any]
_Object = Callable[[Mapping[str, Any], Schema], Mapping[str, Any]]


def _converted(data: Any, strict: Schema, where: str, of_map: _Map, of_object: _Object) -> Any:
    """Data in the other form; a map and an object's absent keys are what the two forms tell apart."""

    def inner(value: Any, schema: Schema, place: str) -> Any:
        return _converted(value, schema, place, of_map, of_object)

    if _KINDS in strict:
        return inner(data, strict[_KINDS][data["type"]], where)
    if "if" in strict:  # which it is shows in both forms, since neither changes a value's type
        holds = jsonschema.Draft202012Validator(strict["if"]).is_valid(data)
        return inner(data, strict["then" if holds else "else"], where)
    if _is_map(strict):
        return of_map(data, strict["additionalProperties"], where, inner)
    if "properties" in strict:
        properties = strict["properties"]
        below = f"{where}." if where else ""
        return {key: value if value is None else inner(value, properties[key], f"{below}{key}")
                for key, value in of_object(data, strict).items()}  # fmt: skip
    if "items" in strict:
        return [inner(item, strict["items"], where) for item in data]
    return data


def _as_list(data: Any, entry: Schema, where: str, inner: Callable[[Any, Schema, str], Any]) -> Any:
    own = "properties" in entry or _KINDS in entry
    converted = {name: inner(value, entry, where) for name, value in data.items()}
    return [{"name": name, **(value if own else {"value": value})} for name, value in converted.items()]


def _as_map(data: Any, entry: Schema, where: str, inner: Callable[[Any, Schema, str], Any]) -> Any:
    own = "properties" in entry or _KINDS in entry
    found: dict[str, Any] = {}
    for item in data:
        name = item["name"]
        if name in found:
            raise BrokenTaskError(f"{where}: {name[:_SHOWN]!r} stands twice")
        value = {key: one for key, one in item.items() if key != "name"} if own else item["value"]
        found[name] = inner(value, entry, f"{where}.{name[:_SHOWN]}")
    return found


def _with_nulls(data: Mapping[str, Any], strict: Schema) -> Mapping[str, Any]:
    return {key: data.get(key) for key in strict["properties"]}


def _without_nulls(data: Mapping[str, Any], strict: Schema) -> Mapping[str, Any]:
    return {key: value for key, value in data.items() if value is not None}
