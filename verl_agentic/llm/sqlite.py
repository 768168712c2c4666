"""SQLite files that several processes and threads write to at once."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from verl_agentic.core import UserInputError
from verl_agentic.core.files.sqlite_file import setting_up, sqlite_engine


class SharedFile:
    """A SQLite database in WAL mode: a killed process loses nothing that was committed.

    Args:
        path: the file, made with its folder where it is missing; ``None`` for a database in memory.
        metadata: tables to create.
        key: configuration key that named the file, for error messages.

    Raises:
        UserInputError: the file cannot be made or is not a database.
    """

    def __init__(self, path: Path | None, metadata: sa.MetaData, key: str) -> None:
        # The connection of a database in memory is shared by all threads, so they take turns.
        self._turn = threading.Lock() if path is None else None
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            url = sa.URL.create("sqlite", database=str(path) if path else None)
            self._engine = sqlite_engine(url, in_memory=path is None)
            with setting_up(path), self.write() as connection:
                metadata.create_all(connection)
        except (OSError, SQLAlchemyError, sqlite3.Error) as error:
            cause = str(getattr(error, "orig", None) or error)
            raise UserInputError(f"{key}: {path} cannot be used ({cause}); name another file") from error

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that holds the write lock from its start, and commits at its end."""
        with self._in_turn(), self._engine.execution_options(writes=True).begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that reads."""
        with self._in_turn(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if self._turn is None:
            yield
        else:
            with self._turn:
                yield
