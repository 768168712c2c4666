"""What a business is made of, as plain data: tables, tools, rules and the things users want.

A new domain is one more :class:`Domain` value. Nothing here knows how a dialogue is told.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Value = int | str
Operator = Literal["is", "at_most", "at_least"]
Verdict = Literal["deny", "transfer"]

_HOLDS: dict[Operator, Callable[[Any, Any], bool]] = {
    "is": lambda value, bound: bool(value == bound),
    "at_most": lambda value, bound: bool(value <= bound),
    "at_least": lambda value, bound: bool(value >= bound),
}
# How a comparison is said, where it holds and where it does not.
_SAID: dict[Operator, tuple[str, str]] = {
    "is": ("is", "is not"),
    "at_most": ("is at most", "is over"),
    "at_least": ("is at least", "is under"),
}
# Share of numbers put right at the bound, where "at most 30" and "under 30" part.
_BOUNDARY_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        name: its name.
        values: the values a record may take at first: a range of numbers, or words.
        references: table whose keys are the values instead, for a foreign key.
    """

    name: str
    values: Sequence[Value] = ()
    references: str | None = None

    @property
    def type(self) -> str:
        """SQLite type: words and keys are TEXT."""
        return "INTEGER" if self.values and isinstance(self.values[0], int) else "TEXT"


@dataclass(frozen=True, slots=True)
class Table:
    """One table. Its key is a column ``id`` of digits, which stand for the record in the dialogue.

    Attributes:
        name: its name.
        columns: its columns besides the key.
        keys: the numbers its keys are drawn from.
        size: number of records.
    """

    name: str
    columns: tuple[Column, ...]
    keys: range
    size: int

    @property
    def ddl(self) -> str:
        columns = [f"{column.name} {column.type} NOT NULL" for column in self.columns]
        return f"CREATE TABLE {self.name} ({', '.join(['id TEXT PRIMARY KEY', *columns])})"


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: a name the policy calls, and the SQL statement that the call runs.

    Attributes:
        name: one word.
        description: one short sentence.
        sql: the statement, with a ``:name`` parameter for each argument.
        arguments: JSON type (``string`` or ``integer``) by argument name, all required.
    """

    name: str
    description: str
    sql: str
    arguments: dict[str, str]

    @property
    def schema(self) -> dict[str, Any]:
        """Schema in OpenAI form."""
        properties = {name: {"type": kind} for name, kind in self.arguments.items()}
        parameters = {"type": "object", "properties": properties, "required": list(properties)}
        function = {"name": self.name, "description": self.description, "parameters": parameters}
        return {"type": "function", "function": function}


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
    operator: Operator
    bounds: Sequence[Value]
    otherwise: Verdict
    claim: str = ""

    @property
    def branch(self) -> str:
        """Name of the branch on which the condition does not hold."""
        return f"{self.otherwise}-{self.field}"

    def holds(self, value: Value, bound: Value) -> bool:
        return _HOLDS[self.operator](value, bound)

    def compare(self, value: Value, bound: Value) -> str:
        """The comparison in words, e.g. ``45 is over 30``."""
        holds, fails = _SAID[self.operator]
        return f"{value} {holds if self.holds(value, bound) else fails} {bound}"

    def sample(self, values: Sequence[Value], bound: Value, holds: bool, rng: random.Random) -> Value:
        """One of ``values`` for which the condition holds, or does not; often one next to the bound."""
        fitting = [value for value in values if self.holds(value, bound) == holds]
        if isinstance(bound, int) and rng.random() < _BOUNDARY_SHARE:
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
