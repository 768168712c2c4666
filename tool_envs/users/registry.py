"""Simulated users by name."""

from __future__ import annotations

from typing import Any

from verl_agentic.core import UserInputError
from verl_agentic.core.named import Registry, parameters_of
from verl_agentic.tool_envs.users.base import User

_BUILT_IN: dict[str, type[User] | str] = {
    "scripted": "verl_agentic.tool_envs.users.scripted:ScriptedUser",
    "llm": "verl_agentic.tool_envs.users.llm:LLMUser",
    "none": "verl_agentic.tool_envs.users.base:NoUser",
}
USERS = Registry("user", _BUILT_IN, base=User)


def make_user(name: str, **options: Any) -> User:
    """A fresh user of the kind called ``name``: ``scripted``, ``llm``, ``none``, or a
    ``package.module:Class`` or ``path/to/file.py:Class``.

    The user takes its role when it is opened with a task.

    Args:
        name: see above.
        options: keyword arguments of the class (``agentic.rollout.simulator_options``).

    Raises:
        UserInputError: no user goes by that name, or it has no such option.
    """
    cls = USERS.get(name, files=True)
    parameters = parameters_of(cls)
    for key in options:
        if parameters is not None and key not in parameters:
            known = ", ".join(parameters) or "none"
            raise UserInputError(
                f"agentic.rollout.simulator_options.{key} is unknown to the user {name!r}; options: {known}"
            )
    return cls(**options)
