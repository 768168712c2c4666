"""JSON schemas of a behavior tree's text form; every size has a bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from verl_agentic.core.behavior_tree.model import VERDICTS

MAX_NODES = 128
_MAX_TEXT = 400
_NAME = "^[A-Za-z][A-Za-z0-9_-]{0,47}$"
# Names of tables, columns and arguments stand in SQL.
_SQL_NAME = "^[A-Za-z][A-Za-z0-9_]{0,47}$"

_text: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": _MAX_TEXT, "pattern": "\\S"}
_name: dict[str, Any] = {"type": "string", "pattern": _NAME}
_sql_name: dict[str, Any] = {"type": "string", "pattern": _SQL_NAME}
_reference: dict[str, Any] = {"type": "string", "pattern": "^[$@][A-Za-z][A-Za-z0-9_-]{0,47}$"}
_integer: dict[str, Any] = {"type": "integer", "minimum": -(10**9), "maximum": 10**9}
_statement: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 1000}
_pushes: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": 3}


def _object(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> dict[str, Any]:
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _named(entry: Mapping[str, Any], most: int, least: int = 0, name: str = _NAME) -> dict[str, Any]:
    limits = {"minProperties": least, "maxProperties": most}
    return {"type": "object", "propertyNames": {"pattern": name}, "additionalProperties": entry, **limits}


def _list(entry: Mapping[str, Any], most: int, least: int = 1) -> dict[str, Any]:
    return {"type": "array", "items": entry, "minItems": least, "maxItems": most}


_words = _list({"type": "string", "maxLength": _MAX_TEXT}, 200)
_numbers = _list(_integer, 200)
_span = _object({"from": _integer, "to": _integer}, {"step": {"type": "integer", "minimum": 1}})
_values = {
    "if": {"type": "object"},
    "then": _span,
    "else": {"if": {"contains": {"type": "integer"}}, "then": _numbers, "else": _words},
}
_column = {
    "if": {"type": "object", "required": ["table"]},
    "then": _object({"table": _sql_name}),
    "else": _values,
}
_fact = {
    **_object(
        {"ask": _list({**_text, "maxLength": 40}, 8), "say": {**_text, "pattern": "^[^{}]*\\{value\\}[^{}]*$"}},
        {"record": _sql_name, "values": _values},
    ),
    "oneOf": [{"required": ["record"]}, {"required": ["values"]}],
}
_argument = {"if": {"type": "string"}, "then": {"maxLength": _MAX_TEXT}, "else": _integer}
_call = {"tool": _name, "arguments": _named(_argument, 12, name=_SQL_NAME)}
_tool = _object(
    {
        "description": _text,
        "arguments": _named({"enum": ["string", "integer"]}, 12, name=_SQL_NAME),
        "sql": _statement,
    },
    {
        "shows": _list(_sql_name, 24),
        "preconditions": _list(_object({"sql": _statement, "message": {**_text, "maxLength": 100}}), 4),
    },
)
_table = _object(
    {
        "keys": {**_list({"type": "integer", "minimum": 1, "maximum": 10**9}, 2, 2)},
        "size": {"type": "integer", "minimum": 1, "maximum": 20},
        "columns": _named(_column, 24, 1, _SQL_NAME),
    }
)

TREE_SCHEMA: dict[str, Any] = _object(
    {
        "name": _name,
        "wants": _list(_text, 8),
        "tables": _named(_table, 12, 1, _SQL_NAME),
        "tools": _named(_tool, 24, 1),
        "facts": _named(_fact, 24),
        "root": _name,
        "nodes": _named(
            {
                "type": "object",
                "required": ["type"],
                "properties": {"type": {"enum": ["action", "condition", "clarify", "confirm", *VERDICTS]}},
            },
            MAX_NODES,
            1,
        ),
    },
    {"grown": _list({**_text, "maxLength": 160}, 32, 0)},
)
"""The whole tree, of its nodes only that each has a ``type``."""

_condition = {
    **_object(
        {
            "type": {"const": "condition"},
            "subject": _reference,
            "comparison": {"enum": ["is", "is_not", "at_most", "at_least"]},
            "yes": _name,
            "no": _name,
        },
        {"bounds": _values, "than": _reference, "stated": _text, "claim": _text},
    ),
    "oneOf": [{"required": ["bounds"]}, {"required": ["than"]}],
}

NODE_SCHEMAS: dict[str, dict[str, Any]] = {
    "action": _object({"type": {"const": "action"}, **_call, "next": _name}, {"error": {**_text, "maxLength": 100}}),
    "condition": _condition,
    "clarify": _object({"type": {"const": "clarify"}, "fact": _name, "next": _name}),
    "confirm": _object({"type": {"const": "confirm"}, "yes": _name, "no": _name}),
    **{verdict: _object({"type": {"const": verdict}}) for verdict in VERDICTS},
    "deny": _object({"type": {"const": "deny"}}, {"pushes": _pushes, "lure": _object(_call)}),
}
"""One node, by its ``type``."""
