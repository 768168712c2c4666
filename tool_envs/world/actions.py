"""Tools of a world as SQL: read from ``env_args`` and checked against its tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verl_agentic.core import BrokenTaskError
from verl_agentic.databases.guard import SQL_ERRORS
from verl_agentic.tool_envs.world.forms import nest_of, read_form
from verl_agentic.tool_envs.world.reply import NestedRows, ReplyForm
from verl_agentic.tool_envs.world.template import TABLE_FUNCTIONS, Template
from verl_agentic.tool_envs.world.values import PLACEHOLDER

NOW, NEW_ID = "now", "new_id"

_NEW_ID = re.compile(r"[:@$]new_id\b")


@dataclass(frozen=True, slots=True)
class WorldPrecondition:
    """What must be so before a tool acts: the query's first value is neither missing, NULL, 0 nor empty."""

    sql: str
    message: str


@dataclass(frozen=True, slots=True)
class WorldAction:
    """What one tool does.

    Attributes:
        statements: run in order, all or none.
        parameters: names of the tool's arguments.
        preconditions: checked in order before anything is written.
        written: tables that the statements write to.
        makes_id: whether it takes a new id.
        form: of its reply, ``None`` for an action that is no object.
    """

    statements: tuple[str, ...]
    parameters: tuple[str, ...]
    preconditions: tuple[WorldPrecondition, ...]
    written: frozenset[str]
    makes_id: bool
    form: ReplyForm | None = None


@dataclass(frozen=True, slots=True)
class WorldTools:
    """What can be called, by name.

    Attributes:
        actions: by the policy.
        user_actions: by the user.
    """

    actions: dict[str, WorldAction]
    user_actions: dict[str, WorldAction]


def read_world_tools(
    template: Template,
    *,
    actions: Mapping[str, Any],
    user_actions: Mapping[str, Any],
    preconditions: Mapping[str, Any],
    parameters: Mapping[str, list[str]],
    now: bool,
) -> WorldTools:
    """Check every statement against the tables of ``template``; the caller holds its lock.

    Args:
        template: the world's tables.
        actions: by tool name a statement, a list of them, or an object (:mod:`verl_agentic.tool_envs.world.forms`).
        user_actions: the same for the user's own tools.
        preconditions: by tool name, ``[{"sql": ..., "message": ...}]``.
        parameters: names of the arguments by tool name; the user's tools have those that their statements name.
        now: whether the world has a clock.

    Raises:
        BrokenTaskError: naming the statement that does not fit.
    """
    named: tuple[tuple[str, Mapping[str, Any], Mapping[str, Any]], ...] = (
        ("actions", actions, parameters),
        ("preconditions", preconditions, {**actions, **user_actions}),
    )
    for field, names, known in named:
        if unknown := next((name for name in names if name not in known), None):
            raise BrokenTaskError(f"env_args.{field}[{unknown!r}] has no tool of that name")
    texts = str((actions, user_actions, preconditions)).lower()
    template.allow_functions(frozenset(name for name in TABLE_FUNCTIONS if name in texts))
    reader = _Reader(template, now)
    found = {
        name: reader.action("actions", name, value, preconditions.get(name, []), parameters[name])
        for name, value in actions.items()
    }
    own = {
        name: reader.action("user_actions", name, value, preconditions.get(name, []), None)
        for name, value in user_actions.items()
    }
    template.follow(frozenset().union(*(action.written for action in (*found.values(), *own.values()))))
    return WorldTools(found, own)


class _Names(dict[str, Any]):
    """Values that are all NULL, and which of them were asked for."""

    def __missing__(self, name: str) -> None:
        self[name] = None


class _Reader:
    def __init__(self, template: Template, now: bool) -> None:
        self._template = template
        self._given = [NEW_ID, *([NOW] if now else [])]

    def action(
        self, field: str, name: str, value: Any, preconditions: Any, parameters: Sequence[str] | None
    ) -> WorldAction:
        where, conditions_where = f"env_args.{field}[{name!r}]", f"env_args.preconditions[{name!r}]"
        form = read_form(value, where, self._template.json_columns) if isinstance(value, dict) else None
        sql = value.get("sql") if isinstance(value, dict) else value
        statements = [sql] if isinstance(sql, str) else sql
        if not isinstance(statements, list) or not statements or not all(isinstance(one, str) for one in statements):
            raise BrokenTaskError(
                f"{where} must be a statement or a list of statements" + (" as 'sql'" if form else "")
            )
        conditions = _conditions(preconditions, conditions_where)
        if parameters is None:
            parameters = self._named(where, [*statements, *(one.sql for one in conditions)])
        elif reserved := sorted({NOW, NEW_ID} & set(parameters)):
            raise BrokenTaskError(f"tool {name!r} has an argument {reserved[0]!r}, a value that the world gives")
        values = dict.fromkeys([*parameters, *self._given])
        writes = [self._written(where, one, values) for one in statements]
        written = frozenset[str]().union(*writes)
        if written and self._template.foreign_keys:
            written = frozenset(self._template.tables)  # a cascade may reach any
        for position, condition in enumerate(conditions):
            if self._written(f"{conditions_where}[{position}].sql", condition.sql, values):
                raise BrokenTaskError(f"{conditions_where}[{position}].sql must only read")
        if form is not None:
            _check_form(form, parameters, [form.missing, *(one.message for one in conditions)], where)
            columns = self._columns([one for one, tables in zip(statements, writes, strict=True) if not tables], values)
            returns = any("returning" in one.lower() for one in statements)
            self._check_nested(form.nested, values, None if returns else columns, where)
        return WorldAction(
            tuple(statements),
            tuple(parameters),
            tuple(conditions),
            written,
            any(_NEW_ID.search(one) for one in statements),
            form,
        )

    def _check_nested(
        self, nested: Sequence[NestedRows], values: Mapping[str, Any], columns: set[str] | None, where: str
    ) -> None:
        """Check statements that get the columns of rows, ``None`` where only running the tool tells them."""
        for one in nested:
            here = nest_of(where, one.name)
            asked = _Names()
            if self._written(here, one.sql, asked):
                raise BrokenTaskError(f"{here} must only read")
            unknown = sorted(asked.keys() - values.keys() - (columns or set()))
            if unknown and columns is not None:
                raise BrokenTaskError(
                    f"{here} names :{unknown[0]}, which is neither an argument nor a column of the row"
                )
            inner = self._columns([one.sql], asked) if columns is not None else None
            both = columns | inner if columns is not None and inner is not None else None
            self._check_nested(one.nested, values, both, here)

    def _columns(self, selects: Sequence[str], values: Mapping[str, Any]) -> set[str] | None:
        """Columns of the rows that statements give, ``None`` where that depends on the values."""
        found: set[str] = set()
        self._template.reader.refill(self._template.budget)
        for sql in selects:
            try:
                cursor = self._template.reader.execute(sql, values)
            except SQL_ERRORS:
                return None
            found.update(column[0] for column in cursor.description or ())
            cursor.close()
        return found

    def _named(self, where: str, statements: Sequence[str]) -> list[str]:
        """Names of the values that statements need beside those that the world gives."""
        asked = _Names()
        for sql in statements:
            self._written(where, sql, asked)
        if NOW in asked and NOW not in self._given:
            raise BrokenTaskError(f"{where} names :{NOW}, but env_args.{NOW} is not set")
        return [name for name in asked if name not in (NOW, NEW_ID)]

    def _written(self, where: str, sql: str, values: Mapping[str, Any]) -> frozenset[str]:
        try:
            return self._template.reader.tables_written(sql, values) & self._template.tables.keys()
        except SQL_ERRORS as error:
            raise BrokenTaskError(f"{where} does not fit the world: {error}") from error


def _conditions(value: Any, where: str) -> list[WorldPrecondition]:
    if not isinstance(value, list):
        raise BrokenTaskError(f"{where} must be a list")
    found = []
    for position, one in enumerate(value):
        sql, message = (one.get("sql"), one.get("message")) if isinstance(one, dict) else (None, None)
        if not isinstance(sql, str) or not isinstance(message, str):
            raise BrokenTaskError(f"{where}[{position}] needs texts 'sql' and 'message'")
        found.append(WorldPrecondition(sql, message))
    return found


def _check_form(form: ReplyForm, parameters: Sequence[str], messages: Sequence[str], where: str) -> None:
    if unknown := sorted(set(form.defaults or ()) - set(parameters)):
        raise BrokenTaskError(f"{where}.defaults[{unknown[0]!r}] is no argument of the tool")
    for message in messages:
        for name in PLACEHOLDER.findall(message):
            if name not in parameters:
                raise BrokenTaskError(f"{where}: the message {message!r} names {{{name}}}, which is no argument")
