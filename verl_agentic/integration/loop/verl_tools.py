"""verl's own tools, unchanged, inside our environments: ``BaseTool`` classes and ``@function_tool`` functions."""

from __future__ import annotations

import asyncio
import functools
import inspect
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from verl.experimental.agent_loop.tool_agent_loop import AgentData
from verl.tools.base_tool import BaseTool
from verl.tools.function_tool import FunctionTool, normalize_function_tool_return
from verl.tools.schemas import ToolResponse
from verl.tools.tool_registry import load_all_tools

from verl_agentic.core import BrokenTaskError, InfrastructureError, Task, UserInputError
from verl_agentic.isolation.threads import shared_threads
from verl_agentic.tool_envs import Environment, ToolError, User
from verl_agentic.tool_envs.selection import select_tools

_KEY = "agentic.rollout.env_options.verl_tools"


class VerlToolsEnvironment(Environment):
    """Tools written for verl's ``ToolAgentLoop``, from the same two files.

    Where that loop creates and releases an instance of a ``BaseTool`` around each call, here each has one instance per
    session: created when it opens, kept between calls, released at its end. ``agent_data`` is verl's, with the task's
    messages; the step rewards of the tools go there and, as ``tool_rewards``, into the final state. A tool that raises
    fails the session, unless ``errors_to_policy``; verl tells the policy.

    ``env_args`` may hold ``tools``, the names of those that the task offers, and ``tools_kwargs`` as in verl's rows:
    ``{"NAME": {"create_kwargs": {...}}}``.
    """

    def __init__(
        self,
        user: User | None = None,
        *,
        config: str | None = None,
        functions: str | None = None,
        errors_to_policy: bool = False,
        threads: int = 64,
    ) -> None:
        """Load the tools, once per process.

        Args:
            user: the simulated user.
            config: YAML file as for verl's ``multi_turn.tool_config_path``.
            functions: Python file as for verl's ``multi_turn.function_tool_path``.
            errors_to_policy: whether what a tool raises goes to the policy, as in verl.
            threads: sync functions that execute at once, over all sessions of the process.

        Raises:
            UserInputError: neither file is given, or one cannot be loaded.
        """
        super().__init__(user)
        if threads < 1:
            raise UserInputError(f"{_KEY}.threads must be at least 1, got {threads}")
        self._tools = _load(config, functions)
        self._errors_to_policy = errors_to_policy
        self._threads = shared_threads(threads)
        self._schemas: list[dict[str, Any]] = []
        self._instances: dict[str, str] = {}
        self._data: Any = None

    async def open(self, task: Task, seed: int) -> None:
        """Create an instance of each tool that the task offers.

        Raises:
            BrokenTaskError: ``env_args`` offer a tool that does not exist, or ``tools_kwargs`` is no such object.
            InfrastructureError: a tool cannot be created.
        """
        await super().open(task, seed)
        every = [tool.tool_schema.model_dump(exclude_unset=True, exclude_none=True) for tool in self._tools.values()]
        self._schemas = select_tools(task, every)
        offered = [schema["function"]["name"] for schema in self._schemas]
        kwargs = _tools_kwargs(task, self._tools)
        self._data = AgentData(
            messages=[dict(message) for message in task.messages],
            image_data=[],
            video_data=[],
            audio_data=None,
            mm_processor_kwargs=None,
            metrics={},
            request_id=uuid.uuid4().hex,
            tools_kwargs=kwargs,
        )
        for name in offered:
            tool = self._tools[name]
            if isinstance(tool, BaseTool):
                create = tool.create(create_kwargs=kwargs.get(name, {}).get("create_kwargs", {}))
                self._instances[name], _ = await self._ours(f"{name}.create", create)

    def tools(self) -> list[dict[str, Any]]:
        return self._schemas

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        """Execute one tool.

        Raises:
            ToolError: it raised, and ``errors_to_policy`` is set.
            InfrastructureError: it raised, or answered with more than text.
        """
        tool = self._tools[name]
        try:
            if isinstance(tool, FunctionTool):
                raw = await self._call_function(name, tool.fn, arguments)
                response, reward, _ = normalize_function_tool_return(raw)
            else:
                response, reward, _ = await tool.execute(self._instances[name], arguments, agent_data=self._data)
        except (ToolError, InfrastructureError):
            raise
        except Exception as error:
            if self._errors_to_policy:
                raise ToolError(f"{type(error).__name__}: {error}") from error
            raise InfrastructureError(f"tool {name!r} failed: {type(error).__name__}: {error}") from error
        if reward is not None:
            self._data.tool_rewards.append(float(reward))
        return _text(name, response)

    def state(self) -> dict[str, Any]:
        return {"tool_rewards": list(self._data.tool_rewards) if self._data else []}

    async def close(self) -> None:
        """Release all instances.

        Raises:
            InfrastructureError: some could not be; the others were.
        """
        instances, self._instances = self._instances, {}
        releases = [
            self._ours(f"{name}.release", self._tools[name].release(instance)) for name, instance in instances.items()
        ]
        results = await asyncio.gather(*releases, return_exceptions=True)
        if failures := [str(result) for result in results if isinstance(result, BaseException)]:
            raise InfrastructureError("; ".join(failures))

    async def _call_function(self, name: str, function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        if inspect.iscoroutinefunction(function):
            return await function(**arguments)
        # verl calls it in the loop's default executor, which a few hung ones would block for everyone.
        return await self._threads.run(name, functools.partial(function, **arguments))

    async def _ours(self, what: str, awaitable: Awaitable[Any]) -> Any:
        try:
            return await awaitable
        except InfrastructureError:
            raise
        except Exception as error:
            raise InfrastructureError(f"tool {what} failed: {type(error).__name__}: {error}") from error


@functools.cache
def _load(config: str | None, functions: str | None) -> dict[str, Any]:
    if not config and not functions:
        raise UserInputError(f"{_KEY} needs config (a YAML file of tools) or functions (a Python file)")
    for key, path in (("config", config), ("functions", functions)):
        if path and not Path(path).is_file():
            raise UserInputError(f"{_KEY}.{key}: no file {Path(path).resolve()}")
    try:
        tools = load_all_tools(config, functions)
    except Exception as error:  # whatever users' modules raise while they are imported
        raise UserInputError(f"{_KEY}: tools cannot be loaded: {type(error).__name__}: {error}") from error
    if not tools:
        raise UserInputError(f"{_KEY}: there is no tool in {config or functions}")
    return {tool.name: tool for tool in tools}


def _tools_kwargs(task: Task, tools: dict[str, Any]) -> dict[str, Any]:
    kwargs = task.env_args.get("tools_kwargs") or {}
    if not isinstance(kwargs, dict) or not all(isinstance(entry, dict) for entry in kwargs.values()):
        raise BrokenTaskError("env_args.tools_kwargs must be an object of objects by tool name")
    if unknown := sorted(set(kwargs) - set(tools)):
        raise BrokenTaskError(f"env_args.tools_kwargs names {unknown[0]!r}, but there are {', '.join(tools)}")
    return kwargs


def _text(name: str, response: ToolResponse) -> str:
    if response.image or response.video:
        raise InfrastructureError(f"tool {name!r} answered with images or video; agentic rollouts are text only")
    return response.text or ""
