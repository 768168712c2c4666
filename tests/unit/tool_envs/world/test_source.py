"""Worlds that many tasks share, and that a source makes."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, Task, UserInputError
from verl_agentic.core.world_data import WorldData
from verl_agentic.tool_envs import ToolError
from verl_agentic.tool_envs.world import source
from verl_agentic.tool_envs.world.environment import MAX_ROWS_ON_LOOP, WorldEnvironment
from verl_agentic.tool_envs.world.source import WORLD_SOURCES, forget_templates, register_world_source
from verl_agentic.tool_envs.world.world import DatabaseWorld

MADE: list[tuple[int, int]] = []


def shop(domain: str, edition: int) -> WorldData:
    """A shop whose first item's stock is the edition."""
    if edition < 0:
        raise UserInputError(f"there is no edition {edition} of {domain}")
    MADE.append((edition, threading.get_ident()))
    return WorldData(
        schema=["CREATE TABLE items (id TEXT PRIMARY KEY, stock INTEGER, day TEXT)"],
        rows={"items": [[f"I{number}", edition + number, "2026-01-01"] for number in range(500)]},
        actions={
            "item": {"sql": "SELECT * FROM items WHERE id = :id", "missing": "no item {id}"},
            "sell": "UPDATE items SET stock = stock - 1, day = :now WHERE id = :id",
            "wipe": "DELETE FROM items",
        },
        preconditions={"sell": [{"sql": "SELECT stock > 0 FROM items WHERE id = :id", "message": "{id} is sold out"}]},
        user_actions={"shelf": "SELECT stock FROM items WHERE id = :id"},
        now="2026-03-01",
    )


@pytest.fixture(autouse=True)
def shops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WORLD_SOURCES, "_known", {})
    register_world_source("shop")(shop)
    MADE.clear()
    forget_templates()


def args(edition: int = 0, **changes: Any) -> dict[str, Any]:
    digest = shop("shop", edition).digest
    MADE.clear()
    return {"source": {"domain": "shop", "edition": edition, "digest": digest}, **changes}


def opened(env_args: dict[str, Any], *tools: str) -> DatabaseWorld:
    return DatabaseWorld(env_args, {name: ["id"] for name in tools or ("item", "sell")})


def test_state_and_tools_come_from_the_source() -> None:
    one = opened(args())
    assert json.loads(one.call("item", {"id": "I3"}))["stock"] == 3
    with pytest.raises(ToolError, match=r"^I0 is sold out$"):
        one.call("sell", {"id": "I0"})
    one.call("sell", {"id": "I1"})
    assert one.state()["changes"][0]["after"] == {"id": "I1", "stock": 0, "day": "2026-03-01"}
    assert json.loads(one.user_call("shelf", {"id": "I1"})) == {"stock": 0}
    # What the task does not offer is not there.
    with pytest.raises(ToolError, match="unknown tool 'wipe'"):
        one.call("wipe", {})
    one.close()


def test_what_the_task_says_of_a_tool_goes_before() -> None:
    actions = {"item": "SELECT stock FROM items WHERE id = :id", "look": "SELECT day FROM items WHERE id = :id"}
    own = args(
        actions=actions,
        preconditions={"sell": [], "look": [{"sql": "SELECT :id <> 'I2'", "message": "not {id}"}]},
        user_actions={"shelf": "SELECT :now AS day", "box": "SELECT :id AS id"},
        now="2026-04-01",
        patch=[{"table": "items", "op": "update", "where": {"id": "I1"}, "set": {"stock": 9}}],
    )
    one = opened(own, "item", "look", "sell")
    assert json.loads(one.call("item", {"id": "I1"})) == {"stock": 9}
    assert one.call("sell", {"id": "I0"}) == "ok"
    with pytest.raises(ToolError, match=r"^not I2$"):
        one.call("look", {"id": "I2"})
    assert json.loads(one.user_call("shelf", {})) == {"day": "2026-04-01"}
    assert json.loads(one.user_call("box", {"id": "b"})) == {"id": "b"}
    assert [change["after"]["stock"] for change in one.state()["changes"]] == [-1]
    one.close()


def test_sessions_share_what_was_made_once() -> None:
    worlds = [opened(args(3)) for _ in range(5)]
    MADE.clear()
    worlds += [opened({"source": {"domain": "shop", "edition": 3, "digest": shop("shop", 3).digest}}, "item")]
    assert [edition for edition, _ in MADE] == [3]  # by the line above alone
    assert len({id(one._template) for one in worlds}) == 1
    assert opened(args(4))._template is not worlds[0]._template
    worlds[0].call("sell", {"id": "I1"})
    assert json.loads(worlds[1].call("item", {"id": "I1"}))["stock"] == 4


def test_a_domain_that_has_changed_is_noticed() -> None:
    task = args(2)
    opened(task).close()
    for change in ({"digest": "0" * 16}, {"edition": 1}):
        with pytest.raises(BrokenTaskError, match="domain 'shop' has changed since the task was made"):
            opened({"source": {**task["source"], **change}})


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"source": "shop"}, r"env_args\.source must be"),
        ({"source": {"domain": "shop", "edition": True, "digest": ""}}, r"env_args\.source must be"),
        ({"source": {"domain": "shop", "edition": 1}}, r"env_args\.source must be"),
        ({"source": {"domain": "shop", "edition": -1, "digest": ""}}, "there is no edition -1 of shop"),
        ({"source": {"domain": "a.b:c", "edition": 1, "digest": ""}}, "cannot be imported"),
        ({"source": {"domain": "/tmp/x.py:c", "edition": 1, "digest": ""}}, "unknown source of worlds"),
        ({"source": {"domain": "nosuch", "edition": 1, "digest": ""}}, r"env_args\.source: "),
        ({"rows": {}}, "both a source and 'rows'"),
        ({"file": "x"}, "both a source and 'file'"),
        ({"actions": {"buy": "SELECT 1"}}, r"actions\['buy'\] has no tool"),
        ({"preconditions": {"wipe": []}}, r"preconditions\['wipe'\] has no tool"),
    ],
)
def test_a_broken_source_is_named(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(BrokenTaskError, match=problem):
        opened({**args(), **change})


def test_a_source_may_be_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "from verl_agentic.core.world_data import WorldData\n"
    text += "def worlds(domain, edition):\n    return WorldData(['CREATE TABLE t (a)'], {'t': [[edition]]})\n"
    (tmp_path / "my_worlds_of_a_test.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    digest = WorldData(["CREATE TABLE t (a)"], {"t": [[7]]}).digest
    named = {"domain": "my_worlds_of_a_test:worlds", "edition": 7, "digest": digest}
    assert opened({"source": named}).tables() == {"t": [{"a": 7}]}
    # What has no source of its own is asked of the built-in domains.
    monkeypatch.setattr(source, "DOMAINS", named["domain"])
    assert opened({"source": {**named, "domain": "any"}}).tables() == {"t": [{"a": 7}]}


async def test_a_world_is_made_away_from_the_event_loop() -> None:
    tools = [{"type": "function", "function": {"name": "item", "parameters": {"properties": {"id": {}}}}}]
    task = Task("shop", [{"role": "user", "content": "Hi."}], tools, "world", args(8), "state", {})
    sessions = [WorldEnvironment() for _ in range(3)]
    await asyncio.gather(*(env.open(task, 0) for env in sessions))
    assert len(MADE) == 1 and MADE[0][1] != threading.get_ident()
    replies = {await env.call("item", {"id": "I1"}) for env in sessions}
    assert len(replies) == 1 and json.loads(replies.pop())["stock"] == 9
    assert json.loads(await sessions[0].user_call("shelf", {"id": "I1"})) == {"stock": 9}
    assert MAX_ROWS_ON_LOOP > 500
    for env in sessions:
        await env.close()


def test_tools_of_many_tasks_may_hold_the_same_statements() -> None:
    twice = {"sell": "UPDATE items SET stock = 0", "drop": "UPDATE items SET stock = 0"}
    for number in range(4):
        one = opened(args(actions={**twice, "x": f"SELECT {number}"}, preconditions={"sell": []}), "sell", "drop", "x")
        for name in ("drop", "sell"):
            assert one.call(name, {"id": "I1"}) == "ok"
        one.close()
