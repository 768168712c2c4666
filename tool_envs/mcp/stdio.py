"""Transport to an MCP server in a process of our own, that leaves no process behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage

from verl_agentic.tool_envs.mcp.framing import LineReader

_GUARD = Path(__file__).with_name("guard.py")
_CHUNK = 1 << 16
_STDERR_TAIL = 2000
_STOP_SECONDS = 2.0

Streams = tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]


@dataclass
class ServerLog:
    """What became of a server.

    Attributes:
        failure: what it did wrong, empty while it did nothing.
        ignored: how many lines of its output were no messages.
        last_ignored: the beginning of the last of them.
        stderr: the end of what it wrote to standard error.
        on_end: called once when it says no more.
    """

    failure: str = ""
    ignored: int = 0
    last_ignored: bytes = b""
    stderr: bytearray = field(default_factory=bytearray)
    on_end: Callable[[], None] = lambda: None

    def __str__(self) -> str:
        said = self.stderr.decode("utf-8", "replace").strip()
        stray = f"; of its output, {self.ignored} lines were no messages, like {self.last_ignored!r}"
        wrote = f"; it last wrote: {said[-500:]}"
        return f"{self.failure or 'ended'}{stray if self.ignored else ''}{wrote if said else ''}"


@asynccontextmanager
async def stdio_transport(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: ServerLog,
    *,
    cwd: str | None = None,
    max_message_bytes: int,
) -> AsyncIterator[Streams]:
    """Run a server and exchange newline-delimited JSON-RPC with it; on leaving, its whole process tree is gone.

    Args:
        command: program and arguments.
        environment: all of its environment variables.
        log: filled in as it runs.
        cwd: its working directory, by default ours.
        max_message_bytes: longest message; a longer reply becomes an error reply.

    Raises:
        OSError: no process can be started.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-I", "-S", str(_GUARD), str(os.getpid()), *command),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(environment),
        cwd=cwd,
        start_new_session=True,  # no Ctrl-C of ours, and one group to kill
    )
    try:
        # The sides of the session close their ends; nothing is buffered, so that a slow reader slows the server.
        inward, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        outgoing, outward = anyio.create_memory_object_stream[SessionMessage](0)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_read, process, inward, log, max_message_bytes)
            tasks.start_soon(_write, process, outward)
            tasks.start_soon(_read_errors, process, log)
            try:
                yield incoming, outgoing
            finally:
                tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await _stop(process)


async def _read(
    process: asyncio.subprocess.Process,
    inward: MemoryObjectSendStream[SessionMessage | Exception],
    log: ServerLog,
    max_message_bytes: int,
) -> None:
    assert process.stdout
    lines = LineReader(max_message_bytes)
    async with inward:
        with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            while chunk := await process.stdout.read(_CHUNK):
                messages = lines.feed(chunk)
                log.ignored, log.last_ignored = lines.ignored, lines.last_ignored
                for message in messages:
                    await inward.send(message if isinstance(message, Exception) else SessionMessage(message))
            log.failure = "closed its output"
            with anyio.move_on_after(_STOP_SECONDS):
                log.failure = f"ended with status {await process.wait()}"
        log.on_end()


async def _write(process: asyncio.subprocess.Process, outward: MemoryObjectReceiveStream[SessionMessage]) -> None:
    assert process.stdin
    # A server that does not read any more has ended, or will be found to hang.
    with contextlib.suppress(ConnectionError, RuntimeError):
        async with outward:
            async for message in outward:
                text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(text.encode() + b"\n")
                await process.stdin.drain()


async def _read_errors(process: asyncio.subprocess.Process, log: ServerLog) -> None:
    assert process.stderr
    while chunk := await process.stderr.read(_CHUNK):
        log.stderr[:] = (log.stderr + chunk)[-_STDERR_TAIL:]


async def _stop(process: asyncio.subprocess.Process) -> None:
    """As the protocol says: close its input, then SIGTERM, then SIGKILL, with bounded waits."""
    assert process.stdin
    try:
        process.stdin.close()
        if not await _ends(process):
            with contextlib.suppress(ProcessLookupError):
                process.terminate()  # the guard, which ends the rest
            await _ends(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
    await _ends(process)


async def _ends(process: asyncio.subprocess.Process) -> bool:
    """Whether the process ends soon; its output is thrown away, as a full pipe would keep it from ending."""
    assert process.stdout and process.stderr
    with anyio.move_on_after(_STOP_SECONDS):
        for pipe in (process.stdout, process.stderr):
            while await pipe.read(_CHUNK):
                pass
        await process.wait()
    return process.returncode is not None
