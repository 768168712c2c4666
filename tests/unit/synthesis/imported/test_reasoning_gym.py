"""Tasks of reasoning-gym, where it is installed; one clear error where it is not."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from verl_agentic.core import Task
from verl_agentic.flywheel import ExpertVerifier
from verl_agentic.reward_fns.registry import success
from verl_agentic.synthesis.base import SPLITS
from verl_agentic.synthesis.families import load_families


def test_one_clear_error_where_it_is_missing() -> None:
    program = (
        "import sys; sys.modules['reasoning_gym'] = None\n"
        "from verl_agentic.core import UserInputError\n"
        "from verl_agentic.synthesis.families import load_families\n"
        "try: load_families(['reasoning_gym'])\n"
        "except UserInputError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert "pip install 'verl-agentic[reasoning_gym]'" in done.stdout, done.stderr


def test_every_structure_is_solved_and_no_dataset_is_in_two_splits() -> None:
    pytest.importorskip("reasoning_gym")
    [family] = load_families(["reasoning_gym"])
    verify = ExpertVerifier({"reasoning_gym": family}, success)
    datasets = {split: {name.rpartition("-")[0] for name in family.structures(split)} for split in SPLITS}
    assert not datasets["train"] & (datasets["validation"] | datasets["held_out"])
    for split in SPLITS:
        for structure in family.structures(split):
            task = family.generate(structure, random.Random(1))
            assert task == family.generate(structure, random.Random(1))
            assert Task.from_json(task.to_json()) == task
            assert verify(task) is None, (structure, task.messages[-1], task.ground_truth)
            child = family.harder(task, random.Random(2))
            assert (child is not None) == (split == "train" and task.depth < 3)
            assert child is None or (child.depth == task.depth + 1 and verify(child) is None)


def test_answers_are_compared_by_a_reward_that_evaluates_nothing() -> None:
    factory = pytest.importorskip("reasoning_gym.factory")
    base = pytest.importorskip("reasoning_gym.dataset").ProceduralDataset
    [family] = load_families(["reasoning_gym"])
    for split in SPLITS:
        for name in {structure.rpartition("-")[0] for structure in family.structures(split)}:
            assert factory.DATASETS[name][0].score_answer is base.score_answer
