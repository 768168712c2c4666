"""Play a task with a policy that maps messages to text: experts, scripted policies, endpoints."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from verl_agentic.core import Message, Task
from verl_agentic.rollout.dialogue import Dialogue, DialogueLimits
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
) -> Dialogue:
    """Run ``policy`` on ``task`` to its end and return the finished dialogue.

    Raises:
        BrokenTaskError: the task does not describe a world.
        InfrastructureError: the environment or the user failed.
    """
    dialogue = Dialogue(task, make_environment(task.env, user), limits, seed)
    try:
        tools = await dialogue.open()
        while not dialogue.done:
            text = policy(dialogue.messages, tools)
            await dialogue.feed(await text if inspect.isawaitable(text) else text)
    finally:
        await dialogue.close()
    return dialogue
