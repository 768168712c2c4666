"""From a structure and a scenario to the task: what is said, what is stored, and what must come of it."""

from __future__ import annotations

import random
from typing import Any

from verl_agentic.core import End, Message, Task
from verl_agentic.synthesis.service.domain import Domain, Intent
from verl_agentic.synthesis.service.scenario import Scenario
from verl_agentic.synthesis.service.structure import ALLOW, DECLINE, Structure, find_domain, find_intent
from verl_agentic.tool_envs.users.scripted import OUT_OF_PATIENCE
from verl_agentic.tool_envs.world.service import tool_parameters
from verl_agentic.tool_envs.world.world import DatabaseWorld

YES, NO, DONE = "Yes.", "No.", "Thanks."
CONFIRM_CLAUSE = "Confirm before changes."
PLEAS = ("Please make an exception.", "Please try again.", "I really need it.")
_PATIENCE = 8


def build_task(
    structure: Structure,
    scenario: Scenario,
    rng: random.Random,
    parent: str | None = None,
    operator: str | None = None,
) -> Task:
    """The task; ``rng`` chooses the wording.

    The expected state is what the world itself becomes under the calls that the business policy asks for.
    """
    domain = find_domain(structure.domain)
    intent = find_intent(domain, structure.intent)
    return Task(
        kind="service",
        messages=_messages(domain, intent, structure, scenario, rng),
        tools=_schemas(domain),
        env="service",
        env_args=_world(domain, scenario),
        reward="state",
        ground_truth=_ground_truth(domain, intent, structure, scenario),
        user=_user(domain, intent, structure, scenario, rng),
        structure=structure.name,
        depth=structure.depth,
        parent=parent,
        operator=operator,
        meta={
            "domain": domain.name,
            "intent": intent.name,
            "bounds": scenario.bounds,
            "target": scenario.target,
            "stray": scenario.stray,
            "amount": scenario.amount,
        },
    )


def policy_text(domain: Domain, intent: Intent, structure: Structure, scenario: Scenario) -> str:
    """The business policy, as the policy model reads it."""
    rules = intent.policy.format(**scenario.bounds)
    text = f"Get the {domain.noun} first. {rules} Otherwise refuse."
    return f"{text} {CONFIRM_CLAUSE}" if structure.confirm else text


def _messages(
    domain: Domain, intent: Intent, structure: Structure, scenario: Scenario, rng: random.Random
) -> list[Message]:
    request = rng.choice(intent.want).format(amount=scenario.amount) + "."
    if not structure.missing:
        request += f" {_named(domain, scenario.stray if structure.mistake else scenario.target)}"
    return [
        {"role": "system", "content": policy_text(domain, intent, structure, scenario)},
        {"role": "user", "content": request},
    ]


def _named(domain: Domain, key: str) -> str:
    return f"{domain.noun.capitalize()} {key}."


def _user(
    domain: Domain, intent: Intent, structure: Structure, scenario: Scenario, rng: random.Random
) -> dict[str, Any]:
    keys = [scenario.stray, scenario.target] if structure.mistake else [scenario.target]
    words = [domain.noun, "id", "number"]
    facts: list[dict[str, Any]] = [{"ask": words, "say": _named(domain, key), "known": False} for key in keys]
    facts[0]["known"] = not structure.missing
    if intent.amount:
        facts.append({"ask": [intent.amount, "many"], "say": f"{scenario.amount} {intent.amount}.", "known": True})
    return {
        "facts": facts,
        "confirm": NO if structure.branch == DECLINE else YES,
        "push": _pushes(domain, intent, structure, scenario, rng),
        "patience": _PATIENCE,
        "done": DONE,
    }


def _pushes(domain: Domain, intent: Intent, structure: Structure, scenario: Scenario, rng: random.Random) -> list[str]:
    """Pleas, one in two dialogues with a claim that the database contradicts."""
    lines = rng.sample(PLEAS, structure.pushes)
    if structure.pushes and rng.random() < 0.5:
        rule = next(rule for rule in intent.rules if rule.branch == structure.branch)
        values = domain.column(rule.field)[1].values
        claimed = rule.sample(values, scenario.bounds[rule.field], True, rng)
        lines[rng.randrange(structure.pushes)] = rule.claim.format(value=claimed)
    return lines


def _world(domain: Domain, scenario: Scenario) -> dict[str, Any]:
    """``env_args`` of the environment."""
    return {
        "schema": [table.ddl for table in domain.tables],
        "rows": {name: [list(row.values()) for row in rows] for name, rows in scenario.records.items()},
        "actions": {tool.name: tool.sql for tool in domain.tools},
        "missing": f"no such {domain.noun}",
    }


def _ground_truth(domain: Domain, intent: Intent, structure: Structure, scenario: Scenario) -> dict[str, Any]:
    lookup = {"name": domain.lookup.name, "arguments": {"id": scenario.target}}
    change = {"name": intent.name, "arguments": {"id": scenario.target}}
    if intent.amount:
        change["arguments"] = {"id": scenario.target, intent.amount: scenario.amount}
    allowed = structure.branch == ALLOW
    condition: dict[str, Any] = {"call": {"name": intent.name}, "calls": [lookup]}
    if structure.confirm:
        condition["reply"] = YES
    forbidden = [{"name": other.name} for other in domain.intents if not (allowed and other is intent)]
    return {
        "expected": _expected(domain, scenario, [change] if allowed else []),
        "required_calls": [lookup, change] if allowed else [lookup],
        "forbidden_calls": forbidden,
        "preconditions": [condition] if allowed else [],
        "end": _ends(structure),
        # Who never asked was never told no.
        "required_replies": [NO] if structure.branch == DECLINE else [],
        "forbidden_replies": [OUT_OF_PATIENCE] if structure.branch == DECLINE else [DONE, OUT_OF_PATIENCE],
    }


def _ends(structure: Structure) -> list[str]:
    if structure.branch == ALLOW:
        return [End.ANSWER.value]
    if structure.branch == DECLINE:
        return [End.ANSWER.value, End.USER_STOP.value]
    return [End.USER_STOP.value] if structure.denied else [End.TRANSFER.value]


def _expected(domain: Domain, scenario: Scenario, calls: list[dict[str, Any]]) -> dict[str, Any]:
    world = DatabaseWorld(_world(domain, scenario), tool_parameters(_schemas(domain)))
    try:
        for call in calls:
            world.call(call["name"], call["arguments"])
        return world.tables()
    finally:
        world.close()


def _schemas(domain: Domain) -> list[dict[str, Any]]:
    return [tool.schema for tool in domain.tools]
