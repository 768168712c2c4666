"""SQLite files that several processes and threads write to: one way to set one up, and to open it."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.pool import StaticPool

BUSY_SECONDS = 30
"""How long a connection waits for another one's lock."""


@contextmanager
def setting_up(path: Path | None) -> Iterator[None]:
    """Be the only process that sets up ``path``, which is made where it is missing and is in WAL mode from then on.

    In WAL mode a killed process loses nothing that was committed, and readers never wait for the writer. ``None``
    stands for a database in memory, which nobody else has.

    Raises:
        OSError: the lock file beside it cannot be made.
        sqlite3.Error: the file is not a database, or cannot be written to.
    """
    if path is None:
        yield
        return
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # The file keeps its mode. SQLite waits for nobody when it changes it, hence the lock.
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as plain:
            plain.execute("PRAGMA journal_mode = WAL")
        yield


def sqlite_engine(url: URL, in_memory: bool) -> sa.Engine:
    """An engine whose transactions take the write lock from their start where they have the option ``writes``.

    Args:
        url: its URL.
        in_memory: whether the database is in memory; its one connection is then shared by all threads.
    """
    options: dict[str, Any] = {"connect_args": {"timeout": BUSY_SECONDS, "check_same_thread": False}}
    if in_memory:
        options["poolclass"] = StaticPool
    engine = sa.create_engine(url, **options)

    @sa.event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        # The driver's own transaction handling would start transactions late and read-only.
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous = NORMAL")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A writer takes its lock at once: a reader that turns writer could not wait for another one.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
