"""Mutants of a query, and states of a database on which they show."""

from __future__ import annotations

import random
import sqlite3
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verl_agentic.core import BrokenTaskError
from verl_agentic.databases import QueryRefusedError
from verl_agentic.databases.open import GuardedDatabase
from verl_agentic.reward_fns.sql import compute_score
from verl_agentic.reward_fns.sql.ddl import read_tables
from verl_agentic.reward_fns.sql.draw import RowDrawer
from verl_agentic.reward_fns.sql.mutants import mutants
from verl_agentic.reward_fns.sql.states import generate_states

SCHEMA = [
    "CREATE TABLE author(id INTEGER PRIMARY KEY, name TEXT NOT NULL, born DATE, country TEXT)",
    "CREATE TABLE book(id INTEGER PRIMARY KEY, title TEXT NOT NULL UNIQUE, author_id INTEGER REFERENCES author(id), "
    "pages INTEGER CHECK(pages > 0), price REAL, CHECK (price IS NULL OR price < pages))",
    "CREATE TABLE loan(book_id INTEGER, day DATE, PRIMARY KEY(book_id, day), FOREIGN KEY(book_id) REFERENCES book(id))",
]
QUERIES = [
    "SELECT title FROM book WHERE pages > 30 AND price <= 9.5 ORDER BY pages DESC, title LIMIT 3",
    "SELECT a.name, COUNT(*) FROM author a JOIN book b ON a.id = b.author_id WHERE a.country = 'France' GROUP BY a.id",
    "SELECT DISTINCT country FROM author WHERE born >= '1950-01-01'",
    "SELECT name FROM author WHERE NOT id IN (SELECT author_id FROM book WHERE NOT author_id IS NULL)",
    "SELECT AVG(price) FROM book WHERE title LIKE 'a%' OR pages BETWEEN 10 AND 20",
]


def test_kinds_of_mutants() -> None:
    kinds = {mutant.kind for query in QUERIES for mutant in mutants(query, SCHEMA)}
    assert kinds >= {
        "aggregate", "column", "comparison", "connective", "constant", "direction", "dropped limit", "dropped order",
        "dropped predicate", "dropped where", "duplicates", "join kind", "limit", "negation", "null handling",
        "pattern",
    }  # fmt: skip
    for query in QUERIES:
        texts = [mutant.sql for mutant in mutants(query, SCHEMA)]
        assert len(texts) == len(set(texts)) > 8 and query not in texts


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.slow
def test_states_tell_mutants_apart(query: str) -> None:
    chosen = generate_states(SCHEMA, query, 7, maximum=12)
    assert 3 <= len(chosen.states) <= 12
    assert len(chosen.killed) >= 8 and len(chosen.unkilled) <= 0.2 * len(chosen.killed)
    truth: dict[str, Any] = {"sql": query, "schema": SCHEMA, "states": chosen.states}
    assert compute_score("sql", f"<answer>{query}</answer>", truth)["acc"] == 1.0
    for text, number in chosen.killed.items():
        result = compute_score("sql", f"<answer>{text}</answer>", truth)
        assert result["acc"] == 0.0 and result["reason"].endswith(f"state {number}")


SHAPES = [
    ("SELECT name FROM author ORDER BY born DESC LIMIT 2", {"all that tie", "null handling", "dropped limit"}),
    ("SELECT name FROM author WHERE born = (SELECT MAX(born) FROM author)", {"one of those that tie", "no rows"}),
    ("SELECT name FROM author EXCEPT SELECT name FROM author WHERE born < '1950-01-01'", {"one row for both"}),
    ("SELECT name FROM author WHERE strftime('%Y', born) = '1950'", {"one value", "dropped function"}),
    ("SELECT SUM(price) / NULLIF(SUM(pages), 0) FROM book", {"zero divisor", "no rows", "operands"}),
    ("SELECT id, RANK() OVER (PARTITION BY pages ORDER BY price) FROM book", {"ranks of ties", "dropped partition"}),
    ("SELECT a.name FROM author a LEFT JOIN book b ON b.author_id = a.id AND b.pages > 9", {"join condition"}),
    ("SELECT name FROM author WHERE country = '07'", {"text for a number", "case and blanks", "cut text"}),
    ("SELECT name FROM author WHERE id IN (SELECT author_id FROM book)", {"duplicates", "null handling"}),
]


@pytest.mark.parametrize(("query", "kinds"), SHAPES)
def test_mutants_of_shapes(query: str, kinds: set[str]) -> None:
    found = mutants(query, SCHEMA, "sqlite", RowDrawer(SCHEMA, query, "sqlite").edges)
    assert {mutant.kind for mutant in found} >= kinds
    refused = 0
    with GuardedDatabase(SCHEMA, {}) as database:
        for mutant in found:
            try:
                database.query(mutant.sql)
            except QueryRefusedError:
                refused += 1
    assert refused <= 0.3 * len(found)  # columns of other tables of the same name


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("SELECT name FROM author WHERE strftime('%Y', born) = '1950'", {"1950-12-31", "1950-01-01", "1951-01-01"}),
        ("SELECT name FROM author WHERE born LIKE '1950-05-%'", {"1950-05-01", "1950-05-31", "1950-06-01"}),
        ("SELECT name FROM author WHERE length(country) > 4", {"cedar", "ceda"}),
        ("SELECT name FROM author WHERE country || '' = '05'", {"05", "5"}),
        ("SELECT name FROM author WHERE julianday('2024-01-01') - julianday(born) > 365", {"2022-12-31", "2023-01-01"}),
    ],
)
def test_values_at_the_edges_of_conditions(query: str, values: set[str]) -> None:
    drawer = RowDrawer(SCHEMA, query, "sqlite")
    (found,) = drawer.edges.values()
    assert {holds for _, holds in found} == {True, False}
    rng = random.Random(1)
    drawn = {cell for _ in range(60) for table in drawer.draw(rng, 10).values() for row in table for cell in row}
    assert drawn >= values


@pytest.mark.parametrize(
    "query", ["SELECT 1", "SELECT COUNT(*) FROM book WHERE pages < 0", "SELECT id FROM loan LIMIT 0"]
)
def test_what_does_not_vary_is_refused(query: str) -> None:
    with pytest.raises(BrokenTaskError, match="a constant would be as good"):
        generate_states([*SCHEMA[:2], "CREATE TABLE loan(id INTEGER)"], query, 1)


@pytest.mark.slow
def test_no_result_is_right_on_all_states() -> None:
    for query in QUERIES:
        found = []
        for rows in generate_states(SCHEMA, query, 3).states:
            with GuardedDatabase(SCHEMA, rows) as database:
                found.append(database.query(query).rows)
        assert any(sorted(map(repr, rows)) != sorted(map(repr, found[0])) for rows in found)


def test_order_that_rows_lie_in_must_be_asked_for() -> None:
    query = "SELECT name FROM author ORDER BY id"
    truth = {"sql": query, "schema": SCHEMA, "states": generate_states(SCHEMA, query, 1).states}
    for answer, acc in ((query, 1.0), ("SELECT name FROM author", 0.0), ("SELECT name FROM author ORDER BY 1", 0.0)):
        assert compute_score("sql", f"<answer>{answer}</answer>", truth)["acc"] == acc


def test_the_same_seed_gives_the_same_states() -> None:
    first, again, other = (generate_states(SCHEMA, QUERIES[2], seed) for seed in (1, 1, 2))
    assert first == again and first.states != other.states


def test_seed_state_comes_first() -> None:
    own = {"author": [[1, "Ann", "1950-01-01", "France"]], "book": [], "loan": []}
    assert generate_states(SCHEMA, QUERIES[2], 1, seed_state=own).states[0] == own


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12), st.sampled_from(QUERIES))
def test_rows_keep_the_constraints(seed: int, size: int, query: str) -> None:
    rows = RowDrawer(SCHEMA, query, "sqlite").draw(random.Random(seed), size)
    with sqlite3.connect(":memory:") as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        for statement in SCHEMA:
            connection.execute(statement)
        for table in ("author", "book", "loan"):
            for row in rows[table]:
                connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    connection.close()
    assert rows["author"]
    with GuardedDatabase(SCHEMA, rows) as database:
        assert database.query("SELECT COUNT(*) FROM author").rows == [(len(rows["author"]),)]


def test_schema_is_read() -> None:
    author, book, loan = read_tables(SCHEMA, "sqlite")
    assert [column.kind for column in author.columns] == ["integer", "text", "date", "text"]
    assert [column.nullable for column in book.columns] == [False, False, True, True, True]
    assert [column.unique for column in book.columns] == [True, True, False, False, False]
    assert book.columns[2].parent == ("author", "id") and loan.columns[0].parent == ("book", "id")
    assert not any(column.unique or column.nullable for column in loan.columns)


@pytest.mark.parametrize(
    ("schema", "query"),
    [
        (SCHEMA, "SELECT nothing FROM book"),
        (SCHEMA, "DELETE FROM book"),
        (SCHEMA, "SELECT ((("),
        (["CREATE TABLE ("], "SELECT 1"),
        (["CREATE TABLE t(a INTEGER NOT NULL REFERENCES u(a))"], "SELECT a FROM t"),
    ],
)
def test_broken_tasks(schema: list[str], query: str) -> None:
    with pytest.raises(BrokenTaskError):
        generate_states(schema, query, 1)
