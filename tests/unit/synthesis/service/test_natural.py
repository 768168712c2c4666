"""Service tasks in plain words: the same case, judged alike, but that a content user may end it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from random import Random
from typing import Any

import pytest

from verl_agentic.core import End, Task
from verl_agentic.reward_fns.registry import judge
from verl_agentic.rollout import play
from verl_agentic.synthesis.base import SPLITS
from verl_agentic.synthesis.service import ServiceFamily
from verl_agentic.synthesis.service.natural import CONFIRM_FIRST
from verl_agentic.synthesis.service.structure import parse_structure
from verl_agentic.tool_envs.users.registry import make_user

FAMILY = ServiceFamily()
STRUCTURES = [name for split in SPLITS for name in FAMILY.structures(split)]


def tasks(every: int = 1) -> list[tuple[Task, Task]]:
    """Tasks of each n-th structure in both registers."""
    micro = [FAMILY.generate(name, Random(name)) for name in STRUCTURES[::every]]
    return [(task, FAMILY.natural(task)) for task in micro]


async def success(task: Task, policy: Any) -> float:
    dialogue = await play(task, policy, user=make_user("scripted"))
    return float((await judge(task, dialogue.trajectory))["acc"])


@pytest.mark.slow
async def test_the_expert_still_solves_every_structure() -> None:
    for micro, natural in tasks():
        assert await success(natural, FAMILY.expert(natural)) == 1.0, natural.structure
        assert FAMILY.natural(natural) == natural
        assert micro.meta["target"] == natural.meta["target"]


def test_case_world_and_truth_stay() -> None:
    for micro, natural in tasks():
        assert natural.register == "natural" and natural.id != micro.id
        for name in ("kind", "tools", "env", "env_args", "reward", "structure", "depth", "seed"):
            assert getattr(natural, name) == getattr(micro, name)
        before, after = dict(micro.ground_truth), dict(natural.ground_truth)
        if parse_structure(micro.structure).branch == "allow":
            assert after.pop("end") == [*before.pop("end"), End.USER_STOP.value]
            assert set(before.pop("forbidden_replies")) - set(after.pop("forbidden_replies")) == {"Thanks."}
        assert before == after
        # Exact words of the user are judged by.
        assert micro.user is not None and natural.user is not None
        for name in ("confirm", "push", "patience", "done"):
            assert natural.user[name] == micro.user[name]
        for old, new in zip(micro.user["facts"], natural.user["facts"], strict=True):
            assert {**old, "say": ""} == {**new, "say": ""}
            assert re.findall(r"\d+", old["say"]) == re.findall(r"\d+", new["say"])


def test_the_policy_says_all_that_it_is_judged_by() -> None:
    for _, natural in tasks():
        system = natural.messages[0]["content"]
        for bound in natural.meta["bounds"].values():
            assert re.search(rf"\b{bound}\b", system), (bound, system)
        assert (CONFIRM_FIRST in system) is parse_structure(natural.structure).confirm
        assert "tool get" in system
        for mark in ("<", ">", "###", "{", "}"):
            assert mark not in json.dumps(natural.messages[0]["content"])


def test_requests_and_policies_come_in_several_wordings() -> None:
    asked, told = defaultdict(set), set()
    for _, natural in tasks():
        numbers = re.sub(r"\d+", "#", natural.messages[1]["content"])
        asked["/".join(natural.structure.split("/")[:2])].add(numbers.split(". ")[0])
        told.add(natural.messages[0]["content"].split(" ")[1])
    assert all(len(texts) >= 3 for texts in asked.values())
    assert len(told) >= 4


@pytest.mark.parametrize(
    "text",
    ["<answer>done</answer>", "That is done now.", "I am sorry, that is not possible.", "###TRANSFER_TO_HUMAN"],
)
async def test_who_looks_at_nothing_still_fails(text: str) -> None:
    for _, natural in tasks(every=8):
        assert await success(natural, lambda messages, tools: text) == 0.0, natural.structure


async def test_who_does_all_that_is_wanted_still_fails_where_it_is_not_allowed() -> None:
    for structure in ("orders/refund/deny-days/plain", "loans/waive/transfer-late/plain"):
        task = FAMILY.natural(FAMILY.generate(structure, Random(0)))
        tool = structure.split("/")[1]
        calls = [f'<tool_call>{{"name": "{name}", "arguments": {{"id": "{task.meta["target"]}"}}}}</tool_call>'
                 for name in ("get", tool)]  # fmt: skip
        lines = iter([*calls, "That is done now."])
        assert await success(task, lambda messages, tools, lines=lines: next(lines)) == 0.0
