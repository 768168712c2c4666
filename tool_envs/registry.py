"""Environments by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from verl_agentic.core import BrokenTaskError, UserInputError
from verl_agentic.core.named import named_class
from verl_agentic.tool_envs.base import Environment
from verl_agentic.tool_envs.user import User

# Built-in environments are imported when first asked for, so that none of them costs import time.
_BUILT_IN = {
    "calculator": "verl_agentic.tool_envs.calculator:CalculatorEnvironment",
    "sql": "verl_agentic.tool_envs.sql:SqlEnvironment",
    "service": "verl_agentic.tool_envs.service:ServiceEnvironment",
    "replay": "verl_agentic.tool_envs.replay:ReplayEnvironment",
}
_registered: dict[str, type[Environment]] = {}

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
    if name in _registered:
        return _registered[name]
    cls: type[Environment] = named_class("environment", name, _BUILT_IN, Environment, tuple(_registered))
    _registered[name] = cls
    return cls


def make_environment(name: str, user: User | None = None) -> Environment:
    """A fresh, unopened session of the environment called ``name``.

    Raises:
        BrokenTaskError: the task names an environment that does not exist.
    """
    try:
        return environment_class(name)(user)
    except UserInputError as error:
        raise BrokenTaskError(str(error)) from error
