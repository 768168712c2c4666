"""Several rewards made into one by configuration alone.

``reward.custom_reward_function.reward_kwargs`` holds:

* ``parts``: ``[{reward: math, weight: 0.8}, {reward: "my.module:style", weight: 0.2}]``. ``reward`` is a name as
  everywhere; further keys of a part are ``kwargs`` (its keywords), ``name`` (its key in the result; default: the
  reward's own) and ``decides``;
* ``mode``: ``weighted_sum`` (default), ``product`` or ``min`` of the parts' scores, each of which lies in [0, 1];
* ``on_undecided``: score 0 with verdict ``undecided``, or drop the sample, where a part has no verdict.

All parts get the same row and run at the same time; other keywords, such as ``on_undecided``, go to each.

Success (``acc``) is that of the parts that decide, all of which must be right: every part in a product or minimum; in
a weighted sum the first part and those with ``decides: true`` (``decides: false`` takes the first out). Each of these
must weigh more than all parts together that do not decide, and partial credit ends below the least score of a right
trajectory, so a wrong one never scores what a right one does. A part without a verdict leaves the whole without one.
"""

from __future__ import annotations

import asyncio
import functools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from verl_agentic.core import FailureKind, UserInputError
from verl_agentic.core.checked import refuse_unknown, value_of
from verl_agentic.reward_fns.common import KWARGS_KEY, OnUndecided, RewardResult, Verdict, undecided
from verl_agentic.reward_fns.invoke import invoke
from verl_agentic.reward_fns.specs import (
    RewardSpec,
    check_shared,
    check_spec,
    handed_on,
    plain,
    read_spec,
    weight_of,
)

Mode = Literal["weighted_sum", "product", "min"]

_OPTIONS = ("parts", "mode", "on_undecided")
_PART_KEYS = ("reward", "kwargs", "weight", "name", "decides")
_BASE_KEYS = tuple(RewardResult.__annotations__)
_BELOW = 1e-6
"""How far below the least score of a right trajectory partial credit ends."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part, checked; see the module's text."""

    name: str
    spec: RewardSpec
    weight: float
    decides: bool


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: dict[str, Any] | None = None,
    *,
    parts: Any = None,
    mode: Mode = "weighted_sum",
    on_undecided: OnUndecided = "zero",
    **kwargs: Any,
) -> dict[str, Any]:
    """Judge by every part at once; keywords as in the module's text.

    Returns:
        The keys of :class:`verl_agentic.reward_fns.common.RewardResult`, each part's score under its name, and what
        else a part returned as ``NAME/KEY``.

    Raises:
        BrokenTaskError: a part says so.
        UserInputError: a keyword is wrong, or a part's score is not in [0, 1].
        InfrastructureError: a part failed, or is undecided and ``on_undecided`` is ``drop``.
    """
    settings = _settings(parts, mode)
    check_shared(kwargs, [part.spec.function for part in settings], _OPTIONS)
    shared = {**kwargs, "on_undecided": on_undecided}
    row = (data_source, solution_str, ground_truth, extra_info)
    running = [
        asyncio.ensure_future(invoke(part.spec.function, *row, handed_on(part.spec, shared), part.spec.name))
        for part in settings
    ]
    try:
        results = await asyncio.gather(*running)
    finally:
        # Where one part failed, the others' verdicts are not needed, and a judge's may cost money.
        for one in running:
            one.cancel()
    for part, result in zip(settings, results, strict=True):
        if not 0 <= result["score"] <= 1:
            raise UserInputError(
                f"{KWARGS_KEY}.parts: {part.name} returned the score {result['score']:g}; a part's lies in [0, 1]"
            )
    combined = _combine(settings, results, mode, on_undecided)
    for part, result in zip(settings, results, strict=True):
        combined[part.name] = result["score"]
        combined.update({f"{part.name}/{key}": value for key, value in result.items() if key not in _BASE_KEYS})
    return combined


def check_kwargs(reward_kwargs: Mapping[str, Any]) -> None:
    """Check the keywords without scoring anything.

    Raises:
        UserInputError: naming the key and the mend.
    """
    settings = _settings(reward_kwargs.get("parts"), reward_kwargs.get("mode", "weighted_sum"))
    shared = {key: value for key, value in reward_kwargs.items() if key not in _OPTIONS}
    check_shared(shared, [part.spec.function for part in settings], _OPTIONS)
    shared["on_undecided"] = reward_kwargs.get("on_undecided", "zero")
    for position, part in enumerate(settings):
        check_spec(part.spec, shared, f"{KWARGS_KEY}.parts[{position}]")


def _combine(
    parts: Sequence[Part], results: Sequence[dict[str, Any]], mode: str, on_undecided: OnUndecided
) -> dict[str, Any]:
    for part, result in zip(parts, results, strict=True):
        if result["verdict"] == Verdict.UNDECIDED.value:
            return dict(undecided(f"{part.name}: {result['reason']}", on_undecided))
    deciding = [(part, result) for part, result in zip(parts, results, strict=True) if part.decides]
    wrong = next(((part, result) for part, result in deciding if not result["acc"]), None)
    # A right part counts in full, whatever scale a user's own function has.
    scores = [
        1.0 if part.decides and result["acc"] else result["score"] for part, result in zip(parts, results, strict=True)
    ]
    if mode == "weighted_sum":
        score = sum(part.weight * value for part, value in zip(parts, scores, strict=True))
    else:
        score = math.prod(scores) if mode == "product" else min(scores)
    if wrong is None:
        verdict, failure, reason = Verdict.RIGHT, FailureKind.NONE.value, str(deciding[0][1]["reason"])
    else:
        least = sum(part.weight for part, _ in deciding) if mode == "weighted_sum" else 1.0
        score = min(score, least * (1 - _BELOW))
        part, result = wrong
        verdict, failure, reason = Verdict.WRONG, str(result["failure"]), f"{part.name}: {result['reason']}"
    return {
        "score": score,
        "acc": float(wrong is None),
        "verdict": verdict.value,
        "failure": failure,
        "reason": reason,
    }


def _settings(parts: Any, mode: str) -> tuple[Part, ...]:
    return _cached_settings(json.dumps(plain(parts), default=str), mode)


@functools.lru_cache(maxsize=64)
def _cached_settings(text: str, mode: str) -> tuple[Part, ...]:
    values = json.loads(text)
    key = f"{KWARGS_KEY}.parts"
    value_of(Mode, mode, f"{KWARGS_KEY}.mode", plain=False)
    if not isinstance(values, list) or not values:
        raise UserInputError(
            f"{key} must be a list, e.g. [{{reward: math, weight: 0.8}}, {{reward: 'pkg:f', weight: 0.2}}]"
        )
    parts = [_part(value, f"{key}[{index}]", mode, index == 0) for index, value in enumerate(values)]
    names = [part.name for part in parts]
    for name in names:
        if names.count(name) > 1:
            raise UserInputError(f"{key}: two parts are called {name!r}; give one of them another 'name'")
        if name in _BASE_KEYS:
            raise UserInputError(f"{key}: a part cannot be called {name!r}; give it another 'name'")
    if mode == "weighted_sum":
        _check_weights(parts, key)
    return tuple(parts)


def _check_weights(parts: Sequence[Part], key: str) -> None:
    deciding = [part for part in parts if part.decides]
    others = sum(part.weight for part in parts if not part.decides)
    if not deciding:
        raise UserInputError(f"{key}: no part decides; set decides: true on at least one")
    lightest = min(deciding, key=lambda part: part.weight)
    if lightest.weight <= others:
        raise UserInputError(
            f"{key}: {lightest.name} decides and weighs {lightest.weight:g}, which must be more than all parts "
            f"together that do not decide ({others:g})"
        )


def _part(value: Any, key: str, mode: str, first: bool) -> Part:
    if isinstance(value, str):
        value = {"reward": value}
    if not isinstance(value, dict):
        raise UserInputError(f"{key} must be the name of a reward, or {{reward: NAME, weight: W}}")
    refuse_unknown(value, _PART_KEYS, key)
    summed = mode == "weighted_sum"
    for option in ("weight", "decides"):
        if option in value and not summed:
            raise UserInputError(f"{key}.{option}: only a weighted_sum has it; remove it, or set mode=weighted_sum")
    spec = read_spec({name: value[name] for name in ("reward", "kwargs") if name in value}, key)
    name = value.get("name", spec.name.rpartition(":")[2])
    decides = value.get("decides", first or not summed)
    if not isinstance(name, str) or not name or not isinstance(decides, bool):
        raise UserInputError(f"{key}: name must be a text and decides true or false")
    return Part(name, spec, weight_of(value.get("weight", 1.0), f"{key}.weight"), decides)
