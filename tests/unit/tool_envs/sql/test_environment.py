"""The sql environment: tools over SQLite rows and files, what tasks may name, and what they must not."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, Task, UserInputError
from verl_agentic.tool_envs import ToolError
from verl_agentic.tool_envs.sql.environment import (
    MAX_CELL_CHARS,
    MAX_SHOWN_ROWS,
    SAMPLE_ROWS,
    SAMPLE_TOOL,
    SQL_TOOLS,
    SqlEnvironment,
)
from verl_agentic.tool_envs.sql.source import open_shared

BOOKS: dict[str, Any] = {
    "schema": ["CREATE TABLE books(title TEXT, pages INTEGER)", 'CREATE TABLE "odd ""table"(a REAL)'],
    "rows": {"books": [[f"Book {number}", number * 10] for number in range(30)], 'odd "table': [[1 / 3], [None]]},
}


def task(env_args: dict[str, Any], tools: list[dict[str, Any]] = SQL_TOOLS) -> Task:
    return Task("sql", [{"role": "user", "content": "How many?"}], tools, "sql", env_args, "sql", {})


async def opened(env_args: dict[str, Any], **options: Any) -> SqlEnvironment:
    env = SqlEnvironment(**options)
    await env.open(task(env_args), 0)
    return env


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "databases"
    folder.mkdir()
    for path in (folder / "films.sqlite", tmp_path / "outside.sqlite"):
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE films(title TEXT)")
            connection.executemany("INSERT INTO films VALUES (?)", [("Alien",), ("Heat",)])
        connection.close()
    (folder / "link.sqlite").symlink_to(tmp_path / "outside.sqlite")
    (folder / "notes.txt").write_text("password: x" * 10)
    return folder


async def test_tools() -> None:
    env = await opened(BOOKS)
    assert env.tools() == SQL_TOOLS
    assert await env.call("schema", {}) == 'books(title, pages)\nodd "table(a)'
    assert await env.call("query", {"sql": "SELECT title, pages FROM books WHERE pages = 20"}) == "Book 2, 20"
    assert await env.call("query", {"sql": "SELECT * FROM books WHERE pages < 0"}) == "no rows"
    lines = (await env.call("query", {"sql": "SELECT title FROM books"})).splitlines()
    assert len(lines) == MAX_SHOWN_ROWS + 1 and lines[-1] == "..."
    assert await env.call("sample", {"table": 'odd "table'}) == "0.333333\nNULL"
    assert len((await env.call("sample", {"table": "books"})).splitlines()) == SAMPLE_ROWS
    bare = SqlEnvironment(rows=2)
    await bare.open(task(BOOKS, []), 0)
    assert bare.tools() == [*SQL_TOOLS, SAMPLE_TOOL]
    assert len((await bare.call("query", {"sql": "SELECT 1 FROM books"})).splitlines()) == 3
    await asyncio.gather(env.close(), bare.close())


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("query", {"sql": "DELETE FROM books"}),
        ("query", {"sql": "ATTACH '/tmp/x' AS y"}),
        ("query", {"sql": "PRAGMA query_only = 0"}),
        ("query", {"sql": "SELECT * FROM sqlite_master"}),
        ("query", {"sql": "SELECT 1; SELECT 2"}),
        ("query", {"sql": "SELECT '\ud800'"}),
        ("query", {"sql": "SELECT 1\x00"}),
        ("query", {"sql": "(" * 900}),
        ("query", {"sql": "SELECT " + "x" * 1_000_000}),
        ("query", {"sql": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"}),
        ("query", {"sql": ["SELECT 1"]}),
        ("query", {}),
        ("sample", {"table": "books; DROP TABLE books"}),
        ("sample", {"table": "sqlite_master"}),
        ("sample", {"table": "\x00"}),
        ("sample", {"table": {"a": 1}}),
        ("drop", {}),
    ],
    ids=lambda value: ascii(value)[:30],
)
async def test_hostile_calls_are_refused(name: str, arguments: dict[str, Any]) -> None:
    env = await opened(BOOKS)
    with pytest.raises(ToolError) as error:
        await env.call(name, arguments)
    assert len(str(error.value)) < 600
    assert await env.call("query", {"sql": "SELECT count(*) FROM books"}) == "30"


async def test_cells_are_cut() -> None:
    env = await opened({"schema": ["CREATE TABLE t(a)"], "rows": {"t": [["x" * 500]]}})
    assert len(await env.call("query", {"sql": "SELECT a FROM t"})) == MAX_CELL_CHARS


async def test_sessions_share_a_database_that_none_can_change() -> None:
    first, second = await asyncio.gather(opened(BOOKS), opened({**BOOKS, "rows": dict(BOOKS["rows"])}))
    assert first._database is second._database
    other = await opened({**BOOKS, "rows": {"books": [["Other", 1]]}})
    queries = [env.call("query", {"sql": "SELECT count(*) FROM books"}) for env in (first, second, other) * 20]
    assert await asyncio.gather(*queries) == ["30", "30", "1"] * 20
    await first.close()
    assert await second.call("query", {"sql": "SELECT count(*) FROM books"}) == "30"


async def test_a_slow_query_does_not_hold_up_the_loop() -> None:
    env = await opened(BOOKS)
    # It may double itself to any size while it is being prepared, so that another process takes it.
    growing = "SELECT a.pages FROM books a WHERE " + " OR ".join(f"pages > (SELECT {n} FROM books)" for n in range(9))
    ticks = []
    # A loop that is held up ticks once each time; a busy machine may let one query end that soon, but not all.
    for _ in range(5):
        slow = asyncio.create_task(env.call("query", {"sql": growing + " AND pages = pages" * 9}))
        ticks.append(0)
        while not slow.done():
            await asyncio.sleep(0)
            ticks[-1] += 1
        with contextlib.suppress(ToolError):
            await slow
    assert max(ticks) > 1


async def test_files_below_the_root(folder: Path) -> None:
    env = await opened({"file": "films.sqlite"}, root=str(folder))
    assert await env.call("schema", {}) == "films(title)"
    assert await env.call("query", {"sql": "SELECT title FROM films ORDER BY 1"}) == "Alien\nHeat"
    for sql in ("DELETE FROM films", f"ATTACH '{folder / 'new.sqlite'}' AS x"):
        with pytest.raises(ToolError):
            await env.call("query", {"sql": sql})
    assert sorted(os.listdir(folder)) == ["films.sqlite", "link.sqlite", "notes.txt"]


@pytest.mark.parametrize(
    "name",
    [
        "../outside.sqlite",
        "link.sqlite",
        "/etc/passwd",
        "none.sqlite",
        "notes.txt",
        ".",
        "",
        "a\x00",
        "\ud800",
        "x" * 9999,
        3,
    ],
    ids=lambda value: ascii(value)[:20],
)
async def test_other_files_are_refused(folder: Path, name: Any) -> None:
    with pytest.raises(BrokenTaskError, match=r"env_args\.file"):
        await opened({"file": name}, root=str(folder))


@pytest.mark.parametrize(
    ("env_args", "problem"),
    [
        ({}, "need 'schema' and 'rows', or a 'file', or a 'url'"),
        ({"schema": []}, "a list 'schema' and an object 'rows'"),
        ({"schema": "CREATE", "rows": {}}, "a list 'schema' and an object 'rows'"),
        ({**BOOKS, "file": "films.sqlite"}, "need 'schema' and 'rows', or a 'file'"),
        ({"url": "duckdb://", "file": "films.sqlite"}, "need 'schema' and 'rows', or a 'file'"),
        ({"schema": ["CREATE"], "rows": {}}, "cannot be built"),
        ({"url": 3}, "not a database URL"),
        ({"url": "secret"}, "not a database URL"),
        ({"url": "mysql://x/y"}, "not one of sqlite, postgresql, duckdb"),
        ({"url": "sqlite:////etc/passwd"}, "name a sqlite database by env_args.file"),
        ({"url": "duckdb:///x.duckdb"}, "name a duckdb database by env_args.file"),
        ({"url": "postgresql://reader:hunter2@db/sales"}, "holds a password"),
        ({"url": "postgresql://reader:hunter2-${SQL_TEST_PASSWORD}@db/sales"}, "holds a password"),
        ({"url": "postgresql://reader@db/sales?passfile=/etc/passwd"}, "setting 'passfile'"),
        ({"url": "postgresql://reader@db/sales?options=-cstatement_timeout%3D0"}, "setting 'options'"),
    ],
)
async def test_a_broken_task_is_named_without_secrets(env_args: dict[str, Any], problem: str, folder: Path) -> None:
    with pytest.raises(BrokenTaskError, match=problem) as error:
        await opened(env_args, root=str(folder))
    assert "hunter2" not in str(error.value) and "secret" not in str(error.value)


async def test_variables_must_be_allowed_and_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQL_TEST_PASSWORD", "hunter2")
    url = {"url": "postgresql://reader:${SQL_TEST_PASSWORD}@db/sales"}
    with pytest.raises(UserInputError, match=r"allow it by agentic\.rollout\.env_options\.sql\.variables"):
        await opened(url)
    monkeypatch.delenv("SQL_TEST_PASSWORD")
    with pytest.raises(UserInputError, match="which is not set"):
        await opened(url, variables=["SQL_TEST_PASSWORD"])


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"root": 3}, "root"),
        ({"variables": "HOME"}, "variables"),
        ({"seconds": 0}, "seconds"),
        ({"seconds": float("nan")}, "seconds"),
        ({"rows": 0}, "rows"),
        ({"rows": True}, "rows"),
    ],
)
def test_options(options: dict[str, Any], key: str) -> None:
    with pytest.raises(UserInputError, match=rf"agentic\.rollout\.env_options\.sql\.{key}="):
        SqlEnvironment(**options)


def test_a_file_needs_a_root() -> None:
    with pytest.raises(UserInputError, match=r"set agentic\.rollout\.env_options\.sql\.root"):
        open_shared({"file": "films.sqlite"}, None, (), 1.0)


SLOW = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"


async def test_a_slow_query_stops_no_other_session(folder: Path) -> None:
    """Both sessions share one database file, its workers and the event loop."""
    slow = await opened({"file": "films.sqlite"}, root=str(folder), seconds=5.0)
    fast = await opened({"file": "films.sqlite"}, root=str(folder), seconds=5.0)
    assert await fast.call("query", {"sql": "SELECT 1"}) == "1"  # starts a worker
    hanging = asyncio.ensure_future(slow.call("query", {"sql": SLOW}))
    await asyncio.sleep(0.05)
    assert await fast.call("query", {"sql": "SELECT title FROM films ORDER BY title"}) == "Alien\nHeat"
    assert not hanging.done()
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert await fast.call("sample", {"table": "films"}) == "Alien\nHeat"
