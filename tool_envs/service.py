"""A service desk: a database that tools read and change, and a user who wants something.

The tools carry out whatever they are asked to. Whether a request is allowed is written in the business policy, and
keeping to it is what the policy model learns.
"""

from __future__ import annotations

from typing import Any

from verl_agentic.core import Task
from verl_agentic.tool_envs.base import Environment
from verl_agentic.tool_envs.user import User
from verl_agentic.tool_envs.world import DatabaseWorld


class ServiceEnvironment(Environment):
    """One database per session, built from ``env_args`` (see :mod:`verl_agentic.tool_envs.world`)."""

    def __init__(self, user: User | None = None) -> None:
        super().__init__(user)
        self._world: DatabaseWorld | None = None

    async def open(self, task: Task, seed: int) -> None:
        await super().open(task, seed)
        self._world = DatabaseWorld(task.env_args, tool_parameters(task.tools))

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        """Run the tool's statement; ``ok`` after a write, the record as JSON after a read.

        Raises:
            ToolError: no such record, or the schema's constraints refuse the change.
        """
        assert self._world is not None, "call before open"
        return self._world.call(name, arguments)

    def state(self) -> dict[str, Any]:
        """``{"tables": {name: [row, ...]}}``, each row an object."""
        assert self._world is not None, "state before open"
        return {"tables": self._world.tables()}

    async def close(self) -> None:
        if self._world is not None:
            self._world.close()


def tool_parameters(tools: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Argument names by tool name, from schemas in OpenAI form."""
    functions = [tool["function"] for tool in tools]
    return {f["name"]: list(f.get("parameters", {}).get("properties", {})) for f in functions}
