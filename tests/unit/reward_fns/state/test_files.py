"""The state reward on worlds whose rows no row of the data set holds: of a file, of a source, patched."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, End, InfrastructureError, Task, Trajectory
from verl_agentic.core.world_data import WorldData
from verl_agentic.reward_fns.registry import judge_now
from verl_agentic.rollout import play
from verl_agentic.tool_envs.world.source import WORLD_SOURCES, register_world_source

ITEM = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": ITEM}} for name in ("sell", "drop", "copy")]
SOLD = [{"id": "a", "stock": 2}, {"id": "b", "stock": 5}, {"id": "b", "stock": 5}]


@pytest.fixture
def shop(tmp_path: Path) -> Task:
    with sqlite3.connect(tmp_path / "shop.sqlite") as connection:
        connection.execute("CREATE TABLE items (id TEXT, stock INTEGER)")
        connection.execute("CREATE TABLE staff (name TEXT)")
        connection.executemany("INSERT INTO items VALUES (?, ?)", [("a", 3), ("b", 5), ("b", 5)])
        connection.execute("INSERT INTO staff VALUES ('Bo')")
    connection.close()
    actions = {
        "sell": "UPDATE items SET stock = stock - 1 WHERE id = :id",
        "drop": "DELETE FROM staff WHERE name = :id",
        "copy": "INSERT INTO items SELECT * FROM items WHERE id = :id LIMIT 1",
    }
    args = {"file": "shop.sqlite", "actions": actions}
    truth = {"expected": {"items": SOLD}, "end": ["answer"]}
    return Task("shop", [{"role": "user", "content": "Sell one a."}], TOOLS, "world", args, "state", truth)


async def played(task: Task, folder: Path, *calls: tuple[str, str]) -> Trajectory:
    texts = [
        f"<tool_call>{json.dumps({'name': name, 'arguments': {'id': id_}})}</tool_call>" for name, id_ in calls
    ] + ["<answer>done</answer>"]
    options = {"world": {"root": str(folder)}}
    dialogue = await play(task, lambda *_: texts.pop(0), env_options=options)
    return dialogue.trajectory


@pytest.mark.parametrize(
    ("calls", "failure", "reason"),
    [
        ([("sell", "a")], "none", ""),
        ([], "wrong_state", "items: unexpected"),
        ([("sell", "a"), ("drop", "Bo")], "wrong_state", 'staff: changed or removed {"name": "Bo"}'),
        ([("sell", "a"), ("copy", "b")], "wrong_state", "items: unexpected"),
        ([("sell", "b"), ("sell", "a")], "wrong_state", "items: changed or removed"),
    ],
)
async def test_what_nobody_asked_for_is_seen(
    shop: Task, tmp_path: Path, calls: list[tuple[str, str]], failure: str, reason: str
) -> None:
    result = judge_now(shop, await played(shop, tmp_path, *calls))
    assert result["failure"] == failure
    assert result["reason"].startswith(reason)


def state(**values: Any) -> Trajectory:
    return Trajectory("t", end=End.ANSWER, state={"tables": {"items": SOLD, "staff": []}, **values})


def test_a_state_that_does_not_tell_what_changed(shop: Task) -> None:
    with pytest.raises(BrokenTaskError, match=r"add ground_truth\.initial, rows by table"):
        judge_now(shop, state())
    shop.ground_truth["initial"] = {"items": SOLD, "staff": []}
    assert judge_now(shop, state())["acc"] == 1.0


@pytest.mark.parametrize(
    "change",
    [
        {"table": "items", "op": "insert", "before": None, "after": {"id": "c"}},
        {"table": "nothing", "op": "delete", "before": {"id": "c"}, "after": None},
        {"table": "items"},
        "none",
    ],
)
def test_changes_that_never_happened_are_no_reward(shop: Task, change: Any) -> None:
    with pytest.raises(InfrastructureError, match="do not fit"):
        judge_now(shop, state(changes=[change]))


async def test_the_rows_of_a_source_and_a_patch_are_the_initial_ones(
    shop: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WORLD_SOURCES, "_known", {})
    schema = ["CREATE TABLE items (id TEXT, stock INTEGER)", "CREATE TABLE staff (name TEXT)"]
    data = WorldData(schema, {"items": [["a", 3], ["b", 5], ["b", 5]]}, shop.env_args["actions"])
    register_world_source("shop")(lambda domain, edition: data)
    args = {
        "source": {"domain": "shop", "edition": 0, "digest": data.digest},
        "patch": [{"table": "staff", "op": "insert", "row": {"name": "Bo"}}],
    }
    task = Task("shop", shop.messages, TOOLS, "world", args, "state", shop.ground_truth)
    for calls, reason in (
        ([("sell", "a")], ""),
        ([("sell", "a"), ("drop", "Bo")], 'staff: changed or removed {"name": "Bo"}'),
    ):
        texts = [f'<tool_call>{{"name": "{name}", "arguments": {{"id": "{key}"}}}}</tool_call>' for name, key in calls]
        texts.append("<answer>done</answer>")
        dialogue = await play(task, lambda *_, texts=texts: texts.pop(0))
        assert judge_now(task, dialogue.trajectory)["reason"] == reason
