"""The default judge of a finished dialogue: the reward function that the task names."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from verl_agentic.core import BrokenTaskError, Trajectory
from verl_agentic.core.task import Task

RewardFunction = Callable[..., Mapping[str, Any]]


def reward_function(name: str) -> RewardFunction:
    """``compute_score`` of the built-in reward ``name``, or the function at ``package.module:function``.

    Raises:
        BrokenTaskError: there is no such reward.
    """
    module, _, function = name.partition(":") if ":" in name else (f"verl_agentic.reward_fns.{name}", "", "")
    try:
        found = getattr(importlib.import_module(module), function or "compute_score")
    except (ImportError, AttributeError) as error:
        raise BrokenTaskError(f"task names reward {name!r}, which cannot be imported: {error}") from error
    if not callable(found):
        raise BrokenTaskError(f"task names reward {name!r}, which is not a function")
    return found  # type: ignore[no-any-return]


def success(task: Task, trajectory: Trajectory) -> float:
    """1.0 when the task's own reward function calls the trajectory a success, else 0.0."""
    said = "".join(turn.content for turn in trajectory.turns if turn.role == "assistant")
    result = reward_function(task.reward)(
        task.kind, said, task.ground_truth, extra_info={"trajectory": trajectory.to_json()}
    )
    return float(result["acc"])
