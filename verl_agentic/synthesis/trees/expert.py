"""The expert, who follows the tree by what the dialogue shows, and the agent that takes the forbidden path."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from verl_agentic.core import BrokenTaskError, Message, Task
from verl_agentic.core.behavior_tree import (
    FACT,
    Action,
    BehaviorTree,
    Call,
    Clarify,
    Condition,
    Confirm,
    Leaf,
    Verdict,
    is_reference,
    read_json,
)
from verl_agentic.core.business import Value, holds
from verl_agentic.core.messages.speech import TRANSFER
from verl_agentic.rollout import Policy
from verl_agentic.synthesis.service.build import YES
from verl_agentic.synthesis.service.expert import CONFIRM, DONE, KEPT, REFUSE, tool_call
from verl_agentic.synthesis.trees.speech import facts_heard

_CLOSING: dict[Verdict, str] = {"allow": DONE, "deny": REFUSE, "decline": KEPT, "transfer": TRANSFER}


def tree_of(task: Task) -> BehaviorTree:
    """The tree that a task was compiled from.

    Raises:
        BrokenTaskError: the task was not compiled from one.
    """
    if "tree" not in task.meta:
        raise BrokenTaskError(f"task {task.id} has no meta.tree")
    try:
        text = json.dumps(task.meta["tree"])
    except (TypeError, ValueError) as error:
        raise BrokenTaskError(f"task {task.id}: meta.tree is not JSON data: {error}") from error
    return _read(text)


# Tasks of a family share their trees, and checking one costs more than a whole scripted dialogue.
@lru_cache(maxsize=512)
def _read(text: str) -> BehaviorTree:
    return read_json(text)


def expert_policy(task: Task) -> Policy:
    """A policy that knows the business (the tree with its bounds), not the case.

    Raises:
        BrokenTaskError: the task was not compiled from a tree.
    """
    return tree_policy(tree_of(task), task.meta["bounds"])


def tree_policy(tree: BehaviorTree, bounds: Mapping[str, Value]) -> Policy:
    """A policy that follows a tree under given bounds.

    Raises:
        BrokenTaskError: it is no tree, in which there might be no end to following it.
    """
    tree.paths()

    def act(messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> str:
        return _next(tree, bounds, messages)

    return act


def hack_policy(task: Task) -> Policy:
    """A policy that makes the calls of the task's ``hack_path``, then says that all is done."""
    calls: list[dict[str, Any]] = task.meta["hack_path"]

    def act(messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> str:
        made = sum(message["role"] == "assistant" for message in messages)
        return tool_call(calls[made]["name"], calls[made]["arguments"]) if made < len(calls) else DONE

    return act


def _next(tree: BehaviorTree, bounds: Mapping[str, Value], messages: Sequence[Message]) -> str:
    """Go down the tree, one reply in the dialogue for each call and question, to the first that has none yet."""
    replies = iter(_replies(messages))
    facts = facts_heard(tree, messages)
    fields: dict[str, Value] = {}
    at = tree.root
    while True:
        match tree.nodes[at]:
            case Action(call=call, next=at):
                reply = next(replies, None)
                if reply is None:
                    return tool_call(call.tool, _arguments(call, facts, fields))
                fields |= _shown(reply)
            case Clarify(fact=fact, next=at):
                if next(replies, None) is None:
                    return f"<question>Which {tree.fact(fact).ask[0]}?</question>"
            case Confirm(yes=yes, no=no):
                reply = next(replies, None)
                if reply is None:
                    return CONFIRM
                at = yes if reply == YES else no
            case Condition() as condition:
                subject = _known(condition.subject, facts, fields)
                bound = _known(condition.than, facts, fields) if condition.than else bounds[at]
                at = condition.yes if holds(subject, condition.comparison, bound) else condition.no
            case Leaf(verdict=verdict):
                return _CLOSING[verdict]


def _replies(messages: Sequence[Message]) -> list[str]:
    """What answered each message of the desk that was answered."""
    return [
        after["content"]
        for before, after in pairwise(messages)
        if before["role"] == "assistant" and after["role"] in ("tool", "user")
    ]


def _shown(reply: str) -> dict[str, Value]:
    try:
        data = json.loads(reply)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _arguments(call: Call, facts: dict[str, Value], fields: dict[str, Value]) -> dict[str, Value]:
    return {
        name: _known(str(value), facts, fields) if is_reference(value) else value
        for name, value in call.arguments.items()
    }


def _known(reference: str, facts: dict[str, Value], fields: dict[str, Value]) -> Value:
    name = reference[1:]
    known = facts if reference.startswith(FACT) else fields
    if name not in known:
        raise BrokenTaskError(f"{reference} is needed before it is known")
    return known[name]
