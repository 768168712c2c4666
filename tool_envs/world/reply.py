"""The reply of a tool whose action is an object: rows with rows of their own inside, in a shape, by pages."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from verl_agentic.databases.guard import GuardedConnection
from verl_agentic.tool_envs.base import ToolError
from verl_agentic.tool_envs.world.template import Row
from verl_agentic.tool_envs.world.values import decoded

MAX_ROWS = 50
"""Rows that one list of a reply shows."""
PAGE = "page"
MAX_PAGE = 1_000_000

ReplyShape = Literal["any", "record", "list"]


@dataclass(frozen=True, slots=True)
class NestedRows:
    """Rows that belong to each row of a reply.

    Attributes:
        name: the field that holds them.
        single: whether it holds the first of them as an object, or null, in place of a list.
        sql: a ``SELECT`` that gets the call's arguments and the row's columns.
        nested: what belongs to each of these rows in turn.
    """

    name: str
    single: bool
    sql: str
    nested: tuple[NestedRows, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplyForm:
    """How a tool replies.

    Attributes:
        shape: ``any`` (one row: an object, several: a list), ``record`` (an object), ``list`` (results and total).
        page: rows of a page; 0 where there are none.
        missing: what the tool says that finds no record; empty where the world's own words do.
        nested: what belongs to each row.
        defaults: values of arguments that a call leaves out.
        json_columns: names, in lower case, of columns that hold JSON as text.
    """

    shape: ReplyShape = "any"
    page: int = 0
    missing: str = ""
    nested: tuple[NestedRows, ...] = ()
    defaults: Mapping[str, Any] | None = None
    json_columns: frozenset[str] = frozenset()

    def arguments(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """A call's arguments with the defaults of those that it leaves out."""
        if not self.defaults:
            return given
        return {**self.defaults, **{key: value for key, value in given.items() if value is not None}}

    def page_of(self, arguments: Mapping[str, Any]) -> int:
        """The page that a call asks for, from 1.

        Raises:
            ToolError: it asks for none.
        """
        page = arguments.get(PAGE) if self.page else None
        if page is None:
            return 1
        if isinstance(page, bool) or not isinstance(page, int | float) or not 1 <= page <= MAX_PAGE or page % 1:
            raise ToolError(f"page must be a whole number from 1 to {MAX_PAGE}")
        return int(page)

    def run(
        self, connection: GuardedConnection, statements: Sequence[str], values: Mapping[str, Any], page: int
    ) -> str | None:
        """Run the statements of a call.

        Returns:
            the reply, or ``None`` where there is no such record.
        """
        # Of a single list, nothing found is a finding, unless the task says what to say then.
        may_be_empty = self.shape == "list" and len(statements) == 1 and not self.missing
        reply: tuple[list[Row], int] = [], 0
        for position, statement in enumerate(statements):
            with contextlib.closing(connection.execute(statement, values)) as cursor:
                returns = bool(cursor.description)
                rows, found = self._rows(cursor, page) if returns else ([], cursor.rowcount)
            if not found and not position and not may_be_empty:
                return None
            if returns and (found or self.shape == "list"):
                reply = rows, found
        return self._text(connection, *reply, values, page)

    def _rows(self, cursor: sqlite3.Cursor, page: int) -> tuple[list[Row], int]:
        """Rows to show, as the database holds them, and how many there are."""
        columns = [column[0] for column in cursor.description]
        size = self.page or MAX_ROWS
        first = (page - 1) * size
        rows, total = [], 0
        for row in cursor:
            if first <= total < first + size:
                rows.append(dict(zip(columns, row, strict=True)))
            total += 1
        return rows, total

    def _text(
        self, connection: GuardedConnection, rows: list[Row], total: int, values: Mapping[str, Any], page: int
    ) -> str:
        if self.shape == "record":
            rows = rows[:1]
        objects = [self._object(connection, row, self.nested, values) for row in rows]
        if self.shape == "list":
            reply: dict[str, Any] = {"results": objects, "total": total}
            if self.page:
                reply |= {PAGE: page, "pages": max(1, -(-total // self.page))}
            return json.dumps(reply, ensure_ascii=False)
        if not objects:
            return "ok"
        return json.dumps(objects[0] if len(objects) == 1 else objects, ensure_ascii=False)

    def _object(
        self, connection: GuardedConnection, row: Row, nested: Sequence[NestedRows], values: Mapping[str, Any]
    ) -> Row:
        found = {name: self._told(name, value) for name, value in row.items()}
        if nested:
            scope = {**values, **row}
            for one in nested:
                found[one.name] = self._nested(connection, one, scope)
        return found

    def _nested(self, connection: GuardedConnection, one: NestedRows, scope: Mapping[str, Any]) -> Any:
        with contextlib.closing(connection.execute(one.sql, scope)) as cursor:
            columns = [column[0] for column in cursor.description]
            rows = cursor.fetchmany(1 if one.single else MAX_ROWS)
        objects = [self._object(connection, dict(zip(columns, row, strict=True)), one.nested, scope) for row in rows]
        return next(iter(objects), None) if one.single else objects

    def _told(self, name: str, value: Any) -> Any:
        if isinstance(value, bytes):
            return value.hex()
        key = name.lower()
        return decoded(value) if key.endswith("_json") or key in self.json_columns else value
