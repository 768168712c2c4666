"""Expert dialogues, played through the real environments."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from verl_agentic.core import BrokenTaskError, Message, Task
from verl_agentic.reward_fns.registry import judge
from verl_agentic.rollout import Policy, play
from verl_agentic.starter.tasks import balanced_tasks, shallowest_depths
from verl_agentic.synthesis.base import Split, TaskFamily
from verl_agentic.tool_envs.users.registry import make_user


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One dialogue, of an expert or of a careless one.

    Attributes:
        task: what it is about.
        messages: the whole dialogue, from the prompt to the last message.
        tools: tool schemas of the session, in OpenAI form.
    """

    task: Task
    messages: list[Message]
    tools: list[dict[str, Any]]


def demonstrations(
    families: Sequence[TaskFamily],
    seed: int,
    n: int,
    split: Split = "train",
    max_depth: int = 2,
    careless: float = 0.0,
) -> list[Demonstration]:
    """Let each family's expert solve tasks of ``split``; ``n`` dialogues, balanced over kinds and structures.

    Args:
        families: families to take turns over.
        seed: seed of the tasks.
        n: number of dialogues.
        split: whose structures to take.
        max_depth: deepest structure to take.
        careless: share of careless experts in tasks deeper than a kind's shallowest, where the family has one.

    Raises:
        BrokenTaskError: an expert did not solve its own task, or a careless one did.
        InfrastructureError: an environment failed.
        UserInputError: a family has no structure that is shallow enough.
    """
    tasks = balanced_tasks(families, seed, n, split, max_depth, stream="demonstrations")
    shallowest = shallowest_depths(task for _, task in tasks)
    rng = random.Random(f"{seed}/careless")
    shown: list[tuple[Task, Policy, float]] = []
    for family, task in tasks:
        hasty = task.depth > shallowest[task.kind] and rng.random() < careless
        policy = family.careless(task) if hasty else None
        shown.append((task, policy, 0.0) if policy else (task, family.expert(task), 1.0))
    return asyncio.run(_demonstrate(shown))


async def _demonstrate(shown: Sequence[tuple[Task, Policy, float]]) -> list[Demonstration]:
    return [await _demonstration(*one) for one in shown]


async def _demonstration(task: Task, expert: Policy, expected: float) -> Demonstration:
    tools: list[dict[str, Any]] = []

    def watch(messages: Sequence[Message], schemas: Sequence[dict[str, Any]]) -> Any:
        tools[:] = schemas
        return expert(messages, schemas)

    dialogue = await play(task, watch, user=make_user("scripted"), seed=task.seed)
    found = float((await judge(task, dialogue.trajectory))["acc"])
    if found != expected:
        who = "expert" if expected else "careless expert"
        raise BrokenTaskError(
            f"the {who} of {task.kind!r} has success {found:g} on {task.id} (structure {task.structure!r})"
        )
    return Demonstration(task, dialogue.messages, tools)
