"""Changes of a world against those that were expected: bags, tolerance, ids that the world made, damage."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, End, InfrastructureError, Task, ToolCall, Trajectory, Turn
from verl_agentic.reward_fns.registry import judge_now
from verl_agentic.reward_fns.state.difference import state_difference
from verl_agentic.reward_fns.state.verdict import StateResult, compute_score
from verl_agentic.rollout import play

PAID = {"id": "O1", "status": "paid", "total": 40.0}
OTHER = {"id": "O2", "status": "paid", "total": 15.0}


def update(row: dict[str, Any], **after: Any) -> dict[str, Any]:
    return {"table": "orders", "op": "update", "before": row, "after": {**row, **after}}


def insert(table: str = "refunds", **row: Any) -> dict[str, Any]:
    return {"table": table, "op": "insert", "before": None, "after": row}


def delete(row: dict[str, Any]) -> dict[str, Any]:
    return {"table": "orders", "op": "delete", "before": row, "after": None}


REFUND = update(PAID, status="refunded")
NOTE = insert(order="O1", amount=40.0, note="late")


def score(expected: Any, made: Any, partial: bool = True, **truth: Any) -> StateResult:
    rolled = Trajectory("t", end=End.ANSWER, state={"tables": {}, "changes": made})
    whole = {"changes": expected, "end": ["answer"], **truth}
    return compute_score("shop", "", whole, {"trajectory": rolled.to_json()}, partial=partial)


@pytest.mark.parametrize(
    ("expected", "made"),
    [
        ([], []),
        ([REFUND, NOTE], [NOTE, REFUND]),
        ([NOTE, NOTE, REFUND], [NOTE, REFUND, NOTE]),
        ([{"table": "orders", "op": "update", "key": {"id": "O1"}, "after": {"status": "refunded"}}], [REFUND]),
        ([{**REFUND, "key": {"id": "O1"}, "before": {"status": "paid"}}], [REFUND]),
        ([insert(order="O1")], [NOTE]),
        ([{"table": "orders", "op": "delete", "key": {"id": "O1"}}], [delete(PAID)]),
        ([insert(lines='[{"sku": "S", "n": 2}]')], [insert(lines='[{"n":2.0,"sku":"S"}]')]),
        ([insert(gift=True, total=1)], [insert(gift=1, total=1.0)]),
    ],
)
def test_the_same_bag(expected: Any, made: Any) -> None:
    assert score(expected, made)["failure"] == "none"


@pytest.mark.parametrize(
    ("expected", "made", "fraction", "reason"),
    [
        ([REFUND], [], 0, 'orders: missing update of {"id": "O1"} to {"status": "refunded"}'),
        ([NOTE], [], 0, 'refunds: missing insert of {"amount": 40.0, "note": "late", "order": "O1"}'),
        ([delete(OTHER)], [], 0, 'orders: missing delete of {"id": "O2"'),
        ([REFUND, NOTE], [REFUND], 1 / 3, "refunds: missing insert"),
        ([NOTE, NOTE], [NOTE], 1 / 3, "refunds: missing insert"),
        # Attempts: the right row or table, the wrong values.
        (
            [REFUND, NOTE],
            [update(PAID, status="lost"), NOTE],
            1 / 3,
            'orders: update of {"id": "O1"} with {"status": "lost"} instead of {"status": "refunded"}',
        ),
        (
            [REFUND],
            [update(PAID, status="refunded", total=0.0)],
            0,
            'orders: update of {"id": "O1"} with {"total": 0.0} instead of {"total": 40.0}',
        ),
        (
            [{"table": "orders", "op": "update", "key": {"id": "O1"}, "after": {"status": "refunded"}}],
            [update(PAID, status="refunded", total=0.0)],
            0,
            'orders: update of {"id": "O1"} with {"total": 0.0} instead of {"total": 40.0}',
        ),
        (
            [NOTE],
            [insert(order="O1", amount=4.0, note="late")],
            0,
            'refunds: insert with {"amount": 4.0} instead of {"amount": 40.0}',
        ),
        ([REFUND], [delete(PAID)], 0, 'orders: delete of {"id": "O1"'),
        # Damage.
        ([], [REFUND], 0, 'orders: unexpected update of {"id": "O1"} to {"status": "refunded"}'),
        ([REFUND], [update(OTHER, status="refunded")], 0, 'orders: unexpected update of {"id": "O2"}'),
        ([REFUND, NOTE], [REFUND, NOTE, NOTE], 0, "refunds: unexpected insert of {"),
        ([REFUND, NOTE], [REFUND, NOTE, delete(OTHER)], 0, 'orders: unexpected delete of {"id": "O2"'),
        ([NOTE], [insert("notes", order="O1")], 0, "notes: unexpected insert"),
    ],
)
def test_what_is_missing_wrong_or_damaged(expected: Any, made: Any, fraction: float, reason: str) -> None:
    result = score(expected, made)
    assert (result["failure"], result["acc"]) == ("wrong_state", 0.0)
    assert result["reason"].startswith(reason)
    assert result["score"] == result["subgoals"] == pytest.approx(fraction)


def test_amounts_and_columns_that_do_not_count() -> None:
    def right(amount: Any, **truth: Any) -> bool:
        return score([NOTE], [insert(order="O1", amount=amount, note="late")], **truth)["acc"] == 1.0

    assert right(40.004, tolerance=0.005) and right(40, tolerance=0.005)
    assert not right(40.006, tolerance=0.005) and not right(40.004) and not right("40.0", tolerance=1)
    assert not right(None) and not right(10**400, tolerance=1)
    assert right(1, ignore_columns=["amount"]) and right(1, ignore_columns={"refunds": ["amount"]})
    assert not right(1, ignore_columns={"orders": ["amount"]})
    # Taking the first that fits would leave the other without a partner.
    pair = [insert(amount=1.0), insert(amount=1.008)]
    assert score(pair, [insert(amount=1.004), insert(amount=0.996)], tolerance=0.005)["acc"] == 1.0
    assert score([REFUND], [update(PAID, status="refunded", at="now")], ignore_columns=["at"])["acc"] == 1.0
    keyed = [{"table": "orders", "op": "update", "key": {"id": "O1"}, "after": {"status": "refunded"}}]
    assert score(keyed, [update({**PAID, "at": None}, status="refunded", at="now")])["acc"] == 0.0


def test_further_tables_may_be_left_to_themselves() -> None:
    log = insert("log", what="x")
    assert score([REFUND], [REFUND, log])["reason"] == 'log: unexpected insert of {"what": "x"}'
    assert score([REFUND], [REFUND, log], unchanged=[])["acc"] == 1.0
    assert score([REFUND], [REFUND, log], unchanged=["log"])["acc"] == 0.0
    assert score([REFUND], [REFUND, update(OTHER, total=1.0)], unchanged=[])["acc"] == 0.0


def test_a_row_that_goes_and_one_that_comes_may_look_like_an_update() -> None:
    """SQLite gives a new row the place of the last one, if that was deleted before."""
    new = {"id": "O9", "status": "new", "total": 1.0}
    apart = [delete(OTHER), insert("orders", **new)]
    as_one = [{"table": "orders", "op": "update", "before": OTHER, "after": new}]
    assert score(apart, as_one)["acc"] == score(as_one, apart)["acc"] == score(as_one, as_one)["acc"] == 1.0
    assert score(apart, [{**as_one[0], "after": {**new, "total": 2.0}}])["acc"] == 0.0
    assert score(as_one, [delete(OTHER), insert("orders", **PAID)])["acc"] == 0.0
    assert score(as_one, [*apart, NOTE])["failure"] == "wrong_state"


NAMED = {"refunds": ["id"], "orders": ["refund"]}


def linked(first: Any, second: Any) -> list[dict[str, Any]]:
    return [
        insert(id=first, order="O1"),
        insert(id=second, order="O2"),
        {"table": "orders", "op": "update", "key": {"id": "O1"}, "after": {"refund": first}},
        {"table": "orders", "op": "update", "key": {"id": "O2"}, "after": {"refund": second}},
    ]


def made_linked(first: Any, second: Any) -> list[dict[str, Any]]:
    return [
        insert(id=first, order="O1"),
        insert(id=second, order="O2"),
        update({**PAID, "refund": None}, refund=first),
        update({**OTHER, "refund": None}, refund=second),
    ]


def test_ids_that_the_world_made_may_be_others_but_must_fit_together() -> None:
    expected = linked(7, 8)
    for ids in ((7, 8), (8, 7), (1, 99), (7, 9)):
        assert score(expected, made_linked(*ids), new_ids=NAMED)["acc"] == 1.0, ids
    assert score(expected, made_linked(8, 7))["acc"] == 0.0
    assert score(expected, made_linked(8, 7), new_ids={"refunds": ["id"]})["acc"] == 0.0
    # Crossed: the refund of one order is noted on the other.
    crossed = [*made_linked(7, 8)[:2], *made_linked(8, 7)[2:]]
    assert score(expected, crossed, new_ids=NAMED)["acc"] == 0.0
    same = [*made_linked(7, 8)[:2], *made_linked(7, 7)[2:]]
    assert score(expected, same, new_ids=["id", "refund"])["acc"] == 0.0
    # What no new row holds is no id that the world made.
    assert score(expected, [*made_linked(7, 8)[:3], *made_linked(7, 5)[3:]], new_ids=NAMED)["acc"] == 0.0


def test_many_alike_end_soon() -> None:
    expected = [insert(id=number, kind=number % 2) for number in range(60)]
    made = [insert(id=100 + number, kind=0) for number in range(60)]
    started = time.process_time()
    result = score(expected, made, new_ids=["id"])
    assert time.process_time() - started < 2
    assert result["subgoals"] == pytest.approx(30 / 61)


@pytest.mark.parametrize(
    ("truth", "problem"),
    [
        ({"changes": {}}, "changes must be a list"),
        ({"changes": ["x"]}, r"changes\[0\] needs a 'table' and an 'op', one of insert, update, delete"),
        ({"changes": [{"table": "t", "op": "upsert"}]}, "'op'"),
        ({"changes": [{"table": "t", "op": "insert"}]}, "an insert needs 'after'"),
        ({"changes": [{"table": "t", "op": "insert", "after": {"a": 1}, "key": {"a": 1}}]}, "an insert has no 'key'"),
        ({"changes": [{"table": "t", "op": "update", "after": {"a": 1}}]}, "update needs 'key' or 'before'"),
        ({"changes": [{"table": "t", "op": "update", "key": {"a": 1}}]}, "an update needs 'after'"),
        ({"changes": [{"table": "t", "op": "delete", "key": {"a": 1}, "after": {"a": 1}}]}, "a delete has no 'after'"),
        ({"changes": [{"table": "t", "op": "delete", "key": {}}]}, "are objects of columns"),
        ({"changes": [{"table": "t", "op": "delete", "where": {"a": 1}}]}, "has no 'where'"),
        ({"changes": [], "expected": {}}, "both 'changes' and 'expected'"),
        ({"changes": [], "initial": {}}, "both 'changes' and 'initial'"),
        ({"changes": [], "unchanged": "all"}, "unchanged must be"),
        ({"changes": [], "new_ids": "id"}, "new_ids must be a list of columns"),
    ],
)
def test_broken_changes_are_a_broken_task(truth: dict[str, Any], problem: str) -> None:
    rolled = Trajectory("t", end=End.ANSWER, state={"tables": {}, "changes": []})
    with pytest.raises(BrokenTaskError, match=problem):
        compute_score("shop", "", {"end": ["answer"], **truth}, {"trajectory": rolled.to_json()})


@pytest.mark.parametrize("state", [{}, {"changes": None}, {"changes": [{"table": "t"}]}, {"changes": ["x"]}])
def test_a_state_that_tells_no_changes_is_no_reward(state: dict[str, Any]) -> None:
    rolled = Trajectory("t", end=End.ANSWER, state={"tables": {}, **state})
    with pytest.raises(InfrastructureError, match="does not tell its 'changes'"):
        compute_score("shop", "", {"changes": [], "end": ["answer"]}, {"trajectory": rolled.to_json()})


def test_numbers_in_calls_are_equal_by_value() -> None:
    def right(given: Any, key: str = "required_calls", **truth: Any) -> bool:
        rolled = Trajectory("t", end=End.ANSWER, state={"tables": {}, "changes": []})
        rolled.calls, rolled.turns = [ToolCall("pay", {"amount": given}, "ok")], [Turn("tool", "ok")]
        whole = {"changes": [], "end": ["answer"], key: [{"name": "pay", "arguments": {"amount": 40.1}}], **truth}
        return compute_score("shop", "", whole, {"trajectory": rolled.to_json()})["acc"] == 1.0

    assert right(40.1) and right(40.104, tolerance=0.005) and not right(40.104) and not right("40.1", tolerance=1)
    assert not right(40.104, "forbidden_calls", tolerance=0.005) and right(40.104, "forbidden_calls")
    assert not right(10**400, tolerance=0.005) and not right([40.1]) and not right(None)


SHOP: dict[str, Any] = {
    "schema": [
        "CREATE TABLE orders (id TEXT PRIMARY KEY, status TEXT, refund TEXT)",
        "CREATE TABLE refunds (id TEXT PRIMARY KEY, order_id TEXT, amount REAL)",
    ],
    "rows": {"orders": [["O1", "paid", None], ["O2", "paid", None], ["O3", "paid", None]]},
    "actions": {
        "refund": {
            "sql": [
                "UPDATE orders SET status = 'refunded', refund = 'R-' || :new_id WHERE id = :id",
                "INSERT INTO refunds VALUES ('R-' || :new_id, :id, :amount)",
                "SELECT * FROM refunds WHERE order_id = :id",
            ]
        },
        "cancel": "DELETE FROM orders WHERE id = :id",
    },
    "patch": [{"table": "orders", "op": "update", "where": {"id": "O3"}, "set": {"status": "lost"}}],
    "state": "changes",
    "seed": 3,
}


def shop(truth: dict[str, Any]) -> Task:
    properties = {"id": {"type": "string"}, "amount": {"type": "number"}}
    tools = [
        {"type": "function", "function": {"name": name, "parameters": {"properties": properties}}}
        for name in SHOP["actions"]
    ]
    return Task("shop", [{"role": "user", "content": "Hi."}], tools, "world", SHOP, "state", truth)


async def played(task: Task, *calls: tuple[str, str, float]) -> Trajectory:
    texts = [json.dumps({"name": name, "arguments": {"id": key, "amount": amount}}) for name, key, amount in calls]
    texts = [f"<tool_call>{text}</tool_call>" for text in texts] + ["<answer>done</answer>"]
    return (await play(task, lambda *_: texts.pop(0))).trajectory


async def test_what_an_expert_left_is_the_reference() -> None:
    first, second = ("refund", "O1", 40.0), ("refund", "O2", 15)
    changes = (await played(shop({}), first, second)).state["changes"]
    task = shop({"changes": json.loads(json.dumps(changes)), "tolerance": 0.005, "end": ["answer"]})
    for calls, failure in (
        ((first, second), "none"),
        # The ids of the world go by the order of its calls.
        ((second, first), "none"),
        ((("refund", "O1", 40.004), second), "none"),
        ((first,), "wrong_state"),
        ((first, second, ("cancel", "O3", 0)), "wrong_state"),
    ):
        assert judge_now(task, await played(task, *calls))["failure"] == failure


async def test_the_difference_for_people() -> None:
    changes = (await played(shop({}), ("refund", "O1", 40.0))).state["changes"]
    task = shop({"changes": changes, "end": ["answer"]})
    trajectory = await played(task, ("refund", "O1", 4.0), ("cancel", "O3", 0))
    difference = state_difference(task, trajectory)
    assert difference is not None
    refund = changes[1]["after"]
    assert [(one.table, one.missing, one.unexpected) for one in difference] == [
        ("refunds", ({"op": "insert", "after": refund},), ({"op": "insert", "after": {**refund, "amount": 4.0}},)),
        ("orders", (), ({"op": "delete", "row": {"id": "O3", "status": "lost", "refund": None}},)),
    ]
    assert state_difference(task, await played(task, ("refund", "O1", 40.0))) == []
    assert judge_now(task, trajectory)["reason"].startswith('orders: unexpected delete of {"id": "O3"')
    wanted = shop({"expected": {"orders": []}, "end": ["answer"]})
    with pytest.raises(BrokenTaskError, match=r"no tables \(env_args\.state\); give ground_truth\.changes"):
        judge_now(wanted, trajectory)
