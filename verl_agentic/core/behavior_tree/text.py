"""Behavior trees as JSON and YAML, read strictly: what models and people write may be broken or hostile.

``read_json`` and ``read_yaml`` give the tree, or a :class:`BrokenTaskError` that names the place and what is wrong.
Values are written as a list, or as ``{"from": 1, "to": 99, "step": 1}``, both ends included.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import jsonschema
import yaml
from jsonschema.exceptions import best_match

from verl_agentic.core.behavior_tree.model import (
    VERDICTS,
    Action,
    BehaviorTree,
    Call,
    Clarify,
    Condition,
    Confirm,
    Fact,
    Leaf,
    Node,
)
from verl_agentic.core.behavior_tree.schema import NODE_SCHEMAS, TREE_SCHEMA
from verl_agentic.core.business import Column, Precondition, Table, Tool, Value
from verl_agentic.core.errors import BrokenTaskError
from verl_agentic.core.messages.calls import MAX_NESTING, decode_json

MAX_TREE_BYTES = 65_536
MAX_VALUES = 200
"""Values of one column or fact; a comparison of two tries every pair."""
_MAX_REASON_CHARS = 200
_TREE = jsonschema.Draft202012Validator(TREE_SCHEMA)
_NODES = {kind: jsonschema.Draft202012Validator(schema) for kind, schema in NODE_SCHEMAS.items()}


def read_json(text: str) -> BehaviorTree:
    """The tree that a JSON text holds.

    Raises:
        BrokenTaskError: it is too long, no JSON, or no tree; the message names the place.
    """
    _check_size(text)
    try:
        data = decode_json(text)
    except ValueError as error:
        raise BrokenTaskError(f"behavior tree is not JSON: {error}") from error
    return from_data(data)


def read_yaml(text: str) -> BehaviorTree:
    """The tree that a YAML text holds. Anchors, tags and keys that stand twice are refused.

    Raises:
        BrokenTaskError: it is too long, no YAML, or no tree; the message names the place.
    """
    _check_size(text)
    try:
        data = yaml.load(text, _PlainLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BrokenTaskError(f"behavior tree is not YAML: {_short(' '.join(str(error).split()))}") from error
    return from_data(data)


def write_json(tree: BehaviorTree) -> str:
    """Inverse of :func:`read_json`."""
    return json.dumps(to_data(tree), ensure_ascii=False, indent=2)


def write_yaml(tree: BehaviorTree) -> str:
    """Inverse of :func:`read_yaml`."""
    return yaml.safe_dump(to_data(tree), sort_keys=False, allow_unicode=True, width=120)


def from_data(data: Any) -> BehaviorTree:
    """The tree that plain data describe; whether it is one, :mod:`verl_agentic.synthesis.trees.check` says.

    Raises:
        BrokenTaskError: a field is missing, unknown or of the wrong type; the message names its path.
    """
    _validate(data, _TREE, "")
    for name, node in data["nodes"].items():
        _validate(node, _NODES[node["type"]], f"nodes.{name}")
    return BehaviorTree(
        name=data["name"],
        tables=tuple(_table(name, table) for name, table in data["tables"].items()),
        tools=tuple(_tool(name, tool) for name, tool in data["tools"].items()),
        facts=tuple(_fact(name, fact) for name, fact in data["facts"].items()),
        wants=tuple(data["wants"]),
        root=data["root"],
        nodes={name: _READERS[node["type"]](node, f"nodes.{name}") for name, node in data["nodes"].items()},
        grown=tuple(data.get("grown", ())),
    )


def to_data(tree: BehaviorTree) -> dict[str, Any]:
    """The tree as plain data, as :func:`from_data` reads it."""
    data: dict[str, Any] = {
        "name": tree.name,
        "wants": list(tree.wants),
        "tables": {table.name: _table_data(table) for table in tree.tables},
        "tools": {tool.name: _tool_data(tool) for tool in tree.tools},
        "facts": {fact.name: _fact_data(fact) for fact in tree.facts},
        "root": tree.root,
        "nodes": {name: _node_data(node) for name, node in tree.nodes.items()},
    }
    return data | ({"grown": list(tree.grown)} if tree.grown else {})


class _PlainLoader(yaml.SafeLoader):
    """YAML without what makes a short text a large one, or one key two; of plain scalars only integers are no text."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise yaml.YAMLError(f"anchors and aliases are not allowed: {event.anchor!r}")
        self.nesting = getattr(self, "nesting", 0) + 1
        if self.nesting > MAX_NESTING:
            raise yaml.YAMLError(f"nested deeper than {MAX_NESTING}")
        node = super().compose_node(parent, index)
        self.nesting -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.YAMLError(f"key {key.value[:64]!r} stands twice")
                seen.add(key.value)
        return super().construct_mapping(node, deep)


# YAML 1.1 takes a key "no" for false, 010 for 8 and 1:30 for 90.
_PlainLoader.yaml_implicit_resolvers = {
    first: [("tag:yaml.org,2002:int", re.compile(r"-?(?:0|[1-9][0-9]*)\Z"))] for first in "-0123456789"
}


def _check_size(text: str) -> None:
    # Bytes are at least as many as characters, and encoding 10 MB only to refuse them is waste.
    if len(text) > MAX_TREE_BYTES or len(text.encode("utf-8", "replace")) > MAX_TREE_BYTES:
        raise BrokenTaskError(f"behavior tree is larger than {MAX_TREE_BYTES} bytes")


def _validate(data: Any, validator: jsonschema.Draft202012Validator, where: str) -> None:
    error = best_match(validator.iter_errors(data))
    if error is not None:
        path = ".".join([*([where] if where else []), *(str(part) for part in error.absolute_path)])
        raise BrokenTaskError(f"{path or 'behavior tree'}: {_short(error.message)}")


def _short(text: str) -> str:
    return text if len(text) <= _MAX_REASON_CHARS else f"{text[:_MAX_REASON_CHARS]} ..."


def _values(data: Any, where: str) -> Sequence[Value]:
    if isinstance(data, list):
        if len(set(data)) < len(data):
            raise BrokenTaskError(f"{where}: a value stands twice")
        return tuple(data)
    values = range(data["from"], data["to"] + 1, data.get("step", 1))
    if not 0 < len(values) <= MAX_VALUES:
        raise BrokenTaskError(f"{where}: {data['from']} to {data['to']} must be 1 to {MAX_VALUES} values; set 'step'")
    return values


def _values_data(values: Sequence[Value]) -> Any:
    if isinstance(values, range):
        step = {} if values.step == 1 else {"step": values.step}
        return {"from": values[0], "to": values[-1], **step}
    return list(values)


def _table(name: str, data: dict[str, Any]) -> Table:
    low, high = data["keys"]
    if high - low + 1 <= data["size"]:
        raise BrokenTaskError(
            f"tables.{name}.keys: {low} to {high} must leave a key free besides {data['size']} records"
        )
    columns = tuple(
        Column(column, references=values["table"])
        if isinstance(values, dict) and "table" in values
        else Column(column, _values(values, f"tables.{name}.columns.{column}"))
        for column, values in data["columns"].items()
    )
    return Table(name, columns, range(low, high + 1), data["size"])


def _table_data(table: Table) -> dict[str, Any]:
    columns = {
        column.name: {"table": column.references} if column.references else _values_data(column.values)
        for column in table.columns
    }
    return {"keys": [table.keys[0], table.keys[-1]], "size": table.size, "columns": columns}


def _tool(name: str, data: dict[str, Any]) -> Tool:
    conditions = tuple(Precondition(one["sql"], one["message"]) for one in data.get("preconditions", ()))
    return Tool(name, data["description"], data["sql"], data["arguments"], tuple(data.get("shows", ())), conditions)


def _tool_data(tool: Tool) -> dict[str, Any]:
    data: dict[str, Any] = {"description": tool.description, "arguments": dict(tool.arguments), "sql": tool.sql}
    if tool.shows:
        data["shows"] = list(tool.shows)
    if tool.preconditions:
        data["preconditions"] = [{"sql": one.sql, "message": one.message} for one in tool.preconditions]
    return data


def _fact(name: str, data: dict[str, Any]) -> Fact:
    values = _values(data["values"], f"facts.{name}.values") if "values" in data else ()
    return Fact(name, tuple(data["ask"]), data["say"], values, data.get("record"))


def _fact_data(fact: Fact) -> dict[str, Any]:
    what = {"record": fact.record} if fact.record else {"values": _values_data(fact.values)}
    return {"ask": list(fact.ask), "say": fact.say, **what}


def _call(data: dict[str, Any]) -> Call:
    return Call(data["tool"], data["arguments"])


def _call_data(call: Call) -> dict[str, Any]:
    return {"tool": call.tool, "arguments": dict(call.arguments)}


def _condition(data: dict[str, Any], where: str) -> Condition:
    bounds = _values(data["bounds"], f"{where}.bounds") if "bounds" in data else ()
    texts = {key: data[key] for key in ("than", "stated", "claim") if key in data}
    return Condition(data["subject"], data["comparison"], data["yes"], data["no"], bounds, **texts)


def _leaf(data: dict[str, Any]) -> Leaf:
    return Leaf(data["type"], data.get("pushes", 0), _call(data["lure"]) if "lure" in data else None)


_READERS: dict[str, Callable[[dict[str, Any], str], Node]] = {
    "action": lambda data, _: Action(_call(data), data["next"], data.get("error")),
    "condition": _condition,
    "clarify": lambda data, _: Clarify(data["fact"], data["next"]),
    "confirm": lambda data, _: Confirm(data["yes"], data["no"]),
    **{verdict: lambda data, _: _leaf(data) for verdict in VERDICTS},
}


def _node_data(node: Node) -> dict[str, Any]:
    match node:
        case Action():
            error = {"error": node.error} if node.error is not None else {}
            return {"type": "action", **_call_data(node.call), **error, "next": node.next}
        case Condition():
            bound = {"than": node.than} if node.than else {"bounds": _values_data(node.bounds)}
            texts = {key: text for key, text in (("stated", node.stated), ("claim", node.claim)) if text}
            data = {"type": "condition", "subject": node.subject, "comparison": node.comparison, **bound, **texts}
            return {**data, "yes": node.yes, "no": node.no}
        case Clarify():
            return {"type": "clarify", "fact": node.fact, "next": node.next}
        case Confirm():
            return {"type": "confirm", "yes": node.yes, "no": node.no}
        case Leaf():
            pushes = {"pushes": node.pushes} if node.pushes else {}
            return {"type": node.verdict, **pushes, **({"lure": _call_data(node.lure)} if node.lure else {})}
