"""Model-written code in a SandboxFusion service, by its ``/run_code`` API.

The service runs each program in a container of its own and keeps nothing. Running earlier cells again to get their
variables back would repeat what they did, so a session here has no variables, and its tool says so.
"""

from __future__ import annotations

import base64
import math
import signal
from typing import Any

from verl_agentic.core import InfrastructureError
from verl_agentic.tool_envs.base import ToolError
from verl_agentic.tool_envs.json_http import JsonService, hold
from verl_agentic.tool_envs.python.process import clean

# What the service may take beyond the program's own time: its queue and its container.
_OVERHEAD_SECONDS = 30.0
_MAX_STDERR_CHARS = 1500
_CRASHES = (signal.SIGILL, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV)


class FusionBackend:
    """One session at a SandboxFusion service.

    Args:
        url: of the service, with or without ``/run_code``.
        seconds: of one program.
        memory_mb: of one program, ``None`` for the service's own limit.
        max_chars: of its output.
        concurrency: requests at once from this event loop.
        retries: of a request that failed for the service's reasons.
    """

    stateful = False

    def __init__(
        self, url: str, seconds: float, memory_mb: int | None, max_chars: int, concurrency: int, retries: int
    ) -> None:
        self._url = url if url.rstrip("/").endswith("/run_code") else f"{url.rstrip('/')}/run_code"
        self._seconds = seconds
        self._memory_mb = memory_mb
        self._max_chars = max_chars
        self._concurrency = concurrency
        self._retries = retries
        self._service: JsonService | None = None
        self._setup = ""
        self._files: dict[str, str] = {}

    async def open(self, setup: str, files: dict[str, str], seed: int) -> None:
        """Keep what goes before every program. The service has no seed."""
        self._setup = setup and f"{setup}\n"
        self._files = {path: base64.b64encode(clean(text).encode()).decode() for path, text in files.items()}
        self._service = hold(self._url, self._concurrency)

    async def run(self, code: str) -> str:
        """What a program printed, the end of its error output, and how it ended.

        A program that was killed (status 137 or -9, as for memory) or crashed (139, -11 and other signals) could not
        say so itself; one that failed without error output exited with its status.

        Raises:
            ToolError: it took too long.
            InfrastructureError: the service failed.
        """
        assert self._service is not None, "run before open"
        limit = math.ceil(self._seconds)
        payload = {
            "code": clean(self._setup + code),
            "language": "python",
            "compile_timeout": limit,
            "run_timeout": limit,
            **({} if self._memory_mb is None else {"memory_limit_MB": self._memory_mb}),
            "stdin": "",
            "files": self._files,
            "fetch_files": [],
        }
        wait = 2 * limit + _OVERHEAD_SECONDS
        reply = await self._service.post(payload, seconds=wait, retries=self._retries)
        return self._read(reply)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._service:
            service, self._service = self._service, None
            await service.release()

    def _read(self, reply: Any) -> str:
        status = reply.get("status") if isinstance(reply, dict) else None
        result = reply.get("run_result") if isinstance(reply, dict) else None
        if status not in ("Success", "Failed") or not isinstance(result, dict):
            message = reply.get("message") if isinstance(reply, dict) else reply
            raise InfrastructureError(f"{self._url} could not run a program: {status}: {message!s:.200}")
        if result.get("status") == "TimeLimitExceeded":
            raise ToolError(f"takes too long (over {self._seconds:g} s)")
        if result.get("status") != "Finished":
            raise InfrastructureError(f"{self._url} could not run a program: run status {result.get('status')!s:.200}")
        output, errors = (_text(result.get(name)) for name in ("stdout", "stderr"))
        if len(output) > self._max_chars:
            output = f"{output[: self._max_chars]}\n... [{len(output) - self._max_chars} more characters]"
        errors = errors.rstrip()[-_MAX_STDERR_CHARS:]
        ending = _ending(result.get("return_code"), said=bool(errors))
        return clean("\n".join(part for part in (output.rstrip(), errors, ending) if part))


def _ending(status: Any, *, said: bool) -> str:
    """How a program failed, by its status, as Python (-11) or a shell (139) tells signals; empty where it did not.

    Args:
        status: of the program.
        said: whether it said itself that it failed, in its error output.
    """
    if not isinstance(status, int) or isinstance(status, bool) or status == 0:
        return ""
    number = -status if status < 0 else status - 128
    if number == signal.SIGKILL:
        return "[the program was killed, as for using too much memory]"
    if number in _CRASHES:
        return f"[the program crashed: {signal.Signals(number).name}]"
    if status < 0:
        return f"[the program was ended by signal {number}]"
    return "" if said else f"[the program exited with status {status}]"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
