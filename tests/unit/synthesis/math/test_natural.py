"""Word problems in plain words: the same problem, and a prompt that explains itself."""

from __future__ import annotations

import random
from random import Random

import pytest

from verl_agentic.core import Task
from verl_agentic.flywheel.checks import Candidate, NoLeak
from verl_agentic.reward_fns.registry import judge
from verl_agentic.rollout import play
from verl_agentic.synthesis.base import SPLITS
from verl_agentic.synthesis.math.family import MathFamily
from verl_agentic.synthesis.math.natural import SYSTEMS
from verl_agentic.synthesis.math.operators import DeepenMath, RephraseMath, ReverseMath
from verl_agentic.synthesis.measures import measure

FAMILY = MathFamily()


def tasks() -> list[tuple[Task, Task]]:
    """Tasks of each split in both registers."""
    structures = [name for split in SPLITS for name in FAMILY.structures(split)[::9]]
    micro = [FAMILY.generate(name, Random(name)) for name in structures]
    return [(task, FAMILY.natural(task)) for task in micro]


async def test_problem_tools_and_truth_stay_and_the_expert_still_solves_it() -> None:
    for micro, natural in tasks():
        assert (micro.register, natural.register) == ("micro", "natural")
        for name in ("kind", "tools", "env", "env_args", "reward", "ground_truth", "structure", "depth", "seed"):
            assert getattr(natural, name) == getattr(micro, name)
        assert natural.messages[1:] == micro.messages[1:] and natural.id != micro.id
        assert (await judge(natural, (await play(natural, FAMILY.expert(natural))).trajectory))["acc"] == 1.0
        careless = await play(natural, FAMILY.careless(natural))
        assert (await judge(natural, careless.trajectory))["acc"] == 0.0


def test_to_tell_it_again_changes_nothing() -> None:
    for _, natural in tasks():
        assert FAMILY.natural(natural) == natural
        assert Task.from_json(natural.to_json()) == natural


def test_prompts_come_in_four_wordings_and_give_nothing_away() -> None:
    assert len(SYSTEMS) >= 4
    told = {natural.messages[0]["content"] for _, natural in tasks()}
    assert told == set(SYSTEMS)
    for text in SYSTEMS:
        assert "calc" in text and "whole number" in text and 60 <= len(text.split()) <= 140
        for answer in range(100):
            leak = Task("math", [{"role": "system", "content": text}], [], "", {}, "", {"answer": str(answer)})
            assert NoLeak()(Candidate(leak)) is None, answer


@pytest.mark.parametrize("operator", [DeepenMath(), ReverseMath(), RephraseMath()])
async def test_what_is_grown_of_it_stays_in_plain_words(operator: object) -> None:
    parent = FAMILY.natural(FAMILY.generate("add", Random(0)))
    child = operator(parent, Random(1))  # type: ignore[operator]
    assert child is not None and child.register == "natural" and child.parent == parent.id
    assert child.messages[0] == parent.messages[0] and FAMILY.natural(child) == child
    assert (await judge(child, (await play(child, FAMILY.expert(child))).trajectory))["acc"] == 1.0


def test_a_harder_variant_is_told_in_the_register_of_the_run() -> None:
    family = MathFamily()
    family.speaks = "natural"
    parent = family.told(family.generate("add", Random(0)))
    child = family.harder(parent, random.Random(0))
    assert child is not None and child.parent == parent.id
    assert family.told(child).register == "natural" and family.told(child).parent == parent.id
    assert MathFamily().told(child) is child


def test_an_explanation_makes_no_task_harder() -> None:
    for micro, natural in tasks():
        asked = micro.messages[1]["content"]
        assert measure(natural).words < measure(micro).words and measure(natural).words <= len(asked.split()) + 1
