"""SQLite for SQL that a model wrote, of any length and kind.

Nothing acts while SQLite prepares a statement before its version 3.41, and preparing copies common table expressions
and flattens subqueries to exponential size. So a text that is long or might grow much, and any query on a database
file, runs in a worker process (:mod:`verl_agentic.databases.worker`) that is killed when it takes too long or too much
memory. All others run here (:mod:`verl_agentic.databases.sqlite`), much faster.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from sqlalchemy.engine import URL

from verl_agentic.databases.base import Closing, Limits, QueryResult, Rows, Schema
from verl_agentic.databases.expansion import mentions
from verl_agentic.databases.sqlite import SqliteDatabase
from verl_agentic.databases.worker import WorkerDatabase

_MAX_EXPANSION = 20_000
# What preparing a text of this length may take at worst was tried out; longer ones run where they can be killed.
_MAX_CHARS_HERE = 1000
_SELECT = re.compile(r"\bselect\b", re.IGNORECASE)
# These collect what has no limit until it is a value.
_COLLECTING = re.compile("json_group_", re.IGNORECASE)


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
