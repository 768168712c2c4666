"""Mutants of a query, and states of a database on which they show."""

from __future__ import annotations

import random
import sqlite3
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verl_agentic.core import BrokenTaskError
from verl_agentic.reward_fns.sql import compute_score
from verl_agentic.reward_fns.sql.ddl import read_tables
from verl_agentic.reward_fns.sql.draw import RowDrawer
from verl_agentic.reward_fns.sql.mutants import mutants
from verl_agentic.reward_fns.sql.states import generate_states
from verl_agentic.tool_envs.guarded_sqlite import GuardedDatabase

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
def test_states_tell_mutants_apart(query: str) -> None:
    chosen = generate_states(SCHEMA, query, 7, maximum=12)
    assert 3 <= len(chosen.states) <= 12
    assert len(chosen.killed) >= 8 and len(chosen.unkilled) <= 0.2 * len(chosen.killed)
    truth: dict[str, Any] = {"sql": query, "schema": SCHEMA, "states": chosen.states}
    assert compute_score("sql", f"<answer>{query}</answer>", truth)["acc"] == 1.0
    for text, number in chosen.killed.items():
        result = compute_score("sql", f"<answer>{text}</answer>", truth)
        assert result["acc"] == 0.0 and result["reason"].endswith(f"state {number}")


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
