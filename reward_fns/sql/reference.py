"""References that have been executed: their databases and results, kept by content."""

from __future__ import annotations

import hashlib
import json
import marshal
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from verl_agentic.core import BrokenTaskError, InfrastructureError
from verl_agentic.databases import Database, QueryRefusedError, QueryTimeoutError, open_database
from verl_agentic.reward_fns.sql.compare import Group, plain
from verl_agentic.reward_fns.sql.order import expected_groups, is_backwards
from verl_agentic.reward_fns.sql.truth import Truth

KEPT = 128
"""Questions whose databases stay open; groups of rollouts ask the same one many times in a row."""

# The version of its format that writes equal values equally, whoever else refers to them.
_NO_REFERENCES = 2
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
        self.users = 0
        self.dropped = False

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

    def close(self) -> None:
        """Close the databases."""
        for state in self._states:
            state.database.close()

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


def _content(values: list[Any]) -> bytes:
    """Bytes that differ where plain values do; ``marshal`` takes a fraction of the time that JSON does."""
    try:
        return marshal.dumps(values, _NO_REFERENCES)
    except ValueError:
        return json.dumps(values, default=str).encode("utf-8", "surrogatepass")


_kept: OrderedDict[bytes, Reference] = OrderedDict()
_lock = threading.Lock()


@contextmanager
def borrowed(truth: Truth) -> Iterator[Reference]:
    """The reference of this content, which is not closed while it is in use."""
    key = hashlib.sha256(_content([truth.sql, truth.places, str(truth.limits), str(truth.match)])).digest()
    with _lock:
        reference = _kept[key] = _kept.pop(key) if key in _kept else Reference(truth)
        reference.users += 1
        while len(_kept) > KEPT:
            _, oldest = _kept.popitem(last=False)
            oldest.dropped = True
            if not oldest.users:
                oldest.close()
    try:
        yield reference
    finally:
        with _lock:
            reference.users -= 1
            if reference.dropped and not reference.users:
                reference.close()
