import resource
import time
from collections.abc import Iterator

import pytest

from verl_agentic.core import BrokenTaskError
from verl_agentic.tool_envs.guarded_sqlite import GuardedDatabase, QueryRefusedError

SCHEMA = ["CREATE TABLE books(title TEXT, pages INTEGER)", "CREATE TABLE shops(name TEXT)"]
ROWS = {"books": [["Dune", 412], ["Moon", 120], ["Wolf", None]], "shops": [["It's"]]}


@pytest.fixture
def database() -> Iterator[GuardedDatabase]:
    with GuardedDatabase(SCHEMA, ROWS) as built:
        yield built


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT COUNT(*) FROM books", [(3,)]),
        ("select count(*) from BOOKS;", [(3,)]),
        ("SELECT title FROM books WHERE pages > 200", [("Dune",)]),
        ("WITH b(t) AS (SELECT title FROM books) SELECT count(*) FROM b", [(3,)]),
        ("SELECT a.title FROM books a JOIN books b ON a.pages > b.pages", [("Dune",)]),
        ("SELECT name FROM shops WHERE name = 'It''s'", [("It's",)]),
        ("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c LIMIT 3) SELECT sum(x) FROM c", [(6,)]),
        ("SELECT upper(title) || '!' FROM books LIMIT 1", [("DUNE!",)]),
        ("SELECT row_number() OVER (ORDER BY pages) FROM books", [(1,), (2,), (3,)]),
    ],
)
def test_reads(database: GuardedDatabase, sql: str, rows: list[tuple[object, ...]]) -> None:
    assert database.query(sql).rows == rows


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM books",
        "INSERT INTO books VALUES ('x', 1)",
        "UPDATE books SET pages = 1",
        "DROP TABLE books",
        "CREATE TABLE x(a)",
        "CREATE TEMP TABLE x AS SELECT 1",
        "ATTACH DATABASE '/tmp/x.db' AS x",
        "VACUUM INTO '/tmp/x.db'",
        "PRAGMA writable_schema = 1",
        "SELECT * FROM pragma_database_list",
        "SELECT name FROM sqlite_master",
        "SELECT * FROM json_each('[1]')",
        "SELECT count(*) FROM json_each('[1]')",
        "SELECT load_extension('x')",
        "SELECT readfile('/etc/passwd')",
        "SELECT zeroblob(1000000000)",
        "SELECT randomblob(10)",
        "SELECT random()",
        "SELECT printf('%.*c', 1000000000, 'x')",
        "SELECT format('%1000000000d', 1)",
        "SELECT hex(zeroblob(9))",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE books",
        "BEGIN",
        "",
        "-- nothing",
        "hello",
        "SELECT nothing FROM books",
        "SELECT 'a\x00b'",
        "SELECT '\ud800'",
        "SELECT ?",
        "SELECT " + "1," * 600 + "1",
        "SELECT " + "(" * 400 + "1" + ")" * 400,
        "SELECT CAST(x'ff' AS TEXT)",
    ],
)
def test_refuses(database: GuardedDatabase, sql: str) -> None:
    with pytest.raises(QueryRefusedError) as refusal:
        database.query(sql)
    assert 0 < len(str(refusal.value)) <= 80
    assert database.query("SELECT COUNT(*) FROM books").rows == [(3,)]


FOREVER = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) "
DOUBLING = "WITH RECURSIVE c(x) AS (SELECT 'xxxxxxxx' UNION ALL SELECT x||x FROM c) SELECT max(x) FROM c"


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (FOREVER + "SELECT count(*) FROM c", "takes too long"),
        (FOREVER + "SELECT x FROM c ORDER BY x DESC", "takes too long"),
        ("SELECT count(*) FROM " + ",".join(f"books b{i}" for i in range(14)), "takes too long"),
        (DOUBLING, "too big"),
        (DOUBLING.replace("x||x", "replace(x, 'x', 'xxxx')"), "too big"),
        (FOREVER + "SELECT group_concat(x) FROM c", "too big|takes too long"),
        ("SELECT '" + "a" * 200 + "' LIKE '" + "%a" * 100 + "b'", "LIKE or GLOB pattern too complex"),
    ],
)
def test_bombs_end_early(database: GuardedDatabase, sql: str, message: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    with pytest.raises(QueryRefusedError, match=message):
        database.query(sql)
    assert time.process_time() - started < 1.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_budget_is_per_query_and_repeatable(database: GuardedDatabase) -> None:
    heavy = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c LIMIT {}) SELECT count(*) FROM c"
    for _ in range(30):
        assert database.query(heavy.format(8000)).rows == [(8000,)]
    for _ in range(3):
        with pytest.raises(QueryRefusedError, match="takes too long"):
            database.query(heavy.format(80_000))


def test_row_cap(database: GuardedDatabase) -> None:
    assert database.query("SELECT title FROM books", 2).truncated
    assert not database.query("SELECT title FROM books", 3).truncated
    assert len(database.query("SELECT title FROM books", 2).rows) == 2


@pytest.mark.parametrize(
    ("schema", "rows"),
    [
        (["CREATE TABLE books(title"], {}),
        (["DROP TABLE books"], {}),
        (["ATTACH DATABASE '/tmp/x.db' AS x"], {}),
        ([FOREVER.replace("WITH", "CREATE TABLE x AS WITH") + "SELECT x FROM c"], {}),
        (SCHEMA, {"films": [["x"]]}),
        (SCHEMA, {"books": [["x"]]}),
        (SCHEMA, {"books": [["x", [1]]]}),
        (SCHEMA, {"books": 3}),
        (SCHEMA, {"books": [["x" * 5000, 1]]}),
    ],
)
def test_bad_worlds_are_broken_tasks(schema: list[str], rows: dict[str, list[list[object]]]) -> None:
    with pytest.raises(BrokenTaskError):
        GuardedDatabase(schema, rows)


def test_opening_is_cheap() -> None:
    rows = {"books": [[f"t{i}", i] for i in range(15)], "shops": [["a"]]}
    started = time.process_time()
    for _ in range(50):
        GuardedDatabase(SCHEMA, rows).close()
    assert (time.process_time() - started) / 50 < 0.002
