"""The world environment: tools with preconditions, several statements, ids and a clock; files; hostile arguments."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, Task, UserInputError
from verl_agentic.tool_envs import ToolError, make_environment
from verl_agentic.tool_envs.world.environment import MAX_ROWS_ON_LOOP, WorldEnvironment
from verl_agentic.tool_envs.world.source import MAX_FILE_BYTES
from verl_agentic.tool_envs.world.world import DatabaseWorld

SCHEMA = [
    "CREATE TABLE items (id TEXT PRIMARY KEY, stock INTEGER NOT NULL CHECK (stock >= 0), price REAL)",
    "CREATE TABLE orders (id TEXT PRIMARY KEY, item TEXT REFERENCES items (id), count INTEGER, day TEXT)",
    "CREATE TABLE log (what TEXT)",
]
ROWS: dict[str, Any] = {"items": [["cup", 3, 2.5], ["pan", 0, 20.0]], "orders": [["O1", "cup", 1, "2024-05-01"]]}
ORDER = [
    "UPDATE items SET stock = stock - :count WHERE id = :item",
    "INSERT INTO orders VALUES ('O-' || :new_id, :item, :count, :now)",
    "INSERT INTO log VALUES (:new_id)",
    "SELECT id, day FROM orders WHERE id = 'O-' || :new_id",
]
WORLD: dict[str, Any] = {
    "schema": SCHEMA,
    "rows": ROWS,
    "actions": {
        "item": "SELECT * FROM items WHERE id = :item",
        "order": ORDER,
        "cancel": "DELETE FROM orders WHERE id = :id RETURNING item, count",
        "note": "INSERT INTO log VALUES (:text)",
        "find": "SELECT count(*) AS n FROM log WHERE what LIKE :text",
    },
    "preconditions": {
        "order": [
            {"sql": "SELECT :count > 0", "message": "count must be positive"},
            {"sql": "SELECT 1 FROM items WHERE id = :item AND stock > 0", "message": "sold out"},
        ],
        "cancel": [{"sql": "SELECT day >= date(:now, '-7 days') FROM orders WHERE id = :id", "message": "too late"}],
    },
    "now": "2024-05-03",
    "seed": 5,
}


def tool(name: str, *properties: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {key: {} for key in properties}}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


TOOLS = [tool("item", "item"), tool("order", "item", "count"), tool("cancel", "id"), tool("note", "text")]
TOOLS += [tool("find", "text")]


def task(**changes: Any) -> Task:
    args = {key: value for key, value in {**WORLD, **changes}.items() if value is not None}
    return Task("shop", [{"role": "user", "content": "Hi."}], TOOLS, "world", args, "state", {})


async def opened(rollout_seed: int = 0, root: str | None = None, **changes: Any) -> WorldEnvironment:
    env = WorldEnvironment(root=root)
    await env.open(task(**changes), rollout_seed)
    return env


async def test_statements_of_a_tool_are_one_transaction() -> None:
    env = await opened()
    reply = json.loads(await env.call("order", {"item": "cup", "count": 2}))
    assert reply["day"] == "2024-05-03" and reply["id"].startswith("O-")
    before = env.state()
    assert [row["stock"] for row in before["tables"]["items"]] == [1, 0]
    assert before["tables"]["orders"][-1] == {"id": reply["id"], "item": "cup", "count": 2, "day": "2024-05-03"}
    with pytest.raises(ToolError, match="not possible: CHECK"):
        await env.call("order", {"item": "cup", "count": 2})
    assert env.state() == before

    # The first statement succeeds, the second does not: neither holds.
    broken = await opened(
        actions={"order": [ORDER[0], "INSERT INTO orders VALUES ('O1', :item, 1, :now)"]}, preconditions={}
    )
    with pytest.raises(ToolError, match="not possible: UNIQUE"):
        await broken.call("order", {"item": "cup", "count": 1})
    assert broken.state()["tables"]["items"][0]["stock"] == 3 and broken.state()["changes"] == []
    for env_ in (env, broken):
        await env_.close()


async def test_preconditions_refuse_in_order_and_change_nothing() -> None:
    env = await opened()
    for arguments, message in (
        ({"item": "pan", "count": 1}, "sold out"),
        ({"item": "nothing", "count": 1}, "sold out"),
        ({"item": "pan", "count": 0}, "count must be positive"),
        ({"item": "cup"}, "count must be positive"),  # NULL
    ):
        with pytest.raises(ToolError, match=message):
            await env.call("order", arguments)
    assert env.state()["changes"] == []
    assert json.loads(await env.call("cancel", {"id": "O1"})) == {"item": "cup", "count": 1}
    late = await opened(now="2024-06-01")
    with pytest.raises(ToolError, match="too late"):
        await late.call("cancel", {"id": "O1"})


async def test_ids_are_those_of_the_seed_and_the_call() -> None:
    async def ids(rollout_seed: int, *, refused: bool, **changes: Any) -> list[str]:
        env = await opened(rollout_seed, **changes)
        found = []
        for _ in range(3):
            if refused:
                with pytest.raises(ToolError):
                    await env.call("order", {"item": "cup", "count": 9})
            found.append(json.loads(await env.call("order", {"item": "cup", "count": 1}))["id"])
        assert [row["what"] for row in env.state()["tables"]["log"]] == [one.removeprefix("O-") for one in found]
        return found

    first = await ids(0, refused=False)
    # What was refused takes no id, so that the expected state can be told beforehand.
    assert len(set(first)) == 3 and first == await ids(1, refused=True)
    assert not set(first) & set(await ids(0, refused=False, seed=6))


async def test_sessions_read_one_template_and_write_their_own_copies() -> None:
    first, second, third = [await opened() for _ in range(3)]
    await first.call("order", {"item": "cup", "count": 3})
    await second.call("note", {"text": "hello"})
    assert json.loads(await third.call("item", {"item": "cup"}))["stock"] == 3
    assert [one["op"] for one in first.state()["changes"]] == ["update", "insert", "insert"]
    assert second.state()["changes"] == [{"table": "log", "op": "insert", "before": None, "after": {"what": "hello"}}]
    assert third.state()["changes"] == []
    await first.close()
    assert (await opened()).state() == third.state()


async def test_foreign_keys_cascade_where_they_are_enforced() -> None:
    schema = [*SCHEMA[:1], SCHEMA[1].replace("(id),", "(id) ON DELETE CASCADE,"), SCHEMA[2]]
    actions = {"item": "DELETE FROM items WHERE id = :item", "order": "INSERT INTO orders VALUES ('x', :item, 1, :now)"}
    env = await opened(schema=schema, actions=actions, preconditions=None, foreign_keys=True)
    with pytest.raises(ToolError, match="FOREIGN KEY"):
        await env.call("order", {"item": "nothing"})
    assert await env.call("item", {"item": "cup"}) == "ok"
    assert [(one["table"], one["op"]) for one in env.state()["changes"]] == [("items", "delete"), ("orders", "delete")]
    with pytest.raises(BrokenTaskError, match="refers to none"):
        await opened(rows={"orders": [["O1", "nothing", 1, ""]]}, foreign_keys=True)
    assert (await opened(rows={"orders": [["O1", "nothing", 1, ""]]})).state()["changes"] == []


HOSTILE: list[Any] = [
    "'; DROP TABLE log; --", "' OR 1=1 --", ":now", "\x00", "a\x00b", "\ud800", "x" * 1_000_000, "%" * 999, "%_" * 499,
    2**63, -(2**63) - 1, 10**400, float("nan"), float("inf"), [["cup"]], {"$ne": 1}, b"cup",
]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value)[:12])
async def test_hostile_arguments_are_data_or_refused(value: Any) -> None:
    env = await opened()
    nested: Any = []
    for _ in range(5000):
        nested = [nested]
    for name, arguments in (
        ("note", {"text": value}),
        ("find", {"text": value}),
        ("order", {"item": value, "count": 1}),
        ("order", {"item": "cup", "count": value}),
        ("cancel", {"id": value, "unknown": nested}),
        ("note", {"text": nested}),
    ):
        try:
            await env.call(name, arguments)
        except ToolError as error:
            assert len(str(error)) < 300
    state = env.state()
    # Whatever was stored is the value itself.
    assert all(row["what"] == value or len(row["what"]) == 8 for row in state["tables"]["log"])
    assert len(state["tables"]["items"]) == 2
    with pytest.raises(ToolError, match="unknown tool"):
        await env.call(str(value)[:2000], {})


async def test_growing_patterns_and_values_are_bounded() -> None:
    env = await opened()
    await env.call("note", {"text": "a" * 1000})
    started = asyncio.get_running_loop().time()
    await env.call("find", {"text": "%a" * 499 + "b"})
    assert asyncio.get_running_loop().time() - started < 1


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"actions": {"item": []}}, "must be a statement or a list"),
        ({"actions": {"item": ["SELECT 1", 2]}}, "must be a statement or a list"),
        ({"actions": {"item": "COMMIT"}}, "does not fit"),
        ({"actions": {"item": "ATTACH 'x' AS y"}}, "does not fit"),
        ({"actions": {"item": "PRAGMA writable_schema = 1"}}, "does not fit"),
        ({"actions": {"item": "SELECT * FROM pragma_table_info('items')"}}, "does not fit"),
        ({"actions": {"item": "SELECT * FROM sqlite_master"}}, "does not fit"),
        ({"actions": {"item": "SELECT random()"}}, "does not fit"),
        ({"actions": {"item": "SELECT load_extension('x')"}}, "does not fit"),
        ({"actions": {"item": "SELECT * FROM verl_agentic_touched"}}, "does not fit"),
        ({"actions": {"item": "DELETE FROM verl_agentic_touched"}}, "does not fit"),
        ({"actions": {"item": "CREATE TABLE x (a)"}}, "does not fit"),
        ({"preconditions": {"nothing": []}}, "has no tool"),
        ({"preconditions": {"item": {}}}, "must be a list"),
        ({"preconditions": {"item": [{"sql": "SELECT 1"}]}}, "needs texts 'sql' and 'message'"),
        ({"preconditions": {"item": [{"sql": "SELECT :day", "message": "x"}]}}, "does not fit"),
        ({"preconditions": {"item": [{"sql": "DELETE FROM log", "message": "x"}]}}, "must only read"),
        ({"now": None}, "does not fit"),
        ({"now": 3}, "env_args.now must be str"),
        ({"seed": "3"}, "env_args.seed must be int"),
        ({"schema": ["CREATE TABLE t (a PRIMARY KEY) WITHOUT ROWID"], "rows": {}}, "has no rowid"),
        ({"schema": ["CREATE TABLE t (rowid, _rowid_, oid)"], "rows": {}}, "has no rowid"),
        ({"schema": ["CREATE VIRTUAL TABLE t USING fts5(a)"], "rows": {}}, "do not make a database"),
        ({"schema": ["CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END"]}, "do not make a database"),
        ({"rows": {"nothing": [[1]]}}, "do not make a database"),
        ({"rows": {"log": 3}}, "do not make a database"),
        ({"file": "x.sqlite"}, "both a file and a schema"),
    ],
)
async def test_a_broken_world_is_named(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(BrokenTaskError, match=problem):
        await opened(**({"preconditions": {}} | changes if "actions" in changes else changes))


async def test_the_worlds_own_values_are_no_arguments() -> None:
    world = {**WORLD, "actions": {"item": "SELECT :now"}, "preconditions": {}}
    broken = Task("shop", [{"role": "user", "content": "Hi."}], [tool("item", "now")], "world", world, "state", {})
    with pytest.raises(BrokenTaskError, match="'now', a value that the world gives"):
        await WorldEnvironment().open(broken, 0)


LARGE_ROWS = 10 * MAX_ROWS_ON_LOOP


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a world of ``LARGE_ROWS`` rows, and what lies around it."""
    around = tmp_path_factory.mktemp("around")
    folder = around / "worlds"
    folder.mkdir()
    for path, count in ((folder / "large world?.sqlite", LARGE_ROWS), (around / "outside.sqlite", 1)):
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            for statement in SCHEMA:
                connection.execute(statement)
            rows = ((f"item{number}", 1, number / 4) for number in range(count))
            connection.executemany("INSERT INTO items VALUES (?, ?, ?)", rows)
        connection.close()
    (folder / "link.sqlite").symlink_to(around / "outside.sqlite")
    (folder / "text.sqlite").write_text("not a database, " * 100)
    with (folder / "huge.sqlite").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    return folder


LARGE: dict[str, Any] = {"schema": None, "rows": None, "file": "large world?.sqlite"}


async def test_a_large_world_from_a_file(folder: Path) -> None:
    env, other = [await opened(root=str(folder), **LARGE) for _ in range(2)]
    assert json.loads(await env.call("item", {"item": "item9999"}))["price"] == 9999 / 4
    await env.call("order", {"item": "item7", "count": 1})
    state = env.state()
    assert len(state["tables"]["items"]) == LARGE_ROWS
    assert [(one["table"], one["op"]) for one in state["changes"]] == [
        ("items", "update"), ("log", "insert"), ("orders", "insert"),
    ]  # fmt: skip
    assert state["tables"]["items"][7]["stock"] == 0 and other.state()["tables"]["items"][7]["stock"] == 1
    for one in (env, other):
        await one.close()


async def test_a_cancelled_call_leaves_nothing_behind(folder: Path) -> None:
    slow = "DELETE FROM items WHERE id = (SELECT max(a.id) FROM items a, items b WHERE a.price + b.price < :item)"
    env = await opened(
        root=str(folder), **LARGE, actions={"item": slow, "note": WORLD["actions"]["note"]}, preconditions={}
    )
    await env.call("note", {"text": "before"})
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(env.call("item", {"item": 0}), 0.001)
    await env.close()
    after = await opened(root=str(folder), **LARGE)
    assert len(after.state()["tables"]["items"]) == LARGE_ROWS and after.state()["changes"] == []


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("../outside.sqlite", "no such file"),
        ("link.sqlite", "no such file"),
        ("x/../../outside.sqlite", "no such file"),
        ("/etc/passwd", "must be a path below"),
        ("nothing.sqlite", "no such file"),
        (".", "no such file"),
        ("a\x00b", "no such file"),
        ("\ud800", "no such file"),
        ("x" * 100_000, "no such file"),
        ("", "must be a path below"),
        (["a"], "must be a path below"),
        ("text.sqlite", "does not make a database"),
        ("huge.sqlite", "larger than"),
    ],
    ids=lambda value: ascii(value)[:20],
)
async def test_files_stay_in_the_folder(folder: Path, name: Any, problem: str) -> None:
    with pytest.raises(BrokenTaskError, match=problem) as error:
        await opened(root=str(folder), **{**LARGE, "file": name})
    assert len(str(error.value)) < 1000


async def test_options() -> None:
    with pytest.raises(UserInputError, match=r"env_options\.world\.root"):
        await opened(**LARGE)
    with pytest.raises(UserInputError, match=r"env_options\.world\.root=3"):
        WorldEnvironment(root=3)  # type: ignore[arg-type]
    assert isinstance(make_environment("world"), WorldEnvironment)


def test_sessions_in_threads_do_not_disturb_each_other() -> None:
    parameters = {one["function"]["name"]: list(one["function"]["parameters"]["properties"]) for one in TOOLS}
    failures: list[BaseException] = []

    def session(number: int) -> None:
        try:
            for _ in range(20):
                world = DatabaseWorld(WORLD, parameters)
                assert json.loads(world.call("item", {"item": "cup"}))["stock"] == 3
                world.call("note", {"text": str(number)})
                world.call("order", {"item": "cup", "count": 1})
                state = world.state()
                assert state["tables"]["log"][0]["what"] == str(number)
                assert len(state["changes"]) == 4
                world.close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=session, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
