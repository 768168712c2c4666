"""What a business is made of, as plain data: tables, the tools that work on them, and comparisons of their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Value = int | str
Comparison = Literal["is", "is_not", "at_most", "at_least"]

# "replace" alone is also a function.
_WRITE = re.compile(r"\b(?:insert\s+(?:or\s+\w+\s+)?into|replace\s+into|update|delete\s+from)\b", re.IGNORECASE)
_HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "is": lambda value, bound: bool(value == bound),
    "is_not": lambda value, bound: bool(value != bound),
    "at_most": lambda value, bound: bool(value <= bound),
    "at_least": lambda value, bound: bool(value >= bound),
}


def holds(value: Value, comparison: Comparison, bound: Value) -> bool:
    """Whether a value compares with a bound as wanted."""
    return _HOLDS[comparison](value, bound)


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
class Precondition:
    """What must be so before a tool acts.

    Attributes:
        sql: a query whose first value says so: neither missing, NULL, 0 nor empty.
        message: what the tool says where it is not.
    """

    sql: str
    message: str


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: a name the policy calls, and the SQL statement that the call runs.

    Attributes:
        name: one word.
        description: one short sentence.
        sql: the statement, with a ``:name`` parameter for each argument.
        arguments: JSON type (``string`` or ``integer``) by argument name, all required.
        shows: names of the columns that the reply holds, where somebody goes by them.
        preconditions: what the tool itself insists on.
    """

    name: str
    description: str
    sql: str
    arguments: dict[str, str]
    shows: tuple[str, ...] = ()
    preconditions: tuple[Precondition, ...] = ()

    @property
    def writes(self) -> bool:
        """Whether the statement changes the data."""
        return bool(_WRITE.search(self.sql))

    @property
    def schema(self) -> dict[str, Any]:
        """Schema in OpenAI form."""
        properties = {name: {"type": kind} for name, kind in self.arguments.items()}
        parameters = {"type": "object", "properties": properties, "required": list(properties)}
        function = {"name": self.name, "description": self.description, "parameters": parameters}
        return {"type": "function", "function": function}
