"""The small databases that questions are asked about."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Rows = dict[str, list[list[Any]]]

_PEOPLE = (
    "Ann",
    "Ben",
    "Eva",
    "Max",
    "Mia",
    "Sam",
    "Tom",
    "Zoe",
    "Leo",
    "Amy",
    "Kim",
    "Dan",
    "Ian",
    "Joy",
    "Ray",
    "Sue",
)
_TITLES = (
    "Dune",
    "Moon",
    "Storm",
    "River",
    "Night",
    "Stone",
    "Fire",
    "Snow",
    "Dawn",
    "Ghost",
    "Hope",
    "Wolf",
    "Gold",
    "Wind",
    "Rain",
    "Star",
)
_CITIES = ("Rome", "Oslo", "Lima", "Cairo")
_COLORS = ("red", "blue", "green", "black")
_GENRES = ("war", "love", "crime", "magic")
_TEAMS = ("Lions", "Bears", "Hawks", "Sharks")


@dataclass(frozen=True, slots=True)
class Link:
    """A second table, joined by the domain's category: ``table(category, column)``."""

    table: str
    column: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SqlDomain:
    """One small world: a table ``table(name, category, number, number)``, perhaps with a second one.

    Attributes:
        table: its name, a plural noun.
        name: column that names a row; unique.
        names: its values.
        category: column of words.
        categories: its values.
        numbers: the two columns of whole numbers, each with its least and greatest value.
        link: the second table.
    """

    table: str
    name: str
    names: tuple[str, ...]
    category: str
    categories: tuple[str, ...]
    numbers: tuple[tuple[str, int, int], tuple[str, int, int]]
    link: Link | None = None

    def schema(self) -> list[str]:
        """``CREATE TABLE`` statements."""
        first, second = (column for column, _, _ in self.numbers)
        columns = f"{self.name} TEXT, {self.category} TEXT, {first} INTEGER, {second} INTEGER"
        tables = [f"CREATE TABLE {self.table}({columns})"]
        if self.link:
            tables.append(f"CREATE TABLE {self.link.table}({self.category} TEXT, {self.link.column} TEXT)")
        return tables


DOMAINS = (
    SqlDomain("books", "title", _TITLES, "genre", _GENRES, (("pages", 80, 600), ("price", 5, 90))),
    SqlDomain("films", "title", _TITLES, "genre", _GENRES, (("minutes", 60, 200), ("votes", 10, 900))),
    SqlDomain("games", "title", _TITLES, "genre", _GENRES, (("price", 5, 90), ("sales", 10, 900))),
    SqlDomain("cars", "name", _TITLES, "color", _COLORS, (("speed", 90, 300), ("price", 10, 99))),
    SqlDomain("bikes", "name", _TITLES, "color", _COLORS, (("weight", 5, 30), ("price", 50, 900))),
    SqlDomain("hotels", "name", _TITLES, "city", _CITIES, (("rooms", 10, 300), ("price", 30, 400))),
    SqlDomain("students", "name", _PEOPLE, "city", _CITIES, (("age", 12, 60), ("score", 10, 99))),
    SqlDomain("dogs", "name", _PEOPLE, "color", _COLORS, (("age", 1, 19), ("weight", 3, 70))),
    SqlDomain(
        "players",
        "name",
        _PEOPLE,
        "team",
        _TEAMS,
        (("age", 16, 45), ("goals", 0, 60)),
        Link("teams", "city", _CITIES),
    ),
    SqlDomain(
        "workers",
        "name",
        _PEOPLE,
        "team",
        _TEAMS,
        (("age", 18, 66), ("salary", 20, 99)),
        Link("teams", "color", _COLORS),
    ),
    SqlDomain(
        "songs",
        "title",
        _TITLES,
        "artist",
        _PEOPLE[:4],
        (("minutes", 2, 30), ("plays", 10, 900)),
        Link("artists", "city", _CITIES),
    ),
)


def draw_rows(
    domain: SqlDomain, rng: random.Random, count: int, edges: Mapping[str, Sequence[Any]] | None = None
) -> Rows:
    """Random rows of every table.

    Args:
        domain: the world.
        rng: source of all randomness.
        count: rows of the main table, at most as many as it has names.
        edges: by column, values that many rows shall have, so that near misses of a condition show. The values of
            a column without edges are distinct, which decides the order of rows that are sorted by it.
    """
    edges = edges or {}
    names = rng.sample(domain.names, count)
    categories = [rng.choice(edges.get(domain.category, domain.categories)) for _ in range(count)]
    categories = [rng.choice(domain.categories) if rng.random() < 0.4 else category for category in categories]
    columns: list[list[int]] = []
    for column, low, high in domain.numbers:
        values = rng.sample(range(low, high + 1), count)
        columns.append([rng.choice(edges[column]) if column in edges and rng.random() < 0.6 else v for v in values])
    rows: Rows = {domain.table: [list(row) for row in zip(names, categories, *columns, strict=True)]}
    if domain.link:
        linked = rng.sample(domain.link.values, len(domain.categories) - 1)
        linked.append(rng.choice(linked))
        rng.shuffle(linked)
        rows[domain.link.table] = [list(row) for row in zip(domain.categories, linked, strict=True)]
    return rows
