"""A tiny in-memory SQLite database on which model-written SQL may run.

Contained by an authorizer allow-list, SQLite's own limits, and a budget of virtual-machine instructions, which,
unlike a clock, makes the same query end the same way on every machine.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verl_agentic.core import BrokenTaskError

MAX_SQL_CHARS = 1000
MAX_VALUE_BYTES = 2000
MAX_INSTRUCTIONS = 200_000
MAX_ROWS = 1000

_STRIDE = 1000
# fmt: off
_FUNCTIONS = frozenset({
    "abs", "avg", "cast", "ceil", "char", "coalesce", "count", "date",
    "dense_rank", "first_value", "floor", "glob", "group_concat", "ifnull", "iif", "instr",
    "julianday", "lag", "last_value", "lead", "length", "like", "lower", "ltrim",
    "max", "min", "mod", "nth_value", "ntile", "nullif", "rank", "replace",
    "round", "row_number", "rtrim", "sign", "strftime", "substr", "substring", "sum",
    "total", "trim", "typeof", "unicode", "upper",
})
# fmt: on
# Without Connection.setlimit (Python 3.10) nothing bounds a value that doubles itself, so these are refused there.
_GROWING_FUNCTIONS = frozenset({"group_concat", "replace"})
_BUILD_ACTIONS = frozenset(
    {
        sqlite3.SQLITE_CREATE_INDEX,
        sqlite3.SQLITE_CREATE_TABLE,
        sqlite3.SQLITE_INSERT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_TRANSACTION,
        sqlite3.SQLITE_UPDATE,
    }
)
# Numbers of sqlite3.h; the named constants came with Python 3.11.
_LIMITS = {
    0: MAX_VALUE_BYTES,  # SQLITE_LIMIT_LENGTH
    1: MAX_SQL_CHARS * 4,  # SQLITE_LIMIT_SQL_LENGTH, in bytes
    2: 64,  # SQLITE_LIMIT_COLUMN
    3: 64,  # SQLITE_LIMIT_EXPR_DEPTH
    4: 8,  # SQLITE_LIMIT_COMPOUND_SELECT
    7: 0,  # SQLITE_LIMIT_ATTACHED
    8: 100,  # SQLITE_LIMIT_LIKE_PATTERN_LENGTH
    11: 0,  # SQLITE_LIMIT_WORKER_THREADS
}


class QueryRefusedError(Exception):
    """A query that is not allowed, not valid or not affordable; the message is short and fit for the policy."""


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Rows of one query.

    Attributes:
        rows: at most as many rows as were asked for, in the query's order.
        truncated: whether there were more.
    """

    rows: list[tuple[Any, ...]]
    truncated: bool


class GuardedDatabase:
    """One database built from DDL and rows, then only read. Use it as a context manager, or close it."""

    def __init__(self, schema: Sequence[str], rows: Mapping[str, Sequence[Sequence[Any]]]) -> None:
        """Build the database.

        Args:
            schema: ``CREATE TABLE`` statements, one table each.
            rows: rows by table name, each with one value per column.

        Raises:
            BrokenTaskError: the statements or the rows do not make a database.
        """
        self._budget = MAX_INSTRUCTIONS
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._bounded = hasattr(self._connection, "setlimit")
        self._connection.set_progress_handler(self._spend, _STRIDE)
        try:
            if self._bounded:
                set_limit: Any = getattr(self._connection, "setlimit")  # noqa: B009 - unknown to 3.10's stubs
                for limit, value in _LIMITS.items():
                    set_limit(limit, value)
            self._connection.set_authorizer(_allow_build)
            self.tables = self._build(schema, rows)
        except (*_SQL_ERRORS, TypeError) as error:
            self._connection.close()
            raise BrokenTaskError(f"database cannot be built: {error}") from error
        self._names = {name.lower() for name in self.tables}
        self._connection.set_authorizer(self._allow_read)

    def query(self, sql: str, max_rows: int = MAX_ROWS) -> QueryResult:
        """Run one read-only statement.

        Raises:
            QueryRefusedError: refused by the guard or by SQLite.
        """
        if len(sql) > MAX_SQL_CHARS:
            raise QueryRefusedError(f"query is longer than {MAX_SQL_CHARS} characters")
        if not self._bounded and "||" in sql:
            raise QueryRefusedError("|| is not available")
        self._budget = MAX_INSTRUCTIONS
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql)
            if cursor.description is None:
                raise QueryRefusedError("not a SELECT")
            rows = cursor.fetchmany(max_rows + 1)
        except _SQL_ERRORS as error:
            raise QueryRefusedError(_short(error)) from error
        finally:
            cursor.close()
        return QueryResult(rows[:max_rows], len(rows) > max_rows)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> GuardedDatabase:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _build(self, schema: Sequence[str], rows: Mapping[str, Sequence[Sequence[Any]]]) -> dict[str, list[str]]:
        execute = self._connection.execute
        execute("BEGIN")
        for statement in schema:
            execute(statement)
        names = [str(row[0]) for row in execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")]
        tables: dict[str, list[str]] = {}
        for name in names:
            tables[name] = [str(column[0]) for column in execute(f"SELECT * FROM {_quote(name)}").description]
        for name, table_rows in rows.items():
            if name not in tables:
                raise BrokenTaskError(f"rows are given for table {name!r}, which the schema does not create")
            holes = ", ".join("?" * len(tables[name]))
            self._budget = MAX_INSTRUCTIONS
            self._connection.executemany(f"INSERT INTO {_quote(name)} VALUES ({holes})", table_rows)
        execute("COMMIT")
        return tables

    def _spend(self) -> int:
        self._budget -= _STRIDE
        return int(self._budget < 0)

    def _allow_read(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE):
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_READ:
            # A bare scan of a subquery reads its empty column; SQLite names no database for it then.
            own = (first or "").lower() in self._names
            return sqlite3.SQLITE_OK if own or not second else sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_FUNCTION:
            function = (second or "").lower()
            allowed = function in _FUNCTIONS and (self._bounded or function not in _GROWING_FUNCTIONS)
            return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_DENY


# sqlite3.Warning is what Python up to 3.11 raises for a second statement; ValueError covers NULs and surrogates.
_SQL_ERRORS = (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError, MemoryError)


def _allow_build(action: int, *_: str | None) -> int:
    return sqlite3.SQLITE_OK if action in _BUILD_ACTIONS else sqlite3.SQLITE_DENY


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _short(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    if text == "interrupted":
        return "query takes too long"
    return text if len(text) <= 80 else text[:77] + "..."
