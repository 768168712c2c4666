"""One reward for data of several kinds: each row is judged by its own, and the result may be shaped.

``reward.custom_reward_function.reward_kwargs`` may hold:

* ``by_data_source``: reward by data source, e.g. ``{gsm8k: math, "bird/*": {reward: sql, kwargs: {...}}}``. An exact
  name goes before patterns (``fnmatch``), patterns in the order given. A data source of ``split/name``, as our rows of
  other splits have, is also found as ``name``. Rows that match nothing are judged by ``extra_info.task.reward``, or
  ``extra_info.reward`` in plain verl rows, and those that name none by verl's own reward for their data source;
* ``weights``: shapes the score, e.g. ``{correctness: 1.0, format: 0.1}``; without it the score is the row's reward;
* ``max_tokens``, ``max_turns``: budgets of ``brevity`` and ``turns`` (defaults 2048 and 15);
* ``metrics``: further keys of the row's reward to pass on, e.g. ``[subgoals]``; ``None`` where it has none. With an
  ``llm`` those of its judgements are always among them.

All other keywords, such as ``on_undecided``, go to the row's reward.

The components are ``correctness`` (``acc``), ``progress`` (the row's score, with its partial credit), and ``format``,
``tool_use``, ``brevity`` and ``turns`` (:mod:`verl_agentic.reward_fns.components`). The shaped score is their weighted
sum. ``correctness`` must weigh more than all others together, so a wrong trajectory never scores what a right one does,
and ``acc``, by which groups are filtered and the pool grows, is never shaped. Who breaks a rule (``forbidden_call``)
gets nothing; an undecided row stays as it is.
"""

from __future__ import annotations

import fnmatch
import functools
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from verl_agentic.core import BrokenTaskError, FailureKind, Trajectory, UserInputError
from verl_agentic.reward_fns.common import RewardResult, Verdict, read_submission
from verl_agentic.reward_fns.components import as_trajectory, brevity, message_format, tool_use, turns
from verl_agentic.reward_fns.invoke import invoke
from verl_agentic.reward_fns.registry import (
    BUILT_IN,
    COMBINED,
    KWARGS_KEY,
    UNNAMED,
    check_source,
    known,
    reward_function,
)
from verl_agentic.reward_fns.rubric import JUDGE_FIGURES
from verl_agentic.reward_fns.specs import (
    RewardSpec,
    check_shared,
    check_spec,
    handed_on,
    number,
    plain,
    read_spec,
)

COMPONENTS = ("correctness", "progress", "format", "tool_use", "brevity", "turns")
DEFAULT_MAX_TOKENS = 2048.0
DEFAULT_MAX_TURNS = 15.0
BASE_KEYS = tuple(RewardResult.__annotations__)

_OPTIONS = ("by_data_source", "weights", "max_tokens", "max_turns", "metrics")


@dataclass(frozen=True, slots=True)
class MixedSettings:
    """The keywords of this reward, checked; see the module's text."""

    by_data_source: dict[str, RewardSpec]
    weights: dict[str, float]
    max_tokens: float
    max_turns: float
    metrics: tuple[str, ...]


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: dict[str, Any] | None = None,
    *,
    by_data_source: Any = None,
    weights: Any = None,
    max_tokens: float = DEFAULT_MAX_TOKENS,
    max_turns: float = DEFAULT_MAX_TURNS,
    metrics: Any = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """Score with the row's own reward function; keywords as in the module's text.

    Returns:
        The keys of :class:`verl_agentic.reward_fns.common.RewardResult`, each component and each of ``metrics``: the
        same keys for every row, as verl needs them within a batch.

    Raises:
        BrokenTaskError: the row names a reward function that does not exist, or cannot be judged.
        UserInputError: a keyword is wrong, or the row names no reward function and verl has none for it.
        InfrastructureError: the row's reward failed.
    """
    settings = _settings(
        by_data_source=by_data_source, weights=weights, max_tokens=max_tokens, max_turns=max_turns, metrics=metrics
    )
    _check_shared(settings, kwargs)
    spec = _spec_of(settings, data_source, extra_info or {})
    result = await invoke(
        spec.function, data_source, solution_str, ground_truth, extra_info, handed_on(spec, kwargs), spec.name
    )
    trajectory = read_submission(solution_str, extra_info).trajectory or as_trajectory(solution_str)
    components = component_values(trajectory, result, settings.max_tokens, settings.max_turns)
    score = result["score"]
    if settings.weights and result["verdict"] != Verdict.UNDECIDED.value:
        violated = result["failure"] == FailureKind.FORBIDDEN_CALL.value
        score = 0.0 if violated else sum(weight * components[name] for name, weight in settings.weights.items())
    return {
        **{key: result[key] for key in BASE_KEYS},
        **components,
        **{key: result.get(key) for key in (*settings.metrics, *(JUDGE_FIGURES if kwargs.get("llm") else ()))},
        "score": score,
    }


def component_values(
    trajectory: Trajectory,
    result: Mapping[str, Any],
    max_tokens: float = DEFAULT_MAX_TOKENS,
    max_turns: float = DEFAULT_MAX_TURNS,
) -> dict[str, float]:
    """Every component of a judged trajectory, by name, each in [0, 1]."""
    return {
        "correctness": result["acc"],
        "progress": 1.0 if result["acc"] else min(max(result["score"], 0.0), 1.0),
        "format": message_format(trajectory),
        "tool_use": tool_use(trajectory),
        "brevity": brevity(trajectory, max_tokens),
        "turns": turns(trajectory, max_turns),
    }


def check_kwargs(reward_kwargs: Mapping[str, Any]) -> None:
    """Check the keywords without scoring anything.

    Raises:
        UserInputError: naming the key and the mend.
    """
    settings, shared = _split(reward_kwargs)
    _check_shared(settings, shared)
    for source, spec in settings.by_data_source.items():
        check_spec(spec, shared, f"{KWARGS_KEY}.by_data_source.{source}")
    if shared.get("llm"):
        # For rows that ask for it.
        check_spec(_row_spec("rubric"), shared, f"{KWARGS_KEY}.llm")


def check_row(data_source: str, reward: str, reward_kwargs: Mapping[str, Any]) -> None:
    """Check the keywords for rows of a data source that name a reward, without scoring any.

    Raises:
        UserInputError: the reward that judges them lacks something, or it is wrong, or there is none.
        BrokenTaskError: they name one that does not exist.
    """
    settings, shared = _split(reward_kwargs)
    spec = _spec_of(settings, data_source, {"reward": reward})
    check_spec(spec, shared, f"rows of {data_source!r} are judged by {spec.name!r}")


def _split(reward_kwargs: Mapping[str, Any]) -> tuple[MixedSettings, dict[str, Any]]:
    """The keywords of this reward, read, and those of the rows' rewards."""
    settings = _settings(**{key: value for key, value in reward_kwargs.items() if key in _OPTIONS})
    return settings, {key: value for key, value in reward_kwargs.items() if key not in _OPTIONS}


def _check_shared(settings: MixedSettings, kwargs: Mapping[str, Any]) -> None:
    """What goes on to the row's reward must mean something to a configured reward or a built-in one."""
    configured = (spec.function for spec in settings.by_data_source.values())
    check_shared(kwargs, itertools.chain(configured, map(reward_function, BUILT_IN)), _OPTIONS)


def _settings(**options: Any) -> MixedSettings:
    # Read once per configuration: to resolve names imports modules.
    return _cached_settings(json.dumps(plain(options), default=str))


@functools.lru_cache(maxsize=64)
def _cached_settings(text: str) -> MixedSettings:
    options = json.loads(text)
    rewards = options.get("by_data_source") or {}
    if not isinstance(rewards, dict):
        raise UserInputError(f"{KWARGS_KEY}.by_data_source must map data sources to rewards, e.g. {{gsm8k: math}}")
    specs = {source: read_spec(value, f"{KWARGS_KEY}.by_data_source.{source}") for source, value in rewards.items()}
    for source, spec in specs.items():
        if spec.name == "mixed":
            raise UserInputError(f"{KWARGS_KEY}.by_data_source.{source}: 'mixed' cannot be a part of itself")
    budgets = {
        key: number(default if options.get(key) is None else options[key], f"{KWARGS_KEY}.{key}")
        for key, default in (("max_tokens", DEFAULT_MAX_TOKENS), ("max_turns", DEFAULT_MAX_TURNS))
    }
    for key, value in budgets.items():
        if value < 1:
            raise UserInputError(f"{KWARGS_KEY}.{key} must be at least 1, got {value:g}")
    metrics = options.get("metrics") or []
    if not isinstance(metrics, list) or not all(isinstance(name, str) for name in metrics):
        raise UserInputError(f"{KWARGS_KEY}.metrics must be a list of keys")
    if taken := sorted({*metrics} & {*BASE_KEYS, *COMPONENTS}):
        raise UserInputError(f"{KWARGS_KEY}.metrics: {taken[0]!r} is always there; remove it")
    return MixedSettings(specs, _weights(options.get("weights")), **budgets, metrics=tuple(metrics))


def _weights(value: Any) -> dict[str, float]:
    key = f"{KWARGS_KEY}.weights"
    if not value:
        return {}
    if not isinstance(value, dict):
        raise UserInputError(f"{key} must map components to weights, e.g. {{correctness: 1.0, format: 0.1}}")
    known(value, COMPONENTS, key)
    weights = {name: number(weight, f"{key}.{name}") for name, weight in value.items()}
    shaping = sum(weight for name, weight in weights.items() if name != "correctness")
    if weights.get("correctness", 0.0) <= shaping:
        raise UserInputError(
            f"{key}.correctness ({weights.get('correctness', 0.0):g}) must be more than all others together "
            f"({shaping:g}), or a wrong trajectory could score above a right one"
        )
    return weights


def _spec_of(settings: MixedSettings, data_source: str, extra_info: dict[str, Any]) -> RewardSpec:
    prefix = f"{extra_info.get('split')}/"
    names = [data_source, *([data_source[len(prefix) :]] if data_source.startswith(prefix) else [])]
    for name in names:
        if name in settings.by_data_source:
            return settings.by_data_source[name]
    for pattern, spec in settings.by_data_source.items():
        if any(fnmatch.fnmatchcase(name, pattern) for name in names):
            return spec
    own = _own_reward(extra_info)
    return _row_spec(own) if own else _verls(data_source)


def _verls(data_source: str) -> RewardSpec:
    """verl's own reward for rows that name none."""
    try:
        function = reward_function(UNNAMED)
        check_source(function, data_source)
    except UserInputError as error:
        raise UserInputError(
            f"rows of {data_source!r} name no reward, and {error}; set reward_fn=NAME, e.g. reward_fn=math, or "
            f"{KWARGS_KEY}.by_data_source, or extra_info.reward in the rows"
        ) from error
    return RewardSpec(UNNAMED, function, {})


@functools.lru_cache(maxsize=64)
def _row_spec(name: str) -> RewardSpec:
    if name in COMBINED:
        raise BrokenTaskError(f"a row cannot name the reward {name!r}, which is configured; name what judges the row")
    try:
        return RewardSpec(name, reward_function(name), {})
    except UserInputError as error:
        raise BrokenTaskError(str(error)) from error


def _own_reward(extra_info: dict[str, Any]) -> str | None:
    if extra_info.get("task"):
        try:
            name = json.loads(extra_info["task"]).get("reward")
        except (TypeError, ValueError, AttributeError) as error:
            raise BrokenTaskError(f"extra_info.task is not a task: {error}") from error
    else:
        name = extra_info.get("reward")
    return name if isinstance(name, str) else None
