"""Task families by name."""

from __future__ import annotations

import importlib
from collections.abc import Iterable

from verl_agentic.core import UserInputError
from verl_agentic.synthesis.base import TaskFamily

_BUILT_IN = {
    "math": "verl_agentic.synthesis.math:MathFamily",
    "sql": "verl_agentic.synthesis.sql:SqlFamily",
    "service": "verl_agentic.synthesis.service:ServiceFamily",
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
    families: list[TaskFamily] = []
    for name in names:
        module, class_name = family_module(name), _BUILT_IN.get(name, name).partition(":")[2]
        try:
            cls = getattr(importlib.import_module(module), class_name)
        except (ImportError, AttributeError) as error:
            raise UserInputError(f"family {name!r} cannot be imported: {error}") from error
        if not (isinstance(cls, type) and issubclass(cls, TaskFamily)):
            raise UserInputError(f"family {name!r} is not a subclass of verl_agentic.synthesis.base.TaskFamily")
        families.append(cls())
    return families
