"""Open the database and say in one sentence what is wrong with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from verl_agentic.core import InfrastructureError, UserInputError
from verl_agentic.core.files.sqlite_file import BUSY_SECONDS, sqlite_engine

STORE_FILE = "store.db"


def store_url(run_dir: Path | str) -> str:
    """URL of the SQLite store in a run's folder."""
    return f"sqlite:///{Path(run_dir) / STORE_FILE}"


def open_engine(url: str, create: bool) -> sa.Engine:
    """An engine for ``url``; SQLite in WAL mode, so that readers never wait for the writer.

    Raises:
        UserInputError: the URL is malformed, lacks its driver, or names a file that cannot be.
    """
    try:
        parsed = make_url(url)
        dialect = parsed.get_dialect().name
    except (ArgumentError, NoSuchModuleError) as error:
        raise UserInputError(
            f"store.url {url!r} is not a database URL; write e.g. sqlite:///runs/a/store.db"
        ) from error
    try:
        if dialect == "sqlite":
            in_memory = _in_memory(parsed)
            if not in_memory:
                _check_file(parsed, create)
            return sqlite_engine(parsed, in_memory)
        # A server may be restarted between two transactions.
        return sa.create_engine(parsed, pool_pre_ping=True)
    except (ImportError, SQLAlchemyError) as error:
        raise UserInputError(f"store.url {shown(parsed)} cannot be used: {error}; install its driver") from error


def shown(url: URL) -> str:
    """The URL without its password."""
    return url.render_as_string(hide_password=True)


def sqlite_path(url: URL) -> Path | None:
    """The file of a SQLite store, ``None`` for one in memory and for any other database."""
    if url.get_backend_name() != "sqlite" or _in_memory(url):
        return None
    return Path((url.database or "").removeprefix("file:"))


def _in_memory(url: URL) -> bool:
    return url.database in (None, "", ":memory:") or url.query.get("mode") == "memory"


def _check_file(url: URL, create: bool) -> None:
    if (url.database or "").startswith("file:"):
        return  # SQLite's own URI form, which it checks itself
    path = Path(url.database or "")
    if path.is_dir():
        raise UserInputError(f"store.url {shown(url)} names a folder; name a file in it, e.g. {path / STORE_FILE}")
    if not path.parent.is_dir():
        raise UserInputError(f"store.url {shown(url)}: folder {path.parent} does not exist; create it")
    if not create and not path.exists():
        raise UserInputError(f"store.url {shown(url)}: there is no store at {path}")


@contextmanager
def clear_errors(url: URL) -> Iterator[None]:
    """Turn database errors into ours.

    Raises:
        UserInputError: the file is read-only, not a database or cannot be opened.
        InfrastructureError: the disk is full, the database is locked or went away.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        cause = str(error.orig) if isinstance(error, DBAPIError) else str(error)
        where = f"store {shown(url)}"
        text = cause.lower()
        if "readonly" in text or "read-only" in text:
            raise UserInputError(f"{where} is read-only; make the file and its folder writable") from error
        if "not a database" in text or "malformed" in text:
            raise UserInputError(f"{where} is not a database or is damaged; name another file in store.url") from error
        if "unable to open" in text:
            raise UserInputError(f"{where} cannot be opened; check the path and its permissions") from error
        if "disk is full" in text or "no space" in text:
            raise InfrastructureError(f"{where}: the disk is full; free some space and resume") from error
        if "disk i/o error" in text:
            raise InfrastructureError(
                f"{where} cannot be written to or read ({cause}); see to its disk and quota, then resume"
            ) from error
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            reason = cause.splitlines()[0][:300] if cause else "connection lost"
            raise InfrastructureError(f"{where} went away ({reason}); resume when it is back") from error
        if "locked" in text:
            raise InfrastructureError(f"{where}: another process has held it for {BUSY_SECONDS} s") from error
        raise InfrastructureError(f"{where} failed: {cause.splitlines()[0][:300] if cause else error!r}") from error
