"""Draw rows that a schema allows, with values around the constants of a query."""

from __future__ import annotations

import datetime
import random
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import sqlglot
from sqlglot import exp

from verl_agentic.core import BrokenTaskError
from verl_agentic.reward_fns.sql.ddl import Column, Table, read_tables
from verl_agentic.reward_fns.sql.mutants import parse

_TRIES = 60
_NULL_SHARE = 0.15
_DAYS = [f"2024-{month:02}-{day:02}" for month in (1, 2, 6, 12) for day in (1, 15, 28)]


class RowDrawer:
    """Draws states of one schema for one query."""

    def __init__(
        self,
        schema: Sequence[str],
        sql: str,
        dialect: str,
        seed_state: Mapping[str, Sequence[Sequence[Any]]] | None = None,
    ) -> None:
        """Read the schema, and the constants that the query compares columns to.

        Raises:
            BrokenTaskError: they cannot be parsed.
        """
        self._tables = read_tables(schema, dialect)
        self._schema = (
            [";".join(sqlglot.transpile(statement, read=dialect, write="sqlite")) for statement in schema]
            if dialect != "sqlite"
            else list(schema)
        )
        tree = parse(sql, dialect)
        self._near: dict[str, list[Any]] = {}
        self._numbers: list[Any] = []
        self._side: dict[str, int] = {}
        for literal in tree.find_all(exp.Literal):
            self._note(literal)
        for table in self._tables:
            for row in (seed_state or {}).get(table.name, ()):
                for column, value in zip(table.columns, row, strict=False):
                    if value is not None:
                        self._near.setdefault(column.name.lower(), []).append(value)

    def draw(self, rng: random.Random, size: int) -> dict[str, list[list[Any]]]:
        """Rows by table, about ``size`` in each; tables referred to are filled first.

        Raises:
            BrokenTaskError: the schema is refused by SQLite, or allows no row.
        """
        # In some states a column lies on one side of its constants, so that conditions hold together often enough.
        self._side = {
            column.name.lower(): rng.choice((-1, 1, 0, 0)) for table in self._tables for column in table.columns
        }
        connection = sqlite3.connect(":memory:", isolation_level=None)
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            for statement in self._schema:
                connection.execute(statement)
            found: dict[str, list[list[Any]]] = {}
            for table in _parents_first(self._tables):
                found[table.name] = self._fill(connection, table, found, rng, size)
            return found
        except sqlite3.Error as error:
            raise BrokenTaskError(f"rows cannot be drawn: {error}") from error
        finally:
            connection.close()

    def _fill(
        self,
        connection: sqlite3.Connection,
        table: Table,
        found: Mapping[str, list[list[Any]]],
        rng: random.Random,
        size: int,
    ) -> list[list[Any]]:
        rows: list[list[Any]] = []
        count = max(1, size + rng.randint(-2, 2))
        insert = f'INSERT INTO "{table.name}" VALUES ({", ".join("?" * len(table.columns))})'
        for _ in range(count):
            for _attempt in range(_TRIES):
                # Near copies of earlier rows make ties and duplicates, which few random rows have.
                row = list(rng.choice(rows)) if rows and rng.random() < 0.35 else [None] * len(table.columns)
                again = {rng.randrange(len(row))} if any(value is not None for value in row) else set(range(len(row)))
                for place, column in enumerate(table.columns):
                    if place in again or column.unique:
                        row[place] = self._value(column, table.name, rows, place, found, rng)
                try:
                    connection.execute(insert, row)
                except sqlite3.IntegrityError:
                    continue
                rows.append(row)
                break
        return rows

    def _value(
        self,
        column: Column,
        table: str,
        rows: Sequence[Sequence[Any]],
        place: int,
        found: Mapping[str, list[list[Any]]],
        rng: random.Random,
    ) -> Any:
        if column.nullable and rng.random() < _NULL_SHARE:
            return None
        if column.parent:
            parent, name = column.parent
            keys = self._parent_keys(parent, name, table, rows, found)
            return rng.choice(keys) if keys else None
        if column.unique and column.kind == "integer":
            return rng.randint(1, 60)
        near = self._near.get(column.name.lower(), [])
        if near and rng.random() < 0.75:
            value = _around(rng.choice(near), column, self._side[column.name.lower()], rng)
            if value is not None:
                return value
        return self._plain(column, place, rng)

    def _parent_keys(
        self,
        parent: str,
        name: str,
        table: str,
        rows: Sequence[Sequence[Any]],
        found: Mapping[str, list[list[Any]]],
    ) -> list[Any]:
        target = next((one for one in self._tables if one.name.lower() == parent.lower()), None)
        if target is None:
            return []
        places = [i for i, one in enumerate(target.columns) if one.name.lower() == name.lower()] or [0]
        known = rows if target.name == table else found.get(target.name, [])
        return [row[places[0]] for row in known if row[places[0]] is not None]

    def _plain(self, column: Column, place: int, rng: random.Random) -> Any:
        if column.kind == "boolean":
            return rng.random() < 0.5
        if column.kind == "date":
            return rng.choice(_DAYS)
        if column.kind == "timestamp":
            return rng.choice(_DAYS) + rng.choice((" 00:00:00", " 12:30:00"))
        if column.kind in ("integer", "real"):
            # Columns of one type get ranges of their own, so that taking one for another shows.
            base = rng.choice([*self._numbers, 0, 10 * (place + 1)])
            value = base + rng.randint(-1, 4)
            return value + rng.choice((0, 0.5)) if column.kind == "real" else int(value)
        stem = rng.choice(("ash", "birch", "cedar", "elm", "fir", "Ash"))
        stem += str(rng.randint(0, 40)) if column.unique else ""
        return stem if rng.random() < 0.7 else f"{stem}{place}"

    def _note(self, literal: Any) -> None:
        """Remember a constant for the columns beside it, and any number for all of them."""
        value: Any = literal.name
        if not literal.is_string:
            value = float(value) if "." in value or "e" in value.lower() else int(value)
            if abs(value) < 10**9:
                self._numbers.append(value)
        # The nearest condition around it, wherever in an expression it stands.
        around = literal.find_ancestor(exp.Predicate, exp.Case, exp.In, exp.Between)
        for column in around.find_all(exp.Column) if around is not None else ():
            self._near.setdefault(column.name.lower(), []).append(value)


def _around(value: Any, column: Column, side: int, rng: random.Random) -> Any:
    """A value equal to or beside a constant, or on one ``side`` of it, of the column's type; ``None`` if impossible."""
    step = side * rng.choice((0, 1, 1, 2, 3, 5)) if side else rng.choice((-2, -1, 0, 0, 0, 1, 2))
    if column.kind in ("integer", "real"):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        moved = value + step
        return int(moved) if column.kind == "integer" else moved
    if not isinstance(value, str) or column.kind == "boolean":
        return value if column.kind == "boolean" and isinstance(value, bool) else None
    if column.kind in ("date", "timestamp"):
        try:
            day = datetime.datetime.fromisoformat(value) + datetime.timedelta(days=step)
        except (ValueError, OverflowError):
            return None
        return day.date().isoformat() if column.kind == "date" else day.isoformat(sep=" ")
    plain = value.replace("%", rng.choice(("", "ab"))).replace("_", "q")
    return rng.choice((plain, plain, plain, plain.swapcase(), plain + "x", "x" + plain))


def _parents_first(tables: Sequence[Table]) -> list[Table]:
    """Tables after those that they refer to; cycles keep the order of the schema."""
    left, done = list(tables), []
    while left:
        names = {table.name.lower() for table in left}
        ready = [
            table
            for table in left
            if not any(c.parent and c.parent[0].lower() in names - {table.name.lower()} for c in table.columns)
        ] or left[:1]
        done += ready
        left = [table for table in left if table not in ready]
    return done
