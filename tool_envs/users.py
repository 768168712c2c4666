"""Simulated users by name."""

from __future__ import annotations

import importlib

from verl_agentic.core import UserInputError
from verl_agentic.tool_envs.user import User

_BUILT_IN = {
    "scripted": "verl_agentic.tool_envs.scripted_user:ScriptedUser",
    "none": "verl_agentic.tool_envs.user:NoUser",
}


def make_user(name: str) -> User:
    """A fresh user of the kind called ``name``: ``scripted``, ``none`` or a ``package.module:Class`` path.

    The class is called without arguments; the user takes its role when it is opened with a task.

    Raises:
        UserInputError: no user goes by that name.
    """
    module_name, _, class_name = _BUILT_IN.get(name, name).partition(":")
    if not class_name:
        raise UserInputError(f"unknown user {name!r}; known: {', '.join(_BUILT_IN)}; or give 'package.module:Class'")
    try:
        cls = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserInputError(f"user {name!r} cannot be imported: {error}") from error
    if not (isinstance(cls, type) and issubclass(cls, User)):
        raise UserInputError(f"user {name!r} is not a subclass of verl_agentic.tool_envs.User")
    return cls()
