"""What a task changes in a world before its session begins."""

from __future__ import annotations

import json
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError
from verl_agentic.tool_envs import ToolError
from verl_agentic.tool_envs.world.patch import MAX_PATCHES
from verl_agentic.tool_envs.world.world import DatabaseWorld

SCHEMA = [
    "CREATE TABLE items (id TEXT PRIMARY KEY, stock INTEGER CHECK (stock >= 0), tags JSON)",
    "CREATE TABLE orders (id TEXT PRIMARY KEY, item TEXT REFERENCES items (id) ON DELETE CASCADE, note TEXT)",
]
ROWS: dict[str, Any] = {
    "items": [["cup", 3, None], ["pan", 0, None], ["pot", 7, None]],
    "orders": [["O1", "cup", None], ["O2", "pan", "late"]],
}
ACTIONS = {
    "sell": "UPDATE items SET stock = stock - 1 WHERE id = :id",
    "stock": {"sql": "SELECT stock, tags FROM items WHERE id = :id"},
    "restock": "UPDATE items SET stock = :count WHERE id = :id",
    "drop": "DELETE FROM orders WHERE id = :id",
    "order": "INSERT INTO orders VALUES (:id, 'pan', NULL)",
}
PARAMETERS = {name: ["id", "count"] for name in ACTIONS}
PATCH: list[dict[str, Any]] = [
    {"table": "items", "op": "update", "where": {"id": "cup"}, "set": {"stock": 1, "tags": ["new", {"a": 1}]}},
    {"table": "orders", "op": "update", "where": {"item": "cup", "note": None}, "set": {"note": "it's"}},
    {"table": "orders", "op": "delete", "where": {"id": "O2"}},
    {"table": "orders", "op": "insert", "row": {"id": "O3", "item": "pan"}},
]


def world(patch: Any = PATCH, **changes: Any) -> DatabaseWorld:
    args = {"schema": SCHEMA, "rows": ROWS, "actions": ACTIONS, "patch": patch, **changes}
    return DatabaseWorld(args, PARAMETERS)


def test_the_patched_state_is_the_first() -> None:
    one = world()
    state = one.state()
    assert state["changes"] == []
    assert state["tables"]["items"][0] == {"id": "cup", "stock": 1, "tags": '["new", {"a": 1}]'}
    assert state["tables"]["orders"] == [
        {"id": "O1", "item": "cup", "note": "it's"},
        {"id": "O3", "item": "pan", "note": None},
    ]
    assert json.loads(one.call("stock", {"id": "cup"})) == {"stock": 1, "tags": ["new", {"a": 1}]}
    one.call("sell", {"id": "cup"})
    one.call("drop", {"id": "O3"})
    one.call("order", {"id": "O2"})
    assert [(change["op"], change["before"], change["after"]) for change in one.state()["changes"]] == [
        (
            "update",
            {"id": "cup", "stock": 1, "tags": '["new", {"a": 1}]'},
            {"id": "cup", "stock": 0, "tags": '["new", {"a": 1}]'},
        ),
        ("update", {"id": "O3", "item": "pan", "note": None}, {"id": "O2", "item": "pan", "note": None}),
    ]
    # What undoes the patch is a change, and what restores the patched state is none.
    one.call("restock", {"id": "cup", "count": 3})
    assert one.state()["changes"][0]["after"]["stock"] == 3
    one.call("restock", {"id": "cup", "count": 1})
    assert [change["table"] for change in one.state()["changes"]] == ["orders"]
    with pytest.raises(ToolError, match="CHECK"):
        one.call("restock", {"id": "cup", "count": -1})
    one.close()


def test_sessions_do_not_share_their_patches() -> None:
    plain, patched, other = world([]), world(), world(PATCH[2:3])
    assert json.loads(plain.call("stock", {"id": "cup"}))["stock"] == 3
    assert json.loads(patched.call("stock", {"id": "cup"}))["stock"] == 1
    assert [len(one.tables()["orders"]) for one in (plain, patched, other)] == [2, 2, 1]
    for one in (plain, patched, other):
        one.close()


def test_a_patch_may_cascade() -> None:
    one = world([{"table": "items", "op": "delete", "where": {"id": "cup"}}], foreign_keys=True)
    assert [row["id"] for row in one.tables()["orders"]] == ["O2"] and one.state()["changes"] == []
    one.close()
    with pytest.raises(BrokenTaskError, match=r"patch\[0\] does not fit the world: FOREIGN KEY"):
        world([{"table": "orders", "op": "insert", "row": {"id": "O9", "item": "none"}}], foreign_keys=True)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("x", "needs an 'op', one of insert, update, delete"),
        ({"op": "drop"}, "needs an 'op'"),
        ({"op": ["insert"]}, "needs an 'op'"),
        ({"op": "insert", "table": "items"}, "must have 'table' and 'row'"),
        ({"op": "update", "table": "items", "where": {"id": "cup"}}, "must have 'table' and 'where' and 'set'"),
        ({"op": "delete", "table": "items", "where": {"id": "cup"}, "row": {}}, "must have 'table' and 'where'"),
        ({"op": "delete", "table": "items", "where": {}}, "where must give values"),
        ({"op": "delete", "table": "nothing", "where": {"id": 1}}, "'nothing' is no table"),
        ({"op": "delete", "table": ["items"], "where": {"id": 1}}, "is no table"),
        ({"op": "delete", "table": "verl_agentic_touched", "where": {"id": 1}}, "is no table"),
        ({"op": "delete", "table": "items", "where": {"1=1 OR id": 1}}, "has no column '1=1 OR id'"),
        ({"op": "delete", "table": "items", "where": {"rowid": 1}}, "has no column 'rowid'"),
        ({"op": "insert", "table": "items", "row": {'id" , x': 1}}, "has no column"),
        ({"op": "delete", "table": "items", "where": {"id": "lid"}}, r"concerns no row of 'items': {'id': 'lid'}"),
        ({"op": "insert", "table": "items", "row": {"id": "cup"}}, "does not fit the world: UNIQUE"),
        ({"op": "update", "table": "items", "where": {"id": "cup"}, "set": {"stock": -1}}, "does not fit .*CHECK"),
        ({"op": "update", "table": "items", "where": {"id": "cup"}, "set": {"stock": 10**30}}, "does not fit"),
    ],
)
def test_a_broken_patch_is_named(entry: Any, problem: str) -> None:
    with pytest.raises(BrokenTaskError, match=problem) as error:
        world([PATCH[3], entry])
    assert str(error.value).startswith("env_args.patch[1]")


def test_a_patch_is_a_list_and_no_world_of_its_own() -> None:
    with pytest.raises(BrokenTaskError, match=r"env_args\.patch must be list"):
        world({"items": []})
    with pytest.raises(BrokenTaskError, match="more than 1000 entries"):
        world(PATCH[:1] * (MAX_PATCHES + 1))
