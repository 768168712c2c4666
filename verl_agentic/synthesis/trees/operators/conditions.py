"""Operators that add a condition: on hidden data, with an escalation, or across branches."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import ClassVar

from verl_agentic.core import FailureKind
from verl_agentic.core.behavior_tree import FACT, FIELD, BehaviorTree, Condition, Leaf
from verl_agentic.core.business import Comparison, Value
from verl_agentic.synthesis.trees.edit import (
    compared_on,
    fresh,
    gates,
    insert_before,
    leaf_of,
    leaves,
    shown_before,
    some_bounds,
    with_nodes,
)
from verl_agentic.synthesis.trees.operators.base import Operator


class HiddenCondition(Operator):
    """A change is denied by a column that nobody speaks of: the violation shows only in the data."""

    name: ClassVar[str] = "hidden"
    aims_at = frozenset({FailureKind.FORBIDDEN_CALL, FailureKind.WRONG_STATE})

    def sites(self, tree: BehaviorTree) -> tuple[str, ...]:
        return tuple(
            f"{tool}.{column}"
            for tool, (_, path) in gates(tree).items()
            for column in shown_before(tree, path)
            if FIELD + column not in compared_on(tree, path)
        )

    def change(self, tree: BehaviorTree, site: str) -> BehaviorTree:
        tool, _, column = site.partition(".")
        deny = fresh(tree, f"deny-{column}")
        name = fresh(tree, column)
        bounds = some_bounds(tuple(tree.values(FIELD + column)))
        comparison: Comparison = "at_most" if isinstance(bounds[0], int) else "is_not"
        claim = f"The {column.replace('_', ' ')} is {{value}}."
        tree = insert_before(
            tree,
            gates(tree)[tool][0],
            name,
            lambda gate: Condition(FIELD + column, comparison, gate, deny, bounds, claim=claim),
        )
        return with_nodes(tree, {deny: Leaf("deny")})


class Escalation(Operator):
    """What was always denied has an exception, on which a human decides."""

    name: ClassVar[str] = "escalation"
    aims_at = frozenset({FailureKind.GAVE_UP})

    def sites(self, tree: BehaviorTree) -> tuple[str, ...]:
        paths = tree.paths()
        return tuple(
            f"{leaf}.{column}"
            for leaf in leaves(tree, "deny")
            if leaf_of(tree, leaf).lure is None
            for column in shown_before(tree, paths[leaf])
            if FIELD + column not in compared_on(tree, paths[leaf])
        )

    def change(self, tree: BehaviorTree, site: str) -> BehaviorTree:
        leaf, _, column = site.partition(".")
        human, name = fresh(tree, f"human-{column}"), fresh(tree, f"except-{column}")
        bounds = some_bounds(tuple(tree.values(FIELD + column)))
        comparison: Comparison = "at_least" if isinstance(bounds[0], int) else "is"
        # A least number is no exception: everything is at least that.
        bounds = tuple(b for b in bounds if comparison == "is" or b != min(tree.values(FIELD + column))) or (
            max(tree.values(FIELD + column)),
        )
        tree = insert_before(
            tree, leaf, name, lambda denied: Condition(FIELD + column, comparison, human, denied, bounds)
        )
        return with_nodes(tree, {human: Leaf("transfer")})


class CrossDependency(Operator):
    """What the user says, or one call shows, must not exceed what a later call shows."""

    name: ClassVar[str] = "dependency"
    aims_at = frozenset({FailureKind.FORBIDDEN_CALL, FailureKind.WRONG_STATE, FailureKind.MISSING_CALL})

    def sites(self, tree: BehaviorTree) -> tuple[str, ...]:
        found = []
        for tool, (_, path) in gates(tree).items():
            compared = compared_on(tree, path)
            sources = {FACT + fact.name: "" for fact in tree.facts if fact.values}
            sources |= {FIELD + name: tree.column(name)[0].name for name in shown_before(tree, path)}
            for left, right in combinations(sources, 2):
                if sources[left] == sources[right] or {left, right} & compared:
                    continue
                if _overlap(tree.values(left), tree.values(right)):
                    found.append(f"{tool}.{left}.{right}")
        return tuple(found)

    def change(self, tree: BehaviorTree, site: str) -> BehaviorTree:
        tool, left, right = site.split(".")
        name, deny = fresh(tree, f"{left[1:]}-{right[1:]}"), fresh(tree, f"deny-{left[1:]}-{right[1:]}")
        tree = insert_before(
            tree, gates(tree)[tool][0], name, lambda gate: Condition(left, "at_most", gate, deny, than=right)
        )
        return with_nodes(tree, {deny: Leaf("deny")})


def _overlap(left: Sequence[Value], right: Sequence[Value]) -> bool:
    """Whether two are numbers of which either may be the greater."""
    lefts = [value for value in left if isinstance(value, int)]
    rights = [value for value in right if isinstance(value, int)]
    if len(lefts) < len(left) or len(rights) < len(right):
        return False
    return max(lefts) > min(rights) and min(lefts) <= max(rights)
