"""Linear workflows of AgenticQwen's form as behavior trees without branches, which operators can then grow.

A record's ``normal_workflow``, or its ``tool_return_expected.normal_path``, is a list of calls with ``tool_name``,
``input`` and ``expected_output``. Each tool gets a table of one record, which holds what was recorded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from verl_agentic.core import BrokenTaskError
from verl_agentic.core.behavior_tree import (
    FACT,
    FIELD,
    MAX_VALUES,
    Action,
    BehaviorTree,
    Call,
    Fact,
    Leaf,
    Node,
    from_data,
    to_data,
)
from verl_agentic.core.business import Column, Table, Tool, Value
from verl_agentic.core.canonical import only_reads
from verl_agentic.synthesis.trees.edit import fresh_name

MAX_CALLS = 24
_MAX_TEXT = 400
_NAME = re.compile(r"[A-Za-z]\w{0,39}", re.ASCII)


@dataclass(slots=True)
class _Workflow:
    """What has been read so far.

    Attributes:
        told: everything that the user knows, as text.
        seen: references by value: what the user said and what calls showed.
        used: columns that later calls refer to.
    """

    told: str
    tables: dict[str, list[Column]] = field(default_factory=dict)
    tools: list[Tool] = field(default_factory=list)
    facts: dict[str, Fact] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    seen: dict[tuple[type, Value], str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    columns: set[str] = field(default_factory=lambda: {"id"})


def workflow_tree(record: Mapping[str, Any], name: str) -> BehaviorTree:
    """The linear tree of a record's workflow; still to be checked.

    Numbers that calls show and no later call needs may vary from task to task, as operators need them to.

    Args:
        record: a record of AgenticQwen's tool-use form.
        name: name of the tree.

    Raises:
        BrokenTaskError: the record has no workflow, or one whose arguments nobody can know: neither said by the user
            nor shown by an earlier call; the message names the call.
    """
    calls = _calls(record)
    told = json.dumps([record.get("task_background"), _request(record)], ensure_ascii=False)
    workflow = _Workflow(told)
    for position, call in enumerate(calls):
        following = f"call-{position + 2}" if position + 1 < len(calls) else "done"
        _add(workflow, call, f"call-{position + 1}", following)
    workflow.nodes["done"] = Leaf("allow")
    last = workflow.tools[-1].name.replace("_", " ")
    tree = BehaviorTree(
        name=name,
        tables=tuple(_table(workflow, table, columns) for table, columns in workflow.tables.items()),
        tools=tuple(workflow.tools),
        facts=tuple(workflow.facts.values()),
        wants=(f"Please {last}",),
        root="call-1",
        nodes=workflow.nodes,
    )
    # Recorded texts are held to the same limits as any other tree's.
    return from_data(to_data(tree))


def _calls(record: Mapping[str, Any]) -> list[tuple[str, dict[str, Value], Any]]:
    expected = record.get("tool_return_expected")
    path = expected.get("normal_path") if isinstance(expected, dict) else None
    steps = record.get("normal_workflow", path)
    if not isinstance(steps, list) or not 0 < len(steps) <= MAX_CALLS:
        raise BrokenTaskError(f"no normal_workflow or normal_path with 1 to {MAX_CALLS} calls")
    found: list[tuple[str, dict[str, Value], Any]] = []
    for position, step in enumerate(steps):
        where = f"call {position + 1}"
        tool = step.get("tool_name") if isinstance(step, dict) else None
        if not isinstance(tool, str) or not _NAME.fullmatch(tool):
            raise BrokenTaskError(f"{where} has no tool_name of letters, digits and underscores")
        if any(tool == name for name, _, _ in found):
            raise BrokenTaskError(f"{where} calls {tool} again; one record of it is all that is known")
        given, output = _decoded(step.get("input")), _decoded(step.get("expected_output"))
        if not isinstance(given, dict) or not given:
            raise BrokenTaskError(f"{where}: {tool} has no arguments")
        for key, value in given.items():
            if not _NAME.fullmatch(key) or not _plain(value):
                raise BrokenTaskError(f"{where}: argument {key[:40]!r} of {tool} is no short text or whole number")
        found.append((tool, given, output))
    return found


def _add(workflow: _Workflow, call: tuple[str, dict[str, Value], Any], node: str, following: str) -> None:
    tool, given, output = call
    arguments: dict[str, Value] = {}
    keys: dict[str, str] = {}
    columns: list[Column] = []
    for key, value in given.items():
        arguments[key] = _reference(workflow, tool, key, value)
        keys[key] = _column(workflow, f"{tool}_{key}"[:40], value, columns)
    outputs = output if isinstance(output, dict) else {}
    shows = {
        _column(workflow, key, value, columns): value
        for key, value in outputs.items()
        if _NAME.fullmatch(str(key)) and _plain(value) and value not in given.values()
    }
    for column, value in shows.items():
        workflow.seen.setdefault((type(value), value), FIELD + column)
    table = f"{tool}_data"
    where = " AND ".join(f"{column} = :{key}" for key, column in keys.items())
    if only_reads(tool):
        sql = f"SELECT {', '.join(shows) or 1} FROM {table} WHERE {where}"
    else:
        done = _column(workflow, f"{tool}_done", 0, columns)
        returning = f" RETURNING {', '.join(shows)}" if shows else ""
        sql = f"UPDATE {table} SET {done} = 1 WHERE {where}{returning}"
    kinds = {key: "integer" if isinstance(value, int) else "string" for key, value in given.items()}
    words = tool.replace("_", " ")
    workflow.tables[table] = columns
    workflow.tools.append(Tool(tool, f"{words[:1].upper()}{words[1:]}.", sql, kinds, tuple(shows)))
    workflow.nodes[node] = Action(Call(tool, arguments), following)


def _reference(workflow: _Workflow, tool: str, key: str, value: Value) -> str:
    known = workflow.seen.get((type(value), value))
    if known is None:
        if not re.search(rf"(?<!\w){re.escape(str(value))}(?!\w)", workflow.told):
            raise BrokenTaskError(f"{tool}: nobody says the argument {key!r} beforehand; it is for the agent to word")
        name = fresh_name(key, workflow.facts)
        phrase = name.replace("_", " ")
        workflow.facts[name] = Fact(name, (phrase,), f"{phrase[:1].upper()}{phrase[1:]}: {{value}}.", (value,))
        known = workflow.seen[type(value), value] = FACT + name
    if known.startswith(FIELD):
        workflow.used.add(known[1:])
    return known


def _column(workflow: _Workflow, wanted: str, value: Value, columns: list[Column]) -> str:
    name = fresh_name(wanted, workflow.columns)
    workflow.columns.add(name)
    columns.append(Column(name, (value,)))
    return name


def _table(workflow: _Workflow, name: str, columns: list[Column]) -> Table:
    shown = {column for tool in workflow.tools for column in tool.shows} - workflow.used
    varied = [Column(one.name, _around(one.values[0])) if one.name in shown else one for one in columns]
    return Table(name, tuple(varied), range(1, 3), 1)


def _around(value: Value) -> tuple[Value, ...] | range:
    """Numbers from half to double, or the word itself."""
    if isinstance(value, str) or value < 2:
        return (value,)
    span = 2 * value + 1 - value // 2
    return range(value // 2, 2 * value + 1, -(-span // MAX_VALUES))


def _request(record: Mapping[str, Any]) -> Any:
    prompt = record.get("prompt")
    return prompt[-1].get("content") if isinstance(prompt, list) and prompt and isinstance(prompt[-1], dict) else None


def _decoded(data: Any) -> Any:
    if not isinstance(data, str):
        return data
    try:
        return json.loads(data)
    except ValueError:
        return data


def _plain(value: Any) -> bool:
    if isinstance(value, str):
        return 0 < len(value) <= _MAX_TEXT and not value.startswith((FACT, FIELD)) and value.isprintable()
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**9
