"""Reward functions by name."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

from verl_agentic.core import BrokenTaskError, Task, Trajectory, UserInputError

BUILT_IN = ("math", "sql", "state", "calls")

ComputeScore = Callable[..., Any]
"""verl's ``compute_score(data_source, solution_str, ground_truth, extra_info, **kwargs)``."""


def reward_function(name: str) -> ComputeScore:
    """The function behind a built-in name or a ``package.module:function`` path.

    Raises:
        UserInputError: no reward function goes by that name.
    """
    path = f"verl_agentic.reward_fns.{name}:compute_score" if name in BUILT_IN else name
    module_name, _, function_name = path.partition(":")
    if not function_name:
        raise UserInputError(
            f"unknown reward function {name!r}; known: {', '.join(BUILT_IN)}; or give 'package.module:function'"
        )
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError) as error:
        raise UserInputError(f"reward function {name!r} cannot be imported: {error}") from error
    if not callable(function):
        raise UserInputError(f"reward function {name!r} is not callable")
    return function  # type: ignore[no-any-return]


def score_task(task: Task, trajectory: Trajectory) -> dict[str, Any]:
    """Judge a finished trajectory with the task's own reward function.

    Returns:
        The function's result, with ``score`` and ``acc`` at least.

    Raises:
        BrokenTaskError: the task names a reward that does not exist, or its ground truth cannot be used.
        InfrastructureError: the reward function failed.
    """
    try:
        function = reward_function(task.reward)
    except UserInputError as error:
        raise BrokenTaskError(str(error)) from error
    extra_info = {"trajectory": trajectory.to_json(), "task": task.to_json()}
    result = function(task.kind, trajectory.answer or "", task.ground_truth, extra_info)
    if inspect.isawaitable(result):
        raise UserInputError(f"reward function {task.reward!r} is asynchronous; await it where it is used")
    if isinstance(result, dict):
        return {"acc": float(result["score"] >= 1), **result}
    return {"score": float(result), "acc": float(result >= 1)}
