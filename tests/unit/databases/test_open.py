import re
import resource
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from verl_agentic.core import BrokenTaskError, InfrastructureError
from verl_agentic.databases import Limits, QueryLimitError, QueryRefusedError, open_file
from verl_agentic.databases.open import GuardedDatabase, _may_grow
from verl_agentic.databases.sqlite import SqliteDatabase

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
        ("SELECT printf('%.2f|%05d|%s|%,d|%%', 2.5, 42, NULL, 1234567)", [("2.50|00042||1,234,567|%",)]),
        ("SELECT format('%-5s|%*d', 'a', 4, 7), printf(NULL), printf('%c', 'x')", [("a    |   7", None, "x")]),
        ("SELECT hex('ab'), quote('it''s'), json_extract('{\"a\": [1, 2]}', '$.a[1]')", [("6162", "'it''s'", 2)]),
        ("SELECT '{\"a\": 1}' ->> 'a', json_object('a', json_array(1, 2))", [(1, '{"a":[1,2]}')]),
        ("SELECT json_group_array(title) FROM books WHERE pages > 200", [('["Dune"]',)]),
        ("SELECT string_agg(title, '; ') FROM books", [("Dune; Moon; Wolf",)]),
        ("SELECT string_agg(pages, '-'), string_agg(NULL, '-') FROM books", [("412-120", None)]),
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
        "SELECT printf('%.*c', '1e9', 'x')",
        "SELECT printf('%.*c', x'39393939393939', 'x')",
        "SELECT printf('%' || '.999999999c', 'x')",
        "SELECT printf('%1500s%1500s', 1, 2)",
        "SELECT json_array(" + ", ".join(["printf('%1900s', 'x')"] * 40) + ")",
        "SELECT quote(printf('%1999s', '''')) || printf('%1999s', '''')",
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
        (FOREVER + "SELECT string_agg(x, ',') FROM c", "raised error|too big|takes too long"),
        (FOREVER + "SELECT json_group_array(printf('%1990s', x)) FROM c", "too big|takes too long|memory"),
        (FOREVER + "SELECT \"JSON_group_object\"(x, printf('%1990s', x)) FROM c", "too big|takes too long|memory"),
        (FOREVER + "SELECT sum(length(printf('%.1999c', 'x'))) FROM c", "takes too long"),
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


def copied(levels: int) -> str:
    ctes = "".join(f",c{i} AS(SELECT 1 x FROM c{i - 1},c{i - 1} y)" for i in range(1, levels))
    return f"WITH c0 AS(SELECT 1 x FROM books){ctes} SELECT 1 FROM c{levels - 1}"


def flattened(levels: int, terms: int) -> str:
    sql = "SELECT pages a FROM books"
    for _ in range(levels):
        sql = f"SELECT {'+'.join('a' * terms)} a FROM({sql})"
    return sql


def doubled(levels: int) -> str:
    """Each mentions all before it, and none more than once."""
    ctes = [f"c{i} AS(SELECT 1 FROM {','.join(['books', *(f'c{j}' for j in range(i))])})" for i in range(levels)]
    return f"WITH {','.join(ctes)} SELECT 1 FROM c{levels - 1}"


GROWING = [copied(22), flattened(12, 6), flattened(6, 20), doubled(13), re.sub(r"\bc1\b", "[c 1]", copied(22))]


@pytest.mark.parametrize("sql", GROWING)
@pytest.mark.slow
def test_growing_texts_run_apart(sql: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with GuardedDatabase(SCHEMA, ROWS, limits=Limits(seconds=0.5)) as database:
        started = time.monotonic()
        with pytest.raises(QueryRefusedError, match="too"):
            database.query(sql)
        assert time.monotonic() - started < 2.0  # the deadline, 0.5 s more, and a busy machine
        assert database.query("SELECT COUNT(*) FROM books").rows == [(3,)]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


@pytest.mark.parametrize("sql", [copied(3), flattened(3, 2), flattened(1, 60), flattened(2, 4), doubled(4)])
def test_what_runs_here_cannot_grow(database: GuardedDatabase, sql: str) -> None:
    assert not _may_grow(sql)
    started = time.process_time()
    try:
        database.query(sql)
    except QueryRefusedError as refusal:
        assert "too" in str(refusal)  # its depth, or its instructions
    assert time.process_time() - started < 0.2


def test_long_texts_run_apart(database: GuardedDatabase) -> None:
    long = "SELECT title FROM books WHERE pages IN (" + ", ".join(map(str, range(1000))) + ")"
    chained = "SELECT title FROM books WHERE " + " OR ".join(f"pages = {i}" for i in range(450))
    for sql in (long, chained):
        assert _may_grow(sql)
        assert database.query(sql).rows == [("Dune",), ("Moon",)]
    with pytest.raises(QueryLimitError, match="longer than 10000"):
        database.query(long + " " * 10_000)


def test_rows_come_backwards_where_no_order_is_asked_for() -> None:
    with GuardedDatabase(SCHEMA, ROWS, backwards=True) as database:
        assert database.query("SELECT title FROM books").rows == [("Wolf",), ("Moon",), ("Dune",)]
        assert database.query("SELECT title FROM books ORDER BY rowid").rows == [("Dune",), ("Moon",), ("Wolf",)]
        apart = "SELECT title FROM books" + " " * 2000
        assert database.query(apart).rows == [("Wolf",), ("Moon",), ("Dune",)]


def test_usual_subqueries_run_here() -> None:
    for sql in (
        "SELECT title FROM books WHERE pages > (SELECT AVG(pages) FROM books)",
        "WITH a AS (SELECT title, pages FROM books WHERE pages > 3) SELECT a.title FROM a JOIN shops s ON title = name",
        "SELECT name FROM shops WHERE name NOT IN (SELECT title FROM books WHERE pages IS NOT NULL) ORDER BY name",
    ):
        assert not _may_grow(sql)


def test_slow_instructions_meet_the_clock() -> None:
    text = "replace(replace(replace('aaaaaaaa','a','aaaaaa'),'a','aaaaaa'),'a','aaaaaa')"
    slow = f"WITH RECURSIVE c(x,s) AS (SELECT 1,{text} UNION ALL SELECT x+1,s FROM c) "
    with GuardedDatabase(SCHEMA, ROWS, limits=Limits(seconds=0.3)) as database:
        started = time.monotonic()
        with pytest.raises(QueryRefusedError, match="takes too long"):
            database.query(slow + f"SELECT sum(s LIKE '{'%a_' * 30}b') FROM c")
        assert time.monotonic() - started < 1.3


def test_file_is_read_only(tmp_path: Path) -> None:
    file = tmp_path / "a b?.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE films(title TEXT)")
        connection.execute("INSERT INTO films VALUES ('Heat')")
    connection.close()
    with GuardedDatabase(path=file) as database:
        assert database.tables == {"films": ["title"]}
        assert database.query("SELECT title FROM films").rows == [("Heat",)]
        with pytest.raises(QueryRefusedError):
            database.query("DELETE FROM films")
    assert sorted(path.name for path in tmp_path.iterdir()) == [file.name]
    with pytest.raises(InfrastructureError):
        GuardedDatabase(path=tmp_path / "no.sqlite")


def test_refill_replaces_all_rows() -> None:
    with SqliteDatabase(SCHEMA, ROWS) as database:
        database.refill({"books": [["Emma", 7]]})
        assert database.query("SELECT * FROM books").rows == [("Emma", 7)]
        assert database.query("SELECT * FROM shops").rows == []
        with pytest.raises(QueryRefusedError):
            database.query("DELETE FROM books")


@pytest.mark.parametrize("rows", [{"books": [["Emma"]]}, {"nowhere": [[1]]}, {"books": [["Emma", [1]]]}])
def test_refill_with_rows_that_do_not_fit_changes_nothing(rows: dict[str, list[list[object]]]) -> None:
    with SqliteDatabase(SCHEMA, ROWS) as database:
        with pytest.raises(BrokenTaskError):
            database.refill(rows)
        assert database.query("SELECT COUNT(*) FROM books").rows == [(3,)]


def test_only_a_database_that_was_built_can_be_refilled(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "empty.db").close()
    with (
        SqliteDatabase(path=tmp_path / "empty.db") as read,
        pytest.raises(ValueError, match="refilled"),
    ):
        read.refill(ROWS)


def test_the_first_bytes_of_a_file_tell_its_engine(tmp_path: Path) -> None:
    path = tmp_path / "a?b.db"
    with sqlite3.connect(path) as plain:
        plain.execute("CREATE TABLE t (a)")
    with open_file(path) as database:
        assert database.tables == {"t": ["a"]}
    (tmp_path / "text.db").write_text("SELECT 1")
    with pytest.raises(BrokenTaskError, match=r"env_args.file='text\.db' is neither a SQLite nor a DuckDB database"):
        open_file(tmp_path / "text.db", key="env_args.file")
    with pytest.raises(InfrastructureError, match="cannot be read"):
        open_file(tmp_path / "none.db")
