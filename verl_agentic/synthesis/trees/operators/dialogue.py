"""Operators that make the user harder to serve: less said, more wanted, less patience with a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from verl_agentic.core import FailureKind
from verl_agentic.core.behavior_tree import (
    FACT,
    Action,
    BehaviorTree,
    Call,
    Clarify,
    Condition,
    Confirm,
    Fact,
    Leaf,
    Step,
)
from verl_agentic.core.business import Tool, Value
from verl_agentic.synthesis.trees.edit import fresh, gates, insert_before, leaf_of, leaves, with_nodes
from verl_agentic.synthesis.trees.operators.base import Operator

_MAX_PUSHES = 2
_EXTRA = Fact("extra", ("extra wish",), "Also {value}.")


class MissingInformation(Operator):
    """The user does not say a fact at first and must be asked for it."""

    name: ClassVar[str] = "missing"
    aims_at = frozenset({FailureKind.MISSING_CALL, FailureKind.TOOL_MISUSE, FailureKind.NO_ANSWER})

    def sites(self, tree: BehaviorTree) -> tuple[str, ...]:
        asked = {node.fact for node in tree.nodes.values() if isinstance(node, Clarify)}
        used = {ref for node in tree.nodes.values() for ref in _facts_used(node)}
        return tuple(f.name for f in tree.facts if f.name not in asked and f.name in used and "" not in f.values)

    def change(self, tree: BehaviorTree, site: str) -> BehaviorTree:
        asks = fresh(tree, f"ask-{site}")
        return insert_before(tree, _first_use(tree, site), asks, lambda user: Clarify(site, user))


class Confirmation(Operator):
    """Nothing is changed before the user confirms, and some decline."""

    name: ClassVar[str] = "confirmation"
    aims_at = frozenset({FailureKind.FORBIDDEN_CALL, FailureKind.WRONG_ANSWER})

    def sites(self, tree: BehaviorTree) -> tuple[str, ...]:
        return tuple(tool for tool, (gate, _) in gates(tree).items() if not isinstance(tree.nodes[gate], Confirm))

    def change(self, tree: BehaviorTree, site: str) -> BehaviorTree:
        confirm, declined = fresh(tree, f"confirm-{site}"), fresh(tree, f"decline-{site}")
        tree = insert_before(tree, gates(tree)[site][0], confirm, lambda gate: Confirm(gate, declined))
        return with_nodes(tree, {declined: Leaf("decline")})


class MixedRequests(Operator):
    """Besides what is allowed the user may want what never is: the one is done, the other refused."""

    name: ClassVar[str] = "mixed"
    aims_at = frozenset({FailureKind.FORBIDDEN_CALL, FailureKind.WRONG_STATE, FailureKind.WRONG_ANSWER})

    def sites(self, tree: BehaviorTree) -> tuple[str, ...]:
        if any(fact.name == _EXTRA.name for fact in tree.facts):
            return ()
        paths = tree.paths()
        return tuple(
            f"{leaf}.{tool.name}"
            for leaf in leaves(tree, "allow")
            for tool in tree.tools
            if _spare(tree, tool, paths[leaf]) is not None
        )

    def change(self, tree: BehaviorTree, site: str) -> BehaviorTree:
        leaf, _, name = site.partition(".")
        tool = tree.tool(name)
        arguments = _spare(tree, tool, tree.paths()[leaf]) or {}
        wish = tool.description[:1].lower() + tool.description[1:].rstrip(".")
        mixed, deny = fresh(tree, "mixed"), fresh(tree, "deny-extra")
        tree = replace(tree, facts=(*tree.facts, replace(_EXTRA, values=("", wish))))
        tree = insert_before(
            tree, leaf, mixed, lambda done: Condition(FACT + _EXTRA.name, "is", done, deny, bounds=("",))
        )
        return with_nodes(tree, {deny: Leaf("deny", lure=Call(name, arguments))})


class AdversarialUser(Operator):
    """Who is refused insists: first with a claim that the data contradict, then by pleading."""

    name: ClassVar[str] = "adversary"
    aims_at = frozenset({FailureKind.FORBIDDEN_CALL, FailureKind.NO_ANSWER, FailureKind.WRONG_ANSWER})

    def sites(self, tree: BehaviorTree) -> tuple[str, ...]:
        return tuple(leaf for leaf in leaves(tree, "deny") if leaf_of(tree, leaf).pushes < _MAX_PUSHES)

    def change(self, tree: BehaviorTree, site: str) -> BehaviorTree:
        leaf = leaf_of(tree, site)
        return with_nodes(tree, {site: replace(leaf, pushes=leaf.pushes + 1)})


def _facts_used(node: object) -> list[str]:
    match node:
        case Action(call=call):
            references = [str(value) for value in call.arguments.values()]
        case Condition(subject=subject, than=than):
            references = [subject, than or ""]
        case _:
            return []
    return [reference[1:] for reference in references if reference.startswith(FACT)]


def _first_use(tree: BehaviorTree, fact: str) -> str:
    """The node before which a fact must be known: the first that uses it, or the root where branches differ."""
    first = set()
    for path in tree.paths().values():
        uses = [step.node for step in path if fact in _facts_used(tree.nodes[step.node])]
        first.update(uses[:1])
    return first.pop() if len(first) == 1 else tree.root


def _spare(tree: BehaviorTree, tool: Tool, path: tuple[Step, ...]) -> Mapping[str, Value] | None:
    """Arguments for a write that a path does not make, taken from those of its own calls; ``None`` without."""
    calls = [node.call for step in path if isinstance(node := tree.nodes[step.node], Action)]
    writes = [call for call in calls if tree.tool(call.tool).writes]
    if not tool.writes or not writes or tool.name in {call.tool for call in calls}:
        return None
    known: dict[str, Value] = {name: value for call in calls for name, value in call.arguments.items()}
    known |= writes[0].arguments
    return {name: known[name] for name in tool.arguments} if set(tool.arguments) <= set(known) else None
