"""What a business is made of, as plain data: tables, tools, rules and the things users want.

A new domain is one more :class:`Domain` value. Nothing here knows how a dialogue is told.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from verl_agentic.core.business import Column, Comparison, Table, Tool, Value, holds

__all__ = ["Column", "Domain", "Intent", "Rule", "Table", "Tool", "Value", "Verdict"]

Verdict = Literal["deny", "transfer"]

# How a comparison is said, where it holds and where it does not.
_SAID: dict[Comparison, tuple[str, str]] = {
    "is": ("is", "is not"),
    "is_not": ("is not", "is"),
    "at_most": ("is at most", "is over"),
    "at_least": ("is at least", "is under"),
}
# Share of numbers put right at the bound, where "at most 30" and "under 30" part.
BOUNDARY_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition of the business policy on the record that the user's request is about.

    Attributes:
        field: field of the record, as the lookup shows it.
        operator: how the field compares with the bound.
        bounds: bounds that tasks choose from.
        otherwise: what the policy must do where the condition does not hold.
        claim: what an insisting user claims, with ``{value}`` for a value that would be allowed.
    """

    field: str
    operator: Comparison
    bounds: Sequence[Value]
    otherwise: Verdict
    claim: str = ""

    @property
    def branch(self) -> str:
        """Name of the branch on which the condition does not hold."""
        return f"{self.otherwise}-{self.field}"

    def holds(self, value: Value, bound: Value) -> bool:
        return holds(value, self.operator, bound)

    def compare(self, value: Value, bound: Value) -> str:
        """The comparison in words, e.g. ``45 is over 30``."""
        true, false = _SAID[self.operator]
        return f"{value} {true if self.holds(value, bound) else false} {bound}"

    def sample(self, values: Sequence[Value], bound: Value, holds: bool, rng: random.Random) -> Value:
        """One of ``values`` for which the condition holds, or does not; often one next to the bound."""
        fitting = [value for value in values if self.holds(value, bound) == holds]
        if isinstance(bound, int) and rng.random() < BOUNDARY_SHARE:
            return min(fitting, key=lambda value: abs(int(value) - bound))
        return rng.choice(fitting)


@dataclass(frozen=True, slots=True)
class Intent:
    """One thing users want.

    Attributes:
        tool: the tool that does it; the request is named after it.
        policy: the rules in words, with ``{field}`` for each rule's bound.
        rules: the rules; where several fail, the first decides.
        want: how the user puts it, without the record's number; ``{amount}`` is filled in.
        amount: name of the tool's argument besides ``id`` that the user states, if any.
        amounts: values of that argument.
    """

    tool: Tool
    policy: str
    rules: tuple[Rule, ...]
    want: tuple[str, ...]
    amount: str | None = None
    amounts: Sequence[int] = ()

    @property
    def name(self) -> str:
        return self.tool.name


@dataclass(frozen=True, slots=True)
class Domain:
    """One business.

    Attributes:
        name: its name.
        noun: what a record of the first table is called.
        tables: its tables; requests are about records of the first.
        lookup: the tool that reads such a record, with every field that a rule looks at.
        intents: what its users want.
    """

    name: str
    noun: str
    tables: tuple[Table, ...]
    lookup: Tool
    intents: tuple[Intent, ...]

    def column(self, field: str) -> tuple[Table, Column]:
        """The table and column that hold a field of the lookup."""
        return next((table, c) for table in self.tables for c in table.columns if c.name == field)

    @property
    def tools(self) -> tuple[Tool, ...]:
        return (self.lookup, *(intent.tool for intent in self.intents))
