"""What is said on a path: the user's sentences, the script they follow, and how the desk reads facts out of them."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from verl_agentic.core import Message
from verl_agentic.core.behavior_tree import FACT, BehaviorTree, Clarify, Condition, Fact, Leaf, Step
from verl_agentic.core.business import Value, holds
from verl_agentic.synthesis.service.build import DONE, NO, PLEAS, YES
from verl_agentic.synthesis.trees.scenario import TreeScenario, conditions_on

_SPARE_REPLIES = 4


def first_message(tree: BehaviorTree, path: Sequence[Step], scenario: TreeScenario, rng: random.Random) -> str:
    """The request, with every fact that the user need not be asked for."""
    said = [f"{rng.choice(tree.wants).rstrip('.')}."]
    said += [sentence for fact in tree.facts if (sentence := told(fact, scenario)) and not _withheld(tree, path, fact)]
    said += [
        condition.stated.replace("{value}", str(scenario.value(condition.subject)))
        for _, condition, _ in conditions_on(tree, path)
        if condition.stated
    ]
    return " ".join(said)


def told(fact: Fact, scenario: TreeScenario) -> str:
    """The sentence that tells a fact; empty where there is nothing to tell."""
    value = scenario.facts[fact.name]
    return "" if value == "" else fact.say.replace("{value}", str(value))


def user_script(tree: BehaviorTree, path: Sequence[Step], scenario: TreeScenario, rng: random.Random) -> dict[str, Any]:
    """``task.user``: the facts, the answer to a request to confirm, and the insistence after a denial."""
    facts = [
        {"ask": list(fact.ask), "say": sentence, "known": not _withheld(tree, path, fact)}
        for fact in tree.facts
        if (sentence := told(fact, scenario))
    ]
    leaf = tree.nodes[path[-1].node]
    declines = isinstance(leaf, Leaf) and leaf.verdict == "decline"
    pushes = _pushes(tree, path, scenario, rng)
    return {
        "facts": facts,
        "confirm": NO if declines else YES,
        "push": pushes,
        "patience": len(path) + len(facts) + len(pushes) + _SPARE_REPLIES,
        "done": DONE,
    }


def facts_heard(tree: BehaviorTree, messages: Sequence[Message]) -> dict[str, Value]:
    """What the user said of each fact last; what is optional and was not said is empty."""
    said = " ".join(message["content"] for message in messages if message["role"] == "user")
    heard: dict[str, Value] = {}
    for fact in tree.facts:
        before, _, after = fact.say.partition("{value}")
        words = [re.escape(str(value)) for value in sorted(fact.values, key=str, reverse=True) if value != ""]
        found = re.findall(rf"{re.escape(before)}({'|'.join(words) or r'[0-9]+'}){re.escape(after)}", said)
        if found:
            heard[fact.name] = int(found[-1]) if fact.values and isinstance(fact.values[0], int) else found[-1]
        elif "" in fact.values:
            heard[fact.name] = ""
    return heard


def _withheld(tree: BehaviorTree, path: Sequence[Step], fact: Fact) -> bool:
    asked = (tree.nodes[step.node] for step in path)
    return any(isinstance(node, Clarify) and node.fact == fact.name for node in asked)


def _pushes(tree: BehaviorTree, path: Sequence[Step], scenario: TreeScenario, rng: random.Random) -> list[str]:
    """Claims that the data contradict, as far as the path's last condition has one, then pleas."""
    leaf = tree.nodes[path[-1].node]
    count = leaf.pushes if isinstance(leaf, Leaf) else 0
    failed = conditions_on(tree, path)[-1:]
    lines = [claim for name, one, truth in failed if (claim := _claim(tree, name, one, truth, scenario.bounds, rng))]
    pleas = [f"{plea} ({again})" if again > 1 else plea for again in (1, 2) for plea in rng.sample(PLEAS, len(PLEAS))]
    return (lines + pleas)[:count]


def _claim(
    tree: BehaviorTree, name: str, condition: Condition, truth: bool, bounds: Mapping[str, Value], rng: random.Random
) -> str:
    if not condition.claim or condition.than is not None or condition.subject.startswith(FACT):
        return ""
    values = [v for v in tree.values(condition.subject) if holds(v, condition.comparison, bounds[name]) != truth]
    return condition.claim.replace("{value}", str(rng.choice(values))) if values else ""
