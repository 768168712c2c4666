"""A world whose state is a database and whose tools are SQL statements.

``env_args`` holds:

* ``schema``: ``CREATE TABLE`` statements, one table each, and ``rows``: rows by table name, each with one value per
  column; or ``file``: a SQLite file below the configured folder, for large worlds; or ``source``: ``{"domain": NAME,
  "edition": INTEGER, "digest": TEXT}``, a world that many tasks share (:mod:`verl_agentic.tool_envs.world.source`),
  whose tools come with it; what ``env_args`` says of a tool goes before;
* ``actions``: by tool name what the tool runs, with ``:argument`` parameters: one SQL statement or a list of them, of
  which all take effect or none. The first says whether there is such a record; the rows of the last one that returns
  any (``SELECT``, ``RETURNING``) are the reply. Or an object, for nested replies, lists, pages and arguments that are
  arrays or objects (:mod:`verl_agentic.tool_envs.world.forms`);
* ``user_actions``: the same for the user's own tools, which the policy cannot call;
* ``preconditions``: by tool name ``[{"sql": ..., "message": ...}]``: the tool refuses with the message, which may hold
  ``{argument}``, unless the query's first value is there, and neither NULL, 0 nor empty;
* ``outages``: by tool name, how often it says that it is not available before it works (:data:`UNAVAILABLE`);
* ``missing``: what a tool says that finds no record (default ``"no such record"``);
* ``patch``: what is changed before the session begins, in order: ``[{"table", "op": "insert", "row": {column: value}},
  {"table", "op": "update", "where": {...}, "set": {...}}, {"table", "op": "delete", "where": {...}}]``;
* ``now``: the time, for statements with the parameter ``:now``;
* ``seed``: an integer; fixes the ids that statements get by the parameter ``:new_id`` (eight letters and digits, one
  for all statements of a call, the same for the n-th such call of every session);
* ``foreign_keys``: whether they are enforced (default false);
* ``state``: ``"changes"`` leaves the tables out of the final state, which has what changed alone.

The statements are the task author's and the argument values the policy's: they are bound, never pasted in.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from verl_agentic.core import BrokenTaskError
from verl_agentic.databases.base import quote
from verl_agentic.databases.guard import SQL_ERRORS, GuardedConnection
from verl_agentic.isolation.shared_cache import content_key
from verl_agentic.tool_envs.base import ToolError
from verl_agentic.tool_envs.world.actions import NEW_ID, NOW, WorldAction, WorldTools, read_world_tools
from verl_agentic.tool_envs.world.patch import apply_patch, patched_tables
from verl_agentic.tool_envs.world.reply import MAX_ROWS
from verl_agentic.tool_envs.world.source import find_template, typed
from verl_agentic.tool_envs.world.template import OWN_STATEMENTS, Row, record
from verl_agentic.tool_envs.world.values import filled, json_value, new_id, plain_value

CHANGES = "changes"
UNAVAILABLE = "The service is temporarily not available. Please try again."
"""What a tool says during an outage."""
# What SQLite says of values that are within our bounds, yet grow beyond its own.
_TOO_BIG = ("too big", "too complex")

Rows = list[Row]
Difference = tuple[str, int, Row | None, Row | None]
"""Table, rowid, row of the template and row now."""


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
        self._template = find_template(env_args, root)
        data = self._template.data
        actions, preconditions = (
            typed(env_args, "actions", dict, data and {}),
            typed(env_args, "preconditions", dict, {}),
        )
        user_actions = typed(env_args, "user_actions", dict, {})
        now, seed = typed(env_args, "now", str, data.now if data else ""), typed(env_args, "seed", int, 0)
        self._missing = typed(env_args, "missing", str, "no such record")
        if (kept := env_args.get("state", CHANGES)) != CHANGES:
            raise BrokenTaskError(f"env_args.state={kept!r} must be {CHANGES!r}, or be left out")
        self._only_changes = "state" in env_args
        self._outages = dict(typed(env_args, "outages", dict, {}))
        if wrong := next((name for name, count in self._outages.items() if type(count) is not int or count < 0), None):
            raise BrokenTaskError(f"env_args.outages[{wrong!r}] must be how often the tool fails, a whole number")
        self._seed = seed
        self._ids = 0
        self._given = {NOW: now} if now else {}
        self._own: GuardedConnection | None = None
        self._patched: dict[tuple[str, int], Row | None] = {}
        self._lock = threading.Lock()
        key = content_key([actions, preconditions, user_actions, parameters, bool(now)])
        with self._template.lock:
            toolsets = self._template.actions
            if key not in toolsets:
                toolsets[key] = self._read_tools(actions, user_actions, preconditions, parameters, bool(now))
            tools: WorldTools = toolsets[key]
        self._actions, self._user_actions = tools.actions, tools.user_actions
        if patch := typed(env_args, "patch", list, []):
            self._patch(patch)

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
        if self._outages.get(name, 0) > 0:
            self._outages[name] -= 1
            raise ToolError(UNAVAILABLE)
        return self._call(f"env_args.actions[{name!r}]", self._actions[name], arguments)

    def user_call(self, name: str, arguments: dict[str, Any]) -> str:
        """Run the statements of one of the user's own tools.

        Returns:
            the reply, as that of :meth:`call`.

        Raises:
            ToolError: it refuses, as one of the policy's would.
            BrokenTaskError: there is no such tool or argument, or a statement fails whatever the arguments are.
        """
        where = f"env_args.user_actions[{name!r}]"
        if name not in self._user_actions:
            raise BrokenTaskError(f"{where} is not there; there are {', '.join(self._user_actions) or 'none'}")
        action = self._user_actions[name]
        if unknown := next((key for key in arguments if key not in action.parameters), None):
            raise BrokenTaskError(
                f"{where} has no argument {unknown!r}; it has {', '.join(action.parameters) or 'none'}"
            )
        return self._call(where, action, arguments)

    def state(self) -> dict[str, Any]:
        """``tables``: every row of every table, in order of insertion; ``changes``: how they differ from the first.

        A change is ``{"table", "op", "before", "after"}`` with ``op`` one of ``insert``, ``update`` and ``delete``,
        ordered by table and place; the first rows are those that a patch left. Rows that did not change are shared
        with other sessions; do not alter them. With ``env_args.state`` ``"changes"``, ``tables`` is empty.
        """
        differences = self._differences()
        changes = [
            {
                "table": name,
                "op": "delete" if after is None else "insert" if before is None else "update",
                "before": before,
                "after": after,
            }
            for name, rowid, initial, after in differences
            if (before := self._patched.get((name, rowid), initial)) != after
        ]
        return {"tables": {} if self._only_changes else self._tables(differences), "changes": changes}

    def tables(self) -> dict[str, Rows]:
        """Every row of every table, in order of insertion."""
        return self._tables(self._differences())

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

    def _read_tools(
        self,
        actions: dict[str, Any],
        user_actions: dict[str, Any],
        preconditions: dict[str, Any],
        parameters: dict[str, list[str]],
        now: bool,
    ) -> WorldTools:
        """Those of the source that the task offers, and the task's own; the template is locked."""
        if data := self._template.data:
            offered = {name: action for name, action in data.actions.items() if name in parameters}
            actions, user_actions = {**offered, **actions}, {**data.user_actions, **user_actions}
            used = {name: one for name, one in data.preconditions.items() if name in actions or name in user_actions}
            preconditions = {**used, **preconditions}
        return read_world_tools(
            self._template,
            actions=actions,
            user_actions=user_actions,
            preconditions=preconditions,
            parameters=parameters,
            now=now,
        )

    def _patch(self, patch: list[Any]) -> None:
        with self._template.lock:
            self._template.follow(patched_tables(patch, self._template))
            self._own = self._template.copy()
        try:
            apply_patch(patch, self._own)
        except BaseException:
            self._own.close()
            raise
        self._own.allow(OWN_STATEMENTS)
        self._patched = {(name, rowid): after for name, rowid, _, after in self._differences()}

    def _call(self, where: str, action: WorldAction, arguments: Mapping[str, Any]) -> str:
        bound, page = plain_value, 1
        if action.form is not None:
            bound, page = json_value, action.form.page_of(arguments)
            arguments = action.form.arguments(arguments)
        values = {key: bound(key, arguments.get(key)) for key in action.parameters}
        values |= {**self._given, NEW_ID: new_id(self._seed, self._ids) if action.makes_id else None}
        with self._connection() as connection, _clear_errors(where):
            self._check(connection, action, values)
            if not action.written:
                return self._run(connection, action, values, page)
        return self._write(where, action, values, page)

    def _write(self, where: str, action: WorldAction, values: dict[str, Any], page: int) -> str:
        if self._own is None:
            with self._template.lock:
                self._own = self._template.copy()
            self._own.allow(OWN_STATEMENTS)
        with self._connection() as own, _clear_errors(where):
            own.execute("BEGIN")
            try:
                reply = self._run(own, action, values, page)
                own.execute("COMMIT")
            except BaseException:
                if own.raw.in_transaction:
                    own.execute("ROLLBACK")
                raise
        self._ids += action.makes_id
        return reply

    def _check(self, connection: GuardedConnection, action: WorldAction, values: dict[str, Any]) -> None:
        for condition in action.preconditions:
            with contextlib.closing(connection.execute(condition.sql, values)) as cursor:
                row = cursor.fetchone()
            if row is None or not row[0]:
                raise ToolError(filled(condition.message, values))

    def _run(self, connection: GuardedConnection, action: WorldAction, values: dict[str, Any], page: int) -> str:
        if action.form is not None:
            text = action.form.run(connection, action.statements, values, page)
            if text is None:
                raise ToolError(filled(action.form.missing or self._missing, values))
            return text
        reply: Rows = []
        for position, statement in enumerate(action.statements):
            with contextlib.closing(connection.execute(statement, values)) as cursor:
                records = _records(cursor) if cursor.description else []
                found = len(records) if cursor.description else cursor.rowcount
            if not found and not position:
                raise ToolError(filled(self._missing, values))
            reply = records or reply
        if not reply:
            return "ok"
        return json.dumps(reply[0] if len(reply) == 1 else reply, ensure_ascii=False)

    def _tables(self, differences: list[Difference]) -> dict[str, Rows]:
        tables = {name: list(table.rows) for name, table in self._template.tables.items()}
        # Backwards, so that positions in the initial rows hold in what has not been passed.
        for name, rowid, initial, after in reversed(differences):
            place = self._template.tables[name].place(rowid)
            tables[name][place : place + (initial is not None)] = [] if after is None else [after]
        return tables

    def _differences(self) -> list[Difference]:
        """Each row that is not what it was in the template, or that a patch has changed."""
        if self._own is None:
            return []
        self._own.refill(self._template.budget)
        found = []
        for name, rowid in self._template.touched(self._own):
            table = self._template.tables[name]
            initial = table.row(rowid)
            cursor = self._own.execute(f"SELECT * FROM {quote(name)} WHERE {table.rowid} = ?", (rowid,))
            after = next(iter(_records(cursor)), None)
            if initial != after or (name, rowid) in self._patched:
                found.append((name, rowid, initial, after))
        return found


@contextlib.contextmanager
def _clear_errors(where: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise ToolError(f"not possible: {str(error)[:200]}") from error
    except (OverflowError, UnicodeEncodeError) as error:
        raise ToolError("a value is out of range") from error
    except SQL_ERRORS as error:
        if any(words in str(error) for words in _TOO_BIG):
            raise ToolError("a value is too long") from error
        raise BrokenTaskError(f"{where} failed: {error}") from error
    except RecursionError as error:
        raise ToolError("a value is nested too deeply") from error


def _records(cursor: sqlite3.Cursor) -> Rows:
    columns = [column[0] for column in cursor.description]
    return [record(columns, row) for row in cursor.fetchmany(MAX_ROWS)]
