"""Each row's own reward: ``extra_info.task`` names it, for plain verl rows ``extra_info.reward`` does."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
from typing import Any

from verl_agentic.core import BrokenTaskError, UserInputError
from verl_agentic.reward_fns.registry import ComputeScore, reward_function


def compute_score(
    data_source: str, solution_str: str, ground_truth: Any, extra_info: dict[str, Any] | None = None, **kwargs: Any
) -> Any:
    """Score with the row's own reward function; see its module for what comes back.

    Raises:
        BrokenTaskError: the row names no reward function, or one that does not exist.
    """
    name = _reward_name(extra_info or {})
    if name is None:
        raise BrokenTaskError(f"row of {data_source!r} names no reward; set extra_info.reward or reward_fn=NAME")
    try:
        function = _function(name)
    except UserInputError as error:
        raise BrokenTaskError(str(error)) from error
    result = function(data_source, solution_str, ground_truth, extra_info, **kwargs)
    # verl calls this function, which is not asynchronous itself, in a thread without an event loop.
    return asyncio.run(result) if inspect.iscoroutine(result) else result


@functools.lru_cache(maxsize=64)
def _function(name: str) -> ComputeScore:
    return reward_function(name)


def _reward_name(extra_info: dict[str, Any]) -> str | None:
    if extra_info.get("task"):
        try:
            name = json.loads(extra_info["task"]).get("reward")
        except (TypeError, ValueError, AttributeError) as error:
            raise BrokenTaskError(f"extra_info.task is not a task: {error}") from error
    else:
        name = extra_info.get("reward")
    return name if isinstance(name, str) else None
