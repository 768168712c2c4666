"""Draw rows that a schema allows, with values around the constants of a query."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp

from verl_agentic.core import BrokenTaskError
from verl_agentic.reward_fns.sql.ddl import SqlColumn, SqlTable, read_tables
from verl_agentic.reward_fns.sql.mutants import parse
from verl_agentic.reward_fns.sql.values import Values

_TRIES = 60
_ASIDE = 5
"""Rows of a table that the query does not mention, at most."""
_SHARED = 0.6
"""Share of values that a column has in common with one that it is compared to."""
_LARGE = 4
_SIZES = (0, 1, 2, 3, 4, 6, 8, 8, 10, 12, 14)


@dataclass(frozen=True, slots=True)
class _Habit:
    """How one column is filled in one state.

    Attributes:
        side: of its constants on which its values lie, so that conditions hold together often enough; 0 for both.
        nulls: share of NULLs.
        values: how many different ones, at most; few make ties, one makes a sum of zeros.
        again: share of rows that take a value that the column has already.
    """

    side: int
    nulls: float
    values: int
    again: float


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
        self._values = Values(tree, self._tables, seed_state)
        self._asked = {table.name.lower() for table in tree.find_all(exp.Table)}
        self._habits: dict[tuple[str, str], _Habit] = {}

    @property
    def edges(self) -> Mapping[str, Sequence[tuple[str, bool]]]:
        """Texts and dates, by column, at which a condition of the query may go wrong, and whether it holds for them."""
        return self._values.edges

    def draw(self, rng: random.Random, size: int | None = None) -> dict[str, list[list[Any]]]:
        """Rows by table; tables referred to are filled first.

        Args:
            rng: source of all randomness.
            size: about how many rows of each table; by default each has a size of its own, which may be none.

        Raises:
            BrokenTaskError: the schema is refused by SQLite, or allows no row.
        """
        self._habits = {
            (table.name, column.name): _habit(rng, column) for table in self._tables for column in table.columns
        }
        common = rng.choice(_SIZES[-_LARGE:] if self._values.begin(rng) else _SIZES)
        connection = sqlite3.connect(":memory:", isolation_level=None)
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            for statement in self._schema:
                connection.execute(statement)
            connection.execute("BEGIN")
            found: dict[str, list[list[Any]]] = {}
            for table in _parents_first(self._tables):
                count = max(1, size + rng.randint(-2, 2)) if size else rng.choice((common, common, rng.choice(_SIZES)))
                if not size and table.name.lower() not in self._asked:
                    count = min(count, _ASIDE)
                found[table.name] = self._fill(connection, table, found, rng, count)
            return found
        except sqlite3.Error as error:
            raise BrokenTaskError(f"rows cannot be drawn: {error}") from error
        finally:
            connection.close()

    def _fill(
        self,
        connection: sqlite3.Connection,
        table: SqlTable,
        found: Mapping[str, list[list[Any]]],
        rng: random.Random,
        count: int,
    ) -> list[list[Any]]:
        rows: list[list[Any]] = []
        insert = f'INSERT INTO "{table.name}" VALUES ({", ".join("?" * len(table.columns))})'
        for _ in range(count):
            for _attempt in range(_TRIES):
                # Near copies of earlier rows make duplicates, which few random rows have.
                row = list(rng.choice(rows)) if rows and rng.random() < 0.3 else [None] * len(table.columns)
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
            else:
                break  # nothing fits any more
        return rows

    def _value(
        self,
        column: SqlColumn,
        table: str,
        rows: Sequence[Sequence[Any]],
        place: int,
        found: Mapping[str, list[list[Any]]],
        rng: random.Random,
    ) -> Any:
        habit = self._habits[table, column.name]
        if column.nullable and rng.random() < habit.nulls:
            return None
        if column.parent:
            parent, name = column.parent
            keys = self._parent_keys(parent, name, table, rows, found)
            # Some parents stay without rows that refer to them.
            return self._values.key(column, keys[: habit.values], rng) if keys else None
        partners = self._values.partners(column)
        shared = self._known(partners, table, rows, found) if partners and rng.random() < _SHARED else []
        if shared:
            return rng.choice(shared[: habit.values])
        if column.unique and column.kind == "integer":
            return self._values.key(column, (), rng)
        if not column.unique:
            known = [row[place] for row in rows if row[place] is not None]
            if known and (rng.random() < habit.again or len(set(known)) >= habit.values):
                return rng.choice(known)
        return self._values.draw(column, habit.side, place, rng)

    def _known(
        self, names: set[str], table: str, rows: Sequence[Sequence[Any]], found: Mapping[str, list[list[Any]]]
    ) -> list[Any]:
        """Values of columns of these names, in the tables drawn so far."""
        return [
            row[place]
            for one in self._tables
            for place, column in enumerate(one.columns)
            if column.name.lower() in names
            for row in (rows if one.name == table else found.get(one.name, ()))
            if row[place] is not None
        ]

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


def _habit(rng: random.Random, column: SqlColumn) -> _Habit:
    side = rng.choice((-1, 1, 0, 0, 0))
    nulls = rng.choice((0.0, 0.1, 0.2, 0.5))
    values = rng.choice((1, 2, 3, 5, 99, 99))
    return _Habit(side, nulls, values, rng.choice((0.0, 0.2, 0.5)))


def _parents_first(tables: Sequence[SqlTable]) -> list[SqlTable]:
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
