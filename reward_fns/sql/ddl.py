"""Tables as their ``CREATE TABLE`` statements declare them, as far as drawing rows needs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlglot
from sqlglot import exp

from verl_agentic.core import BrokenTaskError

Kind = Literal["integer", "real", "text", "date", "timestamp", "boolean"]


@dataclass(frozen=True, slots=True)
class SqlColumn:
    """One column; ``parent`` is the table and column that it refers to, ``unique`` holds for it alone."""

    name: str
    kind: Kind
    nullable: bool
    unique: bool
    parent: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class SqlTable:
    """One table, its columns in order."""

    name: str
    columns: tuple[SqlColumn, ...]


def read_tables(schema: Sequence[str], dialect: str) -> list[SqlTable]:
    """The tables of a schema, in the order of its statements.

    Raises:
        BrokenTaskError: a ``CREATE TABLE`` cannot be parsed.
    """
    found = []
    for statement in schema:
        try:
            tree: Any = sqlglot.parse_one(statement, read=dialect)
        except (sqlglot.errors.SqlglotError, RecursionError) as error:
            raise BrokenTaskError(f"schema cannot be parsed: {str(error).splitlines()[0]}") from error
        if isinstance(tree, exp.Create) and tree.kind == "TABLE" and isinstance(tree.this, exp.Schema):
            found.append(_table(tree.this))
    return found


def _table(schema: Any) -> SqlTable:
    unique: set[str] = set()
    key: set[str] = set()
    parents: dict[str, tuple[str, str]] = {}
    parts = list(schema.expressions)
    # A named constraint wraps what it constrains.
    parts += [inner for part in parts if isinstance(part, exp.Constraint) for inner in part.expressions]
    for part in parts:
        if isinstance(part, exp.PrimaryKey):
            names = [item.name.lower() for item in part.expressions]
            key.update(names)
            unique.update(names if len(names) == 1 else [])
        elif isinstance(part, exp.UniqueColumnConstraint) and isinstance(part.this, exp.Schema):
            names = [item.name.lower() for item in part.this.expressions]
            unique.update(names if len(names) == 1 else [])
        elif isinstance(part, exp.ForeignKey):
            names = [item.name.lower() for item in part.expressions]
            parents.update({name: target for name, target in zip(names, _targets(part, names), strict=False)})
    columns = tuple(
        _column(part, unique, key, parents) for part in schema.expressions if isinstance(part, exp.ColumnDef)
    )
    return SqlTable(schema.this.name, columns)


def _column(part: Any, unique: set[str], key: set[str], parents: dict[str, tuple[str, str]]) -> SqlColumn:
    name = part.name.lower()
    kinds = [constraint.kind for constraint in part.constraints]
    first = any(isinstance(kind, exp.PrimaryKeyColumnConstraint) for kind in kinds)
    alone = first or name in unique or any(isinstance(kind, exp.UniqueColumnConstraint) for kind in kinds)
    required = any(isinstance(kind, exp.NotNullColumnConstraint) and not kind.args.get("allow_null") for kind in kinds)
    parent = parents.get(name)
    for kind in kinds:
        if isinstance(kind, exp.Reference):
            parent = _targets(kind, [name])[0]
    return SqlColumn(part.name, _kind(part.args.get("kind")), not (required or first or name in key), alone, parent)


def _targets(node: Any, own: list[str]) -> list[tuple[str, str]]:
    """Referenced table and columns; columns of the same names where none are given."""
    reference = node if isinstance(node, exp.Reference) else node.args["reference"]
    target = reference.this
    if isinstance(target, exp.Schema):
        return [(target.this.name, item.name) for item in target.expressions]
    return [(target.name, name) for name in own]


def _kind(kind: Any) -> Kind:
    if kind is None:
        return "text"
    if kind.is_type(*exp.DataType.INTEGER_TYPES):
        return "integer"
    if kind.is_type(*exp.DataType.REAL_TYPES):
        return "real"
    if kind.is_type("date"):
        return "date"
    if kind.is_type(*exp.DataType.TEMPORAL_TYPES):
        return "timestamp"
    return "boolean" if kind.is_type("boolean") else "text"
