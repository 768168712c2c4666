"""What every guarded database has in common: limits, results, refusals."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, TypeVar

from verl_agentic.core import BrokenTaskError

Schema = Sequence[str]
Rows = Mapping[str, Sequence[Sequence[Any]]]

C = TypeVar("C", bound="Closing")

_CHUNK = 100


class QueryRefusedError(Exception):
    """A query that is not allowed, not valid or not affordable; the message is short and fit for the policy."""


class QueryLimitError(QueryRefusedError):
    """A query that exceeds a limit by its own size or nesting, or by its result's; on any machine, at any time."""


class QueryTimeoutError(QueryRefusedError):
    """A query that a clock stopped, or that ended with its process; without the cause it might have had a result."""


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Rows of one query.

    Attributes:
        rows: at most as many rows as were asked for, in the query's order.
        truncated: whether there were more.
        columns: names of the columns, as the engine tells them.
    """

    rows: list[tuple[Any, ...]]
    truncated: bool
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may take.

    Attributes:
        seconds: wall clock.
        rows: rows fetched.
        result_bytes: text and bytes fetched, in all.
        sql_chars: length of the query.
        value_bytes: size of any one value, also of intermediate ones (SQLite).
        instructions: virtual-machine instructions (SQLite), the same on every machine.
        memory_mb: buffers of the engine (DuckDB; ``work_mem`` of PostgreSQL is a fixed 8 MB).
    """

    seconds: float = 2.0
    rows: int = 1000
    result_bytes: int = 4_000_000
    sql_chars: int = 10_000
    value_bytes: int = 2000
    instructions: int = 200_000
    memory_mb: int = 256

    def check_length(self, sql: str) -> None:
        """Refuse a text that is too long to look at.

        Raises:
            QueryLimitError: it has more than ``sql_chars`` characters.
        """
        if len(sql) > self.sql_chars:
            raise QueryLimitError(f"query is longer than {self.sql_chars} characters")


SMALL = Limits()
"""For databases built from a few rows."""

LARGE = Limits(
    seconds=30.0,
    rows=20_000,
    value_bytes=1_000_000,
    instructions=500_000_000,
)
"""For databases that exist already, which may be large."""


class Database(Protocol):
    """A database on which model-written SQL may run."""

    @property
    def tables(self) -> dict[str, list[str]]:
        """Names of the columns by table."""

    def query(self, sql: str, max_rows: int | None = None) -> QueryResult:
        """Run one read-only statement; at most ``max_rows`` rows, by default as many as the limits allow.

        Raises:
            QueryTimeoutError: the clock ran out.
            QueryLimitError: it is too long, nested too deeply, or takes too much memory.
            QueryRefusedError: refused by the guard or by the engine.
            InfrastructureError: the database cannot be reached.
        """

    def close(self) -> None: ...

    def __enter__(self) -> Database: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Closing(ABC):
    """What is closed at the end of a ``with``."""

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self: C) -> C:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def columns_by_table(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Names of the columns by table, from pairs of both in order."""
    found: dict[str, list[str]] = {}
    for table, column in pairs:
        found.setdefault(table, []).append(column)
    return found


def insertion(tables: Mapping[str, Sequence[str]], name: str, hole: str = "?") -> str:
    """The statement that inserts a row of values into a table.

    Raises:
        BrokenTaskError: there is no such table.
    """
    if name not in tables:
        raise BrokenTaskError(f"rows are given for table {name!r}, which the schema does not create")
    return f"INSERT INTO {quote(name)} VALUES ({', '.join([hole] * len(tables[name]))})"


def fetch(
    fetchmany: Callable[[int], Sequence[Sequence[Any]]], max_rows: int, max_bytes: int
) -> tuple[list[tuple[Any, ...]], bool]:
    """Fetch at most ``max_rows`` rows in chunks, and whether there are more.

    Raises:
        QueryLimitError: the values are larger than ``max_bytes`` in all.
    """
    rows: list[tuple[Any, ...]] = []
    size = 0
    while len(rows) <= max_rows:
        chunk = fetchmany(min(_CHUNK, max_rows + 1 - len(rows)))
        if not chunk:
            return rows, False
        for row in chunk:
            size += sum(len(value) if isinstance(value, str | bytes) else 8 for value in row)
            rows.append(tuple(row))
        if size > max_bytes:
            raise QueryLimitError("result is too big")
    return rows[:max_rows], True


def short(error: BaseException, limit: int = 80) -> str:
    """First line of an error's text, cut to fit a reason."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    return text if len(text) <= limit else text[: limit - 3] + "..."


def quote(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'
