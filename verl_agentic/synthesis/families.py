"""Task families by name."""

from __future__ import annotations

from collections.abc import Iterable

from verl_agentic.core.named import Registry
from verl_agentic.synthesis.base import TaskFamily

_BUILT_IN: dict[str, type[TaskFamily] | str] = {
    "math": "verl_agentic.synthesis.math.family:MathFamily",
    "sql": "verl_agentic.synthesis.sql.family:SqlFamily",
    "reasoning_gym": "verl_agentic.synthesis.imported.reasoning_gym:ReasoningGymFamily",
    "service": "verl_agentic.synthesis.service:ServiceFamily",
    "tree": "verl_agentic.synthesis.trees:TreeFamily",
}
FAMILIES = Registry("family", _BUILT_IN, base=TaskFamily)


def family_module(name: str) -> str:
    """Name of the module that defines the family called ``name``.

    Raises:
        UserInputError: neither a known name nor ``package.module:Class``.
    """
    return FAMILIES.module_name(name)


def load_families(names: Iterable[str]) -> list[TaskFamily]:
    """One instance of each named family.

    Raises:
        UserInputError: a family is unknown, cannot be imported or is not a :class:`TaskFamily`.
    """
    return [FAMILIES.get(name)() for name in names]
