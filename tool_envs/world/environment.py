"""The ``world`` environment: business tools on a database that belongs to the session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from verl_agentic.core import Task, UserInputError
from verl_agentic.isolation.threads import shared_threads
from verl_agentic.tool_envs.base import Environment
from verl_agentic.tool_envs.users.base import User
from verl_agentic.tool_envs.world.source import ROOT_OPTION
from verl_agentic.tool_envs.world.world import DatabaseWorld

# Above, building takes longer than an event loop should stand still; so may reading a whole table.
MAX_ROWS_ON_LOOP = 2000

T = TypeVar("T")


class WorldEnvironment(Environment):
    """One world per session, described by ``env_args`` (see :mod:`verl_agentic.tool_envs.world.world`).

    Small worlds answer at once, on the event loop; those of more than ``MAX_ROWS_ON_LOOP`` rows in threads.
    """

    def __init__(self, user: User | None = None, *, root: str | None = None) -> None:
        """Describe the session.

        Args:
            user: who talks with the policy.
            root: folder of the files that tasks name by ``env_args.file``.

        Raises:
            UserInputError: ``root`` is not the name of a folder.
        """
        super().__init__(user)
        if root is not None and not isinstance(root, str):
            raise UserInputError(f"{ROOT_OPTION}={root!r}: must be the name of a folder")
        self._root = root
        self._world: DatabaseWorld | None = None

    async def open(self, task: Task, seed: int) -> None:
        """Find or build the world.

        Raises:
            BrokenTaskError: ``env_args`` do not describe one; the message names the field.
            InfrastructureError: its file cannot be read.
            UserInputError: it has a file, but no ``root`` is set.
        """
        await super().open(task, seed)
        env_args, parameters = task.env_args, tool_parameters(task.tools)
        self._world = await self._run(_is_large(env_args), lambda: DatabaseWorld(env_args, parameters, self._root))

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        """Run the tool's statements; the record as JSON, or ``ok`` where there is none to tell.

        Raises:
            ToolError: no such record, a precondition that is not met, or the schema's constraints refuse the change.
        """
        world = self._opened()
        return await self._run(world.row_count > MAX_ROWS_ON_LOOP, lambda: world.call(name, arguments))

    async def user_call(self, name: str, arguments: dict[str, Any]) -> str:
        """Run what only the user can do (``env_args.user_actions``); replies as :meth:`call` does.

        Raises:
            BrokenTaskError: the world has nothing of that name for its user.
            ToolError: the world refuses it.
        """
        world = self._opened()
        return await self._run(world.row_count > MAX_ROWS_ON_LOOP, lambda: world.user_call(name, arguments))

    def state(self) -> dict[str, Any]:
        """``{"tables": {name: [row, ...]}, "changes": [...]}``; see :meth:`DatabaseWorld.state`."""
        return self._opened().state()

    async def close(self) -> None:
        world, self._world = self._world, None
        if world is not None:
            await self._run(world.row_count > MAX_ROWS_ON_LOOP, world.close)

    def _opened(self) -> DatabaseWorld:
        assert self._world is not None, "not open"
        return self._world

    async def _run(self, apart: bool, function: Callable[[], T]) -> T:
        if not apart:
            return function()
        result: T = await shared_threads().run("world", function)
        return result


def tool_parameters(tools: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Argument names by tool name, from schemas in OpenAI form."""
    functions = [tool["function"] for tool in tools]
    return {f["name"]: list(f.get("parameters", {}).get("properties", {})) for f in functions}


def _is_large(env_args: dict[str, Any]) -> bool:
    rows = env_args.get("rows")
    if not isinstance(rows, dict):
        return "file" in env_args
    return sum(len(table) for table in rows.values() if isinstance(table, list)) > MAX_ROWS_ON_LOOP
