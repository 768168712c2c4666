"""A world whose state is a database and whose tools are SQL statements.

``env_args`` holds:

* ``schema``: ``CREATE TABLE`` statements, one table each;
* ``rows``: rows by table name, each with one value per column;
* ``actions``: by tool name the one SQL statement that the tool runs, with ``:argument`` parameters. A statement that
  returns rows reads; any other writes;
* ``missing``: what a tool says that finds no record (default ``"no such record"``).

The statements are the task author's and the argument values the policy's: they are bound, never pasted in.
"""

from __future__ import annotations

import json
import math
import sqlite3
from typing import Any

from verl_agentic.core import BrokenTaskError
from verl_agentic.tool_envs.base import ToolError

MAX_ARGUMENT_CHARS = 1000
MAX_ROWS = 50
MAX_INSTRUCTIONS = 1_000_000

_STRIDE = 1000
# Neither ATTACH, which would reach the disk, nor PRAGMA, nor anything that alters the schema once it is built.
_RUN_ACTIONS = frozenset(
    {
        sqlite3.SQLITE_DELETE,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_INSERT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_RECURSIVE,
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_TRANSACTION,
        sqlite3.SQLITE_UPDATE,
    }
)
_BUILD_ACTIONS = _RUN_ACTIONS | {sqlite3.SQLITE_CREATE_INDEX, sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_REINDEX}
# sqlite3.Warning is what Python up to 3.11 raises for a second statement in one text.
_SQL_ERRORS = (sqlite3.Error, sqlite3.Warning, OverflowError, TypeError, ValueError)

Rows = list[dict[str, Any]]


class DatabaseWorld:
    """One in-memory SQLite database with tools. Opens in a fraction of a millisecond; close it."""

    def __init__(self, env_args: dict[str, Any], parameters: dict[str, list[str]]) -> None:
        """Build the database and check that every tool's statement fits it.

        Args:
            env_args: see the module's text.
            parameters: names of each tool's arguments, by tool name. Optional ones that a call leaves out are NULL.

        Raises:
            BrokenTaskError: ``env_args`` do not describe a world; the message names the field.
        """
        self._actions = _typed(env_args, "actions", dict)
        self._parameters = parameters
        self._missing = _typed(env_args, "missing", str, "no such record")
        self._budget = MAX_INSTRUCTIONS
        self._allowed = _BUILD_ACTIONS
        # Sessions are used by one caller at a time, though not always from the thread that opened them.
        self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        try:
            self._connection.set_authorizer(self._authorize)
            self._connection.set_progress_handler(self._spend, _STRIDE)
            self._build(_typed(env_args, "schema", list), _typed(env_args, "rows", dict))
            self._allowed = _RUN_ACTIONS
            self._check_actions()
        except BaseException:
            self._connection.close()
            raise

    def call(self, name: str, arguments: dict[str, Any]) -> str:
        """Run the statement of the tool called ``name``.

        Returns:
            the record as a JSON object (several records: a list of at most ``MAX_ROWS``), or ``ok`` after a write.

        Raises:
            ToolError: no such tool or record, a constraint of the schema, or a value no column can hold.
            BrokenTaskError: the statement fails whatever the arguments are.
        """
        if name not in self._actions:
            raise ToolError(f"unknown tool {name[:64]!r}")
        values = {key: _value(key, arguments.get(key)) for key in self._parameters[name]}
        self._budget = MAX_INSTRUCTIONS
        try:
            cursor = self._connection.execute(self._actions[name], values)
            records = _records(cursor, MAX_ROWS) if cursor.description else []
            found = len(records) if cursor.description else cursor.rowcount
        except sqlite3.IntegrityError as error:
            raise ToolError(f"not possible: {str(error)[:200]}") from error
        except (OverflowError, UnicodeEncodeError) as error:
            raise ToolError("a value is out of range") from error
        except _SQL_ERRORS as error:
            raise BrokenTaskError(f"env_args.actions[{name!r}] failed: {error}") from error
        if not found:
            raise ToolError(self._missing)
        if not records:
            return "ok"
        return json.dumps(records[0] if len(records) == 1 else records, ensure_ascii=False)

    def tables(self) -> dict[str, Rows]:
        """Every row of every table, in order of insertion."""
        self._budget = MAX_INSTRUCTIONS
        select = self._connection.execute
        return {table: _records(select(f"SELECT * FROM {_quote(table)} ORDER BY rowid")) for table in self._tables}

    def close(self) -> None:
        self._connection.close()

    def _build(self, schema: list[Any], rows: dict[str, Any]) -> None:
        try:
            self._connection.execute("BEGIN")
            for statement in schema:
                self._connection.execute(statement)
            names = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")
            self._tables = [str(row[0]) for row in names]
            for table, table_rows in rows.items():
                for row in table_rows:
                    holes = ", ".join("?" * len(row))
                    self._connection.execute(f"INSERT INTO {_quote(table)} VALUES ({holes})", row)
            self._connection.execute("COMMIT")
        except _SQL_ERRORS as error:
            raise BrokenTaskError(f"env_args.schema and env_args.rows do not make a database: {error}") from error

    def _check_actions(self) -> None:
        for name, statement in self._actions.items():
            if name not in self._parameters:
                raise BrokenTaskError(f"env_args.actions[{name!r}] has no tool of that name")
            try:
                self._connection.execute(f"EXPLAIN {statement}", dict.fromkeys(self._parameters[name]))
            except _SQL_ERRORS as error:
                raise BrokenTaskError(f"env_args.actions[{name!r}] does not fit the world: {error}") from error

    def _spend(self) -> int:
        self._budget -= _STRIDE
        return int(self._budget < 0)

    def _authorize(self, action: int, *_: str | None) -> int:
        return sqlite3.SQLITE_OK if action in self._allowed else sqlite3.SQLITE_DENY


def _records(cursor: sqlite3.Cursor, limit: int | None = None) -> Rows:
    names = [column[0] for column in cursor.description]
    rows = cursor.fetchall() if limit is None else cursor.fetchmany(limit)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _value(key: str, value: Any) -> str | int | float | None:
    if value is not None and not isinstance(value, str | int | float):
        raise ToolError(f"{key[:64]} must be a text or a number")
    if isinstance(value, str) and len(value) > MAX_ARGUMENT_CHARS:
        raise ToolError(f"{key[:64]} is longer than {MAX_ARGUMENT_CHARS} characters")
    if isinstance(value, float) and not math.isfinite(value):
        raise ToolError(f"{key[:64]} must be finite")
    return value


def _typed(env_args: dict[str, Any], key: str, expected: type, default: Any = None) -> Any:
    value = env_args.get(key, default)
    if not isinstance(value, expected):
        raise BrokenTaskError(f"env_args.{key} must be {expected.__name__}, got {type(value).__name__}")
    return value


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
