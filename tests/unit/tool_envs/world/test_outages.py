"""Tools of a world that are not available at first."""

from __future__ import annotations

from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError
from verl_agentic.tool_envs.base import ToolError
from verl_agentic.tool_envs.world.world import UNAVAILABLE, DatabaseWorld

ENV_ARGS: dict[str, Any] = {
    "schema": ["CREATE TABLE rooms (id TEXT PRIMARY KEY, price INTEGER)"],
    "rows": {"rooms": [["1", 80]]},
    "actions": {
        "read": "SELECT price FROM rooms WHERE id = :id",
        "raise": "UPDATE rooms SET price = price + 5 WHERE id = :id",
    },
}
PARAMETERS = {"read": ["id"], "raise": ["id"]}


def test_a_tool_fails_as_often_as_told_and_changes_nothing_meanwhile() -> None:
    world = DatabaseWorld({**ENV_ARGS, "outages": {"raise": 2}}, PARAMETERS)
    assert world.call("read", {"id": "1"}) == '{"price": 80}'
    for _ in range(2):
        with pytest.raises(ToolError, match=UNAVAILABLE):
            world.call("raise", {"id": "1"})
    assert world.state()["changes"] == []
    assert world.call("raise", {"id": "1"}) == "ok"
    assert world.state()["changes"][0]["after"]["price"] == 85
    world.close()


def test_sessions_have_outages_of_their_own() -> None:
    env_args = {**ENV_ARGS, "outages": {"read": 1}}
    for _ in range(2):
        world = DatabaseWorld(env_args, PARAMETERS)
        with pytest.raises(ToolError, match=UNAVAILABLE):
            world.call("read", {"id": "1"})
        world.close()
    assert env_args["outages"] == {"read": 1}


@pytest.mark.parametrize("count", [-1, 1.5, True, "2", None])
def test_a_count_that_is_none_is_a_broken_task(count: Any) -> None:
    with pytest.raises(BrokenTaskError, match=r"env_args.outages\['read'\] must be how often"):
        DatabaseWorld({**ENV_ARGS, "outages": {"read": count}}, PARAMETERS)
