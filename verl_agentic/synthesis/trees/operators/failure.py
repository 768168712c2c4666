"""The operator that lets a tool fail at first."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from verl_agentic.core import FailureKind
from verl_agentic.core.behavior_tree import FACT, Action, BehaviorTree, Call
from verl_agentic.core.business import Column, Precondition, Tool
from verl_agentic.synthesis.trees.edit import fresh, fresh_name, insert_before
from verl_agentic.synthesis.trees.operators.base import Operator

_LOCKED = 1


class ToolFailure(Operator):
    """A write is refused because its record is locked; another tool unlocks it, and the call is made again."""

    name: ClassVar[str] = "failure"
    aims_at = frozenset({FailureKind.MISSING_CALL, FailureKind.TOOL_MISUSE, FailureKind.GAVE_UP})

    def sites(self, tree: BehaviorTree) -> tuple[str, ...]:
        nodes = [node for node in tree.nodes.values() if isinstance(node, Action)]
        return tuple(
            dict.fromkeys(
                node.call.tool
                for node in nodes
                if tree.tool(node.call.tool).writes
                and not tree.tool(node.call.tool).preconditions
                and node.error is None
                and not _recovers(tree, node.call.tool)
                and _record_argument(tree, node.call)
            )
        )

    def change(self, tree: BehaviorTree, site: str) -> BehaviorTree:
        uses = [name for name, node in tree.nodes.items() if isinstance(node, Action) and node.call.tool == site]
        first = tree.nodes[uses[0]]
        assert isinstance(first, Action)
        argument, record = _record_argument(tree, first.call) or ("", "")
        columns = {column.name for table in tree.tables for column in table.columns}
        locked = fresh_name("locked", columns)
        unlock = fresh_name("unlock", {tool.name for tool in tree.tools})
        key = tree.tool(site).arguments[argument]
        table = tree.table(record)
        tree = replace(
            tree,
            tables=tuple(
                replace(one, columns=(*one.columns, Column(locked, (_LOCKED,)))) if one is table else one
                for one in tree.tables
            ),
            tools=(
                *(_guarded(tool, site, argument, record, locked) for tool in tree.tools),
                _unlock(unlock, argument, key, record, locked),
            ),
        )
        for name in uses:
            node = tree.nodes[name]
            assert isinstance(node, Action)
            again = Call(unlock, {argument: node.call.arguments[argument]})
            release = fresh(tree, f"{unlock}-{name}")
            tree = insert_before(tree, name, release, lambda after, again=again: Action(again, after))  # type: ignore[misc]
            fails = fresh(tree, f"try-{name}")
            refused = replace(node, error=locked)
            tree = insert_before(tree, release, fails, lambda after, refused=refused: replace(refused, next=after))  # type: ignore[misc]
        return tree


def _guarded(tool: Tool, site: str, argument: str, record: str, locked: str) -> Tool:
    if tool.name != site:
        return tool
    sql = f"SELECT {locked} = 0 FROM {record} WHERE id = :{argument}"
    return replace(tool, preconditions=(Precondition(sql, locked),))


def _unlock(name: str, argument: str, key: str, record: str, locked: str) -> Tool:
    sql = f"UPDATE {record} SET {locked} = 0 WHERE id = :{argument}"
    return Tool(name, f"Unlock one of the {record}.", sql, {argument: key})


def _recovers(tree: BehaviorTree, tool: str) -> bool:
    """Whether a tool is called only to mend a failure."""
    nodes = [node for node in tree.nodes.values() if isinstance(node, Action)]
    after_failure = {node.next for node in nodes if node.error is not None}
    uses = {name for name, node in tree.nodes.items() if isinstance(node, Action) and node.call.tool == tool}
    return bool(uses) and uses <= after_failure


def _record_argument(tree: BehaviorTree, call: Call) -> tuple[str, str] | None:
    """The first argument that is the key of a record, and that record's table."""
    for argument, value in call.arguments.items():
        if isinstance(value, str) and value.startswith(FACT):
            record = tree.fact(value[1:]).record
            if record is not None:
                return argument, record
    return None
