"""The initial state of a world, shared by its sessions: read by all, copied by those that write."""

from __future__ import annotations

import re
import sqlite3
import threading
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cachetools import LRUCache

from verl_agentic.core import BrokenTaskError, InfrastructureError
from verl_agentic.core.world_data import WorldData
from verl_agentic.databases.base import quote
from verl_agentic.databases.guard import CREATES, READS, SQL_ERRORS, WRITES, Bound, GuardedConnection, Rules

Row = dict[str, Any]

MAX_INSTRUCTIONS = 1_000_000
INSTRUCTIONS_PER_ROW = 100
MAX_VALUE_BYTES = 1_000_000
_MAX_TOOLSETS = 64

TABLE_FUNCTIONS = ("json_each", "json_tree")
"""Functions that stand for tables. SQLite makes each a table of its own when a connection first names it."""
_ROWID_NAMES = ("rowid", "_rowid_", "oid")
_VIRTUAL = re.compile(r"\s*create\s+virtual\b", re.IGNORECASE)
# Holds table and rowid of every row that a session wrote; filled by triggers, which sessions inherit by their copies.
_TOUCHED = "verl_agentic_touched"
# A world is a function of its task and its calls. The statements are its author's, so that they may call any function
# that is, too; nothing of them alters the schema once it is built.
_STATEMENTS = Rules(READS | WRITES, reserved=_TOUCHED)
OWN_STATEMENTS = Rules(READS | WRITES | {sqlite3.SQLITE_TRANSACTION})
_BUILD = Rules(OWN_STATEMENTS.actions | CREATES | {sqlite3.SQLITE_REINDEX})
_BOUNDS = {Bound.LENGTH: MAX_VALUE_BYTES, Bound.LIKE_PATTERN_LENGTH: 1000}
# Measured with tables of five columns; what a connection and its statements take comes on top.
_BYTES_PER_ROW, _BYTES_PER_TEMPLATE = 400, 150_000


@dataclass(frozen=True, slots=True)
class WorldTable:
    """One table and its initial rows.

    Attributes:
        columns: its columns, in order.
        rowid: the name by which SQLite knows the rowid here; it may be taken by a column.
        ids: rowids, ascending.
        rows: the rows, in the same order; sessions share them, so they are not to be changed.
    """

    name: str
    rowid: str
    columns: tuple[str, ...]
    ids: list[int]
    rows: list[Row]

    def place(self, rowid: int) -> int:
        """Position of a row, or where it would be inserted."""
        return bisect_left(self.ids, rowid)

    def row(self, rowid: int) -> Row | None:
        place = self.place(rowid)
        return self.rows[place] if place < len(self.ids) and self.ids[place] == rowid else None


class Template:
    """One database, built once. Sessions read it in turns, whatever thread they are on.

    Attributes:
        data: what a source gave for it, if one did.
        actions: what was read of tools, by content; cached by whoever reads.
        tables: its tables by name.
        json_columns: names, in lower case, of columns declared ``JSON``.
    """

    def __init__(
        self,
        schema: list[Any],
        rows: dict[str, Any],
        *,
        path: Path | None = None,
        data: WorldData | None = None,
        foreign_keys: bool = False,
    ) -> None:
        """Build the database, or read it from a file.

        Args:
            schema: ``CREATE TABLE`` statements, one table each.
            rows: rows by table name, each with one value per column.
            path: a SQLite file to read instead.
            data: whose schema and rows these are, where a source gave them.
            foreign_keys: whether foreign keys are enforced, here and in every copy.

        Raises:
            BrokenTaskError: these do not make a database.
            InfrastructureError: the file cannot be read.
        """
        self.lock = threading.Lock()
        self.data = data
        self.foreign_keys = foreign_keys
        self.actions: LRUCache[bytes, Any] = LRUCache(_MAX_TOOLSETS)
        self.json_columns: frozenset[str] = frozenset()
        self._followed: frozenset[str] = frozenset()
        self._functions: frozenset[str] = frozenset()
        self.reader = _connection()
        try:
            if path:
                self._read(path)
            else:
                self._build(schema, rows)
            self.tables = {table.name: table for table in self._tables()}
            if foreign_keys and (dangling := self.reader.execute("PRAGMA foreign_key_check").fetchone()):
                raise BrokenTaskError(f"env_args.rows: a row of {dangling[0]!r} refers to none of {dangling[2]!r}")
            pages, size = (self.reader.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
            self.reader.execute(f"CREATE TABLE {_TOUCHED} (tbl TEXT, id INTEGER)")
        except BrokenTaskError:
            self.reader.close()
            raise
        except SQL_ERRORS as error:
            self.reader.close()
            what = f"env_args.file: {path.name!r} does" if path else "env_args.schema and env_args.rows do"
            what = "env_args.source: the domain's schema and rows do" if data else what
            raise BrokenTaskError(f"{what} not make a database: {error}") from error
        except BaseException:
            self.reader.close()
            raise
        self._seal()
        self.row_count = sum(len(table.ids) for table in self.tables.values())
        self.budget = MAX_INSTRUCTIONS + INSTRUCTIONS_PER_ROW * self.row_count
        self.bytes = pages * size + self.row_count * _BYTES_PER_ROW + _BYTES_PER_TEMPLATE

    def follow(self, tables: frozenset[str]) -> None:
        """Have later copies note which rows of these tables they write; the caller holds the lock."""
        if not (new := tables - self._followed):
            return
        self.reader.allow_all()
        self.reader.execute("PRAGMA query_only = OFF")
        for name in sorted(new):
            for trigger in _triggers(self.tables[name]):
                self.reader.execute(trigger)
        self._followed |= new
        self._seal()

    def allow_functions(self, names: frozenset[str]) -> None:
        """Let statements here and in later copies use these of :data:`TABLE_FUNCTIONS`; the caller holds the lock."""
        if not (new := names - self._functions):
            return
        self.reader.allow_all()
        _make_known(self.reader, new)
        self._functions |= new
        self._seal()

    def copy(self) -> GuardedConnection:
        """A database of one's own, not guarded yet; the caller holds the lock."""
        own = _connection()
        try:
            self.reader.raw.backup(own.raw)
            _make_known(own, self._functions)
            own.execute("PRAGMA temp_store = MEMORY")
            # Without it, rows that INSERT OR REPLACE replaces vanish unnoticed.
            own.execute("PRAGMA recursive_triggers = ON")
            if self.foreign_keys:
                own.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            own.close()
            raise
        return own

    def _seal(self) -> None:
        # Statements of tools are checked on this connection and run on it as long as a session has not written.
        self.reader.execute("PRAGMA query_only = ON")
        self.reader.allow(_STATEMENTS)

    def touched(self, own: GuardedConnection) -> list[tuple[str, int]]:
        """Tables and rowids of the rows that were written in a copy, whether or not they differ now."""
        return own.execute(f"SELECT DISTINCT tbl, id FROM {_TOUCHED} ORDER BY tbl, id").fetchall()

    def _build(self, schema: list[Any], rows: dict[str, Any]) -> None:
        reader = self.reader
        reader.allow(_BUILD)
        reader.execute("BEGIN")
        for statement in schema:
            reader.execute(statement)
        for table, table_rows in rows.items():
            reader.refill(MAX_INSTRUCTIONS + INSTRUCTIONS_PER_ROW * len(table_rows))
            holes = ", ".join("?" * len(_columns(reader.raw, table)))
            reader.raw.executemany(f"INSERT INTO {quote(table)} VALUES ({holes})", table_rows)
        reader.execute("COMMIT")
        reader.allow_all()

    def _read(self, path: Path) -> None:
        try:
            source = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
            try:
                source.backup(self.reader.raw)
            finally:
                source.close()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise InfrastructureError(f"world file {path} cannot be read: {error}") from error
            raise
        self.reader.execute("PRAGMA trusted_schema = OFF")

    def _tables(self) -> list[WorldTable]:
        execute = self.reader.execute
        found = []
        for name, ddl in execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY rowid").fetchall():
            if name.lower().startswith("sqlite_"):
                continue
            columns = _columns(self.reader.raw, name)
            taken = {column.lower() for column in columns}
            rowid = next((alias for alias in _ROWID_NAMES if alias not in taken), None)
            if _VIRTUAL.match(ddl) or not rowid or not _has(self.reader.raw, name, rowid):
                raise BrokenTaskError(f"table {name!r} of the world has no rowid, by which rows are told apart")
            if "json" in ddl.lower():
                declared = execute(f"PRAGMA table_info({quote(name)})").fetchall()
                self.json_columns |= {column[1].lower() for column in declared if column[2].upper() == "JSON"}
            (count,) = execute(f"SELECT count(*) FROM {quote(name)}").fetchone()
            self.reader.refill(MAX_INSTRUCTIONS + INSTRUCTIONS_PER_ROW * count)
            rows = execute(f"SELECT {rowid}, * FROM {quote(name)} ORDER BY {rowid}").fetchall()
            records = [record(columns, row[1:]) for row in rows]
            found.append(WorldTable(name, rowid, tuple(columns), [row[0] for row in rows], records))
        return found


def _connection() -> GuardedConnection:
    return GuardedConnection(_BOUNDS, instructions=MAX_INSTRUCTIONS)


def _make_known(connection: GuardedConnection, functions: frozenset[str]) -> None:
    # Under a guard this would be refused, since it makes a table.
    for name in functions:
        connection.execute(f"SELECT 1 FROM {name}('[]')").close()


def record(columns: list[str], values: tuple[Any, ...]) -> Row:
    """A row as JSON data; bytes are written in hexadecimal."""
    return {
        column: value.hex() if isinstance(value, bytes) else value
        for column, value in zip(columns, values, strict=True)
    }


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [column[0] for column in connection.execute(f"SELECT * FROM {quote(table)} LIMIT 0").description]


def _has(connection: sqlite3.Connection, table: str, column: str) -> bool:
    try:
        connection.execute(f"SELECT {column} FROM {quote(table)} LIMIT 0")
    except sqlite3.OperationalError:
        return False
    return True


def _triggers(table: WorldTable) -> list[str]:
    name, text = quote(table.name), "'" + table.name.replace("'", "''") + "'"
    rows = {"INSERT": ("new",), "DELETE": ("old",), "UPDATE": ("old", "new")}
    return [
        f"CREATE TRIGGER {quote(f'{_TOUCHED} {event} {table.name}')} AFTER {event} ON {name} BEGIN "
        f"INSERT INTO {_TOUCHED} VALUES {', '.join(f'({text}, {row}.{table.rowid})' for row in which)}; END"
        for event, which in rows.items()
    ]
