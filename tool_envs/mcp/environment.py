"""Tools of MCP servers, in processes of ours or over streamable HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from verl_agentic.core import InfrastructureError, Task
from verl_agentic.core.checked import Positive, Within, check_arguments
from verl_agentic.tool_envs.base import Environment
from verl_agentic.tool_envs.mcp.connection import McpConnection, shared_connection
from verl_agentic.tool_envs.mcp.settings import KEY, read_servers
from verl_agentic.tool_envs.mcp.tools import OfferedTool, offer
from verl_agentic.tool_envs.selection import select_tools
from verl_agentic.tool_envs.users.base import User


class McpEnvironment(Environment):
    """The tools of one or more MCP servers.

    A server that fails a call as wrong, by ``isError`` or an error reply, refuses it: the text goes to the policy. One
    that dies, hangs, breaks the protocol or cannot be reached fails the session, and is started anew for the next one.
    A tool that is described so that it cannot be offered is left out, with one warning that names it. Calls of one turn
    may run at once.

    ``env_args`` may hold ``tools``, the names of those that the task offers.
    """

    parallel_safe = True

    def __init__(
        self,
        user: User | None = None,
        *,
        servers: Mapping[str, Any] | None = None,
        share: Literal["process", "session"] = "process",
        start_seconds: Annotated[float, Within(above=0)] = 30.0,
        check_seconds: Annotated[float, Within(above=0)] = 5.0,
        max_message_bytes: Positive = 1 << 20,
    ) -> None:
        """Describe the servers; nothing starts before a session opens.

        Args:
            user: the simulated user.
            servers: by name, ``{"command": [...], "env": {...}, "cwd": ...}`` or ``{"url": ..., "headers_env":
                {...}}``, each with an optional list ``tools``. ``env`` and ``headers_env`` name the environment
                variables of ours that hold the values.
            share: ``process``: all sessions of an event loop use one connection to each server; ``session``: each has
                its own, and with it its own process.
            start_seconds: longest start of a server.
            check_seconds: how long a server may take to list its tools once a call of its was given up.
            max_message_bytes: longest message of a server; the policy is told where a result is longer.

        Raises:
            UserInputError: naming the option that cannot be used.
        """
        super().__init__(user)
        check_arguments(McpEnvironment, locals(), KEY)
        self._servers = read_servers(
            servers, start_seconds=start_seconds, check_seconds=check_seconds, max_message_bytes=max_message_bytes
        )
        self._own = share == "session"
        self._connections: dict[str, McpConnection] = {}
        self._offered: dict[str, OfferedTool] = {}
        self._schemas: list[dict[str, Any]] = []

    async def open(self, task: Task, seed: int) -> None:
        """Connect to the servers.

        Raises:
            BrokenTaskError: the task offers a tool that no server has.
            UserInputError: the task or the configuration chooses a tool that had to be left out.
            InfrastructureError: a server does not start, or its list of tools cannot be read.
        """
        await super().open(task, seed)
        for settings in self._servers:
            self._connections[settings.name] = McpConnection(settings) if self._own else shared_connection(settings)
        listed = await asyncio.gather(*(connection.tools() for connection in self._connections.values()))
        self._offered = offer(dict(zip(self._connections, listed, strict=True)))
        chosen = task.env_args.get("tools")
        missing = [name for name in chosen if name not in self._offered] if isinstance(chosen, list) else []
        for connection in self._connections.values():
            connection.check_not_odd([name for name in missing if isinstance(name, str)], "env_args.tools")
        self._schemas = select_tools(task, [tool.schema for tool in self._offered.values()])

    def tools(self) -> list[dict[str, Any]]:
        return self._schemas

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        tool = self._offered[name]
        return await self._connections[tool.server].call(tool.name, arguments)

    async def close(self) -> None:
        """Give the connections up; the session's own ones end, with their servers.

        Raises:
            InfrastructureError: a server of the session's own did not end.
        """
        connections, self._connections = self._connections, {}
        if not self._own:
            return
        results = await asyncio.gather(*(one.close() for one in connections.values()), return_exceptions=True)
        if failures := [str(result) for result in results if isinstance(result, BaseException)]:
            raise InfrastructureError("; ".join(failures))
