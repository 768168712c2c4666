"""References that have been executed: their databases and results, kept by content."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

from verl_agentic.core import BrokenTaskError, InfrastructureError
from verl_agentic.databases import Database, QueryRefusedError, QueryTimeoutError, open_database
from verl_agentic.isolation.shared_cache import SharedCache, content_key
from verl_agentic.reward_fns.sql.compare import Group, plain
from verl_agentic.reward_fns.sql.order import expected_groups, is_backwards
from verl_agentic.reward_fns.sql.truth import Truth

KEPT = 128
"""Questions whose databases stay open; groups of rollouts ask the same one many times in a row."""

# What the clock says, and what a database that others write to holds, is not kept.
_CLOCK = re.compile(r"\b(now|current_(?:date|time|timestamp)|localtime(?:stamp)?|age)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class State:
    """One database, and what the reference gives on it."""

    database: Database
    groups: list[Group]
    columns: tuple[str, ...]


class Reference:
    """The states of one question. They are opened and executed when first asked for, by one thread at a time."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self._states: list[State] = []
        self._lock = threading.Lock()
        self._keeps = not _CLOCK.search(truth.sql) and truth.places[0][1] is not None

    def __len__(self) -> int:
        return len(self.truth.places)

    def state(self, number: int) -> State:
        """The state of that number, from 0.

        Raises:
            BrokenTaskError: the reference fails, or gives too many rows.
            InfrastructureError: the database cannot be reached, or the reference took too long.
        """
        with self._lock:
            while len(self._states) <= number:
                url, schema, rows = self.truth.places[len(self._states)]
                backwards = schema is not None and is_backwards(self.truth.sql, len(self._states))
                limits, key = self.truth.limits, "ground_truth.url"
                database = open_database(url, schema, rows, limits, key=key, backwards=backwards)
                try:
                    self._states.append(self._execute(database, len(self._states)))
                except BaseException:
                    database.close()
                    raise
            return self._states[number] if self._keeps else self._execute(self._states[number].database, number)

    def _execute(self, database: Database, number: int) -> State:
        sql = self.truth.sql
        try:
            result = database.query(sql)
        except QueryTimeoutError as error:
            raise InfrastructureError(f"reference query takes too long on state {number}") from error
        except QueryRefusedError as error:
            raise BrokenTaskError(f"reference query fails on state {number}: {error}") from error
        if result.truncated:
            raise BrokenTaskError(f"reference query gives over {len(result.rows)} rows on state {number}")
        groups = expected_groups(database, sql, result, self.truth.dialect)
        # BIRD's check compares values as they are.
        ready = groups if self.truth.match.compat == "bird" else plain(groups, self.truth.match)
        return State(database, ready, result.columns)


_KEPT: SharedCache[Reference] = SharedCache(KEPT, lambda _: 1)


def find_reference(truth: Truth) -> Reference:
    """The reference of this content. One that nobody holds any more closes its databases."""
    key = content_key([truth.sql, truth.places, str(truth.limits), str(truth.match)])
    return _KEPT.get(key, lambda: Reference(truth))
