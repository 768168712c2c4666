"""Play a task with a policy that maps messages to text: experts, scripted policies, endpoints."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from verl_agentic.core import Message, Task
from verl_agentic.rollout.dialogue import Dialogue
from verl_agentic.rollout.limits import DialogueLimits
from verl_agentic.tool_envs import User, make_environment

Policy = Callable[[Sequence[Message], Sequence[dict[str, Any]]], "str | Awaitable[str]"]
"""Given the messages so far and the tool schemas, return the next assistant message."""


async def play(
    task: Task,
    policy: Policy,
    *,
    user: User | None = None,
    limits: DialogueLimits | None = None,
    seed: int = 0,
    env_options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Dialogue:
    """Run ``policy`` on ``task`` to its end and return the finished dialogue.

    Args:
        task: what is played.
        policy: who plays it.
        user: the simulated user, nobody by default.
        limits: of the trajectory.
        seed: of the session.
        env_options: options of environments by their names, as in ``agentic.rollout.env_options``.

    Raises:
        BrokenTaskError: the task does not describe a world.
        UserInputError: the environment is not configured as the task needs it.
        InfrastructureError: the environment or the user failed.
    """
    async with Dialogue(task, make_environment(task.env, user, env_options), limits, seed) as dialogue:
        tools = await dialogue.open()
        while not dialogue.done:
            text = policy(dialogue.messages, tools)
            await dialogue.feed(await text if inspect.isawaitable(text) else text)
    return dialogue
