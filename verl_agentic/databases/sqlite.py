"""A SQLite database on which model-written SQL may run, read-only, behind a guard and the limits of a query.

None of these acts while a query is being prepared: for texts that anybody wrote take
:func:`verl_agentic.databases.open_database`, which knows where to run them.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

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
from verl_agentic.databases.guard import CREATES, READS, SQL_ERRORS, Bound, GuardedConnection, Rules
from verl_agentic.databases.sqlite_functions import add_functions

_INSTRUCTIONS_PER_ROW = 1000
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
# Without SQLite's limits (Python 3.10) nothing bounds a value that doubles itself, so these are refused there.
_GROWING = frozenset({"concat", "concat_ws", "group_concat", "hex", "quote", "replace", "string_agg"})
_UNBOUNDED = frozenset(name for name in _FUNCTIONS - _GROWING if not name.startswith("json"))

_BUILD = Rules(
    CREATES
    | {
        sqlite3.SQLITE_INSERT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_TRANSACTION,
        sqlite3.SQLITE_UPDATE,
    }
)
_REFILL = Rules(
    frozenset({sqlite3.SQLITE_DELETE, sqlite3.SQLITE_INSERT, sqlite3.SQLITE_READ, sqlite3.SQLITE_TRANSACTION})
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
        self._lock = threading.Lock()
        file = Path(path) if path else None
        first = self.limits.instructions
        try:
            self._guarded = GuardedConnection(_bounds(self.limits), path=file, statements=8, instructions=first)
        except sqlite3.Error as error:
            raise InfrastructureError(f"database {path} cannot be opened: {error}") from error
        try:
            # Sorting must not spill into files.
            self._guarded.execute("PRAGMA temp_store = MEMORY")
            if backwards:
                self._guarded.execute("PRAGMA reverse_unordered_selects = ON")
            add_functions(self._guarded.raw, self.limits.value_bytes)
            if not path:
                self._guarded.allow(_BUILD)
            self.tables = self._build(schema, rows or {}) if not path else self._read_tables()
        except (*SQL_ERRORS, MemoryError) as error:
            self._guarded.close()
            if path:
                raise InfrastructureError(f"database {path} cannot be read: {error}") from error
            raise BrokenTaskError(f"database cannot be built: {error}") from error
        except BaseException:
            self._guarded.close()
            raise
        functions = _FUNCTIONS if self._guarded.bounded else _UNBOUNDED
        self._reading = Rules(READS, functions, frozenset(name.lower() for name in self.tables))
        self._guarded.allow(self._reading)
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
        if not self._guarded.bounded and "||" in sql:
            raise QueryRefusedError("|| is not available")

    def _run(self, sql: str, max_rows: int) -> QueryResult:
        self._guarded.refill(self.limits.instructions, self.limits.seconds)
        cursor = self._guarded.raw.cursor()
        try:
            cursor.execute(sql)
            if cursor.description is None:
                raise QueryRefusedError("not a SELECT")
            columns = tuple(str(column[0]) for column in cursor.description)
            rows, truncated = fetch(cursor.fetchmany, max_rows, self.limits.result_bytes)
        except (*SQL_ERRORS, MemoryError) as error:
            if isinstance(error, MemoryError):
                raise QueryLimitError("query takes too much memory") from error
            if str(error) != "interrupted":
                raise QueryRefusedError(short(error)) from error
            # Whichever came first: a spent budget is the query's doing, the clock may be the machine's.
            kind = QueryRefusedError if self._guarded.spent else QueryTimeoutError
            raise kind("query takes too long") from error
        finally:
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
        execute = self._guarded.execute
        with self._lock:
            self._guarded.allow(_REFILL)
            try:
                self._guarded.refill(self.limits.instructions)
                execute("BEGIN")
                try:
                    for name in self.tables:
                        self._guarded.refill(self.limits.instructions)
                        execute(f"DELETE FROM {quote(name)}")
                    self._insert(self.tables, rows)
                    execute("COMMIT")
                except BaseException:
                    execute("ROLLBACK")
                    raise
            except (*SQL_ERRORS, MemoryError) as error:
                raise BrokenTaskError(f"database cannot be refilled: {error}") from error
            finally:
                self._guarded.allow(self._reading)

    def close(self) -> None:
        """Close it, after a query that may be under way."""
        with self._lock:
            self._guarded.close()

    def _build(self, schema: Schema, rows: Rows) -> dict[str, list[str]]:
        execute = self._guarded.execute
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
            self._guarded.refill(max(SMALL.instructions, _INSTRUCTIONS_PER_ROW * len(table_rows)))
            self._guarded.raw.executemany(statement, table_rows)

    def _read_tables(self) -> dict[str, list[str]]:
        execute = self._guarded.execute
        kinds = "('table', 'view')"
        names = [str(r[0]) for r in execute(f"SELECT name FROM sqlite_master WHERE type IN {kinds} ORDER BY rowid")]
        return {
            name: [str(column[0]) for column in execute(f"SELECT * FROM {quote(name)} LIMIT 0").description]
            for name in names
            if not name.lower().startswith("sqlite_")
        }


def _bounds(limits: Limits) -> dict[Bound, int]:
    small = limits.value_bytes <= SMALL.value_bytes
    return {
        Bound.LENGTH: limits.value_bytes,
        Bound.SQL_LENGTH: limits.sql_chars * 4,  # in bytes
        Bound.COLUMN: 64 if small else 500,
        Bound.EXPR_DEPTH: 500,
        Bound.COMPOUND_SELECT: 8,
        Bound.LIKE_PATTERN_LENGTH: 100,
    }
