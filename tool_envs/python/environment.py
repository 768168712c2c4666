"""A code interpreter: the policy writes Python, and sees what it prints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Annotated, Any, Protocol

from verl_agentic.core import BrokenTaskError, Task, UserInputError
from verl_agentic.core.checked import Count, Described, Positive, Within, check_arguments
from verl_agentic.tool_envs.base import Environment, ToolError
from verl_agentic.tool_envs.python.fusion import FusionBackend
from verl_agentic.tool_envs.python.local import LocalBackend
from verl_agentic.tool_envs.python.sandbox import Limits, containment
from verl_agentic.tool_envs.users.base import User

__all__ = ["PythonEnvironment", "containment"]

MAX_CODE_CHARS = 50_000
MAX_FILES_CHARS = 1 << 20
PACKAGES = ("numpy", "sympy")
"""What code may import by default, besides the standard library. Both come with verl-agentic."""

_KEY = "agentic.rollout.env_options.python"
_STATEFUL = "Run Python code. Variables live on between calls; a last expression's value is shown."
_STATELESS = "Run a Python program. Every call starts afresh; print what you want to see."
# What a session may burn in all, in full calls: a backstop for a trainer that is too busy to look at the clock.
_CALLS_OF_CPU = 64


class Backend(Protocol):
    """Where code runs."""

    stateful: bool

    async def open(self, setup: str, files: dict[str, str], seed: int) -> None:
        """Prepare for one session."""

    async def run(self, code: str) -> str:
        """What the code printed, or how it failed."""

    async def close(self) -> None:
        """End the session."""


class PythonEnvironment(Environment):
    """One interpreter per session with one tool, ``python(code)``.

    It runs in a confined process (see :mod:`verl_agentic.tool_envs.python.confine`) on this machine, or, with
    ``url``, in a SandboxFusion service, which keeps no variables between calls. ``env_args`` may hold ``setup``, code
    that runs before the first call, and ``files``, texts by relative path, in the working folder. Threads, processes
    and network are refused; code that ends its interpreter, or takes too long, finds a fresh one at the next call.
    """

    def __init__(
        self,
        user: User | None = None,
        *,
        seconds: Annotated[float, Within(above=0)] = 10.0,
        memory_mb: Positive | None = 512,
        scratch_mb: Positive = 16,
        max_chars: Positive = 4000,
        packages: Annotated[Sequence[str] | None, Described("a list of names, like [numpy, sympy]")] = None,
        allow_weak: bool = False,
        url: str | None = None,
        concurrency: Positive = 64,
        retries: Count = 3,
    ) -> None:
        """Describe the session.

        Args:
            user: who talks with the policy.
            seconds: wall time of one call, without what the code waited for a processor.
            memory_mb: memory beyond what the packages take, ``None`` or -1 for the service's own limit; here there is
                always one.
            scratch_mb: files of the working folder.
            max_chars: characters of output that a call shows.
            packages: what code may import besides the standard library, by default :data:`PACKAGES`; here only, a
                service brings its own.
            allow_weak: run also where containment does not hold.
            url: a SandboxFusion service.
            concurrency: requests to the service at once, of all sessions together.
            retries: how often a request to the service is repeated.

        Raises:
            UserInputError: an option has a value that it cannot have.
        """
        super().__init__(user)
        if url and memory_mb == -1 and not isinstance(memory_mb, bool):
            memory_mb = None
        if memory_mb is None and not url:
            raise UserInputError(f"{_KEY}.memory_mb must be a whole number of at least 1, got None")
        check_arguments(PythonEnvironment, locals(), _KEY)
        packages = PACKAGES if packages is None else packages
        self._backend: Backend
        if url:
            if not url.startswith(("http://", "https://")):
                raise UserInputError(f"{_KEY}.url={url!r}: must begin with http:// or https://")
            self._backend = FusionBackend(
                url,
                seconds=seconds,
                memory_mb=memory_mb,
                max_chars=max_chars,
                concurrency=concurrency,
                retries=retries,
            )
        else:
            assert memory_mb is not None
            cpu = math.ceil(seconds * _CALLS_OF_CPU)
            limits = Limits(tuple(packages), memory_mb << 20, scratch_mb << 20, cpu)
            self._backend = LocalBackend(limits, seconds, max_chars, allow_weak)

    async def open(self, task: Task, seed: int) -> None:
        """Check the task and have the sandbox ready; the interpreter starts with the first call.

        Raises:
            BrokenTaskError: ``setup`` is no text, or ``files`` are no texts by relative path.
            UserInputError: the system cannot confine an interpreter, or lacks a package.
        """
        await super().open(task, seed)
        setup, files = task.env_args.get("setup", ""), task.env_args.get("files", {})
        if not isinstance(setup, str) or len(setup) > MAX_CODE_CHARS:
            raise BrokenTaskError(f"env_args of a python task: 'setup' must be code, up to {MAX_CODE_CHARS} characters")
        if not isinstance(files, dict) or not all(_is_file(path, text) for path, text in files.items()):
            raise BrokenTaskError("env_args of a python task: 'files' must be texts by relative path")
        if sum(map(len, files.values())) > MAX_FILES_CHARS:
            raise BrokenTaskError(f"env_args of a python task: 'files' hold over {MAX_FILES_CHARS} characters")
        await self._backend.open(setup, files, seed)

    def tools(self) -> list[dict[str, Any]]:
        """The task's schemas, or one for ``python`` where the task brings none."""
        return self.task.tools or python_tools(self._backend.stateful)

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        """Run a cell: its output, the value of a last expression, a short traceback.

        Raises:
            ToolError: it took too long or ended its interpreter; variables and files are lost then.
            InfrastructureError: the sandbox or the service failed.
        """
        code = arguments.get("code")
        if name != "python" or not isinstance(code, str):
            raise ToolError("use python with code")
        if len(code) > MAX_CODE_CHARS:
            raise ToolError(f"code is longer than {MAX_CODE_CHARS} characters")
        output = await self._backend.run(code)
        return output.rstrip() or "(no output)"

    async def close(self) -> None:
        await self._backend.close()


def python_tools(stateful: bool = True) -> list[dict[str, Any]]:
    """Schema of the tool, in OpenAI form; its description says whether variables live on."""
    parameters = {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}
    description = _STATEFUL if stateful else _STATELESS
    return [{"type": "function", "function": {"name": "python", "description": description, "parameters": parameters}}]


def _is_file(path: Any, text: Any) -> bool:
    parts = PurePosixPath(path).parts
    return isinstance(text, str) and bool(parts) and "\0" not in path and parts[0] != "/" and ".." not in parts
