"""Operators that grow behavior trees, by name."""

from __future__ import annotations

from verl_agentic.core.named import Registry
from verl_agentic.synthesis.trees.operators.base import TreeOperator
from verl_agentic.synthesis.trees.operators.conditions import CrossDependency, Escalation, HiddenCondition
from verl_agentic.synthesis.trees.operators.dialogue import (
    AdversarialUser,
    Confirmation,
    MissingInformation,
    MixedRequests,
)
from verl_agentic.synthesis.trees.operators.failure import ToolFailure

__all__ = ["BUILT_IN", "OPERATORS", "TreeOperator", "operator_named"]

BUILT_IN: tuple[TreeOperator, ...] = (
    HiddenCondition(),
    MissingInformation(),
    Confirmation(),
    MixedRequests(),
    Escalation(),
    ToolFailure(),
    AdversarialUser(),
    CrossDependency(),
)
OPERATORS: Registry[TreeOperator] = Registry("operator", {one.name: one for one in BUILT_IN}, paths=False)
_CLASSES: Registry[type[TreeOperator]] = Registry(
    "operator", {one.name: type(one) for one in BUILT_IN}, base=TreeOperator
)


def operator_named(name: str) -> TreeOperator:
    """The operator of that name, of ``package.module:Class`` or of ``path/to/file.py:Class``.

    Raises:
        UserInputError: there is none.
    """
    return OPERATORS.get(name) if name in OPERATORS else _CLASSES.get(name, files=True)()
