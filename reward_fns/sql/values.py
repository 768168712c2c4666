"""Values of columns at which a query may go wrong: at and beside its constants, at the ends of months and years."""

from __future__ import annotations

import calendar
import datetime
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlglot import exp

from verl_agentic.core import BrokenTaskError
from verl_agentic.databases import QueryRefusedError
from verl_agentic.databases.open import GuardedDatabase
from verl_agentic.reward_fns.sql.ddl import Column, Table

_DAYS = [f"2024-{month:02}-{day:02}" for month in (1, 2, 6, 12) for day in (1, 15, 28)]
_HOURS = (" 00:00:00", " 12:30:00", " 23:59:59")
_WORDS = ("ash", "birch", "cedar", "elm", "fir", "Ash")
# Of one beginning, of blanks at the ends, of digits, of nothing.
_ODD_WORDS = (
    "birch grove at the river, north",
    "birch grove at the river, south",
    " elm",
    "elm ",
    "07",
    "7",
    "10",
    "",
    "",
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_LIKE_DATE = re.compile(r"%?(?:19|20)\d\d(?:[-/%].*)?|[%_]*-\d\d(?:-[%_\d]*)?")
_OF_DATES = re.compile(r"date|time|julian|epoch|extract|year|month|week|day|quarter", re.IGNORECASE)
_MAX_TRIED = 200


class Values:
    """What the columns of a query may hold, by their names in lower case.

    Attributes:
        kinds: types of columns; a text that is treated as a date is one.
        edges: texts and dates, each with whether a condition on the column holds for it.
    """

    def __init__(
        self, tree: Any, tables: Sequence[Table], seed_state: Mapping[str, Sequence[Sequence[Any]]] | None
    ) -> None:
        """Read a query's constants, and what it does with the columns beside them."""
        columns = [column for table in tables for column in table.columns]
        self.kinds: dict[str, str] = {column.name.lower(): column.kind for column in columns}
        self.edges: dict[str, list[tuple[str, bool]]] = {}
        self._near: dict[str, list[Any]] = {}
        self._numbers: list[Any] = []
        self._holds: dict[str, tuple[list[str], list[str]]] = {}
        self._decks: dict[str, list[str]] = {}
        conditions: dict[str, list[Any]] = {}
        for literal in tree.find_all(exp.Literal):
            self._note(literal, conditions)
        self._partners: dict[str, set[str]] = {}
        for left, right in _compared(tree):
            self._partners.setdefault(left, set()).add(right)
            self._partners.setdefault(right, set()).add(left)
            if self.kinds.get(left) == self.kinds.get(right):
                both = [*self._near.get(left, ()), *self._near.get(right, ())]
                self._near[left], self._near[right] = list(both), list(both)
        for column in columns:
            if column.parent and column.name.lower() in self._near:
                self._near.setdefault(column.parent[1].lower(), []).extend(self._near[column.name.lower()])
        for name, found in conditions.items():
            if self.kinds.get(name) == "text" and (_treats_dates(found) or _holds_dates(self._near.get(name, ()))):
                self.kinds[name] = "date"
            if self.kinds.get(name) in ("text", "date", "timestamp"):
                self._try(name, found)
        for table in tables:
            for row in (seed_state or {}).get(table.name, ()):
                for column, value in zip(table.columns, row, strict=False):
                    if value is not None:
                        self._near.setdefault(column.name.lower(), []).append(value)

    def begin(self, rng: random.Random) -> bool:
        """Begin a state; whether each value at which a condition may go wrong comes in it before any comes again."""
        self._decks = {}
        if not self._holds or rng.random() < 0.6:
            return False
        for name, (holds, fails) in self._holds.items():
            deck = [*_some(fails), *_some(holds)]
            rng.shuffle(deck)
            self._decks[name] = deck
        return True

    def partners(self, column: Column) -> set[str]:
        """Names of the columns that the query compares a column to, so that each should hold some of their values."""
        return self._partners.get(column.name.lower(), set())

    def key(self, column: Column, keys: Sequence[Any], rng: random.Random) -> Any:
        """One of the keys that a column may refer to, or a new one where there are none to choose from."""
        near = self._near.get(column.name.lower(), ())
        if keys:
            asked_for = [key for key in keys if key in near]
            return rng.choice(asked_for if asked_for and rng.random() < 0.5 else keys)
        near = [value for value in near if isinstance(value, int)]
        return rng.choice(near) + rng.choice((-1, 0, 0, 1)) if near and rng.random() < 0.3 else rng.randint(1, 60)

    def draw(self, column: Column, side: int, place: int, rng: random.Random) -> Any:
        """A value for a column, in ``place`` of its table, at, beside or on one ``side`` of a constant, or any."""
        name = column.name.lower()
        kind = self.kinds.get(name, column.kind)
        if deck := self._decks.get(name):
            return deck.pop()
        holds, fails = self._holds.get(name, ([], []))
        if (holds or fails) and rng.random() < 0.75:
            chosen = (holds if rng.random() < 0.55 else fails) or holds or fails
            return rng.choice(_some(chosen) if rng.random() < 0.6 else chosen)
        near = self._near.get(name, [])
        if near and rng.random() < 0.75:
            value = _around(rng.choice(near), kind, side, rng)
            if value is not None:
                return value
        return self._plain(kind, column.unique, side, place, rng)

    def _plain(self, kind: str, unique: bool, side: int, place: int, rng: random.Random) -> Any:
        if kind == "boolean":
            return rng.random() < 0.5
        if kind in ("date", "timestamp"):
            return rng.choice(_DAYS) + (rng.choice(_HOURS) if kind == "timestamp" else "")
        if kind in ("integer", "real"):
            # Columns of one type get ranges of their own, so that taking one for another shows.
            usual = (0, 0, -10, 10 * (place + 1), 10 * (place + 1))
            base = rng.choice([*self._numbers, *usual] if side >= 0 else (-10, -5, -2))
            value = base + rng.randint(-1, 4)
            return value + rng.choice((0, 0.5, 0.25, 0.127)) if kind == "real" else int(value)
        stem = rng.choice(_WORDS if rng.random() < 0.6 else _ODD_WORDS)
        if unique:
            text = f"{stem}{rng.randint(0, 40)}"
            return rng.choice((text, text, text, text.swapcase(), text + " "))
        return stem if rng.random() < 0.8 else f"{stem}{place}"

    def _note(self, literal: Any, conditions: dict[str, list[Any]]) -> None:
        """Remember a constant for the columns beside it, and any number for all of them."""
        value: Any = literal.name
        if not literal.is_string:
            value = float(value) if "." in value or "e" in value.lower() else int(value)
            if abs(value) < 10**9:
                self._numbers.append(value)
        # The nearest condition around it, wherever in an expression it stands, or else the call.
        around = literal.find_ancestor(exp.Predicate, exp.Case, exp.In, exp.Between, exp.Nullif)
        around = around if around is not None else literal.find_ancestor(exp.Func)
        found = [] if around is None else list(around.find_all(exp.Column))
        for column in found:
            self._near.setdefault(column.name.lower(), []).append(value)
        if len({column.name.lower() for column in found}) == 1:
            known = conditions.setdefault(found[0].name.lower(), [])
            if not any(around is other for other in known):
                known.append(around)

    def _try(self, name: str, conditions: Sequence[Any]) -> None:
        """Sort texts by whether a condition holds for them, as SQLite has it."""
        kind = self.kinds[name]
        tried = list(dict.fromkeys(_candidates(kind, self._near.get(name, []), conditions)))[:_MAX_TRIED]
        holds: list[str] = []
        fails: list[str] = []
        for condition in conditions:
            if condition.find(exp.Subquery, exp.Select, exp.AggFunc):
                continue
            sides = _sorted_by(condition, tried)
            if not isinstance(condition, exp.Predicate) or sides is None:
                fails += tried
                continue
            holds += sides[0]
            # Those beside what holds tell more than any others, also those tried first.
            days = {day for value in sides[0] for day in _neighbours(value)}
            fails += sorted(sides[1], key=lambda value: value[:10] not in days)[: 2 * len(sides[0]) + 8]
        self._holds[name] = holds, fails
        self.edges[name] = [(value, side is holds) for side in (holds, fails) for value in _some(side)]


def _some(values: Sequence[str]) -> list[str]:
    """The first ones, which lie nearest to the constants, and a few of all."""
    return list(dict.fromkeys([*values[:4], *values[4 :: max(1, len(values) // 5)]]))


def _compared(tree: Any) -> Iterable[tuple[str, str]]:
    """Names of columns that are compared with each other, or joined by."""
    for node in tree.find_all(exp.Binary):
        if isinstance(node.this, exp.Column) and isinstance(node.expression, exp.Column):
            yield node.this.name.lower(), node.expression.name.lower()
    for node in tree.find_all(exp.In):
        query = node.args.get("query")
        items = list(query.this.selects) if isinstance(query, exp.Subquery) else []
        if isinstance(node.this, exp.Column) and len(items) == 1 and isinstance(items[0].unalias(), exp.Column):
            yield node.this.name.lower(), items[0].unalias().name.lower()
    for join in tree.find_all(exp.Join):
        for name in join.args.get("using") or ():
            yield name.name.lower(), name.name.lower()


def _treats_dates(conditions: Sequence[Any]) -> bool:
    """Whether a function of dates is applied, or a text that looks like part of a date is looked for."""
    for condition in conditions:
        for call in condition.find_all(exp.Func):
            name = call.name if isinstance(call, exp.Anonymous) else call.key
            if _OF_DATES.search(name) and call.find(exp.Column):
                return True
        literals = [literal.name for literal in condition.find_all(exp.Literal) if literal.is_string]
        if any(_LIKE_DATE.fullmatch(text) for text in literals) and condition.find(exp.Like, exp.Substring):
            return True
    return False


def _holds_dates(values: Iterable[Any]) -> bool:
    texts = [value for value in values if isinstance(value, str)]
    return bool(texts) and all(_DATE.match(text) for text in texts)


def _sorted_by(condition: Any, tried: Sequence[str]) -> tuple[list[str], list[str]] | None:
    copy = condition.copy()
    for column in copy.find_all(exp.Column):
        column.replace(exp.column("v"))
    try:
        sql = copy.sql(dialect="sqlite", unsupported_level="ignore")
        with GuardedDatabase(["CREATE TABLE c(v TEXT)"], {"c": [[value] for value in tried]}) as database:
            rows = database.query(f"SELECT ({sql}) FROM c ORDER BY rowid").rows
    except (QueryRefusedError, BrokenTaskError, ValueError, AttributeError):
        return None
    sides: tuple[list[str], list[str]] = [], []
    for value, (holds,) in zip(tried, rows, strict=True):
        sides[not holds].append(value)
    return sides


def _candidates(kind: str, near: Sequence[Any], conditions: Sequence[Any]) -> list[str]:
    """Texts or dates around the constants of a column."""
    constants = list(near)
    if kind != "text":
        days = list(_days(constants))
        return days if kind == "date" else [day + hour for day in days for hour in _HOURS]
    found = []
    for value in constants:
        if isinstance(value, str):
            filled = value.replace("*", "%").replace("?", "_").replace("_", "q")
            for plain in (filled.replace("%", ""), filled.replace("%", "ab"), filled.strip("%").replace("%", "a b")):
                found += _alike(plain)
        elif isinstance(value, int) and 0 <= value <= 200:
            found += [_long(value + step) for step in (-1, 0, 1)]
            found += [_long(value) + " ", " " + _long(value), _long(max(0, value - 1)) + " "]
    return [*found, *_WORDS, *_ODD_WORDS]


def _long(length: int) -> str:
    return ("cedar and elm at the river, " * 8)[: max(0, length)].rstrip().ljust(max(0, length), "x")


def _alike(text: str) -> list[str]:
    others = [text, text + "x", "x" + text, text.swapcase(), text.upper(), text.lower(), f" {text}", f"{text} "]
    others += [text[:-1], text[1:], text + "5"]
    if text.isascii() and text.isdigit() and len(text) < 10:
        number = int(text)
        others += [str(number), f"0{number}", f"00{number}", str(number + 1), str(max(0, number - 1)), f"{number}.0"]
    return others


def _days(constants: Sequence[Any]) -> Iterable[str]:
    """Days at the ends of the years and months among the constants, and beside its dates."""
    years: list[int] = []
    numbers: list[int] = []
    spans: list[int] = []
    dates: list[datetime.date] = []
    for value in constants:
        if isinstance(value, str):
            for text in _DATE.findall(value):
                try:
                    dates.append(datetime.date.fromisoformat(text))
                except ValueError:
                    continue
            parts = [int(part) for part in re.findall(r"(?<!\d)\d{1,4}(?!\d)", value)]
        else:
            parts = [int(value)] if abs(value) < 10_000 else []
            spans += parts
        years += [part for part in parts if 1800 <= part <= 2200]
        numbers += [part for part in parts if 1 <= part <= 31]
    for date in dates:
        yield from _shifted(date, -1, 0, 1)
        for year in (date.year - 1, date.year + 1):
            yield f"{year:04}-{date.month:02}-{min(date.day, 28):02}"
    # So many days from a date.
    for date in dates or [datetime.date(2024, 1, 1)]:
        for span in dict.fromkeys(spans):
            yield from _shifted(date, -span - 1, -span, 1 - span, span - 1, span, span + 1)
    for year in dict.fromkeys([*years, *(date.year for date in dates)] or [2024]):
        first, last = datetime.date(year, 1, 1), datetime.date(year, 12, 31)
        yield from (*_shifted(first, 0, -1), *_shifted(last, 0, 1), f"{year}-06-15", f"{year}-03-10")
        yield from (f"{year - 12}-08-04", f"{year + 12}-08-04")
        for number in dict.fromkeys(numbers):
            if number <= 12:
                start = datetime.date(year, number, 1)
                end = datetime.date(year, number, calendar.monthrange(year, number)[1])
                yield from (*_shifted(start, 0, -1), *_shifted(end, 0, 1), f"{year}-{number:02}-10")
            yield from _shifted(datetime.date(year, 5, number), 0)
        # A whole week, and the end of February.
        yield from _shifted(datetime.date(year, 2, calendar.monthrange(year, 2)[1]), 0, 1, 2, 3, 4, 5, 6)


def _neighbours(text: str) -> Iterable[str]:
    """The day before and the day after that of a date or time; none for other texts."""
    try:
        return _shifted(datetime.date.fromisoformat(text[:10]), -1, 1)
    except ValueError:
        return ()


def _shifted(date: datetime.date, *steps: int) -> Iterable[str]:
    for step in steps:
        try:
            yield (date + datetime.timedelta(days=step)).isoformat()
        except OverflowError:
            continue


def _around(value: Any, kind: str, side: int, rng: random.Random) -> Any:
    """A value equal to or beside a constant, or on one ``side`` of it, of the column's type; ``None`` if impossible."""
    step = side * rng.choice((0, 1, 1, 2, 3, 5)) if side else rng.choice((-2, -1, 0, 0, 0, 1, 2))
    if kind in ("integer", "real"):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        # A number that is no constant's neighbour by whole steps shows what rounds, and what is between two of them.
        return int(value + step) if kind == "integer" else value + step + rng.choice((0, 0, 0, 0.5, -0.5, 0.127))
    if not isinstance(value, str) or kind == "boolean":
        return value if kind == "boolean" and isinstance(value, bool) else None
    if kind in ("date", "timestamp"):
        try:
            day = datetime.datetime.fromisoformat(value) + datetime.timedelta(days=step)
        except (ValueError, OverflowError):
            return None
        return day.date().isoformat() if kind == "date" else day.isoformat(sep=" ")
    return rng.choice((value, value, value.swapcase(), value + "x"))
