"""What a task changes in a shared world before its session begins."""

from __future__ import annotations

import json
from typing import Any

from verl_agentic.core import BrokenTaskError
from verl_agentic.databases.base import quote
from verl_agentic.databases.guard import SQL_ERRORS, GuardedConnection
from verl_agentic.tool_envs.world.template import Template, WorldTable

MAX_PATCHES = 1000

_FIELDS = {"insert": ("row",), "update": ("where", "set"), "delete": ("where",)}


def patched_tables(patch: list[Any], template: Template) -> frozenset[str]:
    """Names of the tables that a patch may reach.

    Raises:
        BrokenTaskError: it is no patch of this world; the message names the entry.
    """
    if len(patch) > MAX_PATCHES:
        raise BrokenTaskError(f"env_args.patch has more than {MAX_PATCHES} entries; make an edition of its own")
    for position, one in enumerate(patch):
        where = f"env_args.patch[{position}]"
        op = one.get("op") if isinstance(one, dict) else None
        if not isinstance(op, str) or op not in _FIELDS:
            raise BrokenTaskError(f"{where} needs an 'op', one of {', '.join(_FIELDS)}")
        if one.keys() != {"table", "op", *_FIELDS[op]}:
            raise BrokenTaskError(f"{where} of op {op!r} must have 'table' and {' and '.join(map(repr, _FIELDS[op]))}")
        table = template.tables.get(one["table"]) if isinstance(one["table"], str) else None
        if table is None:
            raise BrokenTaskError(f"{where}.table={str(one['table'])[:64]!r} is no table of the world")
        for field in _FIELDS[op]:
            _check_columns(table, one[field], f"{where}.{field}")
    # A cascade may reach any.
    return frozenset(template.tables if template.foreign_keys else (one["table"] for one in patch))


def apply_patch(patch: list[Any], own: GuardedConnection) -> None:
    """Apply a patch, which :func:`patched_tables` has checked, to a session's own database.

    Raises:
        BrokenTaskError: an entry concerns no row, or the schema refuses it.
    """
    own.execute("BEGIN")
    for position, one in enumerate(patch):
        where = f"env_args.patch[{position}]"
        sql, values = _statement(one)
        try:
            changed = own.execute(sql, values).rowcount
        except SQL_ERRORS as error:
            raise BrokenTaskError(f"{where} does not fit the world: {error}") from error
        if not changed:
            raise BrokenTaskError(f"{where} concerns no row of {one['table']!r}: {str(one['where'])[:200]}")
    own.execute("COMMIT")


def _check_columns(table: WorldTable, value: Any, where: str) -> None:
    if not isinstance(value, dict) or not value:
        raise BrokenTaskError(f"{where} must give values by column")
    if unknown := next((column for column in value if column not in table.columns), None):
        raise BrokenTaskError(f"{where}: table {table.name!r} has no column {str(unknown)[:64]!r}")


def _stored(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _statement(one: dict[str, Any]) -> tuple[str, list[Any]]:
    table = quote(one["table"])
    first = one.get("row") or one.get("set") or {}
    values = [_stored(value) for value in (*first.values(), *one.get("where", {}).values())]
    condition = " AND ".join(f"{quote(column)} IS ?" for column in one.get("where", ()))
    if one["op"] == "insert":
        columns, holes = ", ".join(map(quote, first)), ", ".join("?" * len(first))
        return f"INSERT INTO {table} ({columns}) VALUES ({holes})", values
    if one["op"] == "delete":
        return f"DELETE FROM {table} WHERE {condition}", values
    return f"UPDATE {table} SET {', '.join(f'{quote(column)} = ?' for column in first)} WHERE {condition}", values
