"""What a tree is like apart from its wording, so that one kept for evaluation is known again under other names."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from verl_agentic.core import BrokenTaskError, Task
from verl_agentic.core.behavior_tree import (
    FACT,
    FIELD,
    Action,
    BehaviorTree,
    Call,
    Clarify,
    Condition,
    Confirm,
    Leaf,
    Node,
)
from verl_agentic.core.business import Comparison, Value
from verl_agentic.synthesis.trees.expert import tree_of

OPERATOR = "llm"
"""Operator of tasks whose tree a language model grew."""
PREFIX = "llm-"
"""How names of trees that a language model invented begin."""

_OPPOSITES: dict[Comparison, Comparison] = {"is_not": "is", "at_least": "at_most"}


def tree_shape(tree: BehaviorTree, leaf: str = "") -> str:
    """Hash of a tree, and of which of its leaves, whatever anything is called, said or bounded by.

    Raises:
        BrokenTaskError: it names something that it does not hold.
    """
    return _hash("tree", _Renamed(tree, leaf).node(tree.root))


def path_shape(tree: BehaviorTree, leaf: str) -> str:
    """Hash of the path to a leaf of a business, whatever else the tree holds: what is called, compared and asked.

    Raises:
        BrokenTaskError: it is no tree.
    """
    return _hash(tree.name, [_step(tree.nodes[step.node], step.branch) for step in tree.paths()[leaf]])


def leaf_shapes(tree: BehaviorTree, leaf: str) -> frozenset[str]:
    """Both shapes of a leaf; one that shares any with a leaf kept for evaluation is no other."""
    return frozenset({tree_shape(tree, leaf), path_shape(tree, leaf)})


def task_shape(task: Task) -> str:
    """:func:`tree_shape` of a task's tree and leaf; empty for a task without a tree."""
    try:
        return tree_shape(tree_of(task), task.meta["leaf"])
    except (BrokenTaskError, KeyError):
        return ""


def written_shapes(task: Task) -> frozenset[str]:
    """:func:`leaf_shapes` of a task whose tree a language model had a hand in; none of any other task."""
    data = task.meta.get("tree")
    # Looked at before it is read, as few trees are.
    name, grown = (data.get("name"), data.get("grown", ())) if isinstance(data, dict) else ("", ())
    if not str(name).startswith(PREFIX) and not any(str(one).startswith(f"{OPERATOR}:") for one in grown):
        return frozenset()
    try:
        return leaf_shapes(tree_of(task), task.meta["leaf"])
    except (BrokenTaskError, KeyError):
        return frozenset()


class _Renamed:
    """Names become numbers in the order in which the tree first uses them."""

    def __init__(self, tree: BehaviorTree, leaf: str) -> None:
        self._tree = tree
        self._leaf = leaf
        self._numbers: dict[str, int] = {}

    def node(self, name: str) -> list[Any]:
        node = self._tree.nodes[name]
        match node:
            case Action(call=call, next=following, error=error):
                return ["action", *self._call(call), error is not None, self.node(following)]
            case Condition(subject=subject, comparison=comparison, than=than, yes=yes, no=no):
                numeric = isinstance(next(iter(self._tree.values(subject)), ""), int)
                compared = [self._value(subject), self._value(than) if than else None, numeric]
                if comparison in _OPPOSITES:
                    comparison, yes, no = _OPPOSITES[comparison], no, yes
                return ["condition", comparison, *compared, self.node(yes), self.node(no)]
            case Clarify(fact=fact, next=following):
                return ["clarify", self._value(FACT + fact), self.node(following)]
            case Confirm(yes=yes, no=no):
                return ["confirm", self.node(yes), self.node(no)]
            case Leaf(verdict=verdict, pushes=pushes, lure=lure):
                return [verdict, pushes, self._call(lure) if lure else None, name == self._leaf]

    def _call(self, call: Call) -> list[Any]:
        arguments = [self._value(value) for value in call.arguments.values()]
        return [self._number(f"tool {call.tool}"), self._tree.tool(call.tool).writes, arguments]

    def _value(self, value: Value) -> Any:
        if not isinstance(value, str) or not value.startswith((FACT, FIELD)):
            return "constant"
        return f"{value[0]}{self._number(value)}"

    def _number(self, name: str) -> int:
        return self._numbers.setdefault(name, len(self._numbers))


def _step(node: Node, branch: str) -> list[Any]:
    match node:
        case Action(call=call, error=error):
            return ["action", call.tool, sorted(call.arguments.items()), error is not None]
        case Condition(subject=subject, comparison=comparison, than=than):
            opposite = comparison in _OPPOSITES
            holds = (branch == "yes") != opposite
            return ["condition", subject, _OPPOSITES.get(comparison, comparison), than, holds]
        case Clarify(fact=fact):
            return ["clarify", fact]
        case Confirm():
            return ["confirm", branch]
        case Leaf(verdict=verdict, pushes=pushes, lure=lure):
            return [verdict, pushes, lure.tool if lure else None]


def _hash(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
