"""Users' functions in killable processes: the child's side, and the pool it belongs to.

A worker's target is named ``tools_HEX``, the hex of the configured specs as JSON, so that the functions are imported
when the worker starts, before any call's clock runs.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable, Sequence
from typing import Any

from verl_agentic.isolation.pool import WorkerPool
from verl_agentic.tool_envs.base import ToolError
from verl_agentic.tool_envs.functions.loading import FunctionTool, load_tools

_PREFIX = "tools_"


@functools.cache
def isolated_pool(specs: tuple[str, ...], size: int, memory_mib: int) -> WorkerPool:
    """The process's pool of workers that can call the tools of ``specs``."""
    target = f"{__name__}:{_PREFIX}{json.dumps(specs).encode().hex()}"
    return WorkerPool(target, size=size, memory_bytes=memory_mib << 20)


def invoke(tool: FunctionTool, arguments: dict[str, Any]) -> Any:
    """Call a plain function, also an async one, and wait for it."""
    result = tool.function(**arguments)
    return asyncio.run(_await(result)) if tool.is_async else result


async def _await(awaitable: Any) -> Any:
    return await awaitable


def as_text(value: Any) -> str:
    """What the policy reads of a tool's result: text as it is, else JSON.

    Raises:
        TypeError: the value is not JSON data.
    """
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def __getattr__(name: str) -> Callable[[Any], Any]:
    if not name.startswith(_PREFIX):
        raise AttributeError(name)
    specs: Sequence[str] = json.loads(bytes.fromhex(name.removeprefix(_PREFIX)))
    tools = load_tools(specs)

    def call(payload: dict[str, Any]) -> dict[str, str]:
        try:
            return {"text": as_text(invoke(tools[payload["name"]], payload["arguments"]))}
        except ToolError as refusal:
            return {"refused": str(refusal)}

    return call
