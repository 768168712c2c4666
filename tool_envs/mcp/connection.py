"""A connection to one MCP server, held by a task of its own and used by any number of sessions of one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from typing import Any
from urllib.parse import urlsplit

import anyio
from mcp import Client, MCPError
from mcp_types import CONNECTION_CLOSED, TextContent, Tool

from verl_agentic.core import InfrastructureError, UserInputError
from verl_agentic.tool_envs.base import ToolError
from verl_agentic.tool_envs.mcp.framing import RESULT_TOO_LONG, UNREADABLE
from verl_agentic.tool_envs.mcp.http import HTTP_FAILED, http_transport
from verl_agentic.tool_envs.mcp.mending import Mending, mended
from verl_agentic.tool_envs.mcp.settings import KEY, ServerSettings
from verl_agentic.tool_envs.mcp.stdio import ServerLog, stdio_transport
from verl_agentic.tool_envs.mcp.tools import clean_name

logger = logging.getLogger(__name__)

_MAX_PAGES = 100
# A server in a process that knows the question answers it as soon as it runs; one that does not may say nothing at all.
_PROBE_SECONDS = 1.0


class McpConnection:
    """Starts with its construction, in a running event loop; ends by :meth:`close`, by failure or with the loop.

    The protocol's client must be entered and left in one task, so that one task does nothing else; calls come from
    wherever. It also looks after the server when a call was given up: one that then does not even list its tools hangs,
    and is ended with every call that waits for it.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._log = ServerLog(on_end=lambda: self._tell("over"))
        self._mending = Mending()
        self._client: Client | None = None
        self._told: set[str] = set()
        self._wake = asyncio.Event()
        self._ready: asyncio.Future[list[Tool]] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._serve(), name=f"mcp-{settings.name}")

    @property
    def dead(self) -> bool:
        """Whether it can no longer be used."""
        return self._task.done() or bool(self._told & {"over", "close"})

    async def tools(self) -> list[Tool]:
        """The server's tools, listed once when it started; those that the configuration chooses.

        Raises:
            InfrastructureError: it did not start.
            UserInputError: the configuration chooses a tool that the server does not have, or one that is odd.
        """
        found = {tool.name: tool for tool in await asyncio.shield(self._ready)}
        if self._settings.tools is None:
            return list(found.values())
        if missing := [name for name in self._settings.tools if name not in found]:
            self.check_not_odd(missing, f"{KEY}.servers.{self._settings.name}.tools")
            raise UserInputError(f"MCP server {self._settings.name!r} has no tool {missing[0]!r}; it has {list(found)}")
        return [found[name] for name in self._settings.tools]

    def check_not_odd(self, names: list[str], key: str) -> None:
        """Refuse names of tools that the server has, but that cannot be offered.

        Args:
            names: as the server has them, or as the policy would.
            key: where they were chosen.

        Raises:
            UserInputError: naming the tool, and what is wrong with it.
        """
        server = self._settings.name
        for odd, problem in self._mending.left_out.items():
            if name := next((one for one in (odd, clean_name(odd), clean_name(f"{server}_{odd}")) if one in names), ""):
                raise UserInputError(
                    f"{key} names {name!r}, which {self._name} describes so that it cannot be offered: {problem}; "
                    "leave it out, or have the server mended"
                )

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        """Call a tool by the server's name for it. Cancelled, it has the server cancel the call.

        Raises:
            ToolError: the server says that the call failed or is wrong, in whatever form
                (:func:`verl_agentic.tool_envs.mcp.mending.is_tools_failure`), or its result is too long.
            InfrastructureError: the server died, broke the protocol or failed otherwise.
        """
        if self.dead or self._client is None:
            raise self._failure()
        try:
            result = await self._client.call_tool(name, arguments)
        except asyncio.CancelledError:
            self._tell("check")
            raise
        except MCPError as error:
            raise self._meaning(error) from error
        except Exception as error:  # whatever a server can make the protocol's client raise
            raise InfrastructureError(f"{self._name}: {type(error).__name__}: {error}") from error
        text = "\n".join(block.text for block in result.content if isinstance(block, TextContent))
        if result.is_error:
            raise ToolError(text or "the tool failed")
        return text

    async def close(self) -> None:
        """End the connection, and the server where it is ours."""
        self._tell("close")
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(self._task)

    @property
    def _name(self) -> str:
        return f"MCP server {self._settings.name!r}{self._place}"

    @property
    def _place(self) -> str:
        """Where a server is that runs already, without what may be secret."""
        if not self._settings.url:
            return ""
        parts = urlsplit(self._settings.url)
        return f" at {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def _tell(self, what: str) -> None:
        self._told.add(what)
        self._wake.set()

    def _failure(self) -> InfrastructureError:
        return InfrastructureError(f"{self._name} {self._log}")

    def _meaning(self, error: MCPError) -> Exception:
        # The client's own bound on events of a stream has no code of its own.
        if error.code == RESULT_TOO_LONG or "byte limit" in error.message:
            return ToolError(f"the result is longer than {self._settings.max_message_bytes} bytes")
        if error.code in (HTTP_FAILED, UNREADABLE):
            return InfrastructureError(f"{self._name} {error.message}")
        if error.code == CONNECTION_CLOSED and self.dead:
            return self._failure()
        return InfrastructureError(f"{self._name}: {error.message} ({error.code})")

    async def _serve(self) -> None:
        try:
            await self._hold()
        except asyncio.CancelledError:
            self._fail("was cancelled")
            raise
        except TimeoutError:
            self._fail(f"did not start within {self._settings.start_seconds:g} s")
        except Exception as error:  # also groups of what its several tasks raised
            self._fail(_innermost(error))
        finally:
            self._client = None
            if not self._ready.done():
                self._ready.set_exception(self._failure())
                self._ready.exception()  # nobody may be waiting for it any more

    async def _hold(self) -> None:
        with anyio.fail_after(self._settings.start_seconds) as clock:
            try:
                await self._hold_client("auto", clock)
            except Exception:
                # Some servers end where they are asked what they do not know; they are started again, and not asked.
                if not (self._mending.probe_waits and "over" in self._told and not self._settings.url):
                    raise
                self._mending = Mending()
                self._log.failure = ""
                self._told.discard("over")
                await self._hold_client("legacy", clock)

    async def _hold_client(self, mode: str, clock: anyio.CancelScope) -> None:
        async with Client(self._transport(), cache=None, mode=mode) as client:
            tools = await _list_tools(client)
            self._warn_of_odd(tools)
            clock.deadline = math.inf
            self._client = client
            self._ready.set_result(tools)
            while not self._told & {"over", "close"}:
                await self._wake.wait()
                self._wake.clear()
                if "check" in self._told:
                    self._told.discard("check")
                    with anyio.move_on_after(self._settings.check_seconds) as check:
                        await client.list_tools()
                    if check.cancelled_caught:
                        self._fail("hangs")
                        break

    def _warn_of_odd(self, tools: list[Tool]) -> None:
        odd = self._mending.left_out
        for name, problem in odd.items():
            if (self._settings.name, name, problem) not in _warned and len(_warned) < _MAX_WARNED:
                _warned.add((self._settings.name, name, problem))
                logger.warning("%s: its tool %r is left out: %s", self._name, name, problem)
        if odd and not tools:
            name, problem = next(iter(odd.items()))
            raise _ServerError(f"has no tool that can be offered; {name!r}: {problem}")

    def _transport(self) -> Any:
        settings = self._settings
        bound = settings.max_message_bytes
        if settings.url:
            http = http_transport(settings.url, settings.headers(), max_message_bytes=bound)
            return mended(http, self._mending)
        stdio = stdio_transport(
            settings.command, settings.environment(), self._log, cwd=settings.cwd, max_message_bytes=bound
        )
        return mended(stdio, self._mending, _PROBE_SECONDS)

    def _fail(self, what: str) -> None:
        self._log.failure = self._log.failure or what
        self._told.add("over")


async def _list_tools(client: Client) -> list[Tool]:
    tools: list[Tool] = []
    cursor: str | None = None
    for _ in range(_MAX_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        cursor = page.next_cursor
        if cursor is None:
            break
    return tools


class _ServerError(Exception):
    """What a server did wrong, in words of ours that follow its name."""


def _innermost(error: BaseException) -> str:
    while inner := getattr(error, "exceptions", None):
        error = inner[0]
    if isinstance(error, _ServerError):
        return str(error)
    if isinstance(error, MCPError):
        return error.message if error.code in (HTTP_FAILED, UNREADABLE) else f"failed: {error.message} ({error.code})"
    return f"failed: {type(error).__name__}: {error}"


_MAX_WARNED = 1000
_warned: set[tuple[str, str, str]] = set()


# By event loop: what belongs to one must not be used from another.
_shared: dict[asyncio.AbstractEventLoop, dict[ServerSettings, McpConnection]] = {}


def shared_connection(settings: ServerSettings) -> McpConnection:
    """The running event loop's connection to a server; a new one where there is none, or it is dead."""
    for loop in [loop for loop in _shared if loop.is_closed()]:
        del _shared[loop]
    connections = _shared.setdefault(asyncio.get_running_loop(), {})
    if settings not in connections or connections[settings].dead:
        connections[settings] = McpConnection(settings)
    return connections[settings]


async def close_shared_connections() -> None:
    """End every connection that sessions of the running event loop share."""
    connections = _shared.pop(asyncio.get_running_loop(), {})
    await asyncio.gather(*(connection.close() for connection in connections.values()))
