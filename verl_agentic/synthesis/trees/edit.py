"""Small changes to trees, from which operators are made. Trees are never altered in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from verl_agentic.core.behavior_tree import Action, BehaviorTree, Condition, Confirm, Leaf, Node, Step, branches
from verl_agentic.core.business import Value


def fresh(tree: BehaviorTree, wanted: str) -> str:
    """``wanted``, or with a number after it where a node of that name exists."""
    return _unused(wanted, tree.nodes)


def fresh_name(wanted: str, taken: Mapping[str, object] | set[str]) -> str:
    """``wanted``, or with a number after it where that is taken."""
    return _unused(wanted, taken)


def with_nodes(tree: BehaviorTree, nodes: Mapping[str, Node]) -> BehaviorTree:
    """The tree with nodes added or replaced."""
    return replace(tree, nodes={**tree.nodes, **nodes})


def insert_before(tree: BehaviorTree, node: str, new: str, made: Callable[[str], Node]) -> BehaviorTree:
    """The tree with ``new`` where ``node`` was; ``made`` gets the id of ``node`` and gives the new node."""
    nodes = {name: _redirected(one, node, new) for name, one in tree.nodes.items()}
    return replace(tree, root=new if tree.root == node else tree.root, nodes={**nodes, new: made(node)})


def gates(tree: BehaviorTree) -> dict[str, tuple[str, tuple[Step, ...]]]:
    """Where each branch begins to change data: by the first write's tool, the node before which a condition on the
    change belongs (its confirmation, where there is one), and the path to that node.

    A tool that several branches begin with has the first of them.
    """
    found: dict[str, tuple[str, tuple[Step, ...]]] = {}
    for path in tree.paths().values():
        for position, step in enumerate(path):
            node = tree.nodes[step.node]
            if isinstance(node, Action) and tree.tool(node.call.tool).writes:
                first = position
                while first and isinstance(tree.nodes[path[first - 1].node], Confirm):
                    first -= 1
                found.setdefault(node.call.tool, (path[first].node, path[:first]))
                break
    return found


def shown_before(tree: BehaviorTree, path: tuple[Step, ...]) -> list[str]:
    """Columns that the calls of a path show, and that hold more than one value and no key."""
    columns: dict[str, None] = {}
    for step in path:
        node = tree.nodes[step.node]
        if isinstance(node, Action):
            columns |= dict.fromkeys(tree.tool(node.call.tool).shows)
    return [name for name in columns if len(tree.column(name)[1].values) > 1]


def compared_on(tree: BehaviorTree, path: tuple[Step, ...]) -> set[str]:
    """References that the conditions of a path compare."""
    nodes = [tree.nodes[step.node] for step in path]
    return {ref for node in nodes if isinstance(node, Condition) for ref in (node.subject, node.than) if ref}


def leaves(tree: BehaviorTree, verdict: str) -> list[str]:
    """Leaves of a verdict, in order."""
    return [leaf for leaf in tree.paths() if tree.verdict(leaf) == verdict]


def leaf_of(tree: BehaviorTree, leaf: str) -> Leaf:
    """The node of a leaf."""
    node = tree.nodes[leaf]
    assert isinstance(node, Leaf)
    return node


def some_bounds(values: tuple[Value, ...]) -> tuple[Value, ...]:
    """Bounds for a condition on these values that leave something on either side: inner numbers, or any word."""
    numbers = sorted(value for value in values if isinstance(value, int))
    if len(numbers) < len(values):
        return values
    inner = numbers[len(numbers) // 4 : max(len(numbers) // 4 + 1, 3 * len(numbers) // 4)]
    step = max(1, len(inner) // 6)
    # Everything is at least the least, and at most the greatest.
    return tuple(value for value in inner[::step] if numbers[0] < value < numbers[-1]) or (numbers[0],)


def affected(before: BehaviorTree, after: BehaviorTree) -> list[str]:
    """Leaves of the grown tree that the growth made, or to which it changed the way."""
    old = {(path, leaf_of(before, leaf).pushes) for leaf, path in before.paths().items()}
    return [leaf for leaf, path in after.paths().items() if (path, leaf_of(after, leaf).pushes) not in old]


def _redirected(node: Node, old: str, new: str) -> Node:
    changes = {branch: new for branch, child in branches(node) if child == old}
    return replace(node, **changes) if changes else node  # type: ignore[arg-type]


def _unused(wanted: str, taken: Mapping[str, object] | set[str]) -> str:
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}{number}", number + 1
    return name
