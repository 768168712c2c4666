"""States of a database on which near misses of a query show."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from verl_agentic.core import BrokenTaskError
from verl_agentic.databases import Database, QueryRefusedError, QueryResult, dialect_of, open_database
from verl_agentic.reward_fns.sql.compare import Match, RowGroup, difference
from verl_agentic.reward_fns.sql.draw import RowDrawer
from verl_agentic.reward_fns.sql.mutants import Mutant, mutants
from verl_agentic.reward_fns.sql.order import SQLGLOT_NAMES, expected_groups, is_backwards

Rows = dict[str, list[list[Any]]]

_CHOICE = 6
"""States that are looked at for each that is kept."""
_PATIENCE = 8
"""So many times in a row nothing new is told before no more is expected."""


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
    minimum: int = 4,
    maximum: int = 8,
    attempts: int = 80,
    match: Match | None = None,
) -> StateSet:
    """Draw states and keep those on which more mutants of the reference differ from it.

    Rows keep the schema's NOT NULL, UNIQUE, CHECK, primary and foreign keys, as SQLite enforces them; their values
    lie around the constants of the query. The result of the reference varies between the states, so that no result
    written down is right on all of them. A query that knows the states can still tell them apart, say by their numbers
    of rows; they belong to the ground truth, of which the policy sees the first one at most, and stay the same, so that
    the same answer has the same reward in every process.

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
        BrokenTaskError: the reference fails, its result is the same on all states, or the schema allows no rows.
    """
    dialect = dialect_of(url)
    name = SQLGLOT_NAMES[dialect]
    drawer = RowDrawer(schema, reference, name, seed_state)
    search = _Search(url, schema, reference, match or Match(), mutants(reference, schema, name, drawer.edges))
    rng = random.Random(seed)
    if seed_state is not None:
        attempts -= 1
        if (own := search.look_at(seed_state)) is not None:
            search.keep(own)
    idle = 0
    while attempts > 0 and len(search.states) < maximum:
        if len(search.states) >= minimum and search.varies and (search.done or idle >= _PATIENCE):
            break
        looks = []
        for _ in range(min(attempts, _CHOICE)):
            attempts -= 1
            looks.append(search.look_at(drawer.draw(rng)))
        telling = [look for look in looks if look is not None]
        # Of those that tell as much, one with more rows in the result is likelier to tell what no mutant stands for.
        best = max(telling, key=lambda look: (search.worth(look), len(look.result.rows)), default=None)
        # The last ones fill up to the minimum: before, only telling ones are kept.
        few = len(search.states) < minimum
        filler = few and (search.done or idle >= _PATIENCE or attempts <= minimum * _CHOICE)
        idle += 1
        if best is not None and (search.worth(best) > 0 or filler):
            search.keep(best)
            idle = 0
    if len(search.states) < minimum:
        raise BrokenTaskError("no states could be drawn on which the reference runs")
    if not search.varies:
        raise BrokenTaskError("the reference gives the same result on every state: a constant would be as good")
    return StateSet([look.rows for look in search.states], search.killed, search.invalid, search.alive)


@dataclass(frozen=True, slots=True)
class _Look:
    """What one state shows: the reference's result on it, and which mutants give another."""

    rows: Rows
    groups: list[RowGroup]
    result: QueryResult
    gone: frozenset[str]


class _Search:
    """States kept so far, and what they do not tell yet."""

    def __init__(self, url: str, schema: Sequence[str], reference: str, match: Match, alive: Sequence[Mutant]) -> None:
        self._url, self._schema, self._reference, self._match = url, schema, reference, match
        self._dialect = dialect_of(url)
        self.alive = list(alive)
        self.invalid: list[Mutant] = []
        self.killed: dict[str, int] = {}
        self.states: list[_Look] = []
        self.varies = False

    @property
    def done(self) -> bool:
        """Whether there is nothing left to tell."""
        return self.varies and not self.alive

    def worth(self, look: _Look) -> int:
        """How much a state tells that those before it do not."""
        new = bool(self.states) and not self.varies and self._differs(look)
        return len(look.gone & {mutant.sql for mutant in self.alive}) + new * (1 + len(self.alive))

    def keep(self, look: _Look) -> None:
        """Make it the next state."""
        self.varies = self.varies or (bool(self.states) and self._differs(look))
        self.killed.update({mutant.sql: len(self.states) for mutant in self.alive if mutant.sql in look.gone})
        self.alive = [mutant for mutant in self.alive if mutant.sql not in look.gone]
        self.states.append(look)

    def _differs(self, look: _Look) -> bool:
        """Whether some result kept so far would be wrong there."""
        return any(
            difference(look.groups, look.result.columns, kept.result, self._match) is not None for kept in self.states
        )

    def look_at(self, rows: Rows) -> _Look | None:
        """Run everything on a state; ``None`` where the reference gives too much to compare.

        Raises:
            BrokenTaskError: the reference fails.
        """
        backwards = is_backwards(self._reference, len(self.states))
        with open_database(self._url, self._schema, rows, backwards=backwards) as database:
            try:
                result = database.query(self._reference)
            except QueryRefusedError as error:
                raise BrokenTaskError(f"reference query fails: {error}") from error
            if result.truncated:
                return None
            groups = expected_groups(database, self._reference, result, self._dialect)
            return _Look(rows, groups, result, self._told(database, groups, result))

    def _told(self, database: Database, groups: list[RowGroup], result: QueryResult) -> frozenset[str]:
        gone, refused = [], []
        for mutant in self.alive:
            try:
                found = database.query(mutant.sql)
            except QueryRefusedError:
                refused.append(mutant)
                continue
            if difference(groups, result.columns, found, self._match) is not None:
                gone.append(mutant.sql)
        if refused:  # what is refused here is refused everywhere, nearly always: it has no such column
            self.invalid += refused
            self.alive = [mutant for mutant in self.alive if mutant not in refused]
        return frozenset(gone)
