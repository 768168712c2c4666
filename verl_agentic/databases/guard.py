"""A SQLite connection that somebody else's SQL may run on: what it may do, for how long, on how much.

Three things hold it, each while a statement runs: an authorizer that refuses what no rule names, a budget of
virtual-machine instructions, which unlike a clock makes the same statement end the same way on every machine, with a
clock for the few instructions that are slow, and SQLite's own limits. None of them acts while a statement is being
prepared (see :mod:`verl_agentic.databases.open`).
"""

from __future__ import annotations

import sqlite3
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

READS = frozenset({sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE, sqlite3.SQLITE_SELECT})
WRITES = frozenset({sqlite3.SQLITE_DELETE, sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE})
CREATES = frozenset({sqlite3.SQLITE_CREATE_INDEX, sqlite3.SQLITE_CREATE_TABLE})
# sqlite3.Warning is what Python up to 3.11 raises for a second statement; ValueError covers NULs and surrogates.
SQL_ERRORS = (sqlite3.Error, sqlite3.Warning, OverflowError, TypeError, ValueError)

_STRIDE = 1000
# More than a connection keeps prepared.
_KNOWN_STATEMENTS = 1024
# What gives something else each time, or makes large values of small ones, or loads code.
_NEVER = frozenset({"load_extension", "random", "randomblob"})
# The schema's own table, and tables that are pragmas or look into the engine.
_ENGINE_TABLES = ("pragma_", "sqlite_", "dbstat", "bytecode", "tables_used")

Values = Mapping[str, Any] | Sequence[Any]


class Bound(IntEnum):
    """SQLite's limits by the numbers of sqlite3.h; Python names them from 3.11 on, where it can set them."""

    LENGTH = 0
    SQL_LENGTH = 1
    COLUMN = 2
    EXPR_DEPTH = 3
    COMPOUND_SELECT = 4
    ATTACHED = 7
    LIKE_PATTERN_LENGTH = 8
    WORKER_THREADS = 11


@dataclass(frozen=True, slots=True)
class Rules:
    """What statements may do; all else is refused, ``ATTACH``, which would reach the disk, and ``PRAGMA`` among it.

    Attributes:
        actions: numbers of SQLite's authorizer.
        functions: names, in lower case, of those that may be called, ``None`` for all that always give the same.
        tables: names, in lower case, of those that may be read, ``None`` for all.
        reserved: how names of tables begin that only triggers may touch; the engine's own are out of reach then, too.
    """

    actions: frozenset[int]
    functions: frozenset[str] | None = None
    tables: frozenset[str] | None = None
    reserved: str = ""


class _Guard:
    """What SQLite calls back. It does not know who holds the connection, who would never go if it did."""

    def __init__(self, rules: Rules, written: set[str]) -> None:
        self._rules = rules
        self._written = written

    def __call__(self, action: int, first: str | None, second: str | None, _: str | None, trigger: str | None) -> int:
        rules = self._rules
        if action not in rules.actions:
            return sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_FUNCTION:
            name = (second or "").lower()
            if name in _NEVER or (rules.functions is not None and name not in rules.functions):
                return sqlite3.SQLITE_DENY
        # A bare scan of a subquery reads its empty column; SQLite names no table of the database for it then.
        guarded = rules.tables if action == sqlite3.SQLITE_READ and second else None
        if guarded is not None and (first or "").lower() not in guarded:
            return sqlite3.SQLITE_DENY
        if rules.reserved and not trigger and (first or "").lower().startswith((rules.reserved, *_ENGINE_TABLES)):
            return sqlite3.SQLITE_DENY
        if action in WRITES:
            self._written.add(first or "")
        return sqlite3.SQLITE_OK


class _Budget:
    """Instructions and time that are left."""

    def __init__(self) -> None:
        self.left = 0.0
        self.deadline = float("inf")

    def __call__(self) -> int:
        self.left -= _STRIDE
        return int(self.left < 0 or time.monotonic() > self.deadline)


class GuardedConnection:
    """A database in memory, or one that is read from a file. Everything is allowed until :meth:`allow` says what is.

    Callers take turns; which thread they are on does not matter. It is closed when nobody holds it any more.

    Attributes:
        raw: the connection.
        bounded: whether SQLite's limits hold; Python 3.10 cannot set them.
    """

    def __init__(
        self, bounds: Mapping[Bound, int], *, path: Path | None = None, statements: int = 128, instructions: int
    ) -> None:
        """Open it.

        Args:
            bounds: SQLite's limits besides those that close its doors.
            path: an existing file, which is only read and must not change meanwhile; ``None`` for one in memory.
            statements: how many prepared statements are kept.
            instructions: what the first statements may take in all.

        Raises:
            sqlite3.Error: the file cannot be opened.
        """
        target = f"{path.resolve().as_uri()}?mode=ro&immutable=1" if path else ":memory:"
        self.raw = sqlite3.connect(
            target, isolation_level=None, uri=bool(path), check_same_thread=False, cached_statements=statements
        )
        # A connection is part of a circle of its own, and would wait for the garbage collector.
        weakref.finalize(self, self.raw.close).atexit = False
        self.bounded = hasattr(self.raw, "setlimit")
        if self.bounded:
            set_limit: Any = getattr(self.raw, "setlimit")  # noqa: B009 - unknown to 3.10's stubs
            for bound, value in {**bounds, Bound.ATTACHED: 0, Bound.WORKER_THREADS: 0}.items():
                set_limit(int(bound), value)
        self._written: set[str] = set()
        self._known_written: dict[str, frozenset[str]] = {}
        self._budget = _Budget()
        self.refill(instructions)
        self.raw.set_progress_handler(self._budget, _STRIDE)

    def allow(self, rules: Rules) -> None:
        """Refuse statements that do anything else from now on, also those that are prepared already."""
        self._known_written.clear()
        self.raw.set_authorizer(_Guard(rules, self._written))

    def allow_all(self) -> None:
        """Take back what :meth:`allow` refused."""
        self._known_written.clear()
        # Python 3.10 takes None for an authorizer that refuses everything.
        self.raw.set_authorizer(lambda *_: sqlite3.SQLITE_OK)

    def refill(self, instructions: int, seconds: float = float("inf")) -> None:
        """Let the next statements take so many virtual-machine instructions and so long in all, and no more."""
        self._budget.left = instructions
        self._budget.deadline = time.monotonic() + seconds

    @property
    def spent(self) -> bool:
        """Whether the instructions are used up, whatever the clock says."""
        return self._budget.left < 0

    def execute(self, sql: str, values: Values = ()) -> sqlite3.Cursor:
        return self.raw.execute(sql, values)

    def tables_written(self, sql: str, values: Values) -> frozenset[str]:
        """Names of the tables that a statement writes to, itself or by triggers; nothing is run.

        Raises:
            sqlite3.Error: the statement does not fit the database, or is not allowed.
        """
        self._written.clear()
        self.execute(f"EXPLAIN {sql}", values).close()
        # One that is prepared already asks for nothing again, so what it wrote is kept, the last used at the end.
        known = self._known_written.pop(sql, None)
        written = frozenset(self._written) if self._written or known is None else known
        if len(self._known_written) >= _KNOWN_STATEMENTS:
            del self._known_written[next(iter(self._known_written))]
        self._known_written[sql] = written
        return written

    def close(self) -> None:
        self.raw.close()
