"""The service environment: real tools on a real database."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, Task
from verl_agentic.tool_envs import ToolError, make_environment
from verl_agentic.tool_envs.world.service import ServiceEnvironment, tool_parameters
from verl_agentic.tool_envs.world.world import MAX_ROWS, DatabaseWorld


def tool(name: str, **properties: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {key: {"type": kind} for key, kind in properties.items()}}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


TOOLS = [tool("get", id="string"), tool("refund", id="string"), tool("pay", id="string", price="number"), tool("list")]
WORLD: dict[str, Any] = {
    "schema": ["CREATE TABLE orders (id TEXT PRIMARY KEY, status TEXT, price REAL CHECK (price < 1000))"],
    "rows": {"orders": [["417", "delivered", 80], ["418", "pending", 9]]},
    "actions": {
        "get": "SELECT status, price FROM orders WHERE id = :id",
        "refund": "UPDATE orders SET status = 'refunded' WHERE id = :id",
        "pay": "UPDATE orders SET price = :price WHERE id = :id",
        "list": "SELECT id FROM orders",
    },
    "missing": "no such order",
}


async def service(**changes: Any) -> ServiceEnvironment:
    env = make_environment("service")
    assert isinstance(env, ServiceEnvironment)
    args = {**WORLD, **changes}
    await env.open(Task("service", [{"role": "user", "content": "Hi."}], TOOLS, "service", args, "state", {}), seed=0)
    return env


async def test_reads_and_writes_real_rows() -> None:
    env = await service()
    assert json.loads(await env.call("get", {"id": "417"})) == {"status": "delivered", "price": 80.0}
    assert await env.call("refund", {"id": "417"}) == "ok"
    assert json.loads(await env.call("list", {})) == [{"id": "417"}, {"id": "418"}]
    before, after = ({"id": "417", "status": status, "price": 80.0} for status in ("delivered", "refunded"))
    assert env.state() == {
        "tables": {"orders": [after, {"id": "418", "status": "pending", "price": 9.0}]},
        "changes": [{"table": "orders", "op": "update", "before": before, "after": after}],
    }
    await env.close()


async def test_sessions_share_nothing() -> None:
    first, second = await service(), await service()
    await first.call("refund", {"id": "417"})
    assert json.loads(await second.call("get", {"id": "417"}))["status"] == "delivered"


async def test_an_unknown_record_is_refused_for_reads_and_writes() -> None:
    env = await service()
    before = env.state()
    for name in ("get", "refund"):
        with pytest.raises(ToolError, match="no such order"):
            await env.call(name, {"id": "999"})
    assert env.state() == before


async def test_constraints_of_the_schema_refuse() -> None:
    with pytest.raises(ToolError, match="not possible"):
        await (await service()).call("pay", {"id": "417", "price": 5000})


@pytest.mark.parametrize(
    "value",
    ["' OR 1=1 --", "417'; DROP TABLE orders; --", "\ud800", "x" * 5000, 10**30, float("inf"), ["417"], {"a": 1}, None],
)
async def test_hostile_arguments_change_nothing(value: Any) -> None:
    env = await service()
    before = env.state()
    with pytest.raises(ToolError):
        await env.call("refund", {"id": value})
    with pytest.raises(ToolError):
        await env.call("pay", {"id": "999" if isinstance(value, str) else "417", "price": value if value else 10**30})
    assert env.state() == before


async def test_results_are_bounded() -> None:
    rows = [[str(number), "pending", 1] for number in range(3 * MAX_ROWS)]
    assert len(json.loads(await (await service(rows={"orders": rows})).call("list", {}))) == MAX_ROWS


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"schema": "CREATE TABLE t (x)"}, "env_args.schema must be list"),
        ({"schema": ["CREATE TABLE"]}, "do not make a database"),
        ({"schema": ["ATTACH DATABASE ':memory:' AS other"]}, "do not make a database"),
        ({"rows": {"orders": [["417"]]}}, "do not make a database"),
        ({"rows": {"orders": [417]}}, "do not make a database"),
        ({"actions": {"get": "SELECT nothing FROM orders"}}, r"actions\['get'\] does not fit"),
        ({"actions": {"get": "SELECT :other"}}, r"actions\['get'\] does not fit"),
        ({"actions": {"get": "DROP TABLE orders"}}, r"actions\['get'\] does not fit"),
        ({"actions": {"get": "PRAGMA user_version"}}, r"actions\['get'\] does not fit"),
        ({"actions": {"get": "SELECT 1; SELECT 2"}}, r"actions\['get'\] does not fit"),
        ({"actions": {"fetch": "SELECT 1"}}, "has no tool of that name"),
        ({"missing": 3}, "env_args.missing must be str"),
    ],
)
async def test_a_broken_world_is_named(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(BrokenTaskError, match=problem):
        await service(**changes)


async def test_an_endless_statement_is_cut_off() -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    env = await service(actions={"get": endless})
    with pytest.raises(BrokenTaskError, match="interrupted"):
        await env.call("get", {"id": "417"})


def test_opens_in_well_under_a_millisecond() -> None:
    parameters = tool_parameters(TOOLS)

    def seconds() -> float:
        started = time.perf_counter()
        DatabaseWorld(WORLD, parameters).close()
        return time.perf_counter() - started

    # The fastest of many: a busy machine only ever adds.
    assert min(seconds() for _ in range(200)) < 0.001
