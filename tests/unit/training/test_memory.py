"""What rounds of the flywheel leave behind in the trainer's process."""

from __future__ import annotations

import gc
import random
from collections import Counter
from pathlib import Path

import pytest

from verl_agentic.core import FailureKind, Outcome
from verl_agentic.store import Store, store_url
from verl_agentic.synthesis.families import load_families
from verl_agentic.synthesis.trees.expert import _read
from verl_agentic.training.epochs import EpochPlanner
from verl_agentic.training.settings import AgenticSettings, CurriculumNode, FlywheelNode

PROMPTS = 16
WARM, ROUNDS = 2, 5


def train(store: Store, planner: EpochPlanner, epoch: int) -> None:
    """An epoch of groups that succeed in part, so that hooks have what to grow."""
    for number, task_id in enumerate(planner.epoch_tasks(epoch)):
        outcomes = [
            Outcome(task_id, session, epoch + 1, epoch, 0.0, float(session <= number % 4), FailureKind.NONE, 1, "{}")
            for session in range(4)
        ]
        store.record_outcomes(outcomes, task_id)


def living() -> Counter[str]:
    """Objects of our classes, databases and their statements, by class."""
    _read.cache_clear()  # 512 trees at most, which are full only after many rounds
    gc.collect()
    names = (f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.get_objects())
    return Counter(name for name in names if name.startswith(("verl_agentic.", "sqlite3.")))


@pytest.mark.slow
def test_no_object_of_a_round_outlives_it(tmp_path: Path) -> None:
    (family,), rng = load_families(["tree"]), random.Random(0)
    hooks = [{"name": "trees"}, {"name": "frontier"}]
    settings = AgenticSettings(
        kinds=["tree"], curriculum=CurriculumNode(epoch_size=PROMPTS), flywheel=FlywheelNode(hooks)
    )
    counts: list[Counter[str]] = []
    added: list[int] = []
    with Store(store_url(tmp_path)) as store:
        store.acquire()
        store.add_tasks([family.generate(structure, rng) for structure in list(family.structures("train"))[:PROMPTS]])
        planner = EpochPlanner(store, settings, 1, PROMPTS)
        for epoch in range(ROUNDS):
            train(store, planner, epoch)
            planner.end_epoch(epoch + 1)
            counts.append(living())
            added.append(store.rounds()[-1].counts["added"])
    new = sum(added[WARM:])
    assert new >= PROMPTS
    growth = counts[-1] - counts[WARM - 1]
    # Of whatever a round keeps of a task there would be as many more as there are new tasks.
    assert {name: count for name, count in growth.items() if count > new // 2} == {}
