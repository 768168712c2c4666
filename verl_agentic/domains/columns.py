"""How the values of a column are drawn: one class for each kind of generator.

A column of ``tables.yaml`` is an object with one of these keys, and perhaps ``when``, ``else``, ``maybe`` and ``sql``:

* ``id: "W{5}"`` - unique; ``{5}`` five digits, ``{2:A}`` two letters, ``{4:#}`` counted up;
* ``person: name`` - of one person per row (:data:`verl_agentic.domains.people.FIELDS`);
* ``choice: [a, b]`` or ``choice: {a: 3, b: 1}`` with weights;
* ``int: [1, 9]``, ``money: [5, 80]``, ``number: [0.1, 2.5]``, with ``step`` where only its multiples are meant;
* ``date: {days_ago: [1, 60]}``, ``{days_ahead: [1, 60]}``, ``{after: column, days: [1, 9]}`` or ``{before: ...}``;
* ``time: ["08:00", "18:00"]`` with ``step`` in minutes (30);
* ``ref: table`` - key of a row there; ``where: expression`` over ``it`` and this row; ``unique: true``, or the name
  of a column where only rows that have the same value there must differ;
* ``of: {row: column, take: column}`` - what the row that a reference leads to holds;
* ``value: expression`` - over this row's earlier columns, ``today`` and ``n``, the row's number from 1;
* ``total: {of: table, value: expression}`` - the sum over the rows of a table that refer to this one.

``when: expression`` leaves it empty (NULL, or ``else: value``) where it does not hold; ``maybe: 0.2`` leaves it empty
that often.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from verl_agentic.domains.expressions import Expression, ExpressionError
from verl_agentic.domains.people import FIELDS, draw_person
from verl_agentic.domains.source import YamlPart

Record = dict[str, Any]

_SLOT = re.compile(r"\{(\d)(?::([A#]))?\}")
_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,4})?")
# Without those that look like digits.
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_TRIES = 200


@dataclass(slots=True)
class RowDraw:
    """What a generator sees: the row so far, and the world around it."""

    rng: random.Random
    row: Record
    today: str
    number: int
    locale: str
    rows: Mapping[str, list[Record]]
    keys: Mapping[str, str]
    person: dict[str, str] = field(default_factory=dict)

    def evaluate(self, expression: Expression, **more: Any) -> Any:
        """An expression over the row."""
        return expression.value({**self.row, "today": self.today, "n": self.number, **more})


@dataclass(frozen=True, slots=True)
class IdColumn:
    """Unique keys of one pattern."""

    pattern: str
    type = "TEXT"

    def draw(self, at: RowDraw) -> str:
        def part(slot: re.Match[str]) -> str:
            width, kind = int(slot[1]), slot[2]
            if kind == "#":
                return f"{at.number:0{width}d}"
            if kind == "A":
                return "".join(at.rng.choice(_LETTERS) for _ in range(width))
            return str(at.rng.randint(10 ** (width - 1), 10**width - 1))

        return _SLOT.sub(part, self.pattern)


@dataclass(frozen=True, slots=True)
class PersonColumn:
    """A property of the row's person."""

    property: str
    type = "TEXT"

    def draw(self, at: RowDraw) -> str:
        if not at.person:
            at.person.update(draw_person(at.rng, at.locale, date.fromisoformat(at.today)))
        return at.person[self.property]


@dataclass(frozen=True, slots=True)
class ChoiceColumn:
    """One of some values."""

    values: tuple[Any, ...]
    weights: tuple[float, ...]

    @property
    def type(self) -> str:
        return _sql_type(self.values)

    def draw(self, at: RowDraw) -> Any:
        return at.rng.choices(self.values, self.weights)[0]


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """A number of a range: multiples of ``step`` counted from its beginning."""

    least: float
    most: float
    step: float
    digits: int

    @property
    def type(self) -> str:
        return "INTEGER" if self.digits == 0 else "REAL"

    def draw(self, at: RowDraw) -> float | int:
        steps = at.rng.randint(0, int((self.most - self.least) / self.step + 1e-9))
        value = round(self.least + steps * self.step, self.digits)
        return int(value) if self.digits == 0 else value


@dataclass(frozen=True, slots=True)
class DateColumn:
    """A date, so many days from today or from another column."""

    least: int
    most: int
    base: str = ""
    type = "TEXT"

    def draw(self, at: RowDraw) -> str | None:
        start = at.row.get(self.base) if self.base else at.today
        if start is None:
            return None
        return (date.fromisoformat(start[:10]) + timedelta(days=at.rng.randint(self.least, self.most))).isoformat()


@dataclass(frozen=True, slots=True)
class TimeColumn:
    """A time of day."""

    least: int
    most: int
    step: int
    type = "TEXT"

    def draw(self, at: RowDraw) -> str:
        minutes = at.rng.randrange(self.least, self.most + 1, self.step)
        return f"{minutes // 60:02d}:{minutes % 60:02d}"


@dataclass(frozen=True, slots=True)
class RefColumn:
    """The key of a row of another table."""

    table: str
    where: Expression | None
    unique: bool | str
    type = "TEXT"

    def draw(self, at: RowDraw) -> Any:
        rows = at.rows[self.table]
        for _ in range(_TRIES if self.where else 1):
            row = at.rng.choice(rows)
            if self.where is None or at.evaluate(self.where, it=row):
                return row[at.keys[self.table]]
        fitting = [row for row in rows if self.where is None or at.evaluate(self.where, it=row)]
        if not fitting:
            raise ExpressionError(f"no row of {self.table} fits")
        return at.rng.choice(fitting)[at.keys[self.table]]


@dataclass(frozen=True, slots=True)
class TakenColumn:
    """What the row that a reference leads to holds."""

    reference: str
    table: str
    column: str
    type = ""

    def draw(self, at: RowDraw) -> Any:
        key = at.keys[self.table]
        wanted = at.row[self.reference]
        return next((row[self.column] for row in at.rows[self.table] if row[key] == wanted), None)


@dataclass(frozen=True, slots=True)
class ValueColumn:
    """What an expression over the row comes to."""

    expression: Expression
    type = ""

    def draw(self, at: RowDraw) -> Any:
        return at.evaluate(self.expression)


@dataclass(frozen=True, slots=True)
class TotalColumn:
    """The sum over the rows of another table that refer to this one; filled once they are there."""

    table: str
    expression: Expression
    type = "REAL"

    def draw(self, at: RowDraw) -> float:
        return 0.0


Generator = (
    IdColumn
    | PersonColumn
    | ChoiceColumn
    | NumberColumn
    | DateColumn
    | TimeColumn
    | RefColumn
    | TakenColumn
    | ValueColumn
    | TotalColumn
)


@dataclass(frozen=True, slots=True)
class WorldColumn:
    """One column of a table of a domain.

    Attributes:
        name: its name.
        generator: how its values are drawn.
        type: SQLite type; none where values are kept as they come.
        when: where this does not hold, it is ``otherwise``.
        otherwise: that value.
        maybe: share of rows in which it is empty.
        part: where it is written.
    """

    name: str
    generator: Generator
    type: str
    when: Expression | None
    otherwise: Any
    maybe: float
    part: YamlPart

    def draw(self, at: RowDraw) -> Any:
        """A value for the row."""
        try:
            if self.when is not None and not at.evaluate(self.when):
                return self.otherwise
            value = self.generator.draw(at)
        except ExpressionError as error:
            self.part.wrong(str(error))
        return None if self.maybe and at.rng.random() < self.maybe else value


_KINDS = ("id", "person", "choice", "int", "money", "number", "date", "time", "ref", "of", "value", "total")
_MORE = ("when", "else", "maybe", "sql", "step", "where", "unique")


def read_column(name: str, part: YamlPart, refs: Mapping[str, str]) -> WorldColumn:
    """Read one column.

    Args:
        name: its name.
        part: its entry.
        refs: tables that the columns before it refer to, by column.

    Raises:
        DomainError: it is no column.
    """
    fields = part.fields(*_KINDS, *_MORE)
    kinds = [kind for kind in _KINDS if kind in fields]
    if len(kinds) != 1:
        part.wrong(f"needs exactly one of {', '.join(_KINDS)}")
    generator = _generator(kinds[0], fields[kinds[0]], fields, refs)
    return WorldColumn(
        name=name,
        generator=generator,
        type=fields["sql"].choice("TEXT", "INTEGER", "REAL") if "sql" in fields else generator.type,
        when=fields["when"].expression() if "when" in fields else None,
        otherwise=fields["else"].scalar() if "else" in fields else None,
        maybe=float(fields["maybe"].number()) if "maybe" in fields else 0.0,
        part=part,
    )


def _generator(kind: str, part: YamlPart, fields: Mapping[str, YamlPart], refs: Mapping[str, str]) -> Generator:
    match kind:
        case "id":
            if not _SLOT.search(part.text()):
                part.wrong('needs a slot for digits, e.g. "W{5}"')
            return IdColumn(part.text())
        case "person":
            return PersonColumn(part.choice(*FIELDS))
        case "choice":
            return _choice(part)
        case "int" | "money" | "number":
            least, most = part.pair()
            digits = {"int": 0, "money": 2, "number": 2}[kind]
            step = (
                float(fields["step"].number()) if "step" in fields else {"int": 1, "money": 0.05, "number": 0.1}[kind]
            )
            return NumberColumn(least, most, step, digits)
        case "date":
            return _date(part)
        case "time":
            first, last = (_minutes(one) for one in part.items(2)[:2])
            return TimeColumn(first, last, fields["step"].whole(1) if "step" in fields else 30)
        case "ref":
            where = fields["where"].expression() if "where" in fields else None
            unique = fields["unique"].scalar() if "unique" in fields else False
            if not isinstance(unique, bool | str):
                fields["unique"].wrong("must be true or the name of a column")
            return RefColumn(part.text(), where, unique)
        case "of":
            inner = part.fields(needed=("row", "take"))
            reference = inner["row"].text()
            if reference not in refs:
                inner["row"].wrong(f"no column {reference!r} before it that refers to a table")
            return TakenColumn(reference, refs[reference], inner["take"].text())
        case "value":
            return ValueColumn(part.expression())
    inner = part.fields(needed=("of", "value"))
    return TotalColumn(inner["of"].text(), inner["value"].expression())


def _choice(part: YamlPart) -> ChoiceColumn:
    if isinstance(part.data, dict):
        entries = part.entries()
        numeric = all(_NUMBER.fullmatch(key) for key in entries)
        values = tuple[Any, ...]((float(key) if "." in key else int(key)) if numeric else key for key in entries)
        return ChoiceColumn(values, tuple(float(weight.number()) for weight in entries.values()))
    values = tuple(item.scalar() for item in part.items(1))
    return ChoiceColumn(values, (1.0,) * len(values))


def _date(part: YamlPart) -> DateColumn:
    fields = part.fields("days_ago", "days_ahead", "after", "before", "days")
    if "days_ago" in fields or "days_ahead" in fields:
        ago = "days_ago" in fields
        least, most = fields["days_ago" if ago else "days_ahead"].pair()
        return DateColumn(-int(most), -int(least)) if ago else DateColumn(int(least), int(most))
    base = fields.get("after") or fields.get("before")
    if base is None or "days" not in fields:
        part.wrong("needs days_ago, days_ahead, or after or before with days")
    least, most = fields["days"].pair()
    if "before" in fields:
        least, most = -most, -least
    return DateColumn(int(least), int(most), base.text())


def _minutes(part: YamlPart) -> int:
    found = re.fullmatch(r"(\d\d):(\d\d)", part.text())
    if not found:
        part.wrong("must be a time, HH:MM")
    return int(found[1]) * 60 + int(found[2])


def _sql_type(values: tuple[Any, ...]) -> str:
    if all(isinstance(value, int) for value in values):
        return "INTEGER"
    return "REAL" if all(isinstance(value, int | float) for value in values) else "TEXT"
