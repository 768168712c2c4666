"""What rounds of the flywheel leave behind in the trainer's process."""

from __future__ import annotations

import gc
import random
from pathlib import Path

import pytest

from verl_agentic.core import FailureKind, Outcome
from verl_agentic.store import Store, store_url
from verl_agentic.synthesis.families import load_families
from verl_agentic.tool_envs.world.template import Template
from verl_agentic.training.epochs import EpochPlanner
from verl_agentic.training.settings import AgenticSettings, CurriculumNode, FlywheelNode

PROMPTS = 16
WARM, ROUNDS = 2, 5
OBJECTS_PER_TASK = 100
"""About twice what the bounded caches take until they are full; a world that is kept has two hundred."""


def train(store: Store, planner: EpochPlanner, epoch: int) -> None:
    """An epoch of groups that succeed in part, so that hooks have what to grow."""
    for number, task_id in enumerate(planner.epoch_tasks(epoch)):
        outcomes = [
            Outcome(task_id, session, epoch + 1, epoch, 0.0, float(session <= number % 4), FailureKind.NONE, 1, "{}")
            for session in range(4)
        ]
        store.record_outcomes(outcomes, task_id)


@pytest.mark.slow
def test_rounds_leave_no_worlds_and_few_objects(tmp_path: Path) -> None:
    (family,), rng = load_families(["tree"]), random.Random(0)
    hooks = [{"name": "trees"}, {"name": "frontier"}]
    settings = AgenticSettings(
        kinds=["tree"], curriculum=CurriculumNode(epoch_size=PROMPTS), flywheel=FlywheelNode(hooks)
    )
    objects, added = [], []
    with Store(store_url(tmp_path)) as store:
        store.acquire()
        store.add_tasks([family.generate(structure, rng) for structure in list(family.structures("train"))[:PROMPTS]])
        planner = EpochPlanner(store, settings, 1, PROMPTS)
        for epoch in range(ROUNDS):
            train(store, planner, epoch)
            planner.end_epoch(epoch + 1)
            gc.collect()
            living = gc.get_objects()
            assert not any(isinstance(one, Template) for one in living)
            objects.append(len(living))
            added.append(store.rounds()[-1].counts["added"])
    new = sum(added[WARM:])
    assert new >= PROMPTS
    assert (objects[-1] - objects[WARM - 1]) / new < OBJECTS_PER_TASK, (objects, added)
