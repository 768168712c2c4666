"""States of a database on which near misses of a query show."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from verl_agentic.core import BrokenTaskError
from verl_agentic.reward_fns.sql.compare import Group, Match, difference
from verl_agentic.reward_fns.sql.draw import RowDrawer
from verl_agentic.reward_fns.sql.mutants import Mutant, mutants
from verl_agentic.reward_fns.sql.order import SQLGLOT_NAMES, expected_groups
from verl_agentic.tool_envs.databases import Database, QueryRefusedError, dialect_of, open_database

Rows = dict[str, list[list[Any]]]


@dataclass(slots=True)
class StateSet:
    """States chosen for one reference, and what they tell apart.

    Attributes:
        states: rows by table, for each state; the seed state first, where there was one.
        killed: for each mutant that some state tells from the reference, the first such state.
        invalid: mutants that no engine runs, such as the sum of a text.
        unkilled: mutants that agree with the reference on every state that was drawn: equivalent ones, mostly.
    """

    states: list[Rows]
    killed: dict[str, int] = field(default_factory=dict)
    invalid: list[Mutant] = field(default_factory=list)
    unkilled: list[Mutant] = field(default_factory=list)


def generate_states(
    schema: Sequence[str],
    reference: str,
    seed: int,
    *,
    seed_state: Rows | None = None,
    url: str = "sqlite://",
    minimum: int = 3,
    maximum: int = 8,
    attempts: int = 80,
    match: Match | None = None,
) -> StateSet:
    """Draw states and keep those on which more mutants of the reference differ from it.

    Rows keep the schema's NOT NULL, UNIQUE, CHECK, primary and foreign keys, as SQLite enforces them; their values
    lie around the constants of the query.

    Args:
        schema: ``CREATE TABLE`` statements, parents before children.
        reference: the query.
        seed: of the draw; the same arguments give the same states.
        seed_state: a state to begin with, whose values are drawn from, too.
        url: engine that executes the queries.
        minimum: states in all, at least.
        maximum: states in all, at most.
        attempts: states drawn, at most.
        match: how the reward will compare.

    Raises:
        BrokenTaskError: the reference fails, or the schema allows no rows.
    """
    dialect = dialect_of(url)
    match = match or Match()
    alive = mutants(reference, schema, SQLGLOT_NAMES[dialect])
    drawer = RowDrawer(schema, reference, SQLGLOT_NAMES[dialect], seed_state)
    rng = random.Random(seed)
    chosen = StateSet([])
    runs: set[str] = set()
    for attempt in range(attempts):
        done = not alive and len(chosen.states) >= minimum
        if done or len(chosen.states) >= maximum:
            break
        own = seed_state is not None and attempt == 0
        rows = seed_state if own and seed_state is not None else drawer.draw(rng, size=rng.choice((2, 4, 6, 9, 14, 20)))
        with open_database(url, schema, rows) as database:
            left = _survivors(database, reference, alive, match, dialect, runs)
        if left is None:
            continue
        # Late states fill up to the minimum only: the first attempts look for telling ones.
        filler = len(chosen.states) < minimum and attempt >= attempts // 2
        if len(left) < len(alive) or own or filler or (not alive and len(chosen.states) < minimum):
            gone = {mutant.sql for mutant in alive} - {mutant.sql for mutant in left}
            chosen.killed.update(dict.fromkeys(sorted(gone), len(chosen.states)))
            chosen.states.append(rows)
            alive = left
    if len(chosen.states) < minimum:
        raise BrokenTaskError("no states could be drawn on which the reference runs")
    chosen.invalid = [mutant for mutant in alive if mutant.sql not in runs]
    chosen.unkilled = [mutant for mutant in alive if mutant.sql in runs]
    for sql in [sql for sql in chosen.killed if sql not in runs]:
        del chosen.killed[sql]
    return chosen


def _survivors(
    database: Database, reference: str, alive: Sequence[Mutant], match: Match, dialect: str, runs: set[str]
) -> list[Mutant] | None:
    """Mutants that agree with the reference; ``None`` for a state on which it gives too much, or nothing to compare."""
    try:
        result = database.query(reference)
    except QueryRefusedError as error:
        raise BrokenTaskError(f"reference query fails: {error}") from error
    if result.truncated:
        return None
    groups: list[Group] = expected_groups(database, reference, result, dialect)
    left = []
    for mutant in alive:
        try:
            found = database.query(mutant.sql)
        except QueryRefusedError:
            left.append(mutant)
            continue
        runs.add(mutant.sql)
        if difference(groups, result.columns, found, match) is None:
            left.append(mutant)
    return left
