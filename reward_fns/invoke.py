"""Call any reward function, ours or a user's, and make of its result a full reward result."""

from __future__ import annotations

import asyncio
import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

from verl_agentic.core import BrokenTaskError, FailureKind, InfrastructureError, UserInputError
from verl_agentic.core.exits import exits_contained
from verl_agentic.core.named import parameters_of
from verl_agentic.reward_fns.common import Verdict


async def invoke(
    function: Callable[..., Any],
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: dict[str, Any] | None,
    kwargs: Mapping[str, Any],
    name: str,
) -> dict[str, Any]:
    """Await a coroutine function, run any other in a thread, and complete what comes back.

    Args:
        function: verl's ``compute_score``.
        data_source: as verl hands it over, and likewise the next three.
        solution_str: see above.
        ground_truth: see above.
        extra_info: see above.
        kwargs: keywords; those the function does not take are left out.
        name: the function's name, for error messages.

    Returns:
        The function's own keys and those of :class:`verl_agentic.reward_fns.common.RewardResult`.

    Raises:
        BrokenTaskError: the function says so.
        UserInputError: the function says so, or its result is no reward.
        InfrastructureError: the function failed, by an exception of whatever other kind.
    """
    call = functools.partial(
        function,
        data_source=data_source,
        solution_str=solution_str,
        ground_truth=ground_truth,
        extra_info=extra_info,
        **accepted(function, kwargs),
    )
    try:
        with exits_contained():
            result = await call() if inspect.iscoroutinefunction(function) else await asyncio.to_thread(_plain, call)
            if inspect.isawaitable(result):
                result = await result
    except (BrokenTaskError, InfrastructureError, UserInputError):
        raise
    except Exception as error:
        raise InfrastructureError(f"reward {name!r} failed: {type(error).__name__}: {error}") from error
    return complete(result, name)


def _plain(call: Callable[[], Any]) -> Any:
    with exits_contained():  # in the thread: an event loop would end by it before it gets to whoever waits
        return call()


def accepted(function: Callable[..., Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords that a function takes."""
    parameters = parameters_of(function)
    return {key: value for key, value in kwargs.items() if parameters is None or key in parameters}


def complete(result: Any, name: str) -> dict[str, Any]:
    """A reward result from whatever verl takes as one: a number, or an object with a number ``score``.

    Without ``acc``, a score of 1 or more is success.

    Raises:
        UserInputError: it is neither, or the score is not finite.
    """
    values = dict(result) if isinstance(result, Mapping) else {"score": result}
    try:
        score = float(values["score"])
        acc = float(values.get("acc", score) >= 1)
    except (KeyError, TypeError, ValueError) as error:
        raise UserInputError(
            f"reward {name!r} returned {str(result)[:80]!r}; return a number or an object with a number 'score'"
        ) from error
    if not math.isfinite(score):
        raise UserInputError(f"reward {name!r} returned the score {score}; it must be finite")
    failure = FailureKind.NONE if acc else FailureKind.WRONG_ANSWER
    return {
        "verdict": (Verdict.RIGHT if acc else Verdict.WRONG).value,
        "failure": failure.value,
        "reason": "",
        **values,
        "score": score,
        "acc": acc,
    }
