"""Users' Python functions as tools."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

from verl_agentic.core import InfrastructureError, Task, UserInputError
from verl_agentic.core.checked import Described, Positive, Within, check_arguments
from verl_agentic.core.exits import ExitedError, exits_contained
from verl_agentic.isolation.pool import WorkerCrashedError, WorkerError, WorkerStartError, WorkerTimeoutError
from verl_agentic.isolation.threads import shared_threads
from verl_agentic.tool_envs.base import Environment, ToolError
from verl_agentic.tool_envs.functions.loading import load_tools
from verl_agentic.tool_envs.functions.schema import whole_numbers
from verl_agentic.tool_envs.functions.worker import as_text, isolated_pool
from verl_agentic.tool_envs.selection import select_tools
from verl_agentic.tool_envs.users.base import User

_TOOLS = "a list of 'package.module:name' or 'path/to/file.py:name'"
_KEY = "agentic.rollout.env_options.functions"


class FunctionsEnvironment(Environment):
    """Tools that are plain functions, sync or async, or the public methods of a class.

    Of a class each session makes a fresh instance, without arguments; its methods ``setup(task, seed)`` and
    ``teardown()``, sync or async, are called at the start and the end where it has them, and what ``state()`` returns
    goes into the final state under the class's name. Text is given to the policy as it is, anything else as JSON.

    A function refuses with :class:`ToolError`. One that exits (``sys.exit``, ``argparse`` on wrong arguments) fails, as
    by any other exception. Async ones run in the event loop and are cancelled at the deadline. Sync
    ones run in threads; one that hangs is given up. Isolated ones run in processes that are killed: they get no
    environment variables but the usual, cannot write files, and one that takes too long or dies is the policy's doing.

    ``env_args`` may hold ``tools``, the names of those that the task offers.
    """

    def __init__(
        self,
        user: User | None = None,
        *,
        tools: Annotated[Sequence[str], Described(_TOOLS)] = (),
        errors_to_policy: bool = False,
        threads: Positive = 64,
        isolate: bool = False,
        isolated_processes: Positive = 2,
        isolated_seconds: Annotated[float, Within(above=0)] = 30.0,
        isolated_memory_mib: Positive = 1024,
    ) -> None:
        """Describe the tools.

        Args:
            user: the simulated user.
            tools: ``package.module:name`` or ``path/to/file.py:name`` of functions and classes.
            errors_to_policy: whether whatever a tool raises goes to the policy; else only :class:`ToolError` does.
            threads: sync calls that execute at once, over all sessions of the process.
            isolate: whether plain functions run in killable processes.
            isolated_processes: isolated calls that execute at once, over all sessions of the process.
            isolated_seconds: longest isolated call, from when it begins.
            isolated_memory_mib: memory of each process beyond what its imports took.

        Raises:
            UserInputError: an option cannot be used, or a tool cannot be imported or has no schema.
        """
        super().__init__(user)
        check_arguments(FunctionsEnvironment, locals(), _KEY)
        if not tools:
            raise UserInputError(f"{_KEY}.tools must be {_TOOLS}")
        self._specs = tuple(str(spec) for spec in tools)
        try:
            self._tools = load_tools(self._specs)
        except UserInputError as error:
            raise UserInputError(f"{_KEY}.tools: {error}") from error
        stateful = next((tool for tool in self._tools.values() if tool.owner), None)
        if isolate and stateful:
            raise UserInputError(f"{_KEY}.isolate: {stateful.spec!r} is a class, whose state cannot leave this process")
        self.parallel_safe = stateful is None
        self._errors_to_policy = errors_to_policy
        self._threads = shared_threads(threads)
        self._isolated = isolated_pool(self._specs, isolated_processes, isolated_memory_mib) if isolate else None
        self._isolated_seconds = isolated_seconds
        self._instances: dict[type, Any] = {}
        self._set_up: list[Any] = []

    async def open(self, task: Task, seed: int) -> None:
        await super().open(task, seed)
        self._schemas = select_tools(task, [tool.schema for tool in self._tools.values()])
        for owner in {tool.owner: None for tool in self._tools.values() if tool.owner}:
            instance = self._instances[owner] = await self._run(owner.__name__, owner)
            self._set_up.append(instance)  # torn down also where its set-up fails half-way
            if setup := getattr(instance, "setup", None):
                await self._run(f"{owner.__name__}.setup", setup, task, seed)

    def tools(self) -> list[dict[str, Any]]:
        return self._schemas

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        """Call one function.

        Raises:
            ToolError: it refuses, or, isolated, takes too long or dies.
            InfrastructureError: it raises anything else, or returns what is not JSON data.
        """
        tool = self._tools[name]
        arguments = whole_numbers(arguments, tool.schema["function"]["parameters"])
        if self._isolated:
            return await self._call_isolated(name, arguments)
        function = getattr(self._instances[tool.owner], name) if tool.owner else tool.function
        try:
            return as_text(await self._run(name, function, **arguments))
        except (ToolError, InfrastructureError):
            raise
        except Exception as error:
            what = f"it {error}" if isinstance(error, ExitedError) else f"{type(error).__name__}: {error}"
            raise self._failure(name, what) from error

    async def _call_isolated(self, name: str, arguments: dict[str, Any]) -> str:
        assert self._isolated
        try:
            reply = await self._isolated.arun({"name": name, "arguments": arguments}, self._isolated_seconds)
        except WorkerTimeoutError as error:
            raise ToolError(f"{name} takes too long (over {self._isolated_seconds:g} s)") from error
        except WorkerCrashedError as error:
            raise ToolError(f"{name} ran out of memory or crashed") from error
        except WorkerError as error:
            raise self._failure(name, str(error)) from error
        except WorkerStartError as error:
            raise InfrastructureError(f"processes for isolated functions: {error}") from error
        if "refused" in reply:
            raise ToolError(str(reply["refused"]))
        return str(reply["text"])

    def state(self) -> dict[str, Any]:
        try:
            with exits_contained():
                return {owner.__name__: one.state() for owner, one in self._instances.items() if hasattr(one, "state")}
        except Exception as error:
            raise InfrastructureError(f"state of the tools failed: {type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Tear all instances down.

        Raises:
            InfrastructureError: some could not be; the others were.
        """
        failures: list[str] = []
        while self._set_up:
            instance = self._set_up.pop()
            try:
                if teardown := getattr(instance, "teardown", None):
                    await self._run(f"{type(instance).__name__}.teardown", teardown)
            except Exception as error:
                failures.append(f"{type(instance).__name__}.teardown: {type(error).__name__}: {error}")
        self._instances.clear()
        if failures:
            raise InfrastructureError("; ".join(failures))

    async def _run(self, name: str, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call what may be sync or async, the former in a thread."""
        with exits_contained():
            if inspect.iscoroutinefunction(function):
                return await function(*args, **kwargs)
            result = await self._threads.run(name, functools.partial(function, *args, **kwargs))
            return await result if isinstance(result, Awaitable) else result

    def _failure(self, name: str, what: str) -> Exception:
        return ToolError(what) if self._errors_to_policy else InfrastructureError(f"tool {name!r} failed: {what}")
