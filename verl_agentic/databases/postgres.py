"""PostgreSQL for model-written SQL: a role without rights, temporary tables, read-only cursors, known functions only.

A built database consists of temporary tables in the session of a role that has no other rights, so that nothing
outlives the connection, and no task sees another's tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.engine import URL

from verl_agentic.core import BrokenTaskError, InfrastructureError, UserInputError
from verl_agentic.databases.base import (
    Closing,
    Limits,
    QueryLimitError,
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
from verl_agentic.databases.postgres_text import check_text

READER_ROLE = (
    "CREATE ROLE reader LOGIN PASSWORD '...'; ALTER ROLE reader SET temp_file_limit = '64MB'; "
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader"
)
"""What a superuser runs once, to make a role for the URL."""

_RIGHTS = """
SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
       OR pg_has_role('pg_read_server_files', 'USAGE') OR pg_has_role('pg_write_server_files', 'USAGE')
       OR pg_has_role('pg_execute_server_program', 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE'),
       current_setting('temp_file_limit') = '-1'
FROM pg_roles WHERE rolname = session_user
"""
_COLUMNS = """
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped AND pg_table_is_visible(c.oid)
      AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
      AND has_table_privilege(c.oid, 'SELECT')
ORDER BY c.relname, a.attnum
"""


class PostgresDatabase(Closing):
    """One session; each query has its own read-only transaction, which is rolled back."""

    def __init__(self, url: URL, schema: Schema | None, rows: Rows | None, limits: Limits) -> None:
        """Connect, and build the tables of ``schema`` as temporary ones.

        Raises:
            InfrastructureError: the server cannot be reached.
            UserInputError: the driver is missing, or the URL's role has rights; who gave the URL names its key.
            BrokenTaskError: the statements or the rows do not make a database.
        """
        try:
            import psycopg
        except ImportError as error:
            raise UserInputError("psycopg is not installed: pip install 'verl-agentic[postgres]'") from error
        self._psycopg: Any = psycopg
        self._limits = limits
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            # Connections outlive queries here: prepared statements would pile up.
            self._connection: Any = psycopg.connect(plain, autocommit=True, prepare_threshold=None, connect_timeout=5)
            self._check_role(url)
            self._configure(schema is not None)
        except psycopg.Error as error:
            raise InfrastructureError(f"PostgreSQL cannot be reached: {short(error, 160)}") from error
        try:
            for statement in schema or ():
                self._connection.execute(statement)
            self.tables = self._read_tables()
            self._insert(rows or {})
            self._connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        except psycopg.OperationalError as error:
            raise InfrastructureError(f"PostgreSQL failed: {short(error, 160)}") from error
        except (psycopg.Error, TypeError, ValueError) as error:
            self._connection.close()
            raise BrokenTaskError(f"database cannot be built: {short(error, 160)}") from error

    def query(self, sql: str, max_rows: int | None = None) -> QueryResult:
        """Run one ``SELECT``; see :meth:`verl_agentic.databases.Database.query`."""
        limits = self._limits
        limits.check_length(sql)
        check_text(sql)
        # A cursor takes one SELECT and nothing else; declared by the extended protocol, it is one statement.
        with (
            self._clear_errors(),
            self._connection.transaction(force_rollback=True),
            self._connection.cursor(name="answer", scrollable=False) as cursor,
        ):
            cursor.execute(sql.strip().rstrip(";"))
            columns = tuple(str(column.name) for column in cursor.description or ())
            wanted = limits.rows if max_rows is None else max_rows
            rows, truncated = fetch(cursor.fetchmany, wanted, limits.result_bytes)
        return QueryResult(rows, truncated, columns)

    def close(self) -> None:
        self._connection.close()

    def _check_role(self, url: URL) -> None:
        powerful, unbounded = self._connection.execute(_RIGHTS).fetchone()
        if powerful or unbounded:
            lack = "has rights that model-written SQL must not have" if powerful else "has no temp_file_limit"
            raise UserInputError(f"role {url.username!r} {lack}; make one by: {READER_ROLE}")

    def _configure(self, temporary: bool) -> None:
        milliseconds = int(self._limits.seconds * 1000)
        settings = {
            "statement_timeout": milliseconds,
            "lock_timeout": 500,
            # Where this process is killed, the backend notices within this time, not when it next writes.
            "client_connection_check_interval": 100,
            "work_mem": "8MB",
            "max_parallel_workers_per_gather": 0,
            "jit": "off",
            "standard_conforming_strings": "on",
            "TimeZone": "UTC",
        }
        if temporary:
            settings["search_path"] = "pg_temp"
        for name, value in settings.items():
            self._connection.execute("SELECT set_config(%s, %s, false)", (name, str(value)))

    def _read_tables(self) -> dict[str, list[str]]:
        return columns_by_table(self._connection.execute(_COLUMNS).fetchall())

    def _insert(self, rows: Rows) -> None:
        for name, table_rows in rows.items():
            with self._connection.cursor() as cursor:
                cursor.executemany(insertion(self.tables, name, hole="%s"), table_rows)

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        errors = self._psycopg.errors
        try:
            yield
        except (errors.QueryCanceled, errors.LockNotAvailable) as error:
            raise QueryTimeoutError("query takes too long") from error
        except (errors.ConfigurationLimitExceeded, errors.ProgramLimitExceeded, errors.OutOfMemory) as error:
            raise QueryLimitError(f"query takes too much memory: {short(error, 50)}") from error
        except self._psycopg.OperationalError as error:
            raise InfrastructureError(f"PostgreSQL went away: {short(error, 160)}") from error
        except (self._psycopg.Error, UnicodeError, ValueError, OverflowError) as error:
            raise QueryRefusedError(short(error)) from error
