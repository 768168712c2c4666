"""Reward functions by name, from a user's package or file; a finished trajectory judged by its task's own."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from verl_agentic.core import BrokenTaskError, Task, Trajectory, UserInputError
from verl_agentic.core.checked import check_arguments, refuse_unknown
from verl_agentic.core.named import Registry
from verl_agentic.core.plain_row import origin
from verl_agentic.reward_fns.common import KWARGS_KEY
from verl_agentic.reward_fns.invoke import accepted, invoke

BUILT_IN = ("math", "sql", "state", "calls", "rubric")
COMBINED = ("mixed", "compose")
"""Rewards that call other rewards; configured by ``reward_kwargs``, never named by a row."""

UNNAMED = "verl"
"""Judges what names no reward: verl's own rewards, by data source."""

# What our recipes always hand over, and what verl's reward manager does where it serves a reward model.
COMMON = ("on_undecided", "llm", "reward_router_address", "reward_model_tokenizer")

_T = TypeVar("_T")

ComputeScore = Callable[..., Any]
"""verl's ``compute_score(data_source, solution_str, ground_truth, extra_info, **kwargs)``; sync or async."""

_PATHS: dict[str, ComputeScore | str] = {
    **{name: f"verl_agentic.reward_fns.{name}:compute_score" for name in (*BUILT_IN, *COMBINED)},
    UNNAMED: "verl_agentic.integration.verl_reward:compute_score",
}
REWARDS = Registry("reward function", _PATHS)


def reward_function(name: str) -> ComputeScore:
    """The function behind a built-in name or a ``package.module:function`` path; :data:`UNNAMED` for an empty one.

    Raises:
        UserInputError: no reward function goes by that name.
    """
    return REWARDS.get(name or UNNAMED)


def configured_reward(name: str) -> ComputeScore:
    """As :func:`reward_function`, and also ``path/to/file.py:function``.

    For names in configuration and on the command line: data should not name files of this machine.

    Raises:
        UserInputError: no reward function goes by that name.
    """
    return REWARDS.get(name, files=True)


def check_kwargs(function: ComputeScore, reward_kwargs: Mapping[str, Any]) -> None:
    """Find out what is wrong with ``reward_kwargs`` before anything is scored.

    Every keyword must be one that the function takes; of one of ours also one that it reads, with a value that its
    annotation allows. A module may check more with ``check_kwargs(reward_kwargs)``.

    Raises:
        UserInputError: naming the key and the mend.
    """
    check_keywords(function, reward_kwargs)
    named = named_keywords(function)
    if named is not None:
        refuse_unknown(reward_kwargs, sorted({*named, *COMMON}), KWARGS_KEY)
    if _is_ours(function):
        check_arguments(function, reward_kwargs, KWARGS_KEY)
    module = sys.modules.get(getattr(function, "__module__", ""))
    check = getattr(module, "check_kwargs", None)
    if check is not None and check is not check_kwargs:
        check(reward_kwargs)


def check_source(function: ComputeScore, data_source: str) -> None:
    """Find out whether a reward function judges rows of a data source, where its module says so (``check_source``).

    Raises:
        UserInputError: it does not.
    """
    check = getattr(sys.modules.get(getattr(function, "__module__", "")), "check_source", None)
    if check is not None and check is not check_source:
        check(data_source)


@functools.lru_cache(maxsize=64)
def named_keywords(function: ComputeScore) -> frozenset[str] | None:
    """Keywords that a reward function names besides verl's four, ``None`` for one that takes any.

    Ours take any too, since verl adds some, but read only those they name, in their signature or in their module's
    ``KEYWORDS``, except for those that hand them on.
    """
    parameters = inspect.signature(function).parameters.values()
    module = getattr(function, "__module__", "")
    reads_named = _is_ours(function) and module.rpartition(".")[2] not in COMBINED
    if not reads_named and any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    named = set(getattr(sys.modules.get(module), "KEYWORDS", ()))
    named |= {parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD}
    return frozenset(named - {"data_source", "solution_str", "ground_truth", "extra_info"})


def _is_ours(function: ComputeScore) -> bool:
    return str(getattr(function, "__module__", "")).startswith(f"{__package__}.")


def check_keywords(function: ComputeScore, reward_kwargs: Mapping[str, Any]) -> None:
    """Refuse keywords that the function does not take, whatever their values.

    Raises:
        UserInputError: naming the first of them.
    """
    if refused := sorted(set(reward_kwargs) - set(accepted(function, reward_kwargs))):
        name = getattr(function, "__name__", function)
        raise UserInputError(
            f"{KWARGS_KEY}.{refused[0]}: {name} takes "
            "no such keyword; remove it (in a recipe: reward_fn=custom has none), or let the function take **kwargs"
        )


async def judge(
    task: Task, trajectory: Trajectory, reward: str | None = None, reward_kwargs: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Judge a finished trajectory by the task's own reward function, or by the one that is named.

    The function is handed what verl's reward manager hands it in training, so that what is evaluated is what is
    trained: ``data_source`` and ``ground_truth`` as in a train row of the task
    (:func:`verl_agentic.synthesis.rows.to_row`), as ``solution_str`` all that follows the prompt
    (:func:`response_text`), and in ``extra_info`` the ``task`` and the ``trajectory`` as JSON and ``num_turns``. Our
    own functions read the trajectory, and ``solution_str`` only where there is none. Of a row that was made for verl
    alone, reference and ``extra_info`` are as they stood in the data.

    Args:
        task: what was to be done.
        trajectory: what was done.
        reward: name of the function in place of the task's own, also of one in a file.
        reward_kwargs: its keywords; those that it does not take are left out.

    Returns:
        The function's result, with the keys of :class:`verl_agentic.reward_fns.common.RewardResult` at least.

    Raises:
        BrokenTaskError: the task names a reward that does not exist, or its ground truth cannot be used.
        UserInputError: ``reward`` names none, a keyword is wrong, or what the function returned is no reward.
        InfrastructureError: the reward function failed.
    """
    row = origin(task)
    extra_info = {
        **({} if row is None else row.extra_info),
        "task": task.to_json(),
        "trajectory": trajectory.to_json(),
        "num_turns": len(trajectory.turns) + 1,  # the prompt is one
    }
    return await invoke(
        configured_reward(reward) if reward else _own_reward(task),
        data_source=task.kind,
        solution_str=response_text(trajectory),
        ground_truth=task.reference_text() if row is None else row.reward_model["ground_truth"],
        extra_info=extra_info,
        kwargs=reward_kwargs or {},
        name=reward or task.reward or UNNAMED,
    )


def judge_now(task: Task, trajectory: Trajectory) -> dict[str, Any]:
    """:func:`judge` for callers that cannot await, with or without a running event loop."""
    return run_coroutine(judge(task, trajectory))


def success(task: Task, trajectory: Trajectory) -> float:
    """1.0 when the task's own reward function calls the trajectory a success, else 0.0; raises as :func:`judge`."""
    return float(judge_now(task, trajectory)["acc"])


def response_text(trajectory: Trajectory) -> str:
    """All that follows the prompt, one message below the other: those of the policy, of tools and of the user.

    It is what verl's reward managers decode from a trajectory's tokens, without what the chat template writes between
    messages (``user``, ``<tool_response>``), which only a tokenizer knows.
    """
    return "\n".join(turn.content for turn in trajectory.turns)


def _own_reward(task: Task) -> ComputeScore:
    try:
        return reward_function(task.reward)
    except UserInputError as error:
        raise BrokenTaskError(str(error)) from error


def run_coroutine(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end, in another thread where this one has an event loop running."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(asyncio.run, coroutine).result()
