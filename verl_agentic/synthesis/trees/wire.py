"""The form in which language models read and write behavior trees.

It says what the strict form of :mod:`verl_agentic.core.behavior_tree.text` says, in what constrained decoding knows
everywhere: lists of named objects instead of maps, no optional fields, no conditions. ``grown`` is left out: where a
tree comes from is not for the model to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from verl_agentic.core import BrokenTaskError
from verl_agentic.core.behavior_tree import BehaviorTree, from_data, to_data

_text: dict[str, Any] = {"type": "string"}
_integer: dict[str, Any] = {"type": "integer"}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _list(items: Mapping[str, Any], most: int) -> dict[str, Any]:
    # The number first: a list that is too long is not looked into.
    return {"type": "array", "maxItems": most, "items": items}


def _one_of(*options: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": list(options)}


def _or_null(option: Mapping[str, Any]) -> dict[str, Any]:
    return _one_of(option, {"type": "null"})


def _word(*words: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(words)}


_words = _object(words=_list(_text, 200))
_numbers = _object(numbers=_list(_integer, 200))
_span = _object(**{"from": _integer, "to": _integer, "step": _integer})
_values = _one_of(_words, _numbers, _span)
_arguments = _list(_object(name=_text, value=_one_of(_text, _integer)), 12)
_call = _object(tool=_text, arguments=_arguments)

WIRE_SCHEMA: dict[str, Any] = _object(
    name=_text,
    wants=_list(_text, 8),
    tables=_list(
        _object(
            name=_text,
            first_key=_integer,
            last_key=_integer,
            size=_integer,
            columns=_list(_object(name=_text, values=_one_of(_words, _numbers, _span, _object(table=_text))), 24),
        ),
        12,
    ),
    tools=_list(
        _object(
            name=_text,
            description=_text,
            arguments=_list(_object(name=_text, type=_word("string", "integer")), 12),
            sql=_text,
            shows=_list(_text, 24),
            preconditions=_list(_object(sql=_text, message=_text), 4),
        ),
        24,
    ),
    facts=_list(_object(name=_text, ask=_list(_text, 8), say=_text, what=_one_of(_values, _object(record=_text))), 24),
    root=_text,
    nodes=_list(
        _one_of(
            _object(
                id=_text, type=_word("action"), tool=_text, arguments=_arguments, error=_or_null(_text), next=_text
            ),
            _object(
                id=_text,
                type=_word("condition"),
                subject=_text,
                comparison=_word("is", "is_not", "at_most", "at_least"),
                against=_one_of(_values, _object(than=_text)),
                stated=_or_null(_text),
                claim=_or_null(_text),
                yes=_text,
                no=_text,
            ),
            _object(id=_text, type=_word("clarify"), fact=_text, next=_text),
            _object(id=_text, type=_word("confirm"), yes=_text, no=_text),
            _object(id=_text, type=_word("allow", "decline", "transfer")),
            _object(id=_text, type=_word("deny"), pushes=_integer, lure=_or_null(_call)),
        ),
        128,
    ),
)
"""JSON schema of the form."""


def from_wire(data: Mapping[str, Any]) -> BehaviorTree:
    """The tree that data of :data:`WIRE_SCHEMA` describe, read as strictly as any other.

    Raises:
        BrokenTaskError: a name stands twice, or it is no tree; the message names the place.
    """
    tree = {
        "name": data["name"],
        "wants": data["wants"],
        "tables": {name: _table(name, table) for name, table in _named(data["tables"], "tables").items()},
        "tools": {name: _tool(name, tool) for name, tool in _named(data["tools"], "tools").items()},
        "facts": {name: _fact(fact) for name, fact in _named(data["facts"], "facts").items()},
        "root": data["root"],
        "nodes": {name: _node(name, node) for name, node in _named(data["nodes"], "nodes", "id").items()},
    }
    return from_data(tree)


def to_wire(tree: BehaviorTree) -> dict[str, Any]:
    """Inverse of :func:`from_wire`, but for ``grown``."""
    data = to_data(tree)
    return {
        "name": data["name"],
        "wants": data["wants"],
        "tables": [
            {
                "name": name,
                "first_key": table["keys"][0],
                "last_key": table["keys"][1],
                "size": table["size"],
                "columns": [
                    {"name": column, "values": values if "table" in values else _wire_values(values)}
                    for column, values in table["columns"].items()
                ],
            }
            for name, table in data["tables"].items()
        ],
        "tools": [
            {
                "name": name,
                "description": tool["description"],
                "arguments": [{"name": key, "type": kind} for key, kind in tool["arguments"].items()],
                "sql": tool["sql"],
                "shows": tool.get("shows", []),
                "preconditions": tool.get("preconditions", []),
            }
            for name, tool in data["tools"].items()
        ],
        "facts": [
            {
                "name": name,
                "ask": fact["ask"],
                "say": fact["say"],
                "what": {"record": fact["record"]} if "record" in fact else _wire_values(fact["values"]),
            }
            for name, fact in data["facts"].items()
        ],
        "root": data["root"],
        "nodes": [_wire_node(name, node) for name, node in data["nodes"].items()],
    }


def _named(items: Sequence[Mapping[str, Any]], where: str, key: str = "name") -> dict[str, dict[str, Any]]:
    """The items by name, without it."""
    found: dict[str, dict[str, Any]] = {}
    for item in items:
        if item[key] in found:
            raise BrokenTaskError(f"{where}: {item[key][:48]!r} stands twice")
        found[item[key]] = {name: value for name, value in item.items() if name != key}
    return found


def _table(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    columns = _named(table["columns"], f"tables.{name[:48]}.columns")
    return {
        "keys": [table["first_key"], table["last_key"]],
        "size": table["size"],
        "columns": {column: _values_data(entry["values"]) for column, entry in columns.items()},
    }


def _tool(name: str, tool: dict[str, Any]) -> dict[str, Any]:
    arguments = _named(tool["arguments"], f"tools.{name[:48]}.arguments")
    kept = {key: tool[key] for key in ("shows", "preconditions") if tool[key]}
    kinds = {argument: entry["type"] for argument, entry in arguments.items()}
    return {"description": tool["description"], "arguments": kinds, "sql": tool["sql"], **kept}


def _fact(fact: dict[str, Any]) -> dict[str, Any]:
    what = fact["what"] if "record" in fact["what"] else {"values": _values_data(fact["what"])}
    return {"ask": fact["ask"], "say": fact["say"], **what}


def _node(name: str, node: dict[str, Any]) -> dict[str, Any]:
    data = {key: value for key, value in node.items() if value is not None}
    if "arguments" in data:
        data["arguments"] = _argument_data(data["arguments"], f"nodes.{name[:48]}")
    if "lure" in data:
        lure = data["lure"]
        data["lure"] = {"tool": lure["tool"], "arguments": _argument_data(lure["arguments"], f"nodes.{name[:48]}.lure")}
    if "against" in data:
        against = data.pop("against")
        data |= against if "than" in against else {"bounds": _values_data(against)}
    return data


def _argument_data(arguments: Sequence[Mapping[str, Any]], where: str) -> dict[str, Any]:
    return {name: entry["value"] for name, entry in _named(arguments, f"{where}.arguments").items()}


def _values_data(values: Mapping[str, Any]) -> Any:
    listed = values.get("words", values.get("numbers"))
    return dict(values) if listed is None else listed


def _wire_values(values: Any) -> dict[str, Any]:
    if isinstance(values, dict):
        return {"from": values["from"], "to": values["to"], "step": values.get("step", 1)}
    return {"numbers" if isinstance(values[0], int) else "words": values}


def _wire_node(name: str, node: Mapping[str, Any]) -> dict[str, Any]:
    data = {"id": name, **node}
    match node["type"]:
        case "action":
            return {**data, "arguments": _wire_arguments(node), "error": node.get("error")}
        case "condition":
            against = {"than": data.pop("than")} if "than" in data else _wire_values(data.pop("bounds"))
            return {**data, "against": against, "stated": node.get("stated"), "claim": node.get("claim")}
        case "deny":
            lure = node.get("lure")
            wire = None if lure is None else {"tool": lure["tool"], "arguments": _wire_arguments(lure)}
            return {**data, "pushes": node.get("pushes", 0), "lure": wire}
    return data


def _wire_arguments(call: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in call["arguments"].items()]
