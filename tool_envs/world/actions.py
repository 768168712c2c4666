"""Tools of a world as SQL: read from ``env_args`` and checked against its tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from verl_agentic.core import BrokenTaskError
from verl_agentic.databases.guard import SQL_ERRORS
from verl_agentic.tool_envs.world.template import Template

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
    """

    statements: tuple[str, ...]
    parameters: tuple[str, ...]
    preconditions: tuple[WorldPrecondition, ...]
    written: frozenset[str]
    makes_id: bool


def read_actions(
    template: Template,
    actions: dict[str, Any],
    preconditions: dict[str, Any],
    parameters: dict[str, list[str]],
    now: bool,
) -> dict[str, WorldAction]:
    """Check every statement against the tables of ``template``; the caller holds its lock.

    Args:
        template: the world's tables.
        actions: a statement, or a list of them, by tool name.
        preconditions: by tool name, ``[{"sql": ..., "message": ...}]``.
        parameters: names of the arguments by tool name.
        now: whether the world has a clock.

    Raises:
        BrokenTaskError: naming the statement that does not fit.
    """
    for field, names, known in (("actions", actions, parameters), ("preconditions", preconditions, actions)):
        if unknown := next((name for name in names if name not in known), None):
            raise BrokenTaskError(f"env_args.{field}[{unknown!r}] has no tool of that name")
    found = {
        name: _action(template, name, value, preconditions.get(name, []), parameters[name], now)
        for name, value in actions.items()
    }
    template.follow(frozenset().union(*(action.written for action in found.values())))
    return found


def _action(
    template: Template, name: str, value: Any, preconditions: Any, parameters: list[str], now: bool
) -> WorldAction:
    where = f"env_args.actions[{name!r}]"
    statements = [value] if isinstance(value, str) else value
    if not isinstance(statements, list) or not statements or not all(isinstance(one, str) for one in statements):
        raise BrokenTaskError(f"{where} must be a statement or a list of statements")
    if reserved := sorted({NOW, NEW_ID} & set(parameters)):
        raise BrokenTaskError(f"tool {name!r} has an argument {reserved[0]!r}, a value that the world gives")
    values = dict.fromkeys([*parameters, NEW_ID, *([NOW] if now else [])])
    written = frozenset[str]().union(*(_written(template, where, sql, values) for sql in statements))
    if written and template.foreign_keys:
        written = frozenset(template.tables)  # a cascade may reach any
    return WorldAction(
        tuple(statements),
        tuple(parameters),
        tuple(_preconditions(template, name, preconditions, values)),
        written,
        any(_NEW_ID.search(sql) for sql in statements),
    )


def _preconditions(template: Template, name: str, value: Any, values: dict[str, None]) -> list[WorldPrecondition]:
    where = f"env_args.preconditions[{name!r}]"
    if not isinstance(value, list):
        raise BrokenTaskError(f"{where} must be a list")
    found = []
    for position, one in enumerate(value):
        sql, message = (one.get("sql"), one.get("message")) if isinstance(one, dict) else (None, None)
        if not isinstance(sql, str) or not isinstance(message, str):
            raise BrokenTaskError(f"{where}[{position}] needs texts 'sql' and 'message'")
        if _written(template, f"{where}[{position}].sql", sql, values):
            raise BrokenTaskError(f"{where}[{position}].sql must only read")
        found.append(WorldPrecondition(sql, message))
    return found


def _written(template: Template, where: str, sql: str, values: dict[str, None]) -> frozenset[str]:
    try:
        return template.reader.tables_written(sql, values) & template.tables.keys()
    except SQL_ERRORS as error:
        raise BrokenTaskError(f"{where} does not fit the world: {error}") from error
