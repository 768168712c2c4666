"""Users' functions and classes by ``package.module:name`` or ``path/to/file.py:name``, as tools."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from verl_agentic.core import UserInputError
from verl_agentic.core.named import module_of_file
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
def load_object(spec: str) -> Any:
    """The object that ``package.module:name`` or ``path/to/file.py:name`` stands for.

    Raises:
        UserInputError: it cannot be imported.
    """
    source, _, name = spec.rpartition(":")
    if not source or not name:
        raise UserInputError(f"{spec!r} is neither 'package.module:name' nor 'path/to/file.py:name'")
    try:
        module = module_of_file(source) if source.endswith(".py") else importlib.import_module(source)
        return getattr(module, name)
    except (Exception, SystemExit) as error:  # whatever a user's module raises while it is imported
        raise UserInputError(f"{spec!r} cannot be imported: {type(error).__name__}: {error}") from error


@functools.cache
def _tools_of(spec: str) -> tuple[FunctionTool, ...]:
    found = load_object(spec)
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
