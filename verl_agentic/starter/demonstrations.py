"""Expert dialogues, played through the real environments."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from verl_agentic.core import BrokenTaskError, Message, Task
from verl_agentic.rollout import Policy, play
from verl_agentic.starter.judge import success
from verl_agentic.starter.tasks import balanced_tasks
from verl_agentic.synthesis.base import Split, TaskFamily
from verl_agentic.tool_envs.users import make_user


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One successful dialogue.

    Attributes:
        task: the task that was solved.
        messages: the whole dialogue, from the prompt to the last message.
        tools: tool schemas of the session, in OpenAI form.
    """

    task: Task
    messages: list[Message]
    tools: list[dict[str, Any]]


def demonstrations(
    families: Sequence[TaskFamily], seed: int, n: int, split: Split = "train", max_depth: int = 2
) -> list[Demonstration]:
    """Let each family's expert solve tasks of ``split``; ``n`` dialogues, balanced over kinds and structures.

    Args:
        families: families to take turns over.
        seed: seed of the tasks.
        n: number of dialogues.
        split: whose structures to take.
        max_depth: deepest structure to take.

    Raises:
        BrokenTaskError: an expert did not solve its own task.
        InfrastructureError: an environment failed.
        UserInputError: a family has no structure that is shallow enough.
    """
    tasks = balanced_tasks(families, seed, n, split, max_depth, stream="demonstrations")
    return asyncio.run(_demonstrate(tasks))


async def _demonstrate(tasks: Sequence[tuple[TaskFamily, Task]]) -> list[Demonstration]:
    return [await _demonstration(task, family.expert(task)) for family, task in tasks]


async def _demonstration(task: Task, expert: Policy) -> Demonstration:
    tools: list[dict[str, Any]] = []

    def watch(messages: Sequence[Message], schemas: Sequence[dict[str, Any]]) -> Any:
        tools[:] = schemas
        return expert(messages, schemas)

    dialogue = await play(task, watch, user=make_user("scripted"), seed=task.seed)
    if success(task, dialogue.trajectory) != 1.0:
        raise BrokenTaskError(f"the expert of {task.kind!r} failed on {task.id} (structure {task.structure!r})")
    return Demonstration(task, dialogue.messages, tools)
