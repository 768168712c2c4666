"""Open the guarded database that a URL names."""

from __future__ import annotations

import functools

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from verl_agentic.core import BrokenTaskError
from verl_agentic.databases.base import LARGE, SMALL, Database, Limits, Rows, Schema
from verl_agentic.databases.guarded_sqlite import GuardedDatabase
from verl_agentic.databases.worker import WorkerDatabase

DIALECTS = ("sqlite", "postgresql", "duckdb")


def open_database(
    url: str = "sqlite://",
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


@functools.lru_cache(maxsize=256)
def dialect_of(url: str) -> str:
    """``sqlite``, ``postgresql`` or ``duckdb``.

    Raises:
        BrokenTaskError: it is not the URL of one of these.
    """
    return _parse(url).get_backend_name()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError, TypeError) as error:
        raise BrokenTaskError(f"{url!r} is not a database URL") from error
    if parsed.get_backend_name() not in DIALECTS:
        raise BrokenTaskError(f"database {parsed.get_backend_name()!r} is not one of {', '.join(DIALECTS)}")
    return parsed
