import itertools
import random
import re
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, Message, Task
from verl_agentic.reward_fns.math import compute_score
from verl_agentic.rollout import Dialogue, Policy, play
from verl_agentic.synthesis.base import SPLITS, Split
from verl_agentic.synthesis.math.family import MathFamily
from verl_agentic.synthesis.math.problem import Problem
from verl_agentic.synthesis.math.story import read_problem

FAMILY = MathFamily()


def score(task: Task, dialogue: Dialogue) -> dict[str, Any]:
    info = {"trajectory": dialogue.trajectory.to_json()}
    return {**compute_score("math", "", task.ground_truth, info)}


def answering(text: str) -> Policy:
    return lambda messages, tools: f"<answer>{text}</answer>"


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.slow
async def test_expert_solves_every_structure(split: Split) -> None:
    for structure in FAMILY.structures(split):
        for seed in range(3 if structure.count("-") < 2 else 1):
            task = FAMILY.generate(structure, random.Random(seed))
            dialogue = await play(task, FAMILY.expert(task))
            assert score(task, dialogue)["acc"] == 1.0, task.messages
            assert task.structure == structure
            assert len(dialogue.trajectory.calls) == task.depth == len(structure.replace("-extra", "").split("-"))
            assert all(call.error is None for call in dialogue.trajectory.calls)
            words = " ".join(message["content"] for message in task.messages).split()
            assert len(words) <= 45
            numbers = re.findall(r"\d+", " ".join(turn.content for turn in dialogue.trajectory.turns))
            assert max(map(int, numbers)) <= 999


async def test_wrong_answers_score_nothing() -> None:
    for structure in FAMILY.structures("held_out"):
        task = FAMILY.generate(structure, random.Random(5))
        right = int(task.ground_truth["answer"])
        for wrong in (right + 1, right - 1, -right - 1, f"{right} or {right + 1}"):
            assert score(task, await play(task, answering(str(wrong))))["acc"] == 0.0


async def test_expert_takes_results_from_the_dialogue() -> None:
    task = FAMILY.generate("add-mul", random.Random(0))
    expert = FAMILY.expert(task)
    messages: list[Message] = [*task.messages, {"role": "tool", "content": "7"}]
    assert '"expression": "7*' in str(expert(messages, task.tools))
    messages.append({"role": "tool", "content": "21"})
    assert expert(messages, task.tools) == "<answer>21</answer>"


def components(structure: str) -> set[tuple[str, object]]:
    names = structure.split("-")
    extra = {("extra", None)} & {(name, None) for name in names}
    return extra | {(name, place) for place, name in enumerate(names) if name != "extra"}


def pairs(structure: str) -> set[tuple[str, str]]:
    names = [name for name in structure.split("-") if name != "extra"]
    return set(itertools.pairwise(names))


def test_splits_are_disjoint_and_held_out_is_composed_of_seen_parts() -> None:
    train, validation, held_out = (FAMILY.structures(split) for split in SPLITS)
    everything = [*train, *validation, *held_out]
    assert len(set(everything)) == len(everything)
    seen_early = {part for s in train if len(s.split("-")) <= 2 for part in components(s)}
    seen = {part for s in train for part in components(s)}
    for structure in [*validation, *held_out]:
        assert components(structure) <= (seen_early if len(pairs(structure)) == 1 else seen)
    # The pairs that make a structure held out are never trained, at any length.
    trained_pairs = {pair for s in train for pair in pairs(s)}
    for structure in [*validation, *held_out]:
        assert pairs(structure) - trained_pairs
    two = [s for split in SPLITS for s in FAMILY.structures(split) if len(s.split("-")) == 2 and "extra" not in s]
    assert 0.2 <= sum(s in held_out for s in two) / len(two) <= 0.25


def test_generation_is_deterministic_and_varied() -> None:
    for structure in FAMILY.structures("held_out"):
        tasks = [FAMILY.generate(structure, random.Random(seed)) for seed in range(10)]
        again = [FAMILY.generate(structure, random.Random(seed)) for seed in range(10)]
        assert tasks == again
        assert len({task.id for task in tasks}) == 10
        assert Task.from_json(tasks[0].to_json()) == tasks[0]


@pytest.mark.slow
async def test_harder_tasks_are_trainable_and_solvable() -> None:
    operators = set()
    for structure in FAMILY.structures("train"):
        parent = FAMILY.generate(structure, random.Random(0))
        child = FAMILY.harder(parent, random.Random(100))
        assert child == FAMILY.harder(parent, random.Random(100))
        if child is None:
            continue
        operators.add(child.operator)
        assert child.parent == parent.id
        assert child.structure in FAMILY.structures("train")
        assert child.depth == parent.depth + (child.operator == "add_operation")
        assert score(child, await play(child, FAMILY.expert(child)))["acc"] == 1.0
    assert operators == {"add_operation", "add_distractor", "enlarge_numbers"}


def test_short_tasks_can_always_grow_and_others_never() -> None:
    for structure in FAMILY.structures("train"):
        task = FAMILY.generate(structure, random.Random(1))
        if task.depth <= 2 and not structure.endswith("extra"):
            assert FAMILY.harder(task, random.Random(2)) is not None, structure
    for split in ("validation", "held_out"):
        task = FAMILY.generate(FAMILY.structures(split)[0], random.Random(1))
        assert FAMILY.harder(task, random.Random(2)) is None


def test_reading_leaves_out_other_people() -> None:
    text = "Ann has 7 boxes of 6 pens. Ben sells 9 cups. She gives away 5. She sells half. How many pens are left?"
    problem = read_problem(text)
    assert problem == Problem(7, (("boxes", 6), ("sub", 5), ("half", 2)))
    assert problem.expression() == "(((7*6)-5)/2)"


@pytest.mark.parametrize("text", ["", "Hello.", "Ann has 7 pens. She eats 2. How many pens are left?"])
def test_unknown_text_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError):
        read_problem(text)


@pytest.mark.parametrize("structure", ["", "extra", "power", "add-boxes", "add-power"])
def test_unknown_structures_are_refused(structure: str) -> None:
    with pytest.raises(BrokenTaskError):
        FAMILY.generate(structure, random.Random(0))
