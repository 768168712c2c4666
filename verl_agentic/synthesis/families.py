"""Task families by name."""

from __future__ import annotations

from collections.abc import Iterable

from verl_agentic.core import UserInputError
from verl_agentic.core.named import named_class
from verl_agentic.synthesis.base import TaskFamily

_BUILT_IN = {
    "math": "verl_agentic.synthesis.math.family:MathFamily",
    "sql": "verl_agentic.synthesis.sql.family:SqlFamily",
    "reasoning_gym": "verl_agentic.synthesis.imported.reasoning_gym:ReasoningGymFamily",
    "service": "verl_agentic.synthesis.service:ServiceFamily",
    "tree": "verl_agentic.synthesis.trees:TreeFamily",
}


def family_module(name: str) -> str:
    """Name of the module that defines the family called ``name``.

    Raises:
        UserInputError: neither a built-in name nor ``package.module:Class``.
    """
    path = _BUILT_IN.get(name, name)
    if ":" not in path:
        raise UserInputError(f"unknown family {name!r}; known: {', '.join(_BUILT_IN)}; or give 'package.module:Class'")
    return path.partition(":")[0]


def load_families(names: Iterable[str]) -> list[TaskFamily]:
    """One instance of each named family.

    Raises:
        UserInputError: a family is unknown, cannot be imported or is not a :class:`TaskFamily`.
    """
    return [named_class("family", name, _BUILT_IN, TaskFamily)() for name in names]
