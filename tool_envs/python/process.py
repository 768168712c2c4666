"""One interpreter of model-written code as the trainer sees it: asked, timed, killed, and not believed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import signal
import socket
import time
from pathlib import Path
from typing import Any

from verl_agentic.core import InfrastructureError
from verl_agentic.isolation.frames import HEADER, BrokenFrameError, decode, encode
from verl_agentic.isolation.process import ready
from verl_agentic.tool_envs.python.sandbox import Sandbox
from verl_agentic.tool_envs.python.session import MAX_TRACEBACK_CHARS

_START_SECONDS = 30.0
_MAX_GREETING = 1 << 12
_CONTROL = {code: "\ufffd" for code in (*range(9), 11, 12, *range(14, 32), 127)}
# Time to read a reply that has come, for a loop that was itself held up until after the deadline.
_GRACE_SECONDS = 2.0


class InterpreterLostError(Exception):
    """The code ended its interpreter; the message says how."""


class InterpreterProcess:
    """A process that model-written code owns. Between calls it is stopped, so it does nothing then.

    Args:
        sandbox: where it came from.
        channel: our end of its channel, non-blocking.
        max_chars: characters of a cell's output.
    """

    def __init__(self, sandbox: Sandbox, channel: socket.socket, max_chars: int) -> None:
        self._sandbox = sandbox
        self._channel = channel
        self._max_chars = max_chars
        self._process = -1
        self._statistics: Path | None = None

    @classmethod
    async def start(cls, sandbox: Sandbox, max_chars: int, seed: int) -> InterpreterProcess:
        """Fork an interpreter whose random numbers follow ``seed``.

        Raises:
            InfrastructureError: it does not start.
        """
        channel = await sandbox.spawn({"max_chars": max_chars, "seed": seed})
        interpreter = cls(sandbox, channel, max_chars)
        try:
            said = await asyncio.wait_for(interpreter._greet(), _START_SECONDS)
        except BaseException as error:
            interpreter.kill()
            if isinstance(error, (asyncio.TimeoutError, OSError, BrokenFrameError)):
                raise InfrastructureError(f"a python interpreter did not start: {error!r}") from error
            raise
        if "error" in said:
            interpreter.kill()
            raise InfrastructureError(f"a python interpreter cannot be confined: {said['error']}")
        return interpreter

    async def run(self, request: dict[str, Any], seconds: float) -> tuple[str, bool]:
        """Run ``{"code": ...}`` or write ``{"files": ...}``; what it says, and whether the code failed.

        The clock stops while the system has no processor for it. Cancelled, the interpreter is killed.

        Raises:
            InterpreterLostError: the code took longer than ``seconds``, ended its process or sent nonsense.
            InfrastructureError: the sandbox has ended.
        """
        token = secrets.token_hex(8)
        exchange = asyncio.ensure_future(self._exchange(encode({**request, "token": token})))
        try:
            self._signal(signal.SIGCONT)
            if not await self._in_time(exchange, seconds):
                raise InterpreterLostError(f"takes too long (over {seconds:g} s)")
            reply = exchange.result()
            output, failed = reply.get("output"), reply.get("failed")
            if reply.get("token") != token or not isinstance(output, str) or not isinstance(failed, bool):
                raise InterpreterLostError("the interpreter broke")
            self._signal(signal.SIGSTOP)
        except (OSError, BrokenFrameError) as error:
            self.kill()
            if not self._sandbox.running:
                raise InfrastructureError("the python sandbox has ended") from error
            raise InterpreterLostError("the interpreter ended") from error
        except BaseException:
            self.kill()
            raise
        finally:
            exchange.cancel()
        limit = self._max_chars + MAX_TRACEBACK_CHARS + 100
        return clean(output[:limit]), failed

    def kill(self) -> None:
        """Kill it, without waiting for its end. Safe to call twice."""
        if self._process >= 0:
            self._signal(signal.SIGKILL)
            os.close(self._process)
            self._process = -1
        self._channel.close()

    async def _greet(self) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        readable = loop.create_future()
        loop.add_reader(self._channel.fileno(), lambda: None if readable.done() else readable.set_result(None))
        try:
            await readable
        finally:
            loop.remove_reader(self._channel.fileno())
        _data, descriptors, _flags, _address = socket.recv_fds(self._channel, 1, 1)
        if not descriptors:
            raise BrokenFrameError("its process ended")
        self._process = descriptors[0]
        self._statistics = _statistics(self._process)
        return await self._receive(_MAX_GREETING)

    async def _exchange(self, frame: bytes) -> dict[str, Any]:
        await asyncio.get_running_loop().sock_sendall(self._channel, frame)
        # JSON escapes take up to twelve bytes for a character.
        return await self._receive(12 * (self._max_chars + MAX_TRACEBACK_CHARS) + 1024)

    async def _receive(self, limit: int) -> dict[str, Any]:
        (length,) = HEADER.unpack(await self._read(HEADER.size))
        if length > limit:
            raise BrokenFrameError("too long")
        return decode(await self._read(length))

    async def _read(self, size: int) -> bytes:
        loop = asyncio.get_running_loop()
        data = bytearray()
        while len(data) < size:
            piece = await loop.sock_recv(self._channel, size - len(data))
            if not piece:
                raise BrokenFrameError("end of stream")
            data += piece
        return bytes(data)

    async def _in_time(self, exchange: asyncio.Future[dict[str, Any]], seconds: float) -> bool:
        started, starved = time.monotonic(), self._starved()
        left, grace = seconds, _GRACE_SECONDS
        while left > 0:
            await asyncio.wait({exchange}, timeout=left)
            if exchange.done():
                return True
            left = seconds + self._starved() - starved - (time.monotonic() - started)
            if left <= 0 and grace and ready(self._channel.fileno()):
                left, grace = grace, 0.0
        return False

    def _starved(self) -> float:
        """Seconds that the process has waited for a processor, zero where the system does not say."""
        with contextlib.suppress(OSError, IndexError, ValueError):
            if self._statistics:
                return int(self._statistics.read_text(encoding="ascii").split()[1]) / 1e9
        return 0.0

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._process, number)


def _statistics(process: int) -> Path | None:
    """Where the kernel keeps the scheduler's times of a process; nowhere if it is not visible from here."""
    about = Path(f"/proc/self/fdinfo/{process}").read_text(encoding="ascii")
    pid = re.search(r"^Pid:\s+([1-9]\d*)$", about, re.MULTILINE)
    return Path(f"/proc/{pid[1]}/schedstat") if pid else None


def clean(text: str) -> str:
    """``text`` without what no tokenizer or database takes: lone surrogates and control characters."""
    return text.encode("utf-8", "replace").decode("utf-8").translate(_CONTROL)
