"""Databases in processes that can be killed: what their own limits do not bound, the pool does."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import signal
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from cachetools import LRUCache
from sqlalchemy.engine import URL, make_url

from verl_agentic.core import BrokenTaskError, InfrastructureError, UserInputError
from verl_agentic.databases.base import (
    Closing,
    Database,
    Limits,
    QueryLimitError,
    QueryRefusedError,
    QueryResult,
    QueryTimeoutError,
    Rows,
    Schema,
)
from verl_agentic.databases.sqlite import SqliteDatabase
from verl_agentic.isolation.pool import (
    WorkerCrashedError,
    WorkerError,
    WorkerMemoryError,
    WorkerPool,
    WorkerTimeoutError,
)

GRACE_SECONDS = 0.2
"""How long after its limit an engine may still take to stop a query itself."""

BUILD_SECONDS = 20.0

# Queries of each kind that run at once; all others wait, and the slow ones of a few sessions must not stop the rest.
WORKERS = max(2, min(8, (os.cpu_count() or 2) // 2))

_KEPT = 8
# Address space in MB. Little where little is needed: a process that has filled much takes long to end. DuckDB reserves
# far more than it uses, and keeps to ``Limits.memory_mb`` itself.
_POOLS = {
    kind: WorkerPool(f"{__name__}:serve", size=WORKERS, memory_bytes=megabytes << 20)
    for kind, megabytes in (("sqlite", 200), ("sqlite file", 1024), ("postgresql", 640), ("duckdb", 4096))
}
_ERRORS: dict[str, type[Exception]] = {
    error.__name__: error
    for error in (
        QueryRefusedError,
        QueryLimitError,
        QueryTimeoutError,
        BrokenTaskError,
        InfrastructureError,
        UserInputError,
    )
}


class WorkerDatabase(Closing):
    """A database that lives in the workers of a pool, each of which builds it when it first needs it."""

    def __init__(
        self,
        url: str | URL,
        schema: Schema | None,
        rows: Rows | None,
        limits: Limits,
        key: str = "url",
        *,
        backwards: bool = False,
    ) -> None:
        """Describe the database; the first question builds it.

        Args:
            url: its SQLAlchemy URL.
            schema: ``CREATE TABLE`` statements, ``None`` for a database that exists.
            rows: rows by table name.
            limits: what a query may take.
            key: what the user calls the URL, for messages.
            backwards: see :func:`verl_agentic.databases.open_database`.
        """
        parsed = make_url(url)
        self._named = key
        self._spec = {
            # In parts: a path that holds a question mark does not survive being rendered.
            "url": [parsed.drivername, parsed.username, parsed.password, parsed.host, parsed.port, parsed.database],
            "query": {name: value for name, value in parsed.query.items()},
            "schema": None if schema is None else list(schema),
            "rows": None if rows is None else {name: [list(row) for row in table] for name, table in rows.items()},
            "limits": dataclasses.asdict(limits),
            "backwards": backwards,
        }
        self._limits = limits
        backend = parsed.get_backend_name()
        self._pool = _POOLS["sqlite file" if backend == "sqlite" and parsed.database else backend]
        self._key = ""
        self._tables: dict[str, list[str]] | None = None

    @property
    def tables(self) -> dict[str, list[str]]:
        """Names of the columns by table."""
        if self._tables is None:
            self._tables = self._ask({"op": "tables"}, BUILD_SECONDS)["tables"]
        return self._tables

    def query(self, sql: str, max_rows: int | None = None) -> QueryResult:
        """See :meth:`verl_agentic.databases.Database.query`."""
        self._limits.check_length(sql)
        request = {"op": "query", "sql": sql, "max_rows": max_rows}
        reply = self._ask(request, self._limits.seconds + GRACE_SECONDS)
        rows = [tuple(_decoded(cell) for cell in row) for row in reply["rows"]]
        return QueryResult(rows, reply["truncated"], tuple(reply["columns"]))

    def close(self) -> None:
        """Nothing to do: a worker forgets the databases that it used longest ago."""

    def _ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        self._key = self._key or hashlib.sha256(json.dumps(self._spec, default=str).encode()).hexdigest()
        request = {**request, "key": self._key, "seconds": seconds}
        started = time.monotonic()
        try:
            reply: dict[str, Any] = self._pool.run(request, seconds)
            if reply.get("unknown"):
                started = time.monotonic()
                # The worker stops itself after ``seconds`` of the query; building has its own time.
                reply = self._pool.run({**request, "spec": self._spec}, BUILD_SECONDS + seconds)
        except WorkerTimeoutError as error:
            raise QueryTimeoutError("query takes too long") from error
        except WorkerMemoryError as error:
            raise QueryLimitError("query takes too much memory") from error
        except WorkerCrashedError as error:
            if time.monotonic() - started >= seconds:
                raise QueryTimeoutError("query takes too long") from error
            raise QueryTimeoutError("query ended its process") from error
        except WorkerError as error:
            # A result too long for the pool, or text that is not text.
            raise QueryRefusedError(f"query fails: {error}"[:80]) from error
        except (TypeError, ValueError) as error:
            raise BrokenTaskError(f"database cannot be built: {error}") from error
        if "error" in reply:
            kind, message = _ERRORS[reply["error"]], reply["message"]
            raise kind(f"{self._named}: {message}" if kind is UserInputError else message)
        return reply


class _Open(LRUCache[str, Database]):
    """Databases by what describes them; what makes room for another one is closed."""

    def popitem(self) -> tuple[str, Database]:
        key, database = super().popitem()
        database.close()
        return key, database


_open = _Open(_KEPT)


def serve(request: dict[str, Any]) -> dict[str, Any]:
    """The worker's side of :class:`WorkerDatabase`."""
    key = request["key"]
    try:
        database = _open.get(key)
        if database is None:
            if "spec" not in request:
                return {"unknown": True}
            database = _open[key] = _build(**request["spec"])
        if request["op"] == "tables":
            return {"tables": database.tables}
        # Ends this process where neither the engine nor Python gets to look at a clock.
        signal.setitimer(signal.ITIMER_REAL, request["seconds"])
        try:
            result = database.query(request["sql"], request["max_rows"])
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except MemoryError:
        return {"error": "QueryLimitError", "message": "query takes too much memory"}
    except tuple(_ERRORS.values()) as error:
        if isinstance(error, InfrastructureError):
            _open.pop(key, None)  # its connection may be lost
        return {"error": type(error).__name__, "message": str(error)}
    rows = [[_encoded(cell) for cell in row] for row in result.rows]
    return {"rows": rows, "truncated": result.truncated, "columns": result.columns}


def _build(
    url: list[Any],
    query: dict[str, Any],
    schema: list[str] | None,
    rows: Rows | None,
    limits: dict[str, Any],
    backwards: bool,
) -> Database:
    drivername, username, password, host, port, database = url
    parsed = URL.create(drivername, username, password, host, port, database, query)
    bounds = Limits(**limits)
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        from verl_agentic.databases.postgres import PostgresDatabase

        return PostgresDatabase(parsed, schema, rows, bounds)
    path = Path(parsed.database) if parsed.database and schema is None else None
    if backend == "duckdb":
        from verl_agentic.databases.duckdb import DuckDbDatabase

        return DuckDbDatabase(schema or (), rows, path=path, limits=bounds)
    return SqliteDatabase(schema or (), rows, path=path, limits=bounds, backwards=backwards)


def _encoded(cell: Any) -> Any:
    """A cell as JSON can carry it: plain values as they are, all others tagged, dates and the like as ISO text."""
    if cell is None or isinstance(cell, str | int | float):
        return cell
    if isinstance(cell, Decimal):
        if not cell.is_finite():
            return math.nan
        # numeric(…, 2) gives 3.00; a whole number compares as one. Huge ones stay floats.
        return int(cell) if cell == cell.to_integral_value() and abs(cell) < 2**63 else float(cell)
    if isinstance(cell, bytes | bytearray | memoryview):
        return {"bytes": bytes(cell).hex()}
    if isinstance(cell, list | tuple | set):
        return {"list": [_encoded(item) for item in cell]}
    if isinstance(cell, dict):
        return {"list": [[str(key), _encoded(value)] for key, value in sorted(cell.items(), key=str)]}
    return cell.isoformat() if hasattr(cell, "isoformat") else str(cell)


def _decoded(cell: Any) -> Any:
    if isinstance(cell, dict):
        return bytes.fromhex(cell["bytes"]) if "bytes" in cell else tuple(_decoded(item) for item in cell["list"])
    return tuple(_decoded(item) for item in cell) if isinstance(cell, list) else cell
