"""Reward functions by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from verl_agentic.core import BrokenTaskError, Task, Trajectory, UserInputError
from verl_agentic.core.named import named_object

BUILT_IN = ("math", "sql", "state", "calls")
_PATHS = {name: f"verl_agentic.reward_fns.{name}:compute_score" for name in BUILT_IN}

ComputeScore = Callable[..., Any]
"""verl's ``compute_score(data_source, solution_str, ground_truth, extra_info, **kwargs)``."""


def reward_function(name: str) -> ComputeScore:
    """The function behind a built-in name or a ``package.module:function`` path.

    Raises:
        UserInputError: no reward function goes by that name.
    """
    return named_object(
        "reward function", name, {one: f"verl_agentic.reward_fns.{one}:compute_score" for one in BUILT_IN}
    )


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
