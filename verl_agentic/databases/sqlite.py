"""A SQLite database on which model-written SQL may run, read-only.

Contained by an authorizer allow-list, SQLite's own limits, a budget of virtual-machine instructions, which, unlike a
clock, makes the same query end the same way on every machine, and a clock for the few instructions that are slow.

All of these act while a query runs, and none of them while it is being prepared: for texts that anybody wrote take
:class:`verl_agentic.databases.guarded_sqlite.GuardedDatabase`, which knows where to run them.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from verl_agentic.core import BrokenTaskError, InfrastructureError
from verl_agentic.databases.base import (
    LARGE,
    SMALL,
    Closing,
    Limits,
    QueryLimitError,
    QueryRefusedError,
    QueryResult,
    QueryTimeoutError,
    Rows,
    Schema,
    fetch,
    insertion,
    quote,
    short,
)
from verl_agentic.databases.sqlite_functions import add_functions

MAX_SQL_CHARS = SMALL.sql_chars
MAX_INSTRUCTIONS = SMALL.instructions

_STRIDE = 1000
# fmt: off
# Those that always give the same for the same, and name nothing of the machine. Not among them are zeroblob and
# randomblob, which make large values of small ones, load_extension, and what tells of the engine.
_FUNCTIONS = frozenset({
    "->", "->>", "abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "avg", "cast", "ceil", "ceiling",
    "char", "coalesce", "concat", "concat_ws", "cos", "cosh", "count", "cume_dist", "current_date", "current_time",
    "current_timestamp", "date", "datetime", "degrees", "dense_rank", "exp", "first_value", "floor", "format", "glob",
    "group_concat", "hex", "if", "ifnull", "iif", "instr", "json", "json_array", "json_array_length", "json_extract",
    "json_group_array", "json_group_object", "json_insert", "json_object", "json_patch", "json_quote", "json_remove",
    "json_replace", "json_set", "json_type", "json_valid", "julianday", "lag", "last_value", "lead", "length", "like",
    "likelihood", "likely", "ln", "log", "log10", "log2", "lower", "ltrim", "max", "median", "min", "mod", "nth_value",
    "ntile", "nullif", "octet_length", "percent_rank", "pi", "pow", "power", "printf", "quote", "radians", "rank",
    "replace", "round", "row_number", "rtrim", "sign", "sin", "sinh", "soundex", "sqrt", "strftime", "string_agg",
    "substr", "substring", "sum", "tan", "tanh", "time", "timediff", "total", "trim", "trunc", "typeof", "unhex",
    "unicode", "unixepoch", "unlikely", "upper",
})
# fmt: on
# Without Connection.setlimit (Python 3.10) nothing bounds a value that doubles itself, so these are refused there.
_GROWING_FUNCTIONS = frozenset({"concat", "concat_ws", "group_concat", "hex", "quote", "replace", "string_agg"})
_JSON = "json"
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
_REFILL_ACTIONS = frozenset(
    {sqlite3.SQLITE_DELETE, sqlite3.SQLITE_INSERT, sqlite3.SQLITE_READ, sqlite3.SQLITE_TRANSACTION}
)


class SqliteDatabase(Closing):
    """One database built from DDL and rows, or read from a file; then only read. Close it, or use ``with``.

    Threads may share it; their queries take turns.
    """

    def __init__(
        self,
        schema: Schema = (),
        rows: Rows | None = None,
        *,
        path: Path | str | None = None,
        limits: Limits | None = None,
        backwards: bool = False,
    ) -> None:
        """Build the database.

        Args:
            schema: ``CREATE TABLE`` statements, one table each.
            rows: rows by table name, each with one value per column.
            path: an existing database file, read instead of building one.
            limits: what a query may take; :data:`SMALL`, or :data:`LARGE` for a file, by default.
            backwards: scan tables from their last row where a query asks for no order.

        Raises:
            BrokenTaskError: the statements or the rows do not make a database.
            InfrastructureError: the file cannot be read.
        """
        self.limits = limits or (LARGE if path else SMALL)
        self._budget = self.limits.instructions
        self._deadline = float("inf")
        self._lock = threading.Lock()
        target = f"file:{Path(path).resolve().as_uri()[7:]}?mode=ro&immutable=1" if path else ":memory:"
        try:
            self._connection = sqlite3.connect(
                target, isolation_level=None, uri=bool(path), check_same_thread=False, cached_statements=8
            )
        except sqlite3.Error as error:
            raise InfrastructureError(f"database {path} cannot be opened: {error}") from error
        self._bounded = hasattr(self._connection, "setlimit")
        self._connection.set_progress_handler(self._spend, _STRIDE)
        try:
            # Sorting must not spill into files.
            self._connection.execute("PRAGMA temp_store = MEMORY")
            if backwards:
                self._connection.execute("PRAGMA reverse_unordered_selects = ON")
            if self._bounded:
                set_limit: Any = getattr(self._connection, "setlimit")  # noqa: B009 - unknown to 3.10's stubs
                for limit, value in _engine_limits(self.limits).items():
                    set_limit(limit, value)
            add_functions(self._connection, self.limits.value_bytes)
            if not path:
                self._connection.set_authorizer(_allow_build)
            self.tables = self._build(schema, rows or {}) if not path else self._read_tables()
        except (*_SQL_ERRORS, TypeError) as error:
            self._connection.close()
            if path:
                raise InfrastructureError(f"database {path} cannot be read: {error}") from error
            raise BrokenTaskError(f"database cannot be built: {error}") from error
        except BaseException:
            self._connection.close()
            raise
        self._names = {name.lower() for name in self.tables}
        self._connection.set_authorizer(self._allow_read)
        self._refillable = not path

    def query(self, sql: str, max_rows: int | None = None) -> QueryResult:
        """Run one read-only statement; see :meth:`verl_agentic.databases.Database.query`."""
        self.check(sql)
        with self._lock:
            return self._run(sql, self.limits.rows if max_rows is None else max_rows)

    def check(self, sql: str) -> None:
        """Refuse what is not even looked at.

        Raises:
            QueryLimitError: it is too long.
            QueryRefusedError: it uses an operator that cannot be bounded here.
        """
        self.limits.check_length(sql)
        if not self._bounded and "||" in sql:
            raise QueryRefusedError("|| is not available")

    def _run(self, sql: str, max_rows: int) -> QueryResult:
        self._budget = self.limits.instructions
        self._deadline = time.monotonic() + self.limits.seconds
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql)
            if cursor.description is None:
                raise QueryRefusedError("not a SELECT")
            columns = tuple(str(column[0]) for column in cursor.description)
            rows, truncated = fetch(cursor.fetchmany, max_rows, self.limits.result_bytes)
        except _SQL_ERRORS as error:
            if isinstance(error, MemoryError):
                raise QueryLimitError("query takes too much memory") from error
            if str(error) != "interrupted":
                raise QueryRefusedError(short(error)) from error
            # Whichever came first: a spent budget is the query's doing, the clock may be the machine's.
            kind = QueryRefusedError if self._budget < 0 else QueryTimeoutError
            raise kind("query takes too long") from error
        finally:
            self._deadline = float("inf")
            cursor.close()
        return QueryResult(rows, truncated, columns)

    def refill(self, rows: Rows) -> None:
        """Replace all rows, in a fraction of the time that another database takes to build.

        Args:
            rows: as for the constructor; a table that is not named is empty afterwards.

        Raises:
            BrokenTaskError: the rows do not fit; the database holds what it held before.
            ValueError: it was read from a file.
        """
        if not self._refillable:
            raise ValueError("only a database that was built can be refilled")
        execute = self._connection.execute
        with self._lock:
            self._connection.set_authorizer(_allow_refill)
            try:
                execute("BEGIN")
                try:
                    for name in self.tables:
                        self._budget = self.limits.instructions
                        execute(f"DELETE FROM {quote(name)}")
                    self._insert(self.tables, rows)
                    execute("COMMIT")
                except BaseException:
                    execute("ROLLBACK")
                    raise
            except (*_SQL_ERRORS, TypeError) as error:
                raise BrokenTaskError(f"database cannot be refilled: {error}") from error
            finally:
                self._connection.set_authorizer(self._allow_read)

    def close(self) -> None:
        """Close it, after a query that may be under way."""
        with self._lock:
            self._connection.close()

    def _build(self, schema: Schema, rows: Rows) -> dict[str, list[str]]:
        execute = self._connection.execute
        execute("BEGIN")
        for statement in schema:
            execute(statement)
        tables = self._read_tables()
        self._insert(tables, rows)
        execute("COMMIT")
        return tables

    def _insert(self, tables: dict[str, list[str]], rows: Rows) -> None:
        for name, table_rows in rows.items():
            statement = insertion(tables, name)
            self._budget = max(MAX_INSTRUCTIONS, 1000 * len(table_rows))
            self._connection.executemany(statement, table_rows)

    def _read_tables(self) -> dict[str, list[str]]:
        execute = self._connection.execute
        kinds = "('table', 'view')"
        names = [str(r[0]) for r in execute(f"SELECT name FROM sqlite_master WHERE type IN {kinds} ORDER BY rowid")]
        return {
            name: [str(column[0]) for column in execute(f"SELECT * FROM {quote(name)} LIMIT 0").description]
            for name in names
            if not name.lower().startswith("sqlite_")
        }

    def _spend(self) -> int:
        self._budget -= _STRIDE
        return int(self._budget < 0 or time.monotonic() > self._deadline)

    def _allow_read(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE):
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_READ:
            # A bare scan of a subquery reads its empty column; SQLite names no database for it then.
            own = (first or "").lower() in self._names
            return sqlite3.SQLITE_OK if own or not second else sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_FUNCTION:
            function = (second or "").lower()
            growing = function in _GROWING_FUNCTIONS or function.startswith(_JSON)
            allowed = function in _FUNCTIONS and (self._bounded or not growing)
            return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_DENY


# sqlite3.Warning is what Python up to 3.11 raises for a second statement; ValueError covers NULs and surrogates.
_SQL_ERRORS = (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError, MemoryError)


def _allow_build(action: int, *_: str | None) -> int:
    return sqlite3.SQLITE_OK if action in _BUILD_ACTIONS else sqlite3.SQLITE_DENY


def _allow_refill(action: int, *_: str | None) -> int:
    return sqlite3.SQLITE_OK if action in _REFILL_ACTIONS else sqlite3.SQLITE_DENY


def _engine_limits(limits: Limits) -> dict[int, int]:
    """Values by the numbers of sqlite3.h; the named constants came with Python 3.11."""
    small = limits.value_bytes <= SMALL.value_bytes
    return {
        0: limits.value_bytes,  # SQLITE_LIMIT_LENGTH
        1: limits.sql_chars * 4,  # SQLITE_LIMIT_SQL_LENGTH, in bytes
        2: 64 if small else 500,  # SQLITE_LIMIT_COLUMN
        3: 500,  # SQLITE_LIMIT_EXPR_DEPTH
        4: 8,  # SQLITE_LIMIT_COMPOUND_SELECT
        7: 0,  # SQLITE_LIMIT_ATTACHED
        8: 100,  # SQLITE_LIMIT_LIKE_PATTERN_LENGTH
        11: 0,  # SQLITE_LIMIT_WORKER_THREADS
    }
