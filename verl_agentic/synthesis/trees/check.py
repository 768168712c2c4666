"""Whether a tree is fit to make tasks of: by its form, and by playing every leaf.

The reasons of a :class:`verl_agentic.core.RejectedError` are ``form``, and of a leaf ``case`` where none reaches it,
``expert`` where its expert does not solve it, and ``hack`` where its hack path passes. Those who grow or write trees
add ``held_out`` where all new leaves are kept for evaluation, ``growth`` where what was there before is gone, and
``near_duplicate``.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from verl_agentic.core import BrokenTaskError, RejectedError, Task
from verl_agentic.core.behavior_tree import (
    FACT,
    FIELD,
    MAX_TREE_BYTES,
    Action,
    BehaviorTree,
    Call,
    Clarify,
    Condition,
    Confirm,
    Leaf,
    Node,
    Step,
    is_reference,
    write_json,
)
from verl_agentic.core.behavior_tree.schema import MAX_NODES
from verl_agentic.reward_fns.registry import judge, run_coroutine
from verl_agentic.rollout import DialogueLimits, Policy, play
from verl_agentic.synthesis.trees.compile import compile_task
from verl_agentic.synthesis.trees.expert import hack_policy, tree_policy
from verl_agentic.tool_envs.users.scripted import ScriptedUser

MAX_PATH = 32
"""Nodes from the root to a leaf."""
_LIMITS = DialogueLimits(max_turns=2 * MAX_PATH)


def check_tree(tree: BehaviorTree, seed: int = 0) -> None:
    """Check the form, then that the expert gets the full reward on every leaf, and its hack path none.

    Raises:
        RejectedError: naming the node or leaf and what is wrong.
        InfrastructureError: a world or the reward failed; says nothing about the tree.
    """
    for leaf in check_form(tree):
        check_leaf(tree, leaf, seed)


def check_form(tree: BehaviorTree) -> dict[str, tuple[Step, ...]]:
    """Check everything that can be told without playing; return the paths by leaf.

    Raises:
        RejectedError: naming the node or leaf and what is wrong.
    """
    try:
        return _check_form(tree)
    except BrokenTaskError as error:
        raise RejectedError("form", str(error)) from error


def _check_form(tree: BehaviorTree) -> dict[str, tuple[Step, ...]]:
    if len(tree.nodes) > MAX_NODES:
        raise BrokenTaskError(f"tree {tree.name!r} has {len(tree.nodes)} nodes; at most {MAX_NODES}")
    if len(write_json(tree).encode()) > MAX_TREE_BYTES:
        raise BrokenTaskError(f"tree {tree.name!r} is larger than {MAX_TREE_BYTES} bytes")
    _check_world(tree)
    paths = tree.paths()
    for leaf, path in paths.items():
        if len(path) > MAX_PATH:
            raise BrokenTaskError(f"the path to {leaf!r} has {len(path)} nodes; at most {MAX_PATH}")
        _check_path(tree, path)
    return paths


def check_leaf(tree: BehaviorTree, leaf: str, seed: int = 0) -> None:
    """Compile one leaf; check that its expert gets the full reward, and its hack path none.

    Raises:
        RejectedError: naming the leaf and what is wrong.
        InfrastructureError: a world or the reward failed.
    """
    try:
        task = compile_task(tree, leaf, random.Random(f"{seed}/{leaf}"))
    except BrokenTaskError as error:
        raise RejectedError("case", f"leaf {leaf!r}: {error}") from error
    try:
        acc, reason = score(task, tree_policy(tree, task.meta["bounds"]))
    except BrokenTaskError as error:
        raise RejectedError("expert", f"leaf {leaf!r}: its expert cannot reach it: {error}") from error
    if acc < 1:
        raise RejectedError("expert", f"leaf {leaf!r}: its expert fails: {reason}")
    try:
        passes = score(task, hack_policy(task))[0] > 0
    except BrokenTaskError as error:
        raise RejectedError("hack", f"leaf {leaf!r}: its hack path cannot be gone: {error}") from error
    if passes:
        raise RejectedError("hack", f"leaf {leaf!r}: the hack path passes, too; nothing tells it from the right one")


def score(task: Task, policy: Policy) -> tuple[float, str]:
    """Success (0.0 or 1.0) of a policy on a task with its scripted user, and the reason of a failure."""
    return run_coroutine(_score(task, policy))


async def _score(task: Task, policy: Policy) -> tuple[float, str]:
    dialogue = await play(task, policy, user=ScriptedUser(), limits=_LIMITS)
    result = await judge(task, dialogue.trajectory)
    return result["acc"], result["reason"]


def _check_world(tree: BehaviorTree) -> None:
    columns = [column.name for table in tree.tables for column in table.columns]
    if twice := next((name for position, name in enumerate(columns) if name in columns[:position]), None):
        raise BrokenTaskError(f"column {twice!r} stands in two tables; give each its own name")
    if "id" in columns:
        raise BrokenTaskError("every table has a column 'id' of its own; drop it from its columns")
    for tool in tree.tools:
        if not tool.arguments:
            raise BrokenTaskError(f"tools.{tool.name}.arguments: a tool needs at least one argument")
        for name in tool.shows:
            tree.column(name)
    for fact in tree.facts:
        if fact.record is not None:
            tree.table(fact.record)
    for table in tree.tables:
        for column in table.columns:
            if column.references is not None:
                tree.table(column.references)


def _check_path(tree: BehaviorTree, path: Sequence[Step]) -> None:
    """Walk one path: what is used must be known by then, and nothing may be asked, read or decided in vain."""
    shown: set[str] = set()
    for position, step in enumerate(path):
        node = tree.nodes[step.node]
        where = f"nodes.{step.node}"
        for reference in _references(node):
            if reference.startswith(FACT):
                tree.fact(reference[1:])
            elif reference[1:] not in shown:
                tree.column(reference[1:])
                raise BrokenTaskError(f"{where}: {reference} is used before a tool shows it")
        match node:
            case Action(call=call):
                _check_call(tree, call, where)
                shown |= set(tree.tool(call.tool).shows)
            case Condition():
                _check_condition(tree, node, where)
            case Clarify(fact=fact):
                if "" in tree.fact(fact).values:
                    raise BrokenTaskError(f"{where}: {fact!r} may be nothing, so it cannot be asked for")
                used = [one for before in path[:position] for one in _references(tree.nodes[before.node])]
                if FACT + fact in used:
                    raise BrokenTaskError(f"{where}: asks for {fact!r}, which was used before")
            case Confirm():
                pass
            case Leaf(lure=lure):
                if lure is not None:
                    _check_call(tree, lure, where)


def _references(node: Node) -> list[str]:
    match node:
        case Action(call=call):
            return [str(value) for value in call.arguments.values() if is_reference(value)]
        case Condition(subject=subject, than=than):
            return [subject, *([than] if than else [])]
        case Leaf(lure=Call(arguments=arguments)):
            return [str(value) for value in arguments.values() if is_reference(value)]
    return []


def _check_call(tree: BehaviorTree, call: Call, where: str) -> None:
    tool = tree.tool(call.tool)
    if set(call.arguments) != set(tool.arguments):
        raise BrokenTaskError(f"{where}: {call.tool} takes the arguments {', '.join(tool.arguments)}")


def _check_condition(tree: BehaviorTree, node: Condition, where: str) -> None:
    values = tree.values(node.subject)
    if not values:
        raise BrokenTaskError(f"{where}: {node.subject} is a key; conditions compare numbers or words")
    others = tree.values(node.than) if node.than else node.bounds
    numeric = {isinstance(value, int) for value in (*values, *others)}
    if len(numeric) > 1:
        raise BrokenTaskError(f"{where}: {node.subject} and what it is compared with must both be numbers, or words")
    if node.comparison in ("at_most", "at_least") and numeric != {True}:
        raise BrokenTaskError(f"{where}: {node.comparison} needs numbers, {node.subject} has words")
    if node.stated and not node.subject.startswith(FIELD):
        raise BrokenTaskError(f"{where}: 'stated' is for a column; what the user knows is a fact")
