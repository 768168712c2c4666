"""How many of the labelled messages are read right: what they do, and the facts, actions and mistakes in them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.tool_envs.users.hearing.acts import Act
from verl_agentic.tool_envs.users.hearing.ears import Ears, Heard
from verl_agentic.tool_envs.users.plan import read_plan

HERE = Path(__file__).parent
SITUATIONS = {one["id"]: one for one in json.loads((HERE / "situations.json").read_text(encoding="utf-8"))}
EARS: dict[str, Ears] = {}
LEAST_SHARE = 0.97


def heard(row: dict[str, Any]) -> Heard:
    """What the user of the row's situation makes of its message."""
    situation = SITUATIONS[row["situation"]]
    if row["situation"] not in EARS:
        plan = read_plan(situation["script"])
        EARS[row["situation"]] = Ears(plan.requests[0].facts, plan.actions, about=situation["want"])
    return EARS[row["situation"]].hear(row["message"], set(situation["told"]))


def is_right(row: dict[str, Any], found: Heard) -> bool:
    act = Act.UNCLEAR if found.act is Act.GREET else found.act
    told = {"ask": found.asks, "instruct": found.does, "correct": found.wrong}.get(row["act"], ())
    wanted = {"ask": "asks", "instruct": "does", "correct": "wrong"}.get(row["act"], "")
    return act.value == row["act"] and set(told) == set(row.get(wanted, ()))


@pytest.mark.parametrize("name", ["messages.jsonl"])
def test_labelled_messages_are_read_right(name: str) -> None:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    missed = [row for row in rows if not is_right(row, heard(row))]
    by_act = Counter(row["act"] for row in missed)
    assert len(missed) <= (1 - LEAST_SHARE) * len(rows), (by_act, [row["message"][:80] for row in missed])


def test_every_situation_is_a_script() -> None:
    for one in SITUATIONS.values():
        plan = read_plan(one["script"])
        assert {fact.name for fact in plan.requests[0].facts} >= set(one["told"])
