"""The service family of tasks."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from verl_agentic.core import Task
from verl_agentic.rollout import Policy
from verl_agentic.synthesis.base import Split, TaskFamily
from verl_agentic.synthesis.service.build import build_task
from verl_agentic.synthesis.service.expert import expert_policy
from verl_agentic.synthesis.service.natural import natural_service
from verl_agentic.synthesis.service.scenario import sample_scenario, scenario_of, with_rule
from verl_agentic.synthesis.service.structure import (
    ALLOW,
    DECLINE,
    MAX_PUSHES,
    Structure,
    by_split,
    find_domain,
    find_intent,
    parse_structure,
)


class ServiceFamily(TaskFamily):
    """Requests to a service desk, under a business policy whose bounds change from task to task.

    A structure is domain / intent / branch of the policy / complications; see
    :class:`verl_agentic.synthesis.service.structure.Structure`.
    """

    kind: ClassVar[str] = "service"

    def structures(self, split: Split) -> tuple[str, ...]:
        return tuple(by_split()[split])

    def branch(self, structure: str) -> str:
        """The decision: ``allow``, ``decline``, ``deny`` or ``transfer``."""
        return parse_structure(structure).branch.partition("-")[0]

    def generate(self, structure: str, rng: random.Random) -> Task:
        """One task.

        Raises:
            BrokenTaskError: there is no such structure.
        """
        parsed = parse_structure(structure)
        return build_task(parsed, sample_scenario(parsed, rng), rng)

    def harder(self, task: Task, rng: random.Random) -> Task | None:
        """The same case with one more complication: ``hide``, ``mistake``, ``confirm``, ``push``, ``violate`` or
        ``decline``.

        ``violate`` changes the record so that a rule fails, which shows only after the lookup, and lets the user
        insist; ``decline`` lets the user say no to the confirmation. Records, bounds and request stay otherwise.

        Raises:
            BrokenTaskError: the task is not of this family.
        """
        before = parse_structure(task.structure)
        train = by_split()["train"]
        options = [(operator, after) for operator, after in _complications(before) if after.name in train]
        if not options:
            return None
        operator, after = rng.choice(options)
        scenario = scenario_of(task)
        if after.branch != before.branch and after.denied:
            domain = find_domain(after.domain)
            rule = next(rule for rule in find_intent(domain, after.intent).rules if rule.branch == after.branch)
            scenario = with_rule(domain, scenario, rule, False, rng)
        return build_task(after, scenario, rng, parent=task.id, operator=operator)

    def natural(self, task: Task) -> Task:
        """The same case in plain words.

        Raises:
            BrokenTaskError: the task is not of this family.
        """
        return task if task.register == "natural" else natural_service(task)

    def expert(self, task: Task) -> Policy:
        return expert_policy(task)


def _complications(before: Structure) -> Iterator[tuple[str, Structure]]:
    """Every structure that is one complication deeper, with the operator that leads there."""
    if not before.missing:
        yield "hide", replace(before, missing=True)
    if not before.mistake:
        yield "mistake", replace(before, mistake=True)
    if not before.confirm:
        yield "confirm", replace(before, confirm=True)
    if before.denied and before.pushes < MAX_PUSHES:
        yield "push", replace(before, pushes=before.pushes + 1)
    if before.branch == ALLOW:
        if not before.confirm:
            yield "decline", replace(before, branch=DECLINE, confirm=True)
        intent = find_intent(find_domain(before.domain), before.intent)
        for rule in intent.rules:
            if rule.otherwise == "deny":
                yield "violate", replace(before, branch=rule.branch, pushes=1)
