"""A real MCP server for tests: ``python world.py [http PORT]``. Its tools do right, fail, hang and die when asked."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("world")
notes: list[str] = []
calls = 0


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def note(text: str) -> list[str]:
    """Keep a note, and return all of them."""
    notes.append(text)
    return notes


@server.tool()
def fail() -> str:
    """Refuse."""
    raise ToolError("no such record")


@server.tool()
def long(chars: int) -> str:
    """Return that many characters."""
    return "x" * chars


@server.tool()
async def hang(path: str) -> str:
    """Never return; say in the file whether that was cancelled."""
    mark = Path(path).write_text
    mark("begun")
    try:
        await asyncio.sleep(3600)
    except BaseException:
        mark("cancelled")
        raise
    return ""


@server.tool()
async def freeze() -> str:
    """Stop the whole server, event loop and all."""
    while True:
        pass


@server.tool()
def count() -> int:
    """Count calls, and die at the third."""
    global calls  # noqa: PLW0603
    calls += 1
    if calls == 3:
        print("out of cheese", file=sys.stderr, flush=True)
        os._exit(7)
    return calls


@server.tool()
def child() -> int:
    """Start a process in a session of its own, and return its id."""
    return subprocess.Popen(["sleep", "600"], start_new_session=True).pid


@server.tool()
def pid() -> int:
    """The server's process id."""
    return os.getpid()


@server.tool()
def secret() -> str:
    """What the environment holds."""
    return os.environ.get("TOKEN", "none") + " " + os.environ.get("NOT_NAMED", "none")


if __name__ == "__main__":
    if sys.argv[1:2] == ["http"]:
        server.run(transport="streamable-http", port=int(sys.argv[2]), json_response=sys.argv[3:] == ["json"])
    else:
        server.run()
