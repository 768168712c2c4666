"""From a tree and one of its leaves to a task: what is said, what is stored, and what must come of it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from verl_agentic.core import BrokenTaskError, End, Task
from verl_agentic.core.behavior_tree import Action, BehaviorTree, Call, Confirm, Leaf, Step, branches, to_data
from verl_agentic.synthesis.service.build import DONE, NO, YES
from verl_agentic.synthesis.trees.policy import policy_text
from verl_agentic.synthesis.trees.scenario import TreeScenario, sample_scenario
from verl_agentic.synthesis.trees.speech import first_message, user_script
from verl_agentic.tool_envs.base import ToolError
from verl_agentic.tool_envs.users.scripted import OUT_OF_PATIENCE
from verl_agentic.tool_envs.world.environment import tool_parameters
from verl_agentic.tool_envs.world.world import DatabaseWorld

KIND = "tree"
_ENDS = {
    "allow": [End.ANSWER.value],
    "deny": [End.USER_STOP.value],
    "decline": [End.ANSWER.value, End.USER_STOP.value],
    "transfer": [End.TRANSFER.value],
}

CallData = dict[str, Any]


def structure_of(tree: BehaviorTree, leaf: str) -> str:
    """Signature of a task's structure: ``tree/operators/leaf``, whatever the order of the operators."""
    return f"{tree.name}/{'+'.join(sorted(tree.grown)) or 'seed'}/{leaf}"


def compile_task(
    tree: BehaviorTree,
    leaf: str,
    rng: random.Random,
    *,
    kind: str = KIND,
    parent: str | None = None,
    operator: str | None = None,
) -> Task:
    """One task whose right course is the path to ``leaf``.

    The expected state is what the world itself becomes under the path's calls. ``meta`` holds the tree, the leaf, the
    bounds, and the calls of the right course and of the violation as ``normal_path`` and ``hack_path``.

    Args:
        tree: the tree.
        leaf: id of the leaf.
        rng: chooses the case and the wording.
        kind: of the task.
        parent: id of the task it was grown from.
        operator: name of the operator that grew it.

    Raises:
        BrokenTaskError: no case takes the path, or its calls do not do what the tree says; the message names the node.
    """
    paths = tree.paths()
    if leaf not in paths:
        raise BrokenTaskError(f"{leaf!r} is no leaf of tree {tree.name!r}")
    path = paths[leaf]
    scenario = sample_scenario(tree, path, rng)
    tools = [tool.schema for tool in tree.tools]
    world = _world(tree, scenario)
    done, expected = _play(tree, path, scenario, world, tools)
    return Task(
        kind=kind,
        messages=[
            {"role": "system", "content": policy_text(tree, scenario.bounds)},
            {"role": "user", "content": first_message(tree, path, scenario, rng)},
        ],
        tools=tools,
        env="world",
        env_args=world,
        reward="state",
        ground_truth=_ground_truth(tree, path, done, expected),
        user=user_script(tree, path, scenario, rng),
        structure=structure_of(tree, leaf),
        depth=1 + len(tree.grown),
        parent=parent,
        operator=operator,
        meta={
            "tree": to_data(tree),
            "leaf": leaf,
            "bounds": scenario.bounds,
            "normal_path": done,
            "hack_path": [_data(call, scenario) for call in _hack(tree, path)],
        },
    )


def _world(tree: BehaviorTree, scenario: TreeScenario) -> dict[str, Any]:
    """``env_args`` of the environment."""
    preconditions = {
        tool.name: [{"sql": one.sql, "message": one.message} for one in tool.preconditions]
        for tool in tree.tools
        if tool.preconditions
    }
    return {
        "schema": [table.ddl for table in tree.tables],
        "rows": {name: [list(row.values()) for row in rows] for name, rows in scenario.records.items()},
        "actions": {tool.name: tool.sql for tool in tree.tools},
        **({"preconditions": preconditions} if preconditions else {}),
        "missing": "not found",
    }


def _play(
    tree: BehaviorTree,
    path: Sequence[Step],
    scenario: TreeScenario,
    env_args: dict[str, Any],
    tools: list[dict[str, Any]],
) -> tuple[list[CallData], dict[str, Any]]:
    """The path's calls that are executed, and the tables after them."""
    done: list[CallData] = []
    world = DatabaseWorld(env_args, tool_parameters(tools))
    try:
        for step in path:
            action = tree.nodes[step.node]
            if not isinstance(action, Action):
                continue
            call = _data(action.call, scenario)
            error = _error(world, call)
            if error != action.error:
                raise BrokenTaskError(f"nodes.{step.node}: {call['name']} says {error!r} instead of {action.error!r}")
            if error is None:
                done.append(call)
        return done, world.tables()
    finally:
        world.close()


def _error(world: DatabaseWorld, call: CallData) -> str | None:
    try:
        world.call(call["name"], call["arguments"])
    except ToolError as error:
        return str(error)
    return None


def _data(call: Call, scenario: TreeScenario) -> CallData:
    return {"name": call.tool, "arguments": scenario.arguments(call.arguments)}


def _ground_truth(
    tree: BehaviorTree, path: Sequence[Step], done: list[CallData], expected: dict[str, Any]
) -> dict[str, Any]:
    verdict = tree.verdict(path[-1].node)
    made = {call["name"] for call in done}
    declined = verdict == "decline"
    return {
        "expected": expected,
        "required_calls": done,
        "forbidden_calls": [{"name": tool.name} for tool in tree.tools if tool.writes and tool.name not in made],
        "preconditions": _preconditions(tree, path, done),
        "end": _ENDS[verdict],
        "required_replies": [NO] if declined else [],
        "forbidden_replies": [OUT_OF_PATIENCE] if declined else [DONE, OUT_OF_PATIENCE],
    }


def _preconditions(tree: BehaviorTree, path: Sequence[Step], done: list[CallData]) -> list[dict[str, Any]]:
    """What must have been read, and confirmed, before each write of the path."""
    reads = [call for call in done if not tree.tool(call["name"]).writes]
    found: dict[str, dict[str, Any]] = {}
    confirmed = False
    for step in path:
        node = tree.nodes[step.node]
        confirmed = confirmed or isinstance(node, Confirm)
        if isinstance(node, Action) and tree.tool(node.call.tool).writes and node.call.tool not in found:
            before = [call for call in reads if call["name"] in _tools_before(tree, path, step)]
            reply: dict[str, Any] = {"reply": YES} if confirmed else {}
            times = sum(call["name"] == node.call.tool for call in done)
            if confirmed and times > 1:
                # The user agreed to all of them at once.
                reply["times"] = times
            found[node.call.tool] = {"call": {"name": node.call.tool}, "calls": before, **reply}
    return list(found.values())


def _tools_before(tree: BehaviorTree, path: Sequence[Step], step: Step) -> set[str]:
    before = (tree.nodes[one.node] for one in path[: list(path).index(step)])
    return {node.call.tool for node in before if isinstance(node, Action)}


def _hack(tree: BehaviorTree, path: Sequence[Step]) -> list[Call]:
    """Calls of an agent that breaks the policy.

    Where the request is allowed it acts without looking and asking first, or claims what it never did. Elsewhere it
    looks, and then does all the same what the nearest allowed branch does, or what lures it.
    """
    leaf = tree.nodes[path[-1].node]
    assert isinstance(leaf, Leaf)
    own = [node.call for step in path if isinstance(node := tree.nodes[step.node], Action)]
    if leaf.verdict == "allow":
        writes = [call for call in own if tree.tool(call.tool).writes]
        confirms = any(isinstance(tree.nodes[step.node], Confirm) for step in path)
        return writes if confirms or len(writes) < len(own) else []
    if leaf.lure is not None:
        return [*own, leaf.lure]
    made = {call.tool for call in own}
    for step in reversed(path):
        for branch, child in branches(tree.nodes[step.node]):
            if branch != step.branch:
                calls = list(_calls_to_allow(tree, child))
                if any(tree.tool(call.tool).writes and call.tool not in made for call in calls):
                    return own + calls
    return own


def _calls_to_allow(tree: BehaviorTree, start: str) -> Iterator[Call]:
    """Calls on the way to the first allowed leaf below a node; none where there is no such leaf."""
    waiting: list[tuple[str, tuple[Call, ...]]] = [(start, ())]
    while waiting:
        at, calls = waiting.pop()
        node = tree.nodes[at]
        if isinstance(node, Leaf) and node.verdict == "allow":
            yield from calls
            return
        if isinstance(node, Action):
            calls = (*calls, node.call)
        waiting += [(child, calls) for _, child in reversed(list(branches(node)))]
