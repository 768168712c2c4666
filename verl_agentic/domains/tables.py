"""Tables of a domain, and the rows that an edition of it begins with."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from verl_agentic.domains.columns import PersonColumn, Record, RefColumn, RowDraw, TotalColumn, WorldColumn, read_column
from verl_agentic.domains.source import YamlPart

_TRIES = 50


@dataclass(frozen=True, slots=True)
class DomainTable:
    """One table. Its first column is its key.

    Attributes:
        name: its name.
        columns: its columns, the key first.
        rows: how many rows, at least and at most; of each row of ``per``, where there is one.
        per: the table whose rows these belong to, and the column that refers to it.
        fixed: values that the rows are given, one entry a row.
    """

    name: str
    columns: tuple[WorldColumn, ...]
    rows: tuple[int, int]
    per: tuple[str, str] | None
    fixed: tuple[Record, ...]
    part: YamlPart

    @property
    def key(self) -> str:
        return self.columns[0].name

    @property
    def references(self) -> dict[str, str]:
        """Tables referred to, by column."""
        return {one.name: one.generator.table for one in self.columns if isinstance(one.generator, RefColumn)}

    @property
    def ddl(self) -> str:
        columns = [
            " ".join(filter(None, (one.name, one.type, "PRIMARY KEY" if one.name == self.key else "")))
            for one in self.columns
        ]
        return f"CREATE TABLE {self.name} ({', '.join(columns)})"


def read_tables(part: YamlPart) -> dict[str, DomainTable]:
    """Read ``tables.yaml``, whose tables refer to earlier ones.

    Raises:
        DomainError: one is no table.
    """
    found: dict[str, DomainTable] = {}
    for name, entry in part.entries().items():
        found[name] = _table(name, entry, found)
    for table in found.values():
        for column in table.columns:
            if isinstance(column.generator, TotalColumn):
                other = found.get(column.generator.table)
                if other is None or table.name not in other.references.values():
                    column.part.wrong(f"no table {column.generator.table!r} that refers to {table.name}")
    return found


def _table(name: str, part: YamlPart, known: Mapping[str, DomainTable]) -> DomainTable:
    fields = part.fields("rows", "per", "fixed", needed=("columns",))
    if not name.isidentifier():
        part.wrong("a table's name is a word of letters, digits and _")
    refs: dict[str, str] = {}
    columns: list[WorldColumn] = []
    for column_name, entry in fields["columns"].entries().items():
        if not column_name.isidentifier():
            entry.wrong("a column's name is a word of letters, digits and _")
        column = read_column(column_name, entry, refs)
        if isinstance(column.generator, RefColumn):
            if column.generator.table not in known:
                entry.wrong(
                    f"refers to {column.generator.table!r}; tables before this one: {', '.join(known) or 'none'}"
                )
            refs[column_name] = column.generator.table
        columns.append(column)
    per = None
    if "per" in fields:
        (parent, counts), *more = fields["per"].entries().items()
        owner = next((column for column, table in refs.items() if table == parent), None)
        if more or owner is None:
            fields["per"].wrong(
                f"must be {{TABLE: [LEAST, MOST]}} with a table that a column refers to; not {parent!r}"
            )
        per, rows = (parent, owner), counts.pair()
    elif "rows" in fields:
        count = fields["rows"]
        rows = count.pair() if isinstance(count.data, list) else (count.whole(1), count.whole(1))
    else:
        rows = (0, 0)
    fixed = (
        tuple(_fixed(entry, [one.name for one in columns]) for entry in fields["fixed"].items())
        if "fixed" in fields
        else ()
    )
    if not fixed and rows[1] == 0:
        part.wrong("needs rows, per or fixed")
    return DomainTable(name, tuple(columns), (int(rows[0]), int(rows[1])), per, fixed, part)


def _fixed(part: YamlPart, columns: list[str]) -> Record:
    entries = part.entries()
    for key, entry in entries.items():
        if key not in columns:
            entry.wrong(f"no column {key!r}")
    return {key: entry.scalar() for key, entry in entries.items()}


class _FullError(Exception):
    """Rows must differ in what they refer to, and there is nothing left to refer to."""


@dataclass(slots=True)
class WorldDraw:
    """Draws the rows of a world, table by table.

    Attributes:
        tables: the tables, in order.
        rng: decides.
        today: date of the world.
        locale: of its people.
    """

    tables: Mapping[str, DomainTable]
    rng: random.Random
    today: str
    locale: str

    def rows(self) -> dict[str, list[Record]]:
        """All rows by table.

        Raises:
            DomainError: a column cannot be drawn.
        """
        found: dict[str, list[Record]] = {}
        for table in self.tables.values():
            found[table.name] = []
            for given in self._given(table, found):
                # Where all that a row could refer to is taken, there is no such row any more.
                with suppress(_FullError):
                    found[table.name].append(self._row(table, given, found, taken=found[table.name]))
        fill_totals(self.tables, found)
        return found

    def again(self, table: str, old: Record, rows: Mapping[str, list[Record]], pinned: Record) -> Record:
        """Another row in place of ``old``: same key, same references, with ``pinned`` values."""
        kept = {name: old[name] for name in (self.tables[table].key, *self.tables[table].references)}
        totals = {
            one.name: old[one.name] for one in self.tables[table].columns if isinstance(one.generator, TotalColumn)
        }
        people = {
            one.name: old[one.name] for one in self.tables[table].columns if isinstance(one.generator, PersonColumn)
        }
        fixed = next(
            (one for one in self.tables[table].fixed if all(old[key] == value for key, value in one.items())), {}
        )
        key = self.tables[table].key
        number = next(place for place, row in enumerate(rows[table], 1) if row[key] == old[key])
        return self._row(self.tables[table], {**fixed, **people, **kept, **totals, **pinned}, rows, number=number)

    def _given(self, table: DomainTable, rows: Mapping[str, list[Record]]) -> list[Record]:
        if table.per:
            parent, column = table.per
            key = self.tables[parent].key
            return [{column: row[key]} for row in rows[parent] for _ in range(self.rng.randint(*table.rows))]
        count = max(0, self.rng.randint(*table.rows) - len(table.fixed)) if table.rows[1] else 0
        return [*table.fixed, *({} for _ in range(count))]

    def _row(
        self,
        table: DomainTable,
        given: Record,
        rows: Mapping[str, list[Record]],
        taken: list[Record] | None = None,
        number: int = 1,
    ) -> Record:
        keys = {name: one.key for name, one in self.tables.items()}
        number = len(taken) + 1 if taken is not None else number
        at = RowDraw(self.rng, {}, self.today, number, self.locale, rows, keys)
        for column in table.columns:
            at.row[column.name] = given[column.name] if column.name in given else column.draw(at)
            unique = column.generator.unique if isinstance(column.generator, RefColumn) else column.name == table.key
            if taken is not None and unique and column.name not in given:
                self._tell_apart(column, at, taken, unique)
        return at.row

    def _tell_apart(self, column: WorldColumn, at: RowDraw, taken: list[Record], unique: bool | str) -> None:
        used = {row[column.name] for row in taken if unique is True or row[str(unique)] == at.row[str(unique)]}
        for _ in range(_TRIES):
            if at.row[column.name] not in used:
                return
            at.row[column.name] = column.draw(at)
        if isinstance(column.generator, RefColumn):
            raise _FullError
        column.part.wrong("no value is left that no other row has; give it more digits, or the table fewer rows")


def fill_totals(tables: Mapping[str, DomainTable], rows: Mapping[str, list[Record]]) -> None:
    """Set what sums over other tables come to."""
    for table in tables.values():
        for column in table.columns:
            if isinstance(column.generator, TotalColumn):
                sums = _sums(tables[column.generator.table], table, column.generator, rows)
                for row in rows[table.name]:
                    row[column.name] = round(sums.get(row[table.key], 0.0), 2)


def _sums(
    other: DomainTable, table: DomainTable, total: TotalColumn, rows: Mapping[str, list[Record]]
) -> dict[Any, float]:
    reference = next(column for column, name in other.references.items() if name == table.name)
    sums: dict[Any, float] = {}
    for row in rows[other.name]:
        sums[row[reference]] = sums.get(row[reference], 0.0) + float(total.expression.value(row))
    return sums
