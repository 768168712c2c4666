"""The environment protocol."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Any

from verl_agentic.core import BrokenTaskError, Task, UserInputError
from verl_agentic.tool_envs.users.base import NoUser, User, UserCall, UserReply


class ToolError(Exception):
    """A tool refuses a call: unknown record, precondition not met. The message goes back to the policy."""


class Environment(ABC):
    """One world for one trajectory.

    A session is opened with a task and a seed, called any number of times, read once and closed. What a
    subclass raises besides :class:`ToolError` counts as an infrastructure failure: the trajectory is retried
    or dropped, never rewarded.

    The keyword arguments of a subclass's constructor are its options, set under
    ``agentic.rollout.env_options.NAME``; what they cannot be is a :class:`UserInputError` that names the key.

    Thousands of sessions share one event loop, so nothing here may block it for more than a few milliseconds. Calls
    that take too long are cancelled: a session that is cancelled stops its work, then lets the cancellation through.

    Attributes:
        parallel_safe: whether calls of one assistant turn may run at once; else they run one after the other.
        task: the task it was opened with.
        user: the simulated user.
    """

    parallel_safe: bool = False
    task: Task

    def __init__(self, user: User | None = None) -> None:
        self.user: User = user or NoUser()

    async def open(self, task: Task, seed: int) -> None:
        """Build the world of ``task``.

        Raises:
            BrokenTaskError: the task's ``env_args`` do not describe a world.
        """
        self.task = task
        self.user.open(task, seed)

    def tools(self) -> list[dict[str, Any]]:
        """Schemas of the tools of this session, in OpenAI form."""
        return self.task.tools

    @abstractmethod
    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        """Execute one tool call whose name is known and whose arguments fit the schema.

        Raises:
            ToolError: the tool refuses; the text goes back to the policy.
        """

    async def reply(self, message: str) -> UserReply | None:
        """The user's answer to what the policy said, ``None`` where nobody answers."""
        reply = self.user.reply(message)
        reply = await reply if inspect.isawaitable(reply) else reply
        if reply is None or not reply.calls:
            return reply
        return reply.filled([await self._in_users_name(call) for call in reply.calls])

    async def user_call(self, name: str, arguments: dict[str, Any]) -> str:
        """Run what only the user can do, as ``task.user`` describes it; the policy cannot call it.

        Raises:
            BrokenTaskError: there is nothing of that name that a user can do here.
            ToolError: it does not work; the user tells the policy so.
        """
        raise BrokenTaskError(f"the user is to do {name!r}, but nothing here runs what users do")

    async def _in_users_name(self, call: UserCall) -> str:
        try:
            return call.told(await self.user_call(call.name, call.arguments))
        except ToolError as refusal:
            return f"That does not work: {refusal}"

    def state(self) -> dict[str, Any]:
        """Final state of the world as JSON data, for the reward."""
        return {}

    async def close(self) -> None:
        """Release everything the session holds. Called exactly once, also after a failure."""
        return None


class NoTools(Environment):
    """Neither tools nor a user, whoever is to play it: the policy speaks once, and that is judged.

    The environment ``none``, of rows that name none.
    """

    def __init__(self, user: User | None = None) -> None:
        super().__init__()

    async def open(self, task: Task, seed: int) -> None:
        """Begin.

        Raises:
            UserInputError: the task has tools, which nothing here plays.
        """
        if task.tools:
            raise UserInputError(
                "the task has tools and names no environment that plays them; set tool_env=NAME for the run, or "
                "extra_info.env in its row"
            )
        await super().open(task, seed)

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        raise ToolError("there are no tools")
