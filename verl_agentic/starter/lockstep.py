"""Many dialogues in lockstep: all wait for the policy, then the policy answers all at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from verl_agentic.core import Message, Task, Trajectory
from verl_agentic.rollout import DialogueLimits, play
from verl_agentic.tool_envs.users.registry import make_user

Request = tuple[Sequence[Message], Sequence[dict[str, Any]]]
BatchPolicy = Callable[[Sequence[Request]], Sequence[str]]
"""Given (messages, tool schemas) of several dialogues, return the next assistant message of each."""


class _Lockstep:
    def __init__(self, policy: BatchPolicy, alive: int) -> None:
        self._policy = policy
        self._alive = alive
        self._waiting: dict[int, tuple[Request, asyncio.Future[str]]] = {}

    async def ask(self, index: int, request: Request) -> str:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[index] = (request, future)
        self._answer()
        return await future

    def leave(self) -> None:
        self._alive -= 1
        self._answer()

    def _answer(self) -> None:
        if not self._waiting or len(self._waiting) < self._alive:
            return
        # In task order, so that what is sampled does not depend on which environment was quicker.
        waiting = [self._waiting[index] for index in sorted(self._waiting)]
        self._waiting.clear()
        for (_, future), text in zip(waiting, self._policy([request for request, _ in waiting]), strict=True):
            if not future.done():
                future.set_result(text)


async def play_lockstep(
    tasks: Sequence[Task], policy: BatchPolicy, limits: DialogueLimits | None = None, seed: int = 0
) -> list[Trajectory]:
    """Play every task to its end with one batched policy; trajectories in the order of ``tasks``.

    Raises:
        BrokenTaskError: a task does not describe a world.
        InfrastructureError: an environment or a user failed.
    """
    lockstep = _Lockstep(policy, len(tasks))

    async def one(index: int, task: Task) -> Trajectory:
        try:
            dialogue = await play(
                task,
                lambda messages, tools: lockstep.ask(index, (messages, tools)),
                user=make_user("scripted"),
                limits=limits,
                seed=seed,
            )
        finally:
            lockstep.leave()
        return dialogue.trajectory

    return list(await asyncio.gather(*(one(index, task) for index, task in enumerate(tasks))))
