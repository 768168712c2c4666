"""Hooks by name."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from verl_agentic.core import UserInputError
from verl_agentic.core.named import named_object
from verl_agentic.flywheel.budget import LIMITS, BudgetedHook, HookBudget
from verl_agentic.flywheel.hook import FlywheelHook

_BUILT_IN = {
    "frontier": "verl_agentic.flywheel.hooks.frontier:FrontierHook",
    "trees": "verl_agentic.flywheel.hooks.trees:TreesHook",
    "reasoning": "verl_agentic.flywheel.hooks.reasoning:ReasoningHook",
}
_registered: dict[str, Callable[..., FlywheelHook]] = {}

_LIMITS = frozenset(name for name, _, _ in LIMITS)

H = TypeVar("H", bound=Callable[..., FlywheelHook])


def register_hook(name: str) -> Callable[[H], H]:
    """Decorator that makes a hook class (or a function that returns a hook) known by ``name``."""

    def decorate(factory: H) -> H:
        _registered[name] = factory
        return factory

    return decorate


def make_hooks(
    configs: Sequence[Mapping[str, Any]],
    *,
    key: str = "flywheel.hooks",
    budget: HookBudget | None = None,
    **resources: Any,
) -> list[BudgetedHook]:
    """Build the hooks of a configuration.

    Args:
        configs: one mapping per hook: ``name`` (a registered name, ``package.module:Class`` or
            ``path/to/file.py:Class``), optionally ``budget`` (limits of :class:`HookBudget` that differ from those of
            all), the rest are arguments of its constructor.
        key: where the configuration stands, for error messages.
        budget: what each hook may take in a round; by default all it wants.
        resources: what the run can offer, e.g. ``families``; each hook gets those that its constructor names.

    Raises:
        UserInputError: an entry is malformed, or its hook is unknown or does not take its arguments.
    """
    limits = budget or HookBudget()
    return [_make(f"{key}[{position}]", config, resources, limits) for position, config in enumerate(configs)]


def _make(key: str, config: Mapping[str, Any], resources: Mapping[str, Any], limits: HookBudget) -> BudgetedHook:
    if not isinstance(config, Mapping) or not isinstance(config.get("name"), str):
        raise UserInputError(f"{key} must be a mapping with a 'name', e.g. {{name: frontier}}")
    name = config["name"]
    arguments = {str(option): value for option, value in config.items() if option not in ("name", "budget")}
    factory = _factory(key, name)
    parameters = inspect.signature(factory).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    offered = {option: value for option, value in resources.items() if option in parameters}
    for option, value in arguments.items():
        if option in _LIMITS and not (takes_any or option in parameters):
            raise UserInputError(
                f"{key}.{option} is a limit of the hook's budget; write {{name: {name}, budget: "
                f"{{{option}: {json.dumps(value, default=str)}}}}}"
            )
        if option in resources or not (takes_any or option in parameters):
            own = ", ".join(known for known in parameters if known not in resources) or "nothing"
            raise UserInputError(f"{key}: {name!r} takes no {option!r}; it takes {own}")
    changes = config.get("budget") or {}
    if not isinstance(changes, Mapping):
        raise UserInputError(f"{key}.budget must be a mapping, e.g. {{seconds: 600}}, got {changes!r}")
    try:
        limits = limits.changed(changes)
    except UserInputError as error:
        raise UserInputError(f"{key}.{error}") from error
    try:
        hook = BudgetedHook(lambda: factory(**offered, **arguments), limits)
    except TypeError as error:
        raise UserInputError(f"{key}: {name!r} cannot be built: {error}") from error
    except UserInputError as error:
        # What is wrong with a language model names its whole key already.
        raise error if str(error).startswith("agentic.") else UserInputError(f"{key}: {error}") from error
    if not callable(hook.hook):
        raise UserInputError(f"{key}: {name!r} is not callable; a hook needs __call__(round)")
    return hook


def _factory(key: str, name: str) -> Callable[..., FlywheelHook]:
    if name in _registered:
        return _registered[name]
    try:
        return named_object("hook", name, _BUILT_IN, tuple(_registered), files=True)
    except UserInputError as error:
        raise UserInputError(f"{key}: {error}") from error
