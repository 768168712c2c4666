"""A world whose state is a database and whose tools are SQL statements.

``env_args`` holds:

* ``schema``: ``CREATE TABLE`` statements, one table each, and ``rows``: rows by table name, each with one value per
  column; or ``file``: a SQLite file below the configured folder, for large worlds;
* ``actions``: by tool name what the tool runs, with ``:argument`` parameters: one SQL statement or a list of them, of
  which all take effect or none. The first says whether there is such a record; the rows of the last one that returns
  any (``SELECT``, ``RETURNING``) are the reply;
* ``preconditions``: by tool name ``[{"sql": ..., "message": ...}]``: the tool refuses with the message unless the
  query's first value is there, and neither NULL, 0 nor empty;
* ``missing``: what a tool says that finds no record (default ``"no such record"``);
* ``now``: the time, for statements with the parameter ``:now``;
* ``seed``: an integer; fixes the ids that statements get by the parameter ``:new_id`` (eight letters and digits, one
  for all statements of a call, the same for the n-th such call of every session);
* ``foreign_keys``: whether they are enforced (default false).

The statements are the task author's and the argument values the policy's: they are bound, never pasted in.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import math
import sqlite3
import threading
from collections.abc import Iterator
from typing import Any

from verl_agentic.core import BrokenTaskError
from verl_agentic.databases.base import quote
from verl_agentic.databases.guard import SQL_ERRORS, GuardedConnection
from verl_agentic.isolation.shared_cache import content_key
from verl_agentic.tool_envs.base import ToolError
from verl_agentic.tool_envs.world.actions import NEW_ID, NOW, Action, read_actions
from verl_agentic.tool_envs.world.source import find_template, typed
from verl_agentic.tool_envs.world.template import OWN_STATEMENTS, Row, record

MAX_ARGUMENT_CHARS = 1000
MAX_ROWS = 50
# What SQLite says of values that are within our bounds, yet grow beyond its own.
_TOO_BIG = ("too big", "too complex")

Rows = list[Row]


class DatabaseWorld:
    """One session. It reads the world's template, and its own copy from when it first writes; close it."""

    def __init__(self, env_args: dict[str, Any], parameters: dict[str, list[str]], root: str | None = None) -> None:
        """Find or build the template, and check that every tool's statements fit it.

        Args:
            env_args: see the module's text.
            parameters: names of each tool's arguments, by tool name. Optional ones that a call leaves out are NULL.
            root: the folder that ``env_args.file`` is relative to.

        Raises:
            BrokenTaskError: ``env_args`` do not describe a world; the message names the field.
            InfrastructureError: the file cannot be read.
            UserInputError: there is a file, but no folder.
        """
        actions, preconditions = typed(env_args, "actions", dict), typed(env_args, "preconditions", dict, {})
        now, seed = typed(env_args, "now", str, ""), typed(env_args, "seed", int, 0)
        self._missing = typed(env_args, "missing", str, "no such record")
        self._seed = seed
        self._ids = 0
        self._given = {NOW: now} if now else {}
        self._template = find_template(env_args, root)
        self._own: GuardedConnection | None = None
        self._lock = threading.Lock()
        key = content_key([actions, preconditions, parameters, bool(now)])
        with self._template.lock:
            toolsets = self._template.actions
            if key not in toolsets:
                toolsets[key] = read_actions(self._template, actions, preconditions, parameters, bool(now))
            self._actions: dict[str, Action] = toolsets[key]

    @property
    def row_count(self) -> int:
        """Rows of all tables when the world was opened: what a call may take goes by it."""
        return self._template.row_count

    def call(self, name: str, arguments: dict[str, Any]) -> str:
        """Run the statements of the tool called ``name``.

        Returns:
            the record as a JSON object (several records: a list of at most ``MAX_ROWS``), or ``ok`` without any.

        Raises:
            ToolError: no such tool or record, a precondition or a constraint of the schema that is not met, or a value
                no column can hold. Nothing has changed then.
            BrokenTaskError: a statement fails whatever the arguments are.
        """
        if name not in self._actions:
            raise ToolError(f"unknown tool {name[:64]!r}")
        action = self._actions[name]
        values = {key: _value(key, arguments.get(key)) for key in action.parameters}
        values |= {**self._given, NEW_ID: self._new_id() if action.makes_id else None}
        with self._connection() as connection, _clear_errors(name):
            self._check(connection, action, values)
            if not action.written:
                return self._run(connection, action, values)
        return self._write(name, action, values)

    def state(self) -> dict[str, Any]:
        """``tables``: every row of every table, in order of insertion; ``changes``: how they differ from the first.

        A change is ``{"table", "op", "before", "after"}`` with ``op`` one of ``insert``, ``update`` and ``delete``,
        ordered by table and place. Rows that did not change are shared with other sessions; do not alter them.
        """
        tables = {name: list(table.rows) for name, table in self._template.tables.items()}
        changes: list[dict[str, Any]] = []
        # Backwards, so that positions in the initial rows hold in what has not been passed.
        for name, rowid, before, after in reversed(self._differences()):
            place = self._template.tables[name].place(rowid)
            tables[name][place : place + (before is not None)] = [] if after is None else [after]
            op = "delete" if after is None else "insert" if before is None else "update"
            changes.append({"table": name, "op": op, "before": before, "after": after})
        return {"tables": tables, "changes": changes[::-1]}

    def tables(self) -> dict[str, Rows]:
        """Every row of every table, in order of insertion."""
        tables: dict[str, Rows] = self.state()["tables"]
        return tables

    def close(self) -> None:
        """Close it, after a call that may still be under way in a thread that was given up."""
        if self._own is not None:
            with self._lock:
                self._own.close()

    @contextlib.contextmanager
    def _connection(self) -> Iterator[GuardedConnection]:
        """Where the session's state is now."""
        if self._own is not None:
            with self._lock:
                self._own.refill(self._template.budget)
                yield self._own
            return
        with self._template.lock:
            self._template.reader.refill(self._template.budget)
            yield self._template.reader

    def _write(self, name: str, action: Action, values: dict[str, Any]) -> str:
        if self._own is None:
            with self._template.lock:
                self._own = self._template.copy()
            self._own.allow(OWN_STATEMENTS)
        with self._connection() as own, _clear_errors(name):
            own.execute("BEGIN")
            try:
                reply = self._run(own, action, values)
                own.execute("COMMIT")
            except BaseException:
                if own.raw.in_transaction:
                    own.execute("ROLLBACK")
                raise
        self._ids += action.makes_id
        return reply

    def _check(self, connection: GuardedConnection, action: Action, values: dict[str, Any]) -> None:
        for condition in action.preconditions:
            with contextlib.closing(connection.execute(condition.sql, values)) as cursor:
                row = cursor.fetchone()
            if row is None or not row[0]:
                raise ToolError(condition.message)

    def _run(self, connection: GuardedConnection, action: Action, values: dict[str, Any]) -> str:
        reply: Rows = []
        for position, statement in enumerate(action.statements):
            with contextlib.closing(connection.execute(statement, values)) as cursor:
                records = _records(cursor) if cursor.description else []
                found = len(records) if cursor.description else cursor.rowcount
            if not found and not position:
                raise ToolError(self._missing)
            reply = records or reply
        if not reply:
            return "ok"
        return json.dumps(reply[0] if len(reply) == 1 else reply, ensure_ascii=False)

    def _new_id(self) -> str:
        digest = hashlib.blake2b(f"{self._seed} {self._ids}".encode(), digest_size=5).digest()
        return base64.b32encode(digest).decode()

    def _differences(self) -> list[tuple[str, int, Row | None, Row | None]]:
        """Table, rowid, row before and row after of each row that is not what it was."""
        if self._own is None:
            return []
        self._own.refill(self._template.budget)
        found = []
        for name, rowid in self._template.touched(self._own):
            table = self._template.tables[name]
            before = table.row(rowid)
            cursor = self._own.execute(f"SELECT * FROM {quote(name)} WHERE {table.rowid} = ?", (rowid,))
            after = next(iter(_records(cursor)), None)
            if before != after:
                found.append((name, rowid, before, after))
        return found


@contextlib.contextmanager
def _clear_errors(name: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise ToolError(f"not possible: {str(error)[:200]}") from error
    except (OverflowError, UnicodeEncodeError) as error:
        raise ToolError("a value is out of range") from error
    except SQL_ERRORS as error:
        if any(words in str(error) for words in _TOO_BIG):
            raise ToolError("a value is too long") from error
        raise BrokenTaskError(f"env_args.actions[{name!r}] failed: {error}") from error


def _records(cursor: sqlite3.Cursor) -> Rows:
    columns = [column[0] for column in cursor.description]
    return [record(columns, row) for row in cursor.fetchmany(MAX_ROWS)]


def _value(key: str, value: Any) -> str | int | float | None:
    if value is not None and not isinstance(value, str | int | float):
        raise ToolError(f"{key[:64]} must be a text or a number")
    if isinstance(value, str) and len(value) > MAX_ARGUMENT_CHARS:
        raise ToolError(f"{key[:64]} is longer than {MAX_ARGUMENT_CHARS} characters")
    if isinstance(value, float) and not math.isfinite(value):
        raise ToolError(f"{key[:64]} must be finite")
    return value
