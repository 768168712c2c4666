"""DuckDB with its doors closed. For processes that can be killed: it is not always quick to heed an interrupt."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from verl_agentic.core import BrokenTaskError, InfrastructureError, UserInputError
from verl_agentic.databases.base import (
    Closing,
    Limits,
    QueryRefusedError,
    QueryResult,
    QueryTimeoutError,
    Rows,
    Schema,
    columns_by_table,
    fetch,
    insertion,
    short,
)

# Reading settings, secrets and logs tells of the machine; the clock-free rest is closed by enable_external_access.
_REFUSED = re.compile(r"\b(duckdb_\w+|pragma_\w+|current_setting|getenv|read_\w+|glob|query|query_table)\s*\(", re.I)
_CATALOGS = re.compile(r"\b(information_schema|pg_catalog|sqlite_master|duckdb_\w+|pg_\w+)\b", re.I)


class DuckDbDatabase(Closing):
    """One in-memory database built from DDL and rows, or a file opened read-only."""

    def __init__(self, schema: Schema, rows: Rows | None, *, path: Path | None, limits: Limits) -> None:
        """Build or open it.

        Raises:
            BrokenTaskError: the statements or the rows do not make a database.
            InfrastructureError: the file cannot be opened.
            UserInputError: DuckDB is not installed.
        """
        try:
            import duckdb
        except ImportError as error:
            raise UserInputError("DuckDB is not installed: pip install 'verl-agentic[duckdb]'") from error
        self._duckdb: Any = duckdb
        self._limits = limits
        config: dict[str, Any] = {
            "threads": "1",
            "memory_limit": f"{limits.memory_mb}MB",
            # What does not fit into memory is refused, not spilled into the working directory.
            "temp_directory": "",
            "max_temp_directory_size": "0KB",
            "python_enable_replacements": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
        try:
            self._connection: Any = duckdb.connect(str(path or ":memory:"), read_only=path is not None, config=config)
        except duckdb.Error as error:
            raise InfrastructureError(f"database {path} cannot be opened: {short(error)}") from error
        try:
            for statement in schema:
                self._connection.execute(statement)
            self.tables = self._read_tables()
            for name, table_rows in (rows or {}).items():
                statement = insertion(self.tables, name)
                if table_rows:
                    self._connection.executemany(statement, table_rows)
            self._connection.execute("SET enable_external_access = false")
            self._connection.execute("SET lock_configuration = true")
        except (duckdb.OutOfMemoryException, duckdb.FatalException) as error:
            self._connection.close()
            raise InfrastructureError(f"DuckDB cannot build the database: {short(error)}") from error
        except (duckdb.Error, TypeError, ValueError) as error:
            self._connection.close()
            raise BrokenTaskError(f"database cannot be built: {short(error)}") from error

    def query(self, sql: str, max_rows: int | None = None) -> QueryResult:
        """Run one ``SELECT``; see :meth:`verl_agentic.databases.Database.query`."""
        limits = self._limits
        limits.check_length(sql)
        if _REFUSED.search(sql) or _CATALOGS.search(sql):
            raise QueryRefusedError("query reads what is not a table of this database")
        with self._clear_errors(), self._undone(), self._stopped_after(limits.seconds) as is_stopped:
            try:
                statements = self._connection.extract_statements(sql)
                if len(statements) != 1:
                    raise QueryRefusedError("not one statement")
                if statements[0].type != self._duckdb.StatementType.SELECT:
                    raise QueryRefusedError("not a SELECT")
                # A SELECT may hold a DELETE ... RETURNING.
                self._connection.execute("BEGIN TRANSACTION READ ONLY")
                cursor = self._connection.execute(statements[0])
                columns = tuple(str(column[0]) for column in cursor.description or ())
                wanted = limits.rows if max_rows is None else max_rows
                rows, truncated = fetch(cursor.fetchmany, wanted, limits.result_bytes)
            except self._duckdb.Error as error:
                if is_stopped():
                    raise QueryTimeoutError("query takes too long") from error
                raise
        return QueryResult(rows, truncated, columns)

    def close(self) -> None:
        self._connection.close()

    def _read_tables(self) -> dict[str, list[str]]:
        statement = (
            "SELECT table_name, column_name FROM information_schema.columns ORDER BY table_name, ordinal_position"
        )
        return columns_by_table(self._connection.execute(statement).fetchall())

    @contextmanager
    def _stopped_after(self, seconds: float) -> Iterator[Callable[[], bool]]:
        stopped = threading.Event()

        def stop() -> None:
            stopped.set()
            self._connection.interrupt()

        timer = threading.Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            yield stopped.is_set
        finally:
            timer.cancel()
            timer.join()

    @contextmanager
    def _undone(self) -> Iterator[None]:
        """Ends the transaction when no interrupt can come any more: one that hits the end itself leaves it open."""
        try:
            yield
        finally:
            with suppress(self._duckdb.TransactionException):  # none had begun
                self._connection.execute("ROLLBACK")

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except self._duckdb.FatalException as error:
            raise InfrastructureError(f"DuckDB stopped: {short(error)}") from error
        except (self._duckdb.Error, ValueError, OverflowError) as error:
            raise QueryRefusedError(short(error)) from error
