"""Operators that grow behavior trees, by name."""

from __future__ import annotations

from verl_agentic.core.named import named_class
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

OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for operator in (
        HiddenCondition(),
        MissingInformation(),
        Confirmation(),
        MixedRequests(),
        Escalation(),
        ToolFailure(),
        AdversarialUser(),
        CrossDependency(),
    )
}


def operator_named(name: str) -> Operator:
    """The operator of that name, of ``package.module:Class`` or of ``path/to/file.py:Class``.

    Raises:
        UserInputError: there is none.
    """
    if name in OPERATORS:
        return OPERATORS[name]
    operator: Operator = named_class("operator", name, {}, Operator, tuple(OPERATORS), files=True)()
    return operator
