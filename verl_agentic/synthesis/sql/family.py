"""Questions over small databases, judged by executing the answered query on several states."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
from collections.abc import Sequence
from typing import Any, ClassVar

from verl_agentic.core import BrokenTaskError, Message, Task
from verl_agentic.databases import QueryRefusedError, QueryResult
from verl_agentic.databases.sqlite import SqliteDatabase
from verl_agentic.reward_fns.sql import is_ordered, same_result
from verl_agentic.rollout import Policy
from verl_agentic.synthesis.base import Split, TaskFamily
from verl_agentic.synthesis.question import question_of
from verl_agentic.synthesis.sql.natural import natural_question, read_told
from verl_agentic.synthesis.sql.query import AGGREGATES, Query, SqlCondition, edges, mutants, tell
from verl_agentic.synthesis.sql.world import DOMAINS, Rows, SqlDomain, draw_rows
from verl_agentic.tool_envs.sql.environment import MAX_SHOWN_ROWS, SQL_TOOLS

SYSTEM = "Answer with SQL."


_HEADS = ("count", "list", "max", "min", "avg", "sum", "top", "low")
_SIGNS = {"gt": ">", "lt": "<", "eq": "=", "ne": "!=", "via": "="}
_NUMERIC, _TEXTUAL = ("gt", "lt"), ("eq", "ne", "via")


def distinguishing_states(query: Query, domain: SqlDomain, own: Rows, rng: random.Random) -> list[Rows] | None:
    """``own`` and two or more other states on which no mutant of ``query``, and no constant, agrees everywhere.

    Returns ``None`` when none were found, which says that ``query`` is a poor question.
    """
    with SqliteDatabase(domain.schema(), own) as database:
        alive = _agreeing(query, mutants(query, domain), database)
        states = [own]
        sql = query.sql()
        first, varies = database.query(sql), False
        for _attempt in range(120):
            if len(states) >= 3 and varies and not alive:
                return states
            rows = draw_rows(domain, rng, rng.randint(6, 8), edges(query))
            database.refill(rows)
            left = _agreeing(query, alive, database)
            if len(left) < len(alive) or not alive:
                states.append(rows)
                alive = left
                varies = varies or not same_result(first, database.query(sql), is_ordered(sql))
    return None


def _agreeing(query: Query, others: Sequence[str], database: SqliteDatabase) -> list[str]:
    sql = query.sql()
    expected = database.query(sql)
    return [other for other in others if same_result(expected, _run(database, other), is_ordered(sql))]


def _run(database: SqliteDatabase, sql: str) -> QueryResult:
    try:
        return database.query(sql)
    except QueryRefusedError as error:
        raise BrokenTaskError(f"generated query fails: {sql}: {error}") from error


def _splits() -> dict[Split, tuple[str, ...]]:
    """Structures by split. A split is decided by the pairs of a head and a filter that a question holds.

    Which filter is held out is shifted by one for each head, so that every filter and nearly every head is held
    out, and each is trained.
    """
    kinds = (*_NUMERIC, *_TEXTUAL)
    held = {(h, f) for (i, h), (j, f) in itertools.product(enumerate(_HEADS), enumerate(kinds)) if (i + j) % 5 == 0}
    kept_back = {
        (h, f)
        for (i, h), (j, f) in itertools.product(enumerate(_HEADS), enumerate(kinds))
        if (i + j) % 5 == 2 and i % 2 == 0
    }
    result: dict[Split, list[tuple[str, ...]]] = {
        "train": [(head, "none") for head in _HEADS],
        "validation": sorted(kept_back),
        "held_out": sorted(held),
    }
    result["train"] += [pair for pair in itertools.product(_HEADS, kinds) if pair not in held | kept_back]
    triples = itertools.product(enumerate(_HEADS), enumerate(_NUMERIC), enumerate(_TEXTUAL))
    for (i, head), (j, numeric), (k, textual) in triples:
        pairs = {(head, numeric), (head, textual)}
        if not pairs & (held | kept_back):
            result["train"].append((head, numeric, textual))
        elif not pairs & kept_back and (i + j + k) % 3 == 0:
            result["held_out"].append((head, numeric, textual))
        elif not pairs & held and (i + j + k) % 3 == 1:
            result["validation"].append((head, numeric, textual))
    return {split: tuple("-".join(parts) for parts in found) for split, found in result.items()}


_SPLITS = _splits()


class SqlFamily(TaskFamily):
    """Questions whose answer is one SELECT.

    A structure names what is selected and the conditions, such as ``count-gt-eq`` or ``top-none``; ``via`` is a
    condition on the second table of a join. Depth is one for the selection and one for each condition.
    """

    kind: ClassVar[str] = "sql"

    def structures(self, split: Split) -> tuple[str, ...]:
        return _SPLITS[split]

    def generate(self, structure: str, rng: random.Random) -> Task:
        """One task of the given structure.

        Raises:
            BrokenTaskError: there is no question of this structure.
        """
        head, filters = _parse_structure(structure)
        seed = rng.getrandbits(32)
        own = random.Random(seed)
        for _attempt in range(50):
            domain = own.choice([d for d in DOMAINS if d.link or "via" not in filters])
            rows = draw_rows(domain, own, own.randint(8, 12))
            query: Query | None = _draw_head(head, domain, own)
            for kind in filters:
                query = add_condition(query, kind, domain, rows, own) if query else None
            task = make_task(structure, query, domain, rows, own) if query else None
            if task:
                return dataclasses.replace(task, seed=seed)
        raise BrokenTaskError(f"no question fits sql structure {structure!r}")

    def harder(self, task: Task, rng: random.Random) -> Task | None:
        """The same question with one more condition, or a list put in order."""
        if task.kind != self.kind or task.structure not in _SPLITS["train"]:
            return None
        try:
            query, domain, rows = read_task(task)
        except (KeyError, TypeError, ValueError):
            return None
        seed = rng.getrandbits(32)
        own = random.Random(seed)
        wanted = _one_step_harder(task.structure, domain)
        own.shuffle(wanted)
        for attempt, structure in itertools.product(range(12), wanted):
            if attempt >= 4:  # the parent's rows leave no good question
                rows = draw_rows(domain, own, own.randint(8, 12), edges(query))
            child = _grow(task, structure, query, domain, rows, rng=own)
            if child:
                return dataclasses.replace(child, seed=seed)
        return None

    def natural(self, task: Task) -> Task:
        """The same question in plain words.

        Raises:
            BrokenTaskError: the question is none of this family's.
        """
        return task if task.register == "natural" else told_plainly(task)

    def expert(self, task: Task) -> Policy:
        """Read the schema, try the query, answer with it."""

        def act(messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> str:
            seen = [message["content"] for message in messages if message["role"] == "tool"]
            if not seen:
                return _call("schema", {})
            sql = read_told(question_of(messages), seen[0]).sql()
            return f"<answer>{sql}</answer>" if len(seen) > 1 else _call("query", {"sql": sql})

        return act


def _call(name: str, arguments: dict[str, Any]) -> str:
    return f"<tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>"


def _parse_structure(structure: str) -> tuple[str, tuple[str, ...]]:
    if not any(structure in known for known in _SPLITS.values()):
        raise BrokenTaskError(f"unknown sql structure {structure!r}")
    head, *filters = structure.split("-")
    return head, tuple(kind for kind in filters if kind != "none")


def _one_step_harder(structure: str, domain: SqlDomain) -> list[str]:
    """Train structures with one more condition, or with an order instead of a list."""
    head, filters = _parse_structure(structure)
    found = []
    for other in _SPLITS["train"]:
        other_head, other_filters = _parse_structure(other)
        longer = other_head == head and len(other_filters) == len(filters) + 1 and set(filters) <= set(other_filters)
        ordered = head == "list" and other_head in ("top", "low") and other_filters == filters
        if (longer or ordered) and (domain.link or "via" not in other_filters):
            found.append(other)
    return found


def _grow(
    task: Task, structure: str, query: Query, domain: SqlDomain, rows: Rows, *, rng: random.Random
) -> Task | None:
    head, filters = _parse_structure(structure)
    if head != query.head:
        bounded = {condition.column for condition in query.conditions}
        # Not the column of a condition: its values may repeat, and the order must be decided.
        column = rng.choice([name for name, _, _ in domain.numbers if name not in bounded])
        grown = dataclasses.replace(query, head=head, column=column, shown=domain.name, limit=rng.randint(2, 4))
        child, operator = make_task(structure, grown, domain, rows, rng), "add_order"
    else:
        (kind,) = set(filters) - set(_parse_structure(task.structure)[1])
        longer = add_condition(query, kind, domain, rows, rng)
        child = make_task(structure, longer, domain, rows, rng) if longer else None
        operator = "add_condition"
    return dataclasses.replace(child, parent=task.id, operator=operator) if child else None


def _draw_head(head: str, domain: SqlDomain, rng: random.Random) -> Query:
    number = rng.choice(domain.numbers)[0]
    if head == "count":
        return Query(head, domain.table)
    if head == "list":
        return Query(head, domain.table, domain.name)
    if head in AGGREGATES:
        return Query(head, domain.table, number)
    return Query(head, domain.table, number, domain.name, limit=rng.randint(2, 4))


def add_condition(query: Query, kind: str, domain: SqlDomain, rows: Rows, rng: random.Random) -> Query | None:
    """``query`` with one more condition, numbers before words; ``None`` when the domain has no place for it.

    Args:
        query: the query.
        kind: ``gt`` or ``lt`` for a bound, ``eq`` or ``ne`` for a category, ``via`` for one of the second table.
        domain: the world.
        rows: its rows; the value of the condition is taken from them.
        rng: source of all randomness.
    """
    table = rows[domain.table]
    join = query.join
    if kind in _NUMERIC:
        # A bound on the very column that is aggregated or ordered by would often change nothing.
        places = [2 + i for i, (column, _, _) in enumerate(domain.numbers) if column != query.column]
        place = rng.choice(places)
        column = domain.numbers[place - 2][0]
        values = sorted(row[place] for row in table)
        value: Any = rng.choice(values[len(values) // 5 : -(len(values) // 5)])
    elif kind == "via":
        if domain.link is None:
            return None
        column, join = domain.link.column, (domain.link.table, domain.category)
        value = rng.choice(rows[domain.link.table])[1]
    else:
        column, value = domain.category, rng.choice(table)[1]
    condition = SqlCondition(column, _SIGNS[kind], value)
    both = sorted([*query.conditions, condition], key=lambda c: not c.numeric)
    return dataclasses.replace(query, conditions=tuple(both), join=join)


def make_task(
    structure: str, query: Query, domain: SqlDomain, rows: Rows, rng: random.Random, text: str | None = None
) -> Task | None:
    """A task, or ``None`` when the question is poor: an empty result, or mistakes that no state shows.

    Args:
        structure: its structure.
        query: the query that answers it.
        domain: the world.
        rows: the rows that the policy sees.
        rng: source of all randomness.
        text: the question in English, told here by default.
    """
    sql = query.sql()
    with SqliteDatabase(domain.schema(), rows) as database:
        found = _run(database, sql).rows
    if not found or found[0][0] in (None, 0) or (len(found) > MAX_SHOWN_ROWS and query.conditions):
        return None
    states = distinguishing_states(query, domain, rows, rng)
    if states is None:
        return None
    return Task(
        kind="sql",
        messages=[{"role": "system", "content": SYSTEM}, {"role": "user", "content": text or tell(query, rng)}],
        tools=SQL_TOOLS,
        env="sql",
        env_args={"schema": domain.schema(), "rows": rows},
        reward="sql",
        ground_truth={"sql": sql, "schema": domain.schema(), "states": states},
        structure=structure,
        depth=1 + len(query.conditions),
    )


def told_plainly(task: Task) -> Task:
    """A task of this family with its question in plain words.

    Raises:
        BrokenTaskError: the question is none of this family's.
    """
    try:
        query, _, _ = read_task(task)
    except (KeyError, TypeError, ValueError) as error:
        raise BrokenTaskError(f"task {task.id} is none of the sql family: {error}") from error
    return natural_question(task, query)


def read_task(task: Task) -> tuple[Query, SqlDomain, Rows]:
    """The query that a task's question asks for, and its world without tables of no use.

    Raises:
        KeyError: the question, or the rows, belong to no domain of this family.
        ValueError: the question is none of this family's.
    """
    tables = {domain.table: domain for domain in DOMAINS}
    question = question_of(task.messages)
    domain = tables[read_told(question).table]
    shown = "\n".join(statement.replace("CREATE TABLE ", "").replace(" TEXT", "") for statement in domain.schema())
    query = read_told(question, shown.replace(" INTEGER", ""))
    rows: Rows = task.env_args["rows"]
    names = [domain.table, *([domain.link.table] if domain.link else [])]
    return query, domain, {name: rows[name] for name in names}
