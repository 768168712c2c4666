"""How many of the labelled messages are read right: what they do, and the facts, actions and mistakes in them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.hearing import ears_of, is_right, situations, told_before
from verl_agentic.tool_envs.users.hearing.ears import Ears
from verl_agentic.tool_envs.users.plan import read_plan

HERE = Path(__file__).parent
SITUATIONS = situations()
LEAST_SHARE = {"messages.jsonl": 0.97, "kept.jsonl": 0.85}
"""The first were looked at again and again; the second were kept apart, and nothing was made to fit them."""


@pytest.mark.parametrize("name", LEAST_SHARE)
def test_labelled_messages_are_read_right(name: str) -> None:
    rows = [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines()]
    ears: dict[str, Ears] = {name: ears_of(one) for name, one in SITUATIONS.items()}
    missed = []
    for row in rows:
        told = told_before(row, SITUATIONS)
        if not is_right(row, ears[row["situation"]].hear(row["message"], told), told):
            missed.append(row)
    by_act = Counter(row["act"] for row in missed)
    assert len(missed) <= (1 - LEAST_SHARE[name]) * len(rows), (by_act, [row["message"][:80] for row in missed])


def test_every_situation_is_a_script() -> None:
    for one in SITUATIONS.values():
        plan = read_plan(one["script"])
        assert {fact.name for fact in plan.requests[0].facts} >= set(one["told"])
