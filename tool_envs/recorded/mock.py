"""Tools that exist only as schemas: a language model answers their calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from verl_agentic.core import BrokenTaskError, Task
from verl_agentic.core.chat import make_chat_model
from verl_agentic.core.checked import check_arguments
from verl_agentic.core.untrusted.fence import encoded
from verl_agentic.tool_envs.base import Environment, ToolError
from verl_agentic.tool_envs.recorded.simulator import OutputChars, ToolSimulator
from verl_agentic.tool_envs.users.base import User

MAX_WORLD_CHARS = 60_000

_KEY = "agentic.rollout.env_options.mock"


class MockEnvironment(Environment):
    """The task's tools, answered by a model that is told of the world and of all calls of the session so far.

    ``env_args`` is ``{"background": str, "state": JSON}``: what the world is like, in prose, and optionally the
    records in it at the start. See :class:`verl_agentic.tool_envs.recorded.simulator.ToolSimulator` for what makes the
    answers consistent.
    """

    def __init__(
        self, user: User | None = None, *, llm: Mapping[str, Any] | None = None, max_chars: OutputChars = 4000
    ) -> None:
        """Describe the session.

        Args:
            user: who talks with the policy.
            llm: the endpoint (``agentic.llm``).
            max_chars: longest output of a tool; what goes beyond is cut off.

        Raises:
            UserInputError: there is no endpoint, it cannot be used, or ``max_chars`` is too small.
        """
        super().__init__(user)
        check_arguments(MockEnvironment, {"max_chars": max_chars}, _KEY)
        self._model = make_chat_model(llm)
        self._max_chars = max_chars
        self._calls: list[dict[str, Any]] = []

    async def open(self, task: Task, seed: int) -> None:
        """Read the description of the world.

        Raises:
            BrokenTaskError: there is none, it is too long, or the task has no tools.
        """
        await super().open(task, seed)
        if not task.tools:
            raise BrokenTaskError("a mock task needs tools")
        self._calls = []
        self._simulator = ToolSimulator(self._model, task, _world(task), seed, self._max_chars)

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        """The model's answer.

        Raises:
            ToolError: the model says that the call fails, or the arguments cannot be read.
            InfrastructureError: the model gave no usable answer.
        """
        answer = await self._simulator.answer(name, arguments)
        self._calls.append({"name": name, "arguments": arguments, "output": answer.output, "ok": answer.ok})
        if not answer.ok:
            raise ToolError(answer.output)
        return answer.output

    def state(self) -> dict[str, Any]:
        """``{"calls": [{"name", "arguments", "output", "ok"}, ...]}``: all that was answered, in order."""
        return {"calls": list(self._calls)}


def _world(task: Task) -> str:
    background, state = task.env_args.get("background"), task.env_args.get("state")
    if not isinstance(background, str) or not background.strip():
        raise BrokenTaskError("env_args of a mock task needs a text 'background'")
    world = f"The world: {background}\n"
    if state is not None:
        world += f"Its records at the start, as JSON: {encoded(state)}\n"
    if len(world) > MAX_WORLD_CHARS:
        raise BrokenTaskError(f"env_args of a mock task: the world takes over {MAX_WORLD_CHARS} characters")
    return world
