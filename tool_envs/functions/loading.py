"""Users' functions and classes by ``package.module:name`` or ``path/to/file.py:name``, as tools."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from verl_agentic.core import UserInputError
from verl_agentic.core.named import imported
from verl_agentic.tool_envs.functions.schema import function_schema

LIFECYCLE = ("setup", "teardown", "state")
"""Public methods of a class of tools that are called by the session, not by the policy."""


@dataclass(frozen=True, slots=True)
class FunctionTool:
    """One tool.

    Attributes:
        spec: where it came from, as configured.
        name: name of the function or method, and of the tool.
        function: what is called; of a class, the unbound method.
        schema: its OpenAI schema.
        owner: the class whose fresh instance each session calls it on, ``None`` for a plain function.
    """

    spec: str
    name: str
    function: Callable[..., Any]
    schema: dict[str, Any]
    owner: type | None = None

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.function)


def load_tools(specs: Sequence[str]) -> dict[str, FunctionTool]:
    """Tools by name; each module, file and schema is read once per process.

    Raises:
        UserInputError: something cannot be imported, has no schema, or two tools have one name.
    """
    tools: dict[str, FunctionTool] = {}
    for spec in specs:
        for tool in _tools_of(spec):
            if tool.name in tools:
                other = tools[tool.name].spec
                raise UserInputError(f"{spec!r} and {other!r} are both a tool {tool.name!r}; rename one")
            tools[tool.name] = tool
    return tools


@functools.cache
def _tools_of(spec: str) -> tuple[FunctionTool, ...]:
    found = imported("tool", spec)
    if isinstance(found, type):
        tools = tuple(
            FunctionTool(spec, name, method, function_schema(_without_self(method), name), found)
            for name, method in inspect.getmembers(found, inspect.isfunction)
            if not name.startswith("_") and name not in LIFECYCLE
        )
        if not tools:
            raise UserInputError(f"{spec!r} has no public methods to be tools")
        return tools
    if not callable(found) or not hasattr(found, "__name__"):
        raise UserInputError(f"{spec!r} is neither a function nor a class")
    return (FunctionTool(spec, found.__name__, found, function_schema(found)),)


def _without_self(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method as an instance shows it, without making an instance."""
    bound: Callable[..., Any] = method.__get__(object())
    return bound
