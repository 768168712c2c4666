"""Tools whose actions are objects: rows within rows, lists, pages, arrays as arguments, hostile ones among them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, Task
from verl_agentic.rollout import play
from verl_agentic.tool_envs import ToolError
from verl_agentic.tool_envs.world.values import MAX_ARGUMENT_CHARS, MAX_ARGUMENT_NESTING
from verl_agentic.tool_envs.world.world import DatabaseWorld

SCHEMA = [
    "CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT, address JSON)",
    "CREATE TABLE orders (id TEXT PRIMARY KEY, customer TEXT, status TEXT, total REAL, history_json TEXT)",
    "CREATE TABLE lines (id INTEGER PRIMARY KEY, order_id TEXT, sku TEXT, count INTEGER)",
    "CREATE TABLE products (sku TEXT PRIMARY KEY, title TEXT, price REAL)",
]
ROWS: dict[str, Any] = {
    "customers": [["C1", "Ada", '{"city": "Rome", "lines": ["Via 1"]}'], ["C2", "Bo", "not JSON"]],
    "orders": [[f"O{n}", "C1", "paid", n + 0.25, '[{"at": "2026-01-02"}]'] for n in range(1, 8)],
    "lines": [[1, "O1", "S1", 2], [2, "O1", "S9", 1], [3, "O2", "S1", 1]],
    "products": [["S1", "Mug", 4.5], ["S2", "Pan", 20.0]],
}
ORDER = {
    "sql": "SELECT id, status, total, customer, history_json FROM orders WHERE id = :order_id",
    "missing": "There is no order {order_id}.",
    "nest": {
        "customer?": "SELECT name, address FROM customers WHERE id = :customer",
        "lines": {
            "sql": "SELECT sku, count FROM lines WHERE order_id = :order_id ORDER BY id",
            "nest": {"product?": "SELECT title, price, :order_id AS ordered FROM products WHERE sku = :sku"},
        },
    },
}
ACTIONS: dict[str, Any] = {
    "order": ORDER,
    "orders": {
        "sql": "SELECT id, total FROM orders WHERE status = coalesce(:status, status) AND total >= :least ORDER BY id",
        "page": 3,
        "defaults": {"least": 0},
    },
    "customer": {"sql": "SELECT name, address FROM customers WHERE name LIKE :name", "shape": "record"},
    "customers": {"sql": "SELECT name FROM customers WHERE name LIKE :name", "shape": "list"},
    "of_customer": {
        "sql": ["SELECT 1 FROM customers WHERE id = :id", "SELECT id FROM orders WHERE customer = :id"],
        "shape": "list",
        "missing": "There is no customer {id}.",
    },
    "returned": {
        "sql": [
            "UPDATE orders SET status = 'returned', history_json = json(:note) WHERE id = :order_id",
            "DELETE FROM lines WHERE order_id = :order_id AND sku IN (SELECT value FROM json_each(:skus))",
            "SELECT id, status, history_json FROM orders WHERE id = :order_id",
        ],
        "nest": {"lines": "SELECT sku FROM lines WHERE order_id = :id"},
    },
    "gift": {"sql": "UPDATE orders SET status = CASE WHEN :gift THEN 'gift' ELSE 'paid' END WHERE id = :order_id"},
    "renamed": {
        "sql": "UPDATE customers SET name = :name WHERE id = :id RETURNING id AS who",
        "nest": {"orders": "SELECT id FROM orders WHERE customer = :who LIMIT 1"},
    },
    "found": {"sql": "SELECT id FROM orders WHERE total = :total OR id = :total"},
    "plain": "SELECT id, history_json FROM orders WHERE id = :order_id",
}
PARAMETERS = {
    "order": ["order_id"],
    "orders": ["status", "least", "page"],
    "customer": ["name"],
    "customers": ["name"],
    "of_customer": ["id"],
    "returned": ["order_id", "skus", "note"],
    "gift": ["order_id", "gift"],
    "renamed": ["id", "name"],
    "found": ["total"],
    "plain": ["order_id"],
}


def world(**changes: Any) -> DatabaseWorld:
    return DatabaseWorld({"schema": SCHEMA, "rows": ROWS, "actions": ACTIONS, **changes}, PARAMETERS)


def reply(tool: str, **arguments: Any) -> Any:
    return json.loads(world().call(tool, arguments))


def test_rows_within_rows() -> None:
    assert reply("order", order_id="O1") == {
        "id": "O1",
        "status": "paid",
        "total": 1.25,
        "customer": {"name": "Ada", "address": {"city": "Rome", "lines": ["Via 1"]}},
        "history_json": [{"at": "2026-01-02"}],
        "lines": [
            {"sku": "S1", "count": 2, "product": {"title": "Mug", "price": 4.5, "ordered": "O1"}},
            {"sku": "S9", "count": 1, "product": None},
        ],
    }
    assert reply("order", order_id="O3")["lines"] == []
    # Without an object, an action replies as ever.
    assert reply("plain", order_id="O1")["history_json"] == '[{"at": "2026-01-02"}]'


def test_what_is_missing_is_said_with_the_value() -> None:
    for value, shown in (
        ("O99", "O99"),
        ("{name} {order_id}", "{name} {order_id}"),
        ("x\n" * 300, "x " * 30 + "..."),
        ("'; DROP TABLE orders; --", "'; DROP TABLE orders; --"),
        (None, "null"),
        ([1, {"a": True}], '[1, {"a": true}]'),
    ):
        with pytest.raises(ToolError) as error:
            world().call("order", {"order_id": value})
        assert str(error.value) == f"There is no order {shown}."
    asks = [{"sql": "SELECT count(*) = 0 FROM lines WHERE order_id = :order_id", "message": "{order_id} has lines"}]
    for name in ("plain", "gift"):
        with pytest.raises(ToolError, match=r"^O1 has lines$"):
            world(preconditions={name: asks}).call(name, {"order_id": "O1", "gift": True})


def test_lists_and_pages() -> None:
    rows = [{"id": f"O{n}", "total": n + 0.25} for n in range(1, 8)]
    for page, shown in ((None, rows[:3]), (1, rows[:3]), (3, rows[6:]), (3.0, rows[6:]), (4, [])):
        assert reply("orders", page=page) == {"results": shown, "total": 7, "page": page or 1, "pages": 3}
    assert reply("orders", status="lost") == {"results": [], "total": 0, "page": 1, "pages": 1}
    assert reply("orders", least=7)["results"] == rows[6:]
    for page in (0, -1, 1.5, True, "2", [1], 10**400, float("nan"), float("inf")):
        with pytest.raises(ToolError, match="page must be a whole number from 1"):
            world().call("orders", {"page": page})
    assert reply("customers", name="nobody") == {"results": [], "total": 0}
    assert reply("customers", name="%") == {"results": [{"name": "Ada"}, {"name": "Bo"}], "total": 2}
    assert reply("customer", name="%")["address"]["city"] == "Rome"
    assert reply("customer", name="Bo") == {"name": "Bo", "address": "not JSON"}
    assert reply("of_customer", id="C2") == {"results": [], "total": 0}
    assert reply("of_customer", id="C1")["total"] == 7
    with pytest.raises(ToolError, match=r"^There is no customer C9\.$"):
        world().call("of_customer", {"id": "C9"})
    with pytest.raises(ToolError, match=r"^no such record$"):
        world().call("customer", {"name": "nobody"})


def test_a_list_shows_at_most_fifty_rows_and_counts_all() -> None:
    many = [[f"C{n}", f"N{n}", None] for n in range(120)]
    shown = json.loads(world(rows={"customers": many}).call("customers", {"name": "%"}))
    assert (len(shown["results"]), shown["total"]) == (50, 120)


def test_arrays_and_objects_are_bound_as_json() -> None:
    one = world()
    note = {"why": "broken", "by": ["Bo", True, None, 1.5]}
    assert json.loads(one.call("returned", {"order_id": "O1", "skus": ["S1", "S2"], "note": note})) == {
        "id": "O1",
        "status": "returned",
        "history_json": note,
        "lines": [{"sku": "S9"}],
    }
    assert [(change["table"], change["op"]) for change in one.state()["changes"]] == [
        ("lines", "delete"),
        ("orders", "update"),
    ]
    one.call("gift", {"order_id": "O2", "gift": True})
    one.call("gift", {"order_id": "O1", "gift": False})
    assert [row["status"] for row in one.state()["tables"]["orders"][:2]] == ["paid", "gift"]
    assert json.loads(one.call("renamed", {"id": "C1", "name": "Eve"})) == {"who": "C1", "orders": [{"id": "O1"}]}
    one.close()
    assert reply("found", total=2.25) == {"id": "O2"} and reply("found", total="O2") == {"id": "O2"}
    with pytest.raises(ToolError, match="no such record"):
        world().call("found", {"total": "2.25x"})


def nested(depth: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(depth - 1):
        found = [found]
    return found


HOSTILE: list[tuple[Any, str]] = [
    (["x"] * 1_000_000, "longer than"),
    ([["S1"] * 200] * 200, "longer than"),
    (["x" * 1_000_000], "longer than"),
    ({"k" * 2000: 1}, "longer than"),
    ({str(number): number for number in range(10_000)}, "longer than"),
    (["\\" * 600], "longer than"),
    ("x" * (MAX_ARGUMENT_CHARS + 1), "longer than"),
    (nested(MAX_ARGUMENT_NESTING + 1), "nested more than"),
    (nested(100_000), "nested more than|longer than"),
    ([10**400], "out of range"),
    ({"a": [-(2**70)]}, "out of range"),
    ([float("inf")], "not finite"),
    ([float("nan")], "not finite"),
    (float("inf"), "must be finite"),
    (2**63, "out of range"),
    (["\ud800"], "out of range"),
    ([b"x"], "must be JSON data"),
    (b"x", "must be a text or a number"),
]


@pytest.mark.parametrize(("value", "problem"), HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_values_are_refused_at_once(value: Any, problem: str) -> None:
    one = world()
    started = time.process_time()
    for name, arguments in (
        ("returned", {"order_id": "O1", "skus": value}),
        ("order", {"order_id": value}),
        ("orders", {"status": value}),
    ):
        with pytest.raises(ToolError, match=problem) as error:
            one.call(name, arguments)
        assert len(str(error.value)) < 200
    assert time.process_time() - started < 0.1
    assert one.state()["changes"] == []


@pytest.mark.parametrize(
    "value",
    [
        ["'; DROP TABLE orders; --"],
        {"'; DROP TABLE orders; --": "x"},
        [":order_id", "{order_id}"],
        ["a\x00b"],
        nested(MAX_ARGUMENT_NESTING),
        ["S1"] * 100,
        [2**63 - 1, -0.0, 1e308],
        {"": {}},
    ],
    ids=lambda value: ascii(value)[:16],
)
def test_what_fits_is_data(value: Any) -> None:
    one = world()
    found = json.loads(one.call("returned", {"order_id": "O1", "skus": value, "note": value}))
    assert found["history_json"] == value
    assert len(one.tables()["orders"]) == 7
    one.close()


@pytest.mark.parametrize("text", ["[" * 500 + "]" * 500, "[1e400]", "[NaN]", "[-Infinity]", "[1, 2", '"\\ud800"', ""])
def test_text_that_looks_like_json_breaks_no_reply(text: str) -> None:
    actions = {
        "note": {"sql": "UPDATE customers SET address = :note WHERE id = 'C1' RETURNING address, :note AS n_json"}
    }
    one = DatabaseWorld({"schema": SCHEMA, "rows": ROWS, "actions": actions}, {"note": ["note"]})
    shown = json.loads(one.call("note", {"note": text}), parse_constant=pytest.fail)
    assert shown["address"] == shown["n_json"]
    assert one.state()["changes"][0]["after"]["address"] == text
    one.close()


async def test_huge_calls_through_a_dialogue() -> None:
    schema = {"type": "object", "properties": {"skus": {"type": "array", "items": {"type": "string"}}}}
    tools = [{"type": "function", "function": {"name": "count", "parameters": schema}}]
    actions = {"count": {"sql": "SELECT count(*) AS n FROM json_each(:skus)"}}
    args = {"schema": SCHEMA, "rows": ROWS, "actions": actions}
    task = Task("shop", [{"role": "user", "content": "Hi."}], tools, "world", args, "state", {})
    texts = [
        json.dumps(["S1", "S2"]),
        json.dumps(["x"] * 2000),
        json.dumps(["x"] * 20_000),
        "[" * 5000 + "]" * 5000,
        "[1e400]",
        '["\'; DROP TABLE orders; --"]',
    ]
    calls = [f'<tool_call>{{"name": "count", "arguments": {{"skus": {text}}}}}</tool_call>' for text in texts]
    calls.append("<answer>done</answer>")
    dialogue = await play(task, lambda *_: calls.pop(0))
    made = dialogue.trajectory.calls
    assert [one.error for one in made] == [None, "rejected", *["malformed"] * 3, None]
    assert made[0].result == '{"n": 2}' and "longer than" in made[1].result


BROKEN: list[tuple[Any, str]] = [
    ({}, "as 'sql'"),
    ({"sql": []}, "as 'sql'"),
    ({"sql": "SELECT 1", "limit": 3}, r"has no 'limit'; it may have sql, nest, page"),
    ({"sql": "SELECT 1", "shape": "table"}, "shape must be 'record' or 'list'"),
    ({"sql": "SELECT 1", "page": 0}, "page must be a whole number from 1 to 50"),
    ({"sql": "SELECT 1", "page": True}, "page must be"),
    ({"sql": "SELECT 1", "page": 3, "shape": "record"}, "of a tool that gives a list"),
    ({"sql": "SELECT 1", "missing": 3}, "missing must be a text"),
    ({"sql": "SELECT 1", "missing": "no {id}"}, r"names \{id\}, which is no argument"),
    ({"sql": "SELECT 1", "defaults": {"id": 1}}, r"defaults\['id'\] is no argument"),
    ({"sql": "SELECT 1", "defaults": []}, "defaults must give"),
    ({"sql": "SELECT 1", "defaults": {"order_id": [float("inf")]}}, "not finite"),
    ({"sql": "SELECT 1", "nest": []}, "nest must give a SELECT by name"),
    ({"sql": "SELECT 1", "nest": {"a": 3}}, r"nest\['a'\] must be a SELECT"),
    ({"sql": "SELECT 1", "nest": {"?": "SELECT 1"}}, "under a name"),
    ({"sql": "SELECT 1", "nest": {"a": {"sql": "SELECT 1", "page": 2}}}, "an object of 'sql' and 'nest'"),
    ({"sql": "SELECT 1", "nest": {"a": "DELETE FROM orders"}}, r"nest\['a'\] must only read"),
    ({"sql": "SELECT 1", "nest": {"a": "SELECT x FROM orders"}}, r"nest\['a'\] does not fit the world: no such column"),
    ({"sql": "SELECT id FROM orders", "nest": {"a?": "SELECT :sku"}}, r"nest\['a'\] names :sku, which is neither"),
    (
        {"sql": "SELECT id FROM orders", "nest": {"a": {"sql": "SELECT :id AS b", "nest": {"c": "SELECT :b, :d"}}}},
        r"nest\['a'\]\.nest\['c'\] names :d",
    ),
    (
        {"sql": "SELECT 1", "nest": {"a": {"sql": "SELECT 1", "nest": {"b": {"sql": "SELECT 1", "nest": {"c": "x"}}}}}},
        "at most 2 levels deep",
    ),
]


@pytest.mark.parametrize(("action", "problem"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_action_is_named(action: Any, problem: str) -> None:
    with pytest.raises(BrokenTaskError, match=problem) as error:
        world(actions={"order": action})
    assert "env_args.actions['order']" in str(error.value)


USER_ACTIONS: dict[str, Any] = {
    "restart": {
        "sql": "UPDATE orders SET status = 'restarted' WHERE id = :order_id RETURNING status",
        "missing": "no {order_id}",
    },
    "look": "SELECT status FROM orders WHERE id = :order_id AND :now = '2026-01-01'",
}


def test_the_users_own_tools_are_not_the_policys() -> None:
    asks = {"restart": [{"sql": "SELECT :sure", "message": "Not {order_id}!"}]}
    one = world(user_actions=USER_ACTIONS, preconditions=asks, now="2026-01-01")
    with pytest.raises(ToolError, match="unknown tool 'restart'"):
        one.call("restart", {"order_id": "O1", "sure": 1})
    with pytest.raises(ToolError, match="Not O1!"):
        one.user_call("restart", {"order_id": "O1"})
    assert json.loads(one.user_call("restart", {"order_id": "O1", "sure": True})) == {"status": "restarted"}
    assert json.loads(one.user_call("look", {"order_id": "O1"})) == {"status": "restarted"}
    assert [change["after"]["status"] for change in one.state()["changes"]] == ["restarted"]
    with pytest.raises(ToolError, match=r"^no O99$"):
        one.user_call("restart", {"order_id": "O99", "sure": 1})
    for name, arguments, problem in (
        ("order", {"order_id": "O1"}, r"user_actions\['order'\] is not there; there are restart, look"),
        ("look", {"order": "O1"}, "has no argument 'order'; it has order_id"),
    ):
        with pytest.raises(BrokenTaskError, match=problem):
            one.user_call(name, arguments)
    one.close()
    with pytest.raises(BrokenTaskError, match=r"user_actions\['look'\] names :now, but env_args\.now is not set"):
        world(user_actions=USER_ACTIONS)
    with pytest.raises(BrokenTaskError, match=r"user_actions\['x'\] does not fit"):
        world(user_actions={"x": "SELECT nothing"})


def test_the_state_may_be_what_changed_alone() -> None:
    one = world(state="changes")
    assert one.state() == {"tables": {}, "changes": []}
    one.call("gift", {"order_id": "O2", "gift": True})
    state = one.state()
    assert state["tables"] == {} and [change["op"] for change in state["changes"]] == ["update"]
    assert one.tables()["orders"][1]["status"] == "gift"
    one.close()
    with pytest.raises(BrokenTaskError, match=r"env_args\.state='all' must be 'changes'"):
        world(state="all")
