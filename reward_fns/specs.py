"""How configuration names a reward function: by a text, or by an object with keywords of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from verl_agentic.core import UserInputError
from verl_agentic.core.checked import Within, refuse_unknown, value_of
from verl_agentic.reward_fns.common import KWARGS_KEY
from verl_agentic.reward_fns.registry import (
    COMMON,
    ComputeScore,
    check_keywords,
    check_kwargs,
    configured_reward,
    named_keywords,
)


@dataclass(frozen=True, slots=True)
class RewardSpec:
    """One reward function as configured.

    Attributes:
        name: built-in name, ``package.module:function`` or ``path/to/file.py:function``.
        function: the function itself.
        kwargs: its keywords.
    """

    name: str
    function: ComputeScore
    kwargs: dict[str, Any]


def read_spec(value: Any, key: str) -> RewardSpec:
    """The spec from ``NAME``, or from ``{"reward": NAME, "kwargs": {...}}``.

    Raises:
        UserInputError: it is neither, or nothing goes by that name; names ``key``.
    """
    if isinstance(value, str):
        value = {"reward": value}
    if not isinstance(value, dict) or not isinstance(value.get("reward"), str):
        raise UserInputError(f"{key}: give the name of a reward, or {{reward: NAME, kwargs: {{...}}}}")
    refuse_unknown(value, ("reward", "kwargs"), key)
    kwargs = value.get("kwargs") or {}
    if not isinstance(kwargs, dict):
        raise UserInputError(f"{key}.kwargs must be a mapping, got {type(kwargs).__name__}")
    try:
        function = configured_reward(value["reward"])
        check_keywords(function, kwargs)
    except UserInputError as error:
        raise UserInputError(f"{key}: {error}") from error
    return RewardSpec(value["reward"], function, kwargs)


def check_spec(spec: RewardSpec, shared: Mapping[str, Any], key: str) -> None:
    """Check all keywords that a reward will be called with, its own and those shared.

    Raises:
        UserInputError: naming ``key``, where the reward is configured, and what is wrong.
    """
    try:
        check_kwargs(spec.function, handed_on(spec, shared))
    except UserInputError as error:
        raise UserInputError(f"{key}: {error}") from error


def check_shared(kwargs: Mapping[str, Any], functions: Iterable[ComputeScore], options: Sequence[str]) -> None:
    """Refuse keywords that none of the functions they are handed to names.

    Args:
        kwargs: keywords that are handed on.
        functions: who gets them. A user's own function that takes any keyword takes these.
        options: the combining reward's own keywords, for the message.

    Raises:
        UserInputError: naming the first of them.
    """
    if kwargs.keys() <= {*COMMON}:
        return
    names = {*options, *COMMON}
    for function in functions:
        taken = named_keywords(function)
        if taken is None:
            return
        names |= taken
    refuse_unknown(kwargs, sorted(names), KWARGS_KEY)


def handed_on(spec: RewardSpec, shared: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords for one of several rewards: those shared that mean something to it, and its own."""
    named = named_keywords(spec.function)
    return {**{key: value for key, value in shared.items() if named is None or key in named}, **spec.kwargs}


def weight_of(value: Any, key: str) -> float:
    """A weight: a finite number of at least 0.

    Raises:
        UserInputError: naming ``key``.
    """
    return float(value_of(Annotated[float, Within(least=0)], value, key, plain=False))


def plain(value: Any) -> Any:
    """Configuration as plain dicts and lists: verl hands over OmegaConf's containers below the first level."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(item) for item in value]
    return value
