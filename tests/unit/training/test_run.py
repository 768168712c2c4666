"""In which register a run's tasks are, from its beginning on."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from verl_agentic.core import FailureKind, Outcome, UserInputError
from verl_agentic.integration.hydra.resolvers import register_for
from verl_agentic.integration.prepare import generate_splits
from verl_agentic.store import Store, store_url
from verl_agentic.synthesis.families import load_families
from verl_agentic.training.epochs import EpochPlanner
from verl_agentic.training.run import pool_register
from verl_agentic.training.settings import AgenticSettings, CurriculumNode, FlywheelNode, read_settings

HOOKS: list[Any] = [{"name": "frontier"}]
SIZES = CurriculumNode(initial_tasks=12, epoch_size=6, held_out_tasks=6, validation_tasks=0)


def settings(**more: Any) -> AgenticSettings:
    return AgenticSettings(kinds=["math", "sql", "service"], curriculum=SIZES, flywheel=FlywheelNode(HOOKS), **more)


def test_the_setting_is_one_of_two() -> None:
    assert read_settings(OmegaConf.create({"agentic": {"register": "natural"}})).register == "natural"
    with pytest.raises(UserInputError, match=r"agentic\.register must be micro or natural, got 'loud'"):
        read_settings(OmegaConf.create({"agentic": {"register": "loud"}}))


def test_the_starter_reads_the_micro_register_alone() -> None:
    assert [register_for(model) for model in ("starter", "smollm2", "hub")] == ["micro", "natural", "natural"]


def test_splits_are_generated_in_the_register_that_is_set() -> None:
    micro, natural = generate_splits(settings()), generate_splits(settings(register="natural"))
    for split, tasks in natural.items():
        assert {task.register for task in tasks} <= {"natural"} and {task.register for task in micro[split]} <= {
            "micro"
        }
        # The same tasks otherwise.
        assert [task.structure for task in tasks] == [task.structure for task in micro[split]]
        families = {family.kind: family for family in load_families(["math", "sql", "service"])}
        assert tasks == [families[task.kind].natural(task) for task in micro[split]]


def test_families_without_plain_words_of_their_own_stay_as_they_are() -> None:
    [family] = load_families(["tree"], "natural")
    assert family.told(family.generate(family.structures("train")[0], random.Random(0))).register == "micro"


def test_a_pool_keeps_its_register(tmp_path: Path) -> None:
    with Store(store_url(tmp_path)) as store:
        assert pool_register(store, settings(register="natural")) == "natural"
        store.acquire()
        store.add_tasks(generate_splits(settings())["train"])
        # As of a run of an earlier release, which said nothing of it.
        assert pool_register(store, settings(register="natural")) == "micro"
        store.set_info(register="natural")
        assert pool_register(store, settings()) == "natural"


@pytest.mark.parametrize("register", ["micro", "natural"])
def test_a_round_grows_the_pool_in_its_register(tmp_path: Path, register: Any) -> None:
    own = settings(register=register)
    with Store(store_url(tmp_path)) as store:
        store.acquire()
        store.set_info(register=register)
        store.add_tasks(generate_splits(own)["train"])
        planner = EpochPlanner(store, own, 2, 3)
        for task_id in planner.epoch_tasks(0):
            outcomes = [
                Outcome(task_id, session, 1, 0, acc, acc, FailureKind.NONE, 1, "{}")
                for session, acc in ((0, 1.0), (1, 0.0))
            ]
            store.record_outcomes(outcomes, "u")
        record = planner.close_epoch(1)
        assert record is not None and record.counts["added"] >= 2 and record.counts["unfit"] == 0, record.counts
        assert {task.register for task in store.tasks(round=1)} == {register}
        assert any(task.parent for task in store.tasks(round=1))
