"""A session: one task, its user and its world, held from opening to closing, whoever speaks in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from verl_agentic.core import InfrastructureError, Task
from verl_agentic.core.chat import BudgetSpentError, noting_failures
from verl_agentic.core.checked import Positive, Seconds
from verl_agentic.rollout.deadline import DeadlineError, because, within
from verl_agentic.rollout.dialogue import Dialogue
from verl_agentic.rollout.limits import DialogueLimits
from verl_agentic.tool_envs import make_environment
from verl_agentic.tool_envs.users.registry import make_user

T = TypeVar("T")

Converse = Callable[[Dialogue], Awaitable[T]]
"""Opens the dialogue, speaks in it until it is done, and makes of it what its caller wants."""

OnFailure = Callable[[InfrastructureError], Awaitable[None]]


async def _say_nothing(error: InfrastructureError) -> None:
    pass


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """In which world, with which user and within which limits tasks are played; keys as in ``agentic.rollout``.

    Attributes:
        tool_env: environment of every task, ``None`` for each task's own.
        env_options: options of environments, by their names.
        simulator: name of the user.
        simulator_options: its options.
        limits: of the dialogue.
        trajectory_seconds: wall time from opening the session to the end of the dialogue.
        attempts: how often a trajectory is tried when the infrastructure fails.
    """

    tool_env: str | None = None
    env_options: Mapping[str, Any] = field(default_factory=dict)
    simulator: str = "scripted"
    simulator_options: Mapping[str, Any] = field(default_factory=dict)
    limits: DialogueLimits = field(default_factory=DialogueLimits)
    trajectory_seconds: Seconds = 600.0
    attempts: Positive = 2

    def dialogue(self, task: Task, seed: int) -> Dialogue:
        """A dialogue that is yet to be opened, in an environment and with a user of its own.

        Raises:
            BrokenTaskError: the task names an environment that does not exist.
            UserInputError: the environment or the user is not configured as it must be.
            InfrastructureError: the environment cannot be made.
        """
        user = make_user(self.simulator, **self.simulator_options)
        name = self.tool_env or task.env
        dialogue = Dialogue(task, make_environment(name, user, self.env_options), self.limits, seed)
        dialogue.trajectory.env, dialogue.trajectory.simulator = name, self.simulator
        return dialogue


class Session:
    """One trajectory of a task, tried anew where the infrastructure fails.

    Usage::

        async def converse(dialogue: Dialogue) -> Trajectory:
            tools = await dialogue.open()
            while not dialogue.done:
                await dialogue.feed(await say(dialogue.messages, tools))
            return dialogue.trajectory

        trajectory = await Session(task, seed, plan).play(converse)

    Each attempt has an environment and a user of its own, and the same seed. A session that does not close when all has
    been said costs nothing: what was played, and the state that it ended in, were complete by then. A budget that is
    spent stays spent, so that nothing is tried anew then.

    Attributes:
        attempts: how often it has been begun.
    """

    def __init__(
        self,
        task: Task,
        seed: int,
        plan: SessionPlan,
        *,
        speaker: str = "the policy",
        excused: Callable[[], float] = lambda: 0.0,
        failed: OnFailure = _say_nothing,
    ) -> None:
        """Describe a session; nothing is made before it is played.

        Args:
            task: what is played.
            seed: of the environment and the user.
            plan: how it is played.
            speaker: who is waited for when neither a tool nor the user is, for the message of a deadline.
            excused: seconds so far, in this and in earlier sessions, that count against no trajectory.
            failed: is told of each failure that is not raised: of an attempt that another one follows, and of a
                session that does not close.
        """
        self.task, self.seed, self.plan = task, seed, plan
        self.attempts = 0
        self._speaker, self._excused, self._failed = speaker, excused, failed

    async def play(self, converse: Converse[T]) -> T:
        """What ``converse`` makes of a dialogue, of the first attempt that does not fail.

        Raises:
            BrokenTaskError: the task cannot be played by anyone.
            UserInputError: the environment or the user is not configured as it must be.
            DeadlineError: the last attempt took too long; its ``culprit`` says what was waited for at last.
            InfrastructureError: the last attempt failed for reasons that are not the policy's, or a budget is spent.
        """
        while True:
            self.attempts += 1
            try:
                return await self._attempt(converse)
            except BudgetSpentError:
                raise
            except InfrastructureError as error:
                if self.attempts >= self.plan.attempts:
                    raise
                await self._failed(error)

    async def _attempt(self, converse: Converse[T]) -> T:
        plan = self.plan
        dialogue = plan.dialogue(self.task, self.seed)
        said: list[T] = []
        failures: list[str] = []
        before = self._excused()
        try:
            async with dialogue:
                # What it waits for in turn has the grace once, and then gives up itself.
                grace = 2 * plan.limits.grace_seconds
                work = converse(dialogue)
                with noting_failures() as failures:
                    said = [await within(work, plan.trajectory_seconds, grace, lambda: self._excused() - before)]
        except asyncio.TimeoutError as error:
            culprit = " and ".join(dialogue.cut_short) or self._speaker
            waited = f"at last waiting for {culprit}{because(failures)}"
            raise DeadlineError(f"trajectory took over {plan.trajectory_seconds:g} s, {waited}", culprit) from error
        except InfrastructureError as error:
            if not said:
                raise
            await self._failed(error)
        return said[0]
