"""Environments by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from verl_agentic.core import BrokenTaskError, InfrastructureError, UserInputError
from verl_agentic.core.exits import ExitedError, exits_contained
from verl_agentic.core.named import named_class, parameters_of
from verl_agentic.tool_envs.base import Environment
from verl_agentic.tool_envs.users.base import User

# Built-in environments are imported when first asked for, so that none of them costs import time.
_BUILT_IN = {
    "none": "verl_agentic.tool_envs.base:NoTools",
    "calculator": "verl_agentic.tool_envs.calculator:CalculatorEnvironment",
    "sql": "verl_agentic.tool_envs.sql.environment:SqlEnvironment",
    "world": "verl_agentic.tool_envs.world.environment:WorldEnvironment",
    "service": "verl_agentic.tool_envs.world.service:ServiceEnvironment",
    "replay": "verl_agentic.tool_envs.recorded.replay:ReplayEnvironment",
    "mock": "verl_agentic.tool_envs.recorded.mock:MockEnvironment",
    "functions": "verl_agentic.tool_envs.functions.environment:FunctionsEnvironment",
    "mcp": "verl_agentic.tool_envs.mcp.environment:McpEnvironment",
    "verl_tools": "verl_agentic.integration.loop.verl_tools:VerlToolsEnvironment",
    "combined": "verl_agentic.tool_envs.combined:CombinedEnvironment",
    "python": "verl_agentic.tool_envs.python.environment:PythonEnvironment",
    "search": "verl_agentic.tool_envs.search.environment:SearchEnvironment",
}
_registered: dict[str, type[Environment]] = {}

OPTIONS_KEY = "agentic.rollout.env_options"
"""Where options of environments are set; every message about one begins with it."""

_RESERVED = ("user", "env_options")

E = TypeVar("E", bound=type[Environment])


def register_environment(name: str) -> Callable[[E], E]:
    """Class decorator that makes an :class:`Environment` known by ``name``."""

    def decorate(cls: E) -> E:
        _registered[name] = cls
        return cls

    return decorate


def environment_class(name: str) -> type[Environment]:
    """The class behind a registered name or a ``package.module:Class`` path.

    Raises:
        UserInputError: no environment goes by that name.
    """
    return _known_class(name, files=False)


def configured_environment(name: str) -> type[Environment]:
    """As :func:`environment_class`, and also ``path/to/file.py:Class``, which is then registered by that name.

    For names in configuration and on the command line: data should not name files of this machine.

    Raises:
        UserInputError: no environment goes by that name.
    """
    return _known_class(name, files=True)


def _known_class(name: str, files: bool) -> type[Environment]:
    if name in _registered:
        return _registered[name]
    cls: type[Environment] = named_class("environment", name, _BUILT_IN, Environment, tuple(_registered), files)
    _registered[name] = cls
    return cls


def make_environment(
    name: str, user: User | None = None, options: Mapping[str, Mapping[str, Any]] | None = None
) -> Environment:
    """A fresh, unopened session of the environment called ``name``.

    An environment that is made of others is handed all options: as the keyword ``env_options``, if its constructor
    names that.

    Args:
        name: registered name, or ``package.module:Class``.
        user: the simulated user.
        options: ``agentic.rollout.env_options``: keyword arguments of environments by their names.

    Raises:
        BrokenTaskError: the task names an environment that does not exist.
        UserInputError: the environment has no such option, or refuses its value.
        InfrastructureError: its constructor exits.
    """
    try:
        cls = environment_class(name)
    except UserInputError as error:
        raise BrokenTaskError(str(error)) from error
    chosen = (options or {}).get(name) or {}
    if not chosen and not _made_of_others(cls):
        with _exits_named(name):
            return cls(user)
    return configured(cls, name, user, chosen, f"{OPTIONS_KEY}.{name}", options)


def configured(
    cls: type[Environment],
    name: str,
    user: User | None,
    chosen: Mapping[str, Any],
    key: str,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Environment:
    """A fresh session with options of its own.

    Args:
        cls: the environment.
        name: what it goes by.
        user: the simulated user.
        chosen: its options.
        key: where they are set, for messages.
        options: those of all environments.

    Raises:
        UserInputError: the environment has no such option, or refuses its value.
    """
    parameters = parameters_of(cls)
    for option in chosen:
        if parameters is not None and (option in _RESERVED or option not in parameters):
            known = [parameter for parameter in parameters if parameter not in _RESERVED]
            has = f"its options are {', '.join(known)}" if known else "it has no options"
            raise UserInputError(f"{key}.{option}: environment {name!r} has no such option; {has}")
    others = {"env_options": options or {}} if _made_of_others(cls) else {}
    try:
        with _exits_named(name):
            return cls(user, **chosen, **others)
    except TypeError as error:
        raise UserInputError(f"{key}: {error}") from error


@contextmanager
def _exits_named(name: str) -> Iterator[None]:
    try:
        with exits_contained():
            yield
    except ExitedError as error:
        raise InfrastructureError(f"environment {name!r}, when it was made: it {error}") from error


def _made_of_others(cls: type[Environment]) -> bool:
    return "env_options" in (parameters_of(cls) or ())


def check_options(options: Mapping[str, Mapping[str, Any]], also: str | None = None) -> None:
    """Make, without opening it, every environment that has options, and ``also`` that one.

    Raises:
        UserInputError: naming the environment or option that does not exist, or the value that is refused.
    """
    for name, chosen in options.items():
        if chosen is not None and not isinstance(chosen, Mapping):
            raise UserInputError(f"{OPTIONS_KEY}.{name} must be an object of options, got {chosen!r}")
        try:
            configured_environment(name)
        except UserInputError as error:
            raise UserInputError(f"{OPTIONS_KEY}.{name}: {error}") from error
    if also:
        configured_environment(also)
    for name in dict.fromkeys([*options, *([also] if also else [])]):
        make_environment(name, None, options)
