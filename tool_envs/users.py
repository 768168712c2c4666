"""Simulated users by name."""

from __future__ import annotations

from verl_agentic.core.named import named_class
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
    user: User = named_class("user", name, _BUILT_IN, User)()
    return user
