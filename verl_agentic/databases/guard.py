"""A SQLite connection of a world: an allow-list, a budget of instructions, and SQLite's own limits."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

MAX_INSTRUCTIONS = 1_000_000
MAX_VALUE_BYTES = 1_000_000

_STRIDE = 1000
_WRITES = frozenset({sqlite3.SQLITE_DELETE, sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE})
# Neither ATTACH, which would reach the disk, nor PRAGMA, nor anything that alters the schema once it is built.
STATEMENT_ACTIONS = _WRITES | {
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_RECURSIVE,
    sqlite3.SQLITE_SELECT,
}
RUN_ACTIONS = STATEMENT_ACTIONS | {sqlite3.SQLITE_TRANSACTION}
BUILD_ACTIONS = RUN_ACTIONS | {sqlite3.SQLITE_CREATE_INDEX, sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_REINDEX}
# A world is a function of its task and its calls, and knows of nothing outside.
_REFUSED_FUNCTIONS = frozenset({"load_extension", "random", "randomblob"})
# The schema's own table, and tables that are pragmas or look into the engine.
_REFUSED_TABLES = ("pragma_", "sqlite_", "dbstat", "bytecode", "tables_used")

# Numbers of sqlite3.h; the named constants came with Python 3.11, and so did Connection.setlimit.
_LIMITS = {
    0: MAX_VALUE_BYTES,  # SQLITE_LIMIT_LENGTH
    7: 0,  # SQLITE_LIMIT_ATTACHED
    8: 1000,  # SQLITE_LIMIT_LIKE_PATTERN_LENGTH
    11: 0,  # SQLITE_LIMIT_WORKER_THREADS
}

# sqlite3.Warning is what Python up to 3.11 raises for a second statement in one text.
SQL_ERRORS = (sqlite3.Error, sqlite3.Warning, OverflowError, TypeError, ValueError)

Values = Mapping[str, Any] | Sequence[Any]


class GuardedConnection:
    """An in-memory database. Everything is allowed until :meth:`allow` says what is.

    Callers take turns; which thread they are on does not matter.
    """

    def __init__(self) -> None:
        self.raw = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._allowed: frozenset[int] = frozenset()
        self._reserved = ""
        self._budget = MAX_INSTRUCTIONS
        self._written: set[str] = set()
        if hasattr(self.raw, "setlimit"):
            for limit, value in _LIMITS.items():
                self.raw.setlimit(limit, value)
        self.raw.set_progress_handler(self._spend, _STRIDE)

    def allow(self, actions: frozenset[int], reserved: str = "") -> None:
        """Refuse statements that do anything else from now on, or that name internal tables, if ``reserved`` is one."""
        self._allowed = actions
        self._reserved = reserved
        self.raw.set_authorizer(self._authorize)

    def allow_all(self) -> None:
        """Take back what :meth:`allow` refused."""
        # Python 3.10 takes None for an authorizer that refuses everything.
        self.raw.set_authorizer(lambda *_: sqlite3.SQLITE_OK)

    def refill(self, instructions: int = MAX_INSTRUCTIONS) -> None:
        """Let the next statements take so many virtual-machine instructions in all, and no more."""
        self._budget = instructions

    def execute(self, sql: str, values: Values = ()) -> sqlite3.Cursor:
        return self.raw.execute(sql, values)

    def tables_written(self, sql: str, values: Values) -> frozenset[str]:
        """Names of the tables that a statement writes to, itself or by triggers; nothing is run.

        Raises:
            sqlite3.Error: the statement does not fit the database, or is not allowed.
        """
        self._written.clear()
        self.execute(f"EXPLAIN {sql}", values).close()
        return frozenset(self._written)

    def close(self) -> None:
        self.raw.close()

    def _spend(self) -> int:
        self._budget -= _STRIDE
        return int(self._budget < 0)

    def _authorize(self, action: int, first: str | None, second: str | None, _: str | None, trigger: str | None) -> int:
        if action not in self._allowed:
            return sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _REFUSED_FUNCTIONS:
            return sqlite3.SQLITE_DENY
        if self._reserved and not trigger and (first or "").lower().startswith((self._reserved, *_REFUSED_TABLES)):
            return sqlite3.SQLITE_DENY
        if action in _WRITES:
            self._written.add(first or "")
        return sqlite3.SQLITE_OK
