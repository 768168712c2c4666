"""Open the guarded database that a URL names or a file holds; SQLite's run here or apart, as a query asks for.

Nothing acts while SQLite prepares a statement before its version 3.41, and preparing copies common table expressions
and flattens subqueries to exponential size. So a text that is long or might grow much, and any query on a database
file, runs in a worker process (:mod:`verl_agentic.databases.worker`) that is killed when it takes too long or too much
memory. All others run here (:mod:`verl_agentic.databases.sqlite`), much faster.
"""

from __future__ import annotations

import functools
import math
import re
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from verl_agentic.core import BrokenTaskError, InfrastructureError
from verl_agentic.databases.base import LARGE, SMALL, Closing, Database, Limits, QueryResult, Rows, Schema
from verl_agentic.databases.expansion import mentions
from verl_agentic.databases.sqlite import SqliteDatabase
from verl_agentic.databases.worker import WorkerDatabase

DIALECTS = ("sqlite", "postgresql", "duckdb")

_MAX_EXPANSION = 20_000
# What preparing a text of this length may take at worst was tried out; longer ones run where they can be killed.
_MAX_CHARS_HERE = 1000
_SELECT = re.compile(r"\bselect\b", re.IGNORECASE)
# These collect what has no limit until it is a value.
_COLLECTING = re.compile("json_group_", re.IGNORECASE)


def open_database(
    url: str | URL = "sqlite://",
    schema: Schema | None = None,
    rows: Rows | None = None,
    limits: Limits | None = None,
    *,
    key: str = "url",
    backwards: bool = False,
) -> Database:
    """A database built in memory (PostgreSQL: in the session's temporary schema), or the one that is there.

    Args:
        url: SQLAlchemy URL; where ``schema`` is given, only its engine and server count.
        schema: ``CREATE TABLE`` statements; ``None`` reads the database that ``url`` names.
        rows: rows by table name.
        limits: what a query may take; by default :data:`SMALL` with a ``schema``, else :data:`LARGE`.
        key: what the user calls the URL, for messages.
        backwards: whether a built SQLite database scans its tables from their last row where a query asks for no
            order, so that rows which happen to lie in order do not come in it.

    Raises:
        BrokenTaskError: the database cannot be built, or the URL names none.
        InfrastructureError: it cannot be reached.
        UserInputError: a driver is missing, or PostgreSQL's role has rights that model-written SQL must not have.
    """
    parsed = _parse(url)
    limits = limits or (LARGE if schema is None else SMALL)
    if parsed.get_backend_name() != "sqlite":
        database = WorkerDatabase(url, schema, rows, limits, key)
        _ = database.tables  # build it now, so that what is wrong with it is known here
        return database
    if schema is not None:
        return GuardedDatabase(schema, rows, limits=limits, backwards=backwards)
    if not parsed.database or parsed.database == ":memory:":
        raise BrokenTaskError(f"{url!r} names no database file, and there is no schema to build one from")
    return GuardedDatabase(path=parsed.database, limits=limits)


def open_file(path: Path, limits: Limits | None = None, *, key: str = "file") -> Database:
    """The database in a file, whose first bytes tell its engine.

    Args:
        path: the file, which is only read.
        limits: what a query may take, :data:`LARGE` by default.
        key: what the user calls the file, for messages.

    Raises:
        BrokenTaskError: it is neither a SQLite nor a DuckDB database.
        InfrastructureError: it cannot be read.
        UserInputError: DuckDB is not installed.
    """
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise InfrastructureError(f"database {path} cannot be read: {error}") from error
    if head != b"SQLite format 3\0" and head[8:12] != b"DUCK":
        raise BrokenTaskError(f"{key}={path.name!r} is neither a SQLite nor a DuckDB database")
    engine = "duckdb" if head[8:12] == b"DUCK" else "sqlite"
    return open_database(URL.create(engine, database=str(path)), limits=limits, key=key)


@functools.lru_cache(maxsize=256)
def dialect_of(url: str) -> str:
    """``sqlite``, ``postgresql`` or ``duckdb``.

    Raises:
        BrokenTaskError: it is not the URL of one of these.
    """
    return _parse(url).get_backend_name()


def _parse(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError, TypeError) as error:
        raise BrokenTaskError(f"{url!r} is not a database URL") from error
    if parsed.get_backend_name() not in DIALECTS:
        raise BrokenTaskError(f"database {parsed.get_backend_name()!r} is not one of {', '.join(DIALECTS)}")
    return parsed


class GuardedDatabase(Closing):
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
        """Build the database; arguments and errors as those of ``SqliteDatabase``."""
        self._here = SqliteDatabase(schema, rows, path=path, limits=limits, backwards=backwards)
        url = URL.create("sqlite", database=str(Path(path).resolve()) if path else None)
        built, held = (None, None) if path else (schema, rows)
        self._apart = WorkerDatabase(url, built, held, self._here.limits, backwards=backwards)
        self._always_apart = bool(path)

    @property
    def tables(self) -> dict[str, list[str]]:
        """Names of the columns by table."""
        return self._here.tables

    def query(self, sql: str, max_rows: int | None = None) -> QueryResult:
        """Run one read-only statement; see :meth:`verl_agentic.databases.Database.query`."""
        self._here.check(sql)
        where = self._apart if self._always_apart or _may_grow(sql) else self._here
        return where.query(sql, max_rows)

    def close(self) -> None:
        """Close it, after a query that may be under way."""
        self._here.close()


def _may_grow(sql: str) -> bool:
    """Whether a text may take much more than reading it; one that is long or is read in two ways may."""
    if len(sql) > _MAX_CHARS_HERE or _COLLECTING.search(sql):
        return True
    if len(_SELECT.findall(sql)) < 2:
        return False
    if not sql.isascii() or "`" in sql or "[" in sql:
        return True
    # Columns and tables both multiply.
    return math.prod((count + 1) ** 2 for count in mentions(sql)) > _MAX_EXPANSION
