"""Model-written code on this machine: one interpreter per session, replaced when the code has ended it."""

from __future__ import annotations

import asyncio

from verl_agentic.core import BrokenTaskError, UserInputError
from verl_agentic.tool_envs.base import ToolError
from verl_agentic.tool_envs.python.process import InterpreterLostError, InterpreterProcess
from verl_agentic.tool_envs.python.sandbox import PythonLimits, shared_sandbox


class LocalBackend:
    """A session's interpreter, started with its first cell.

    Args:
        limits: of the interpreter.
        seconds: of one cell.
        max_chars: of a cell's output.
        allow_weak: go on where containment does not hold.
    """

    stateful = True

    def __init__(self, limits: PythonLimits, seconds: float, max_chars: int, allow_weak: bool) -> None:
        self._sandbox = shared_sandbox(limits)
        self._seconds = seconds
        self._max_chars = max_chars
        self._allow_weak = allow_weak
        self._interpreter: InterpreterProcess | None = None
        self._setup = ""
        self._files: dict[str, str] = {}
        self._seed = 0

    async def open(self, setup: str, files: dict[str, str], seed: int) -> None:
        """Have the sandbox ready.

        Raises:
            UserInputError: the system cannot confine an interpreter; or files are to be written, and it has no
                namespaces.
        """
        self._setup, self._files, self._seed = setup, files, seed
        layers = self._sandbox.containment
        if layers is None:
            layers = await asyncio.to_thread(self._sandbox.start)
        if not layers.holds and not self._allow_weak:
            reasons = "; ".join(f"no {layer}: {reason}" for layer, reason in layers.missing.items())
            raise UserInputError(
                f"this system cannot confine model-written code, which could {', '.join(layers.escapes)} ({reasons}). "
                "Allow user namespaces, or Landlock and seccomp; or set agentic.rollout.env_options.python.url to a "
                "SandboxFusion service; or accept the risk with agentic.rollout.env_options.python.allow_weak=true"
            )
        if files and not layers.namespaces:
            raise UserInputError(
                f"the task brings files, which need user namespaces here ({layers.missing['namespaces']}); allow them, "
                "or set agentic.rollout.env_options.python.url"
            )

    async def run(self, code: str) -> str:
        """What a cell says.

        Raises:
            ToolError: it took too long or ended the interpreter.
            BrokenTaskError: the task's setup fails.
            InfrastructureError: no interpreter starts.
        """
        if self._interpreter is None:
            self._interpreter = await self._start()
        try:
            output, _failed = await self._interpreter.run({"code": code}, self._seconds)
        except InterpreterLostError as error:
            self._interpreter = None
            raise ToolError(f"{error}; interpreter restarted, variables and files are lost") from error
        except BaseException:
            self._interpreter = None
            raise
        return output

    async def close(self) -> None:
        """Kill the interpreter; its files go with it."""
        if self._interpreter:
            self._interpreter.kill()
            self._interpreter = None

    async def _start(self) -> InterpreterProcess:
        if not self._sandbox.running:
            await asyncio.to_thread(self._sandbox.start)
        interpreter = await InterpreterProcess.start(self._sandbox, self._max_chars, self._seed)
        if not (self._setup or self._files):
            return interpreter
        try:
            output, failed = await interpreter.run({"files": self._files, "code": self._setup}, self._seconds)
        except InterpreterLostError as error:
            raise BrokenTaskError(f"the task's files or setup end the interpreter: {error}") from error
        if failed:
            interpreter.kill()
            raise BrokenTaskError(f"the task's setup fails: {output[-500:]}")
        return interpreter
