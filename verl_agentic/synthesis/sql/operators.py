"""Questions over databases made longer, larger, cluttered, nested, turned around, or told anew."""

from __future__ import annotations

import dataclasses
import functools
import random
from abc import abstractmethod
from typing import Any, ClassVar

from verl_agentic.core import Task
from verl_agentic.core.outcome import ErrorKind
from verl_agentic.synthesis.question import question_of
from verl_agentic.synthesis.reasoning.base import TOLD_ANEW, WRONG, Operator
from verl_agentic.synthesis.sql.evaluate import columns_of, evaluate
from verl_agentic.synthesis.sql.family import SqlFamily, add_condition, make_task, read_task, told_plainly
from verl_agentic.synthesis.sql.query import AVERAGE, Query, SqlCondition, edges, retell
from verl_agentic.synthesis.sql.world import DOMAINS, Rows, SqlDomain, draw_rows

MAX_CONDITIONS = 4
_TRIES = 4
_SIGNS = {">": "gt", "<": "lt", "=": "eq", "!=": "ne"}

World = tuple[Query, SqlDomain, Rows]


@functools.cache
def trained_pairs() -> frozenset[tuple[str, str]]:
    """Pairs of a head and a filter that may be trained on; all others are held out or validate."""
    parts = (structure.split("-") for structure in SqlFamily().structures("train"))
    return frozenset((head, filter_) for head, *filters in parts for filter_ in filters)


def structure_of(query: Query) -> str:
    """Signature of a query, also of one with conditions that generated tasks never have."""
    filters = [_filter(query, condition) for condition in query.conditions]
    return "-".join([query.head, *(filters or ["none"])])


def _filter(query: Query, condition: SqlCondition) -> str:
    if condition.nested:
        return f"{_SIGNS[condition.sign]}avg"
    if condition.numeric and condition.sign == "=":
        return "is"
    if query.join and not condition.numeric and condition.column != query.join[1]:
        return "via"
    return _SIGNS[condition.sign]


class SqlOperator(Operator):
    """An operator on questions of the SQL family; the head with each filter may be trained on."""

    kind: ClassVar[str] = "sql"

    def __call__(self, task: Task, rng: random.Random) -> Task | None:
        try:
            world = read_task(task)
        except (KeyError, TypeError, ValueError):
            return None
        seed = rng.getrandbits(32)
        own = random.Random(seed)
        for _attempt in range(_TRIES):
            found = self.make(task, world, own)
            if found is not None:
                changes = {name: getattr(found, name) for name in ("env_args", "ground_truth", "structure", "depth")}
                grown = self.grow(task, question_of(found.messages), seed=seed, **changes)
                return told_plainly(grown) if task.register == "natural" else grown
        return None

    @abstractmethod
    def make(self, task: Task, world: World, rng: random.Random) -> Task | None:
        """The new task without its lineage, ``None`` where this draw has none."""


class DeepenSql(SqlOperator):
    """One more condition."""

    name = "deepen"
    remedies = WRONG | {ErrorKind.LOOP}

    def make(self, task: Task, world: World, rng: random.Random) -> Task | None:
        query, domain, rows = world
        if len(query.conditions) >= MAX_CONDITIONS:
            return None
        taken = {(condition.column, condition.sign) for condition in query.conditions}
        kinds = [kind for kind in ("gt", "lt", "eq", "ne", "via") if (query.head, kind) in trained_pairs()]
        for kind in rng.sample(kinds, len(kinds)):
            longer = add_condition(query, kind, domain, rows, rng)
            new = set(longer.conditions) - set(query.conditions) if longer else set()
            # A second bound on the same side says nothing new, and two values for one word leave nothing.
            if longer and all((c.column, c.sign) not in taken and (c.numeric or not _bound(c, query)) for c in new):
                return make_task(structure_of(longer), longer, domain, rows, rng) if new else None
        return None


def _bound(condition: SqlCondition, query: Query) -> bool:
    return any(condition.column == other.column for other in query.conditions)


class EnlargeSql(SqlOperator):
    """The same kind of question about a full table, with other bounds."""

    name = "enlarge"
    remedies = WRONG | {ErrorKind.ARITHMETIC_SLIP, ErrorKind.TOOL_MISUSE}

    def make(self, task: Task, world: World, rng: random.Random) -> Task | None:
        query, domain, rows = world
        bounded = [condition for condition in query.conditions if condition.numeric and condition.sign != "="]
        if len(rows[domain.table]) >= len(domain.names) or not (bounded or query.limit):
            return None
        grown = draw_rows(domain, rng, len(domain.names))
        places = {name: place for place, (name, _, _) in enumerate(domain.numbers, 2)}
        moved = []
        for condition in query.conditions:
            value = condition.value
            if condition in bounded:
                values = sorted(row[places[condition.column]] for row in grown[domain.table])
                value = rng.choice(values[3:-3])
            moved.append(dataclasses.replace(condition, value=value))
        limit = query.limit and query.limit + rng.randint(1, 2)
        asked = dataclasses.replace(query, conditions=tuple(moved), limit=limit)
        return make_task(structure_of(asked), asked, domain, grown, rng)


class NestSql(SqlOperator):
    """One more condition: above or below the average of a column."""

    name = "nest"
    remedies = WRONG

    def make(self, task: Task, world: World, rng: random.Random) -> Task | None:
        query, domain, rows = world
        # Nor the column that is aggregated or ordered by: its greatest value is above the average anyway.
        taken = {query.column, *(condition.column for condition in query.conditions)}
        sign = rng.choice((">", "<"))
        columns = [name for name, _, _ in domain.numbers if name not in taken]
        if not columns or len(query.conditions) >= MAX_CONDITIONS or (query.head, _SIGNS[sign]) not in trained_pairs():
            return None
        conditions = (SqlCondition(rng.choice(columns), sign, AVERAGE), *query.conditions)
        nested = dataclasses.replace(query, conditions=conditions)
        return make_task(structure_of(nested), nested, domain, rows, rng)


class ReverseSql(SqlOperator):
    """The result of a greatest or least value is told, and the rows that have it are asked for."""

    name = "reverse"
    remedies = WRONG | {ErrorKind.ARITHMETIC_SLIP, ErrorKind.LOOP}

    def make(self, task: Task, world: World, rng: random.Random) -> Task | None:
        query, domain, rows = world
        heads = {("list", _filter(query, condition)) for condition in query.conditions}
        if query.head not in ("max", "min") or not heads <= trained_pairs():
            return None
        [(value,)] = evaluate(query, columns_of(domain.schema()), rows)
        if not isinstance(value, int):
            return None
        # Rows with the same value, so that the further conditions still tell them apart.
        place = 2 + [name for name, _, _ in domain.numbers].index(query.column)
        same = [[*row] for row in rows[domain.table]]
        for row in rng.sample(same, max(2, len(same) // 4)):
            row[place] = value
        conditions = (SqlCondition(query.column, "=", value), *query.conditions)
        asked = Query("list", query.table, domain.name, conditions=conditions, join=query.join)
        return make_task(structure_of(asked), asked, domain, {**rows, domain.table: same}, rng)


class RephraseSql(SqlOperator):
    """The same kind of question in words that generated tasks never have, about other rows."""

    name = "rephrase"
    remedies = TOLD_ANEW | {ErrorKind.LOOP, ErrorKind.LIMIT, ErrorKind.TOOL_MISUSE}
    hardens = False

    def make(self, task: Task, world: World, rng: random.Random) -> Task | None:
        query, domain, rows = world
        fresh = draw_rows(domain, rng, len(rows[domain.table]), edges(query))
        return make_task(structure_of(query), query, domain, fresh, rng, retell(query, rng))


class DistractSql(SqlOperator):
    """A table of no use beside those of the question."""

    name = "distract"
    remedies = WRONG | {ErrorKind.LIMIT}

    def make(self, task: Task, world: World, rng: random.Random) -> Task | None:
        query, domain, _ = world
        schema: list[str] = task.env_args["schema"]
        present = columns_of(schema)
        # Columns that are asked about stand in one table only: nothing else says which one is meant.
        asked = {condition.column for condition in query.conditions} - set(present[domain.table])
        others = [
            other
            for other in DOMAINS
            if other.table not in present
            and not other.link
            and not asked & set(columns_of(other.schema())[other.table])
        ]
        if len(present) > 2 or not others:
            return None
        other = rng.choice(others)
        wider = [*schema, *other.schema()]

        def with_table(rows: Rows) -> Rows:
            return {**rows, **draw_rows(other, rng, rng.randint(6, 10))}

        truth: dict[str, Any] = task.ground_truth
        states = [with_table(rows) for rows in truth["states"]]
        return dataclasses.replace(
            task,
            id="",
            env_args={**task.env_args, "schema": wider, "rows": states[0]},
            ground_truth={**truth, "schema": wider, "states": states},
            structure=f"{structure_of(query)}-wide",
        )
