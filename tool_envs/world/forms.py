"""Actions that are objects, as ``env_args`` have them.

``{"sql": statement or list, ...}`` with, all optional:

* ``shape``: ``record`` (the first row as an object) or ``list`` (``{"results": [...], "total": n}``, also where nothing
  is found); without it one row is an object and several are a list;
* ``page``: how many rows a page of a ``list`` has; the tool's argument ``page`` says which, from 1, and the reply has
  ``page`` and ``pages``, too;
* ``nest``: by name a ``SELECT`` that runs for each row of the reply with the call's arguments and the row's columns as
  ``:column``; its rows become a list under that name, or under ``name?`` the first of them an object under ``name``
  (``null`` where there is none). It may be an object ``{"sql": ..., "nest": ...}``, once;
* ``missing``: what the tool says that finds no record, with ``{argument}`` for what it was called with;
* ``defaults``: values of arguments that a call leaves out, which else are NULL.

Arguments of such a tool may be arrays and objects: they are bound as JSON text, for ``json_each(:argument)``. Columns
whose name ends with ``_json``, or is that of a column declared ``JSON``, are shown as the data that they hold.
"""

from __future__ import annotations

from typing import Any, cast

from verl_agentic.core import BrokenTaskError
from verl_agentic.tool_envs.base import ToolError
from verl_agentic.tool_envs.world.reply import MAX_ROWS, NestedRows, ReplyForm, ReplyShape
from verl_agentic.tool_envs.world.values import BoundValue, json_value

MAX_LEVELS = 2
"""Levels of rows within rows."""

_KEYS = ("sql", "nest", "page", "missing", "shape", "defaults")


def read_form(value: dict[str, Any], where: str, json_columns: frozenset[str]) -> ReplyForm:
    """All of an action but its statements; whether nested ones fit the world is not known here.

    Args:
        value: the object.
        where: it stands, for messages.
        json_columns: names, in lower case, of the world's columns that hold JSON.

    Raises:
        BrokenTaskError: naming the field that is none.
    """
    if unknown := next((key for key in value if key not in _KEYS), None):
        raise BrokenTaskError(f"{where} has no {unknown!r}; it may have {', '.join(_KEYS)}")
    page, missing = value.get("page", 0), value.get("missing", "")
    shape = value.get("shape", "list" if "page" in value else "any")
    if shape not in ("record", "list") and "shape" in value:
        raise BrokenTaskError(f"{where}.shape must be 'record' or 'list'")
    if "page" in value and (type(page) is not int or not 1 <= page <= MAX_ROWS or shape != "list"):
        raise BrokenTaskError(f"{where}.page must be a whole number from 1 to {MAX_ROWS}, of a tool that gives a list")
    if not isinstance(missing, str):
        raise BrokenTaskError(f"{where}.missing must be a text")
    return ReplyForm(
        shape=cast(ReplyShape, shape),
        page=page,
        missing=missing,
        nested=_nested(value.get("nest", {}), where, 1),
        defaults=_defaults(value.get("defaults", {}), where),
        json_columns=json_columns,
    )


def nest_of(where: str, name: str) -> str:
    """Where the rows called ``name`` are written, for messages."""
    return f"{where}.nest[{name!r}]"


def _nested(value: Any, where: str, level: int) -> tuple[NestedRows, ...]:
    if not isinstance(value, dict):
        raise BrokenTaskError(f"{where}.nest must give a SELECT by name")
    if value and level > MAX_LEVELS:
        raise BrokenTaskError(f"{where}.nest: rows are nested at most {MAX_LEVELS} levels deep")
    found = []
    for name, one in value.items():
        here = nest_of(where, name.removesuffix("?"))
        inner = one if isinstance(one, dict) else {"sql": one}
        if not isinstance(inner.get("sql"), str) or inner.keys() - {"sql", "nest"} or name in ("", "?"):
            raise BrokenTaskError(f"{here} must be a SELECT, or an object of 'sql' and 'nest', under a name")
        rows = _nested(inner.get("nest", {}), here, level + 1)
        found.append(NestedRows(name.removesuffix("?"), name.endswith("?"), inner["sql"], rows))
    return tuple(found)


def _defaults(value: Any, where: str) -> dict[str, BoundValue]:
    if not isinstance(value, dict):
        raise BrokenTaskError(f"{where}.defaults must give values by argument")
    try:
        return {key: json_value(key, one) for key, one in value.items()}
    except ToolError as error:
        raise BrokenTaskError(f"{where}.defaults: {error}") from error
