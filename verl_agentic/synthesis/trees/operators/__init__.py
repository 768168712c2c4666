"""Operators that grow behavior trees, by name."""

from __future__ import annotations

from verl_agentic.core.named import Registry
from verl_agentic.synthesis.trees.operators.base import Operator
from verl_agentic.synthesis.trees.operators.conditions import CrossDependency, Escalation, HiddenCondition
from verl_agentic.synthesis.trees.operators.dialogue import (
    AdversarialUser,
    Confirmation,
    MissingInformation,
    MixedRequests,
)
from verl_agentic.synthesis.trees.operators.failure import ToolFailure

__all__ = ["OPERATORS", "Operator", "operator_named"]

_BUILT_IN: tuple[Operator, ...] = (
    HiddenCondition(),
    MissingInformation(),
    Confirmation(),
    MixedRequests(),
    Escalation(),
    ToolFailure(),
    AdversarialUser(),
    CrossDependency(),
)
OPERATORS: Registry[Operator] = Registry("operator", {one.name: one for one in _BUILT_IN}, paths=False)


def operator_named(name: str) -> Operator:
    """The operator of that name.

    Raises:
        UserInputError: there is none.
    """
    return OPERATORS.get(name)
