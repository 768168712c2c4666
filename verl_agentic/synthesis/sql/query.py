"""The queries of the SQL family: as SQL, as a question in English, and with one mistake."""

from __future__ import annotations

import dataclasses
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from verl_agentic.synthesis.sql.world import SqlDomain

AGGREGATES = {"count": "COUNT", "max": "MAX", "min": "MIN", "avg": "AVG", "sum": "SUM"}
ADJECTIVES = {"highest": "max", "lowest": "min", "average": "avg", "total": "sum"}
_SIGN_WORDS = {">": "over ", "<": "under ", "=": "", "!=": "not "}
_END_WORDS = {"top": "top", "low": "bottom"}
AVERAGE = "average"
"""Value of a condition that compares with the average of its column, over all rows of the table asked about."""


@dataclass(frozen=True, slots=True)
class SqlCondition:
    """One comparison of a column with a number, a word or, for ``>`` and ``<``, its :data:`AVERAGE`."""

    column: str
    sign: str
    value: int | str

    def sql(self, table: str) -> str:
        if self.nested:
            return f"{self.column} {self.sign} (SELECT AVG({self.column}) FROM {table})"
        value = str(self.value) if self.numeric else f"'{self.value}'"
        return f"{self.column} {self.sign} {value}"

    @property
    def nested(self) -> bool:
        return self.value == AVERAGE and self.sign in (">", "<")

    @property
    def numeric(self) -> bool:
        return isinstance(self.value, int)


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT of this family.

    Attributes:
        head: what is selected: an aggregate, ``list``, or ``top`` and ``low``, the first rows in an order.
        table: the table asked about.
        column: the column that is aggregated, listed or ordered by; empty for ``count``.
        shown: the column that ``top`` and ``low`` list.
        conditions: all must hold.
        limit: number of rows of ``top`` and ``low``.
        join: second table and the column that it shares, when a condition needs it.
    """

    head: str
    table: str
    column: str = ""
    shown: str = ""
    conditions: tuple[SqlCondition, ...] = ()
    limit: int = 0
    join: tuple[str, str] | None = None

    def sql(self) -> str:
        if self.head in AGGREGATES:
            selected = f"{AGGREGATES[self.head]}({self.column or '*'})"
        else:
            selected = self.shown or self.column
        text = f"SELECT {selected} FROM {self.table}"
        if self.join:
            text += f" JOIN {self.join[0]} USING ({self.join[1]})"
        if self.conditions:
            text += " WHERE " + " AND ".join(condition.sql(self.table) for condition in self.conditions)
        if self.head in ("top", "low"):
            text += f" ORDER BY {self.column} {'DESC' if self.head == 'top' else 'ASC'} LIMIT {self.limit}"
        return text


def edges(query: Query) -> dict[str, list[int | str]]:
    """Values, by column, around which the conditions of ``query`` change their mind."""
    return {
        c.column: [c.value - 1, c.value, c.value + 1] if isinstance(c.value, int) else [c.value]
        for c in query.conditions
        if not c.nested
    }


def mutants(query: Query, domain: SqlDomain) -> list[str]:
    """Queries that are nearly ``query`` and must not pass for it: each changes one thing."""
    changed: list[Query] = []
    numbers = [column for column, _, _ in domain.numbers]
    for position, condition in enumerate(query.conditions):
        others = [None, *_condition_mutants(condition, domain)]
        for other in others:
            rest = list(query.conditions)
            rest[position : position + 1] = [other] if other else []
            changed.append(dataclasses.replace(query, conditions=tuple(rest)))
    if query.head in AGGREGATES:
        column = query.column or numbers[0]
        changed += [dataclasses.replace(query, head=head, column=column) for head in AGGREGATES if head != query.head]
    if query.column in numbers:
        swapped = numbers[1 - numbers.index(query.column)]
        changed.append(dataclasses.replace(query, column=swapped))
    if query.head == "list":
        changed += [dataclasses.replace(query, column=column) for column in (domain.category, numbers[0])]
    if query.head in ("top", "low"):
        changed.append(dataclasses.replace(query, head="low" if query.head == "top" else "top"))
        changed += [dataclasses.replace(query, limit=query.limit + by) for by in (-1, 1)]
        changed.append(dataclasses.replace(query, head="list"))
        changed.append(dataclasses.replace(query, shown=domain.category))
    found = [*(mutant.sql() for mutant in changed), query.sql().replace(" AND ", " OR ")]
    return [sql for sql in dict.fromkeys(found) if sql != query.sql()]


def _condition_mutants(condition: SqlCondition, domain: SqlDomain) -> list[SqlCondition]:
    if isinstance(condition.value, int):
        numbers = [column for column, _, _ in domain.numbers]
        signs = [sign for sign in (">", "<", ">=", "<=", "=") if sign != condition.sign]
        return [
            *(dataclasses.replace(condition, sign=sign) for sign in signs),
            *(dataclasses.replace(condition, value=condition.value + by) for by in (-1, 1)),
            dataclasses.replace(condition, column=numbers[1 - numbers.index(condition.column)]),
        ]
    if condition.nested:
        numbers = [column for column, _, _ in domain.numbers]
        return [
            dataclasses.replace(condition, sign="<" if condition.sign == ">" else ">"),
            dataclasses.replace(condition, column=numbers[1 - numbers.index(condition.column)]),
        ]
    values = domain.categories
    if condition.column != domain.category:
        values = domain.link.values if domain.link else ()
    others = [dataclasses.replace(condition, value=value) for value in values if value != condition.value]
    return [*others, dataclasses.replace(condition, sign="!=" if condition.sign == "=" else "=")]


def tell(query: Query, rng: random.Random) -> str:
    """The question in English."""
    tail = _filters(query)
    things = query.table + tail
    if query.head == "count":
        return rng.choice(("How many {} are there?", "Count the {}.")).format(things)
    if query.head in AGGREGATES:
        adjective = next(word for word, head in ADJECTIVES.items() if head == query.head)
        asked = rng.choice(("What is the {} {} of {}?", "Find the {} {} of {}."))
        return asked.format(adjective, query.column, things)
    verb = rng.choice(("List", "Show"))
    if query.head == "list":
        return f"{verb} the {query.column} of {things}."
    end = _END_WORDS[query.head]
    return f"{verb} the {query.shown} of the {end} {query.limit} {query.table} by {query.column}{tail}."


def retell(query: Query, rng: random.Random) -> str:
    """The question in other words than :func:`tell` has."""
    things = query.table + _filters(query)
    if query.head == "count":
        return rng.choice(("Give the number of {}.", "We need to know how many {} we have.")).format(things)
    if query.head in AGGREGATES:
        adjective = next(word for word, head in ADJECTIVES.items() if head == query.head)
        asked = rng.choice(("Look at the {1} of {2} and give its {0} value.", "Tell us the {0} {1} among {2}."))
        return asked.format(adjective, query.column, things)
    asked = rng.choice(("Give us every {} among {}.", "We are after each {} that belongs to {}."))
    if query.head == "list":
        return asked.format(query.column, things)
    end = _END_WORDS[query.head]
    asked = rng.choice(("Sort by {}; which {} have the {} {} {}?", "By {}, name each {} that is at the {} {} of {}."))
    return asked.format(query.column, query.shown, end, query.limit, things)


def _filters(query: Query) -> str:
    filters = " and ".join(f"{c.column} {_SIGN_WORDS[c.sign]}{c.value}" for c in query.conditions)
    return f" with {filters}" if filters else ""


_THINGS = r"(?P<table>\w+)FILTERS"
_FILTERS = r"(?: with (?P<filters>[\w ]+?))?"
_QUESTIONS = tuple(
    re.compile(pattern.replace("THINGS", _THINGS).replace("FILTERS", _FILTERS), re.ASCII)
    for pattern in (
        r"(?P<count>How many) THINGS are there\?",
        r"(?P<count>Count) the THINGS\.",
        r"(?:What is|Find) the (?P<adjective>highest|lowest|average|total) (?P<column>\w+) of THINGS[.?]",
        r"(?:List|Show) the (?P<column>\w+) of THINGS\.",
        r"(?:List|Show) the (?P<shown>\w+) of the (?P<end>top|bottom) (?P<limit>\d+) (?P<table>\w+)"
        r" by (?P<column>\w+)FILTERS\.",
        # Those of retell.
        r"(?P<count>Give the number of) THINGS\.",
        r"(?P<count>We need to know how many) THINGS we have\.",
        r"Look at the (?P<column>\w+) of THINGS and give its (?P<adjective>highest|lowest|average|total) value\.",
        r"Tell us the (?P<adjective>highest|lowest|average|total) (?P<column>\w+) among THINGS\.",
        r"Give us every (?P<column>\w+) among THINGS\.",
        r"We are after each (?P<column>\w+) that belongs to THINGS\.",
        r"Sort by (?P<column>\w+); which (?P<shown>\w+) have the (?P<end>top|bottom) (?P<limit>\d+) THINGS\?",
        r"By (?P<column>\w+), name each (?P<shown>\w+) that is at the (?P<end>top|bottom) (?P<limit>\d+) of THINGS\.",
    )
)


def read_question(text: str, schema: str = "") -> Query:
    """Read a question back into its query.

    Args:
        text: the question.
        schema: what the schema tool shows; it decides which conditions need a join.

    Raises:
        ValueError: not a question of this family.
    """
    match = next((m for m in (pattern.fullmatch(text) for pattern in _QUESTIONS) if m), None)
    if match is None:
        raise ValueError(f"cannot read {text!r}")
    said = match.groupdict()
    head = "count" if said.get("count") else ADJECTIVES.get(said.get("adjective") or "", "list")
    head = next((name for name, word in _END_WORDS.items() if word == said.get("end")), head)
    conditions = tuple(_read_condition(part) for part in (said["filters"] or "").split(" and ") if part)
    return Query(
        head,
        said["table"],
        said.get("column") or "",
        said.get("shown") or "",
        conditions,
        int(said.get("limit") or 0),
        joined(said["table"], conditions, schema),
    )


def joined(table: str, conditions: Sequence[SqlCondition], schema: str) -> tuple[str, str] | None:
    """The second table that conditions on ``table`` need, and the column that it shares; ``None`` for none.

    Args:
        table: the table asked about.
        conditions: the conditions.
        schema: what the schema tool shows.
    """
    tables = {name: columns.split(", ") for name, columns in re.findall(r"(\w+)\(([^)]*)\)", schema)}
    own = tables.get(table, [])
    join = None
    for condition in conditions:
        for name, columns in tables.items():
            if condition.column not in own and condition.column in columns:
                join = (name, next(column for column in columns if column in own))
    return join


def _read_condition(text: str) -> SqlCondition:
    column, *words, value = text.split(" ")
    sign = next((sign for sign, word in _SIGN_WORDS.items() if word.split() == words), None)
    if sign is None:
        raise ValueError(f"cannot read {text!r}")
    return SqlCondition(column, sign, int(value) if re.fullmatch("[0-9]{1,9}", value) else value)
