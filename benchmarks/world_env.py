"""Session of a world: open, five calls, final state with its changes, close; small worlds, a large one, and a shared
one of a business domain (nested replies, one write), with and without a patch.

``python -m benchmarks.world_env``; the last line is one JSON object. The peer does the same work the obvious way: a
database built from statements and rows for each session (for the large world, a copy of the file), the same five
statements, all rows before and after, compared by primary key. Medians, of wall time and of processor time; the ratio
is one of processor times, on which other processes of the machine weigh less.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks.harness import machine, percentile, report, resident_mib
from benchmarks.world_domain import CALLS as DOMAIN_CALLS
from benchmarks.world_domain import PATCH, domain_task
from verl_agentic.core import Task
from verl_agentic.tool_envs.world.environment import WorldEnvironment

SCHEMA = [
    "CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT, city TEXT)",
    "CREATE TABLE orders (id TEXT PRIMARY KEY, user TEXT, status TEXT, price REAL, day TEXT)",
]
ACTIONS = {
    "user": "SELECT * FROM users WHERE id = :id",
    "order": "SELECT * FROM orders WHERE id = :id",
    "refund": "UPDATE orders SET status = 'refunded' WHERE id = :id",
    "cancel": "DELETE FROM orders WHERE id = :id",
}
KEYS = [("user", "U1"), ("order", "O1"), ("refund", "O1"), ("order", "O1"), ("cancel", "O2")]
CALLS = [(name, {"id": key}) for name, key in KEYS]
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"properties": {"id": {"type": "string"}}}}}
    for name in ACTIONS
]
LARGE_ROWS = 100_000
IN_FLIGHT = 2000


def rows(count: int) -> dict[str, list[list[Any]]]:
    """A tenth of them users."""
    users = [[f"U{number}", f"User {number}", "Rome"] for number in range(max(2, count // 10))]
    orders = [[f"O{n}", f"U{n % len(users)}", "delivered", n / 4, "2024-05-01"] for n in range(count - len(users))]
    return {"users": users, "orders": orders}


def task(env_args: dict[str, Any]) -> Task:
    """A task on that world."""
    return Task("shop", [{"role": "user", "content": "Hi."}], TOOLS, "world", env_args, "state", {})


Calls = list[tuple[str, dict[str, Any]]]


async def session(one: Task, root: str | None = None, calls: Calls = CALLS) -> dict[str, Any]:
    """Ours."""
    env = WorldEnvironment(root=root)
    await env.open(one, 0)
    try:
        for name, arguments in calls:
            await env.call(name, arguments)
        return env.state()
    finally:
        await env.close()


def everything(connection: sqlite3.Connection) -> dict[str, dict[str, dict[str, Any]]]:
    """Rows by primary key by table."""
    found = {}
    for table in ("users", "orders"):
        cursor = connection.execute(f"SELECT * FROM {table}")
        names = [column[0] for column in cursor.description]
        found[table] = {row[0]: dict(zip(names, row, strict=True)) for row in cursor}
    return found


def play(connection: sqlite3.Connection) -> dict[str, Any]:
    """The peer, on a database of its own."""
    before = everything(connection)
    for name, arguments in CALLS:
        cursor = connection.execute(ACTIONS[name], arguments)
        if cursor.description:
            json.dumps([dict(zip([column[0] for column in cursor.description], row, strict=True)) for row in cursor])
    after = everything(connection)
    changes = [
        {"table": table, "before": before[table].get(key), "after": after[table].get(key)}
        for table in before
        for key in before[table].keys() | after[table].keys()
        if before[table].get(key) != after[table].get(key)
    ]
    connection.close()
    return {"tables": {table: list(found.values()) for table, found in after.items()}, "changes": changes}


def built(world: dict[str, Any]) -> sqlite3.Connection:
    """A database from statements and rows."""
    connection = sqlite3.connect(world.get("path", ":memory:"), isolation_level=None)
    connection.execute("BEGIN")
    for statement in world["schema"]:
        connection.execute(statement)
    for table, table_rows in world["rows"].items():
        connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(table_rows[0]))})", table_rows)
    connection.execute("COMMIT")
    return connection


def copied(path: Path) -> dict[str, Any]:
    """The peer on a large world: a copy of the file."""
    copy = path.with_suffix(".copy")
    shutil.copyfile(path, copy)
    return play(sqlite3.connect(copy, isolation_level=None))


async def milliseconds(run: Callable[[], Awaitable[Any]], repeat: int) -> tuple[float, float]:
    """Medians of wall time and processor time of a run; the first, which fills caches, is left out."""
    await run()
    walls, processor = [], []
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        await run()
        walls.append((time.perf_counter() - wall) * 1000)
        processor.append((time.process_time() - cpu) * 1000)
    return percentile(walls, 50), percentile(processor, 50)


def blocking(function: Callable[[], Any]) -> Callable[[], Awaitable[Any]]:
    """The peer's runs as ours are called."""

    async def run() -> Any:
        return function()

    return run


async def opening(one: Task, root: str | None) -> None:
    """Open and close, without a call."""
    env = WorldEnvironment(root=root)
    await env.open(one, 0)
    await env.close()


async def in_flight(one: Task) -> float:
    """MiB that each of many open sessions takes, all of which have written."""
    before = resident_mib(with_children=False)
    sessions = [WorldEnvironment() for _ in range(IN_FLIGHT)]
    for env in sessions:
        await env.open(one, 0)
        await env.call("refund", {"id": "O1"})
    taken = (resident_mib(with_children=False) - before) / IN_FLIGHT
    for env in sessions:
        await env.close()
    return taken


async def main() -> None:
    """Measure and print."""
    details: dict[str, Any] = {}
    medians: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.sqlite"
        built({"path": path, "schema": SCHEMA, "rows": rows(LARGE_ROWS)}).close()
        for name, count, repeat in (("rows_20", 20, 400), ("rows_1000", 1000, 200), ("rows_100000", LARGE_ROWS, 20)):
            large = count == LARGE_ROWS
            data = {"file": path.name} if large else {"schema": SCHEMA, "rows": rows(count)}
            one = task({**data, "actions": ACTIONS})
            root = folder if large else None
            peer = blocking((lambda: copied(path)) if large else (lambda data=data: play(built(data))))
            mine = await session(one, root)
            theirs: Any = await peer()
            assert mine["tables"] == theirs["tables"] and len(mine["changes"]) == len(theirs["changes"]) == 2
            opened = await milliseconds(lambda one=one, root=root: opening(one, root), repeat)
            ours = await milliseconds(lambda one=one, root=root: session(one, root), repeat)
            other = await milliseconds(peer, max(3, repeat // 4))
            medians[name] = ours[1], other[1]
            details[name] = {
                f"{what}_{clock}": round(value, 4)
                for what, pair in (("open", opened), ("session", ours), ("peer_session", other))
                for clock, value in zip(("ms", "cpu_ms"), pair, strict=True)
            }
    for name, more in (("domain_500", {}), ("domain_500_patched", {"patch": PATCH})):
        one = domain_task(**more)
        state = await session(one, calls=DOMAIN_CALLS)
        assert [change["op"] for change in state["changes"]] == ["update", "insert"] and not state["tables"]
        opened = await milliseconds(lambda one=one: opening(one, None), 400)
        ours = await milliseconds(lambda one=one: session(one, calls=DOMAIN_CALLS), 400)
        details[name] = {
            f"{what}_{clock}": round(value, 4)
            for what, pair in (("open", opened), ("session", ours))
            for clock, value in zip(("ms", "cpu_ms"), pair, strict=True)
        }
    small = task({"schema": SCHEMA, "rows": rows(20), "actions": ACTIONS})
    details["mib_per_open_session"] = round(await in_flight(small), 3)
    for key, value in details.items():
        print(f"{key}: {value}")
    mine_ms, peer_ms = medians["rows_1000"]
    report(
        "world_env",
        "sessions on a world of 1000 rows: open, 5 calls, state with changes, close",
        "sessions per second of processor time",
        round(1000 / mine_ms, 1),
        round(1000 / peer_ms, 1),
        {"details": details, "machine": machine()},
    )


if __name__ == "__main__":
    asyncio.run(main())
