"""What every check is made of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from verl_agentic.core import Task
from verl_agentic.reward_fns.registry import judge, run_coroutine
from verl_agentic.rollout import Policy, play
from verl_agentic.tool_envs.users.registry import make_user

T = TypeVar("T")

_SECONDS = 60.0


class ContractError(AssertionError):
    """An extension does not keep to its contract; the message says what is wrong, and the mend where there is one."""


def demand(kept: object, problem: str) -> None:
    """Go on where ``kept`` is true.

    Raises:
        ContractError: it is not; says ``problem``.
    """
    if not kept:
        raise ContractError(problem)


def demand_json(value: Any, what: str) -> None:
    """Go on where a value comes back the same from JSON.

    Raises:
        ContractError: it does not.
    """
    try:
        again = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ContractError(f"{what} is not JSON: {error}") from error
    demand(again == value, f"{what} comes back from JSON as another: {value!r} as {again!r}; use text keys and lists")


def run(coroutine: Coroutine[Any, Any, T], what: str) -> T:
    """Run a coroutine to its end, for a minute at most.

    Raises:
        ContractError: it fails, or does not end.
    """
    try:
        return run_coroutine(asyncio.wait_for(coroutine, _SECONDS))
    except ContractError:
        raise
    except asyncio.TimeoutError as error:
        raise ContractError(f"{what} did not end within {_SECONDS:g} s") from error
    except Exception as error:
        raise ContractError(f"{what} failed: {type(error).__name__}: {error}") from error


def judged(task: Task, policy: Policy, what: str) -> Mapping[str, Any]:
    """The reward of a policy that plays a task with its scripted user.

    Raises:
        ContractError: the session or the reward fails.
    """

    async def session() -> Any:
        dialogue = await play(task, policy, user=make_user("scripted"), seed=task.seed)
        return await judge(task, dialogue.trajectory)

    verdict: Mapping[str, Any] = run(session(), what)
    return verdict
