"""What goes wrong in a round between two epochs, in the foreground and in the background."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.core import FailureKind, InfrastructureError, Outcome, UserInputError
from verl_agentic.flywheel import RoundInput, RoundResult, register_hook
from verl_agentic.store import Store, store_url
from verl_agentic.synthesis.math.family import MathFamily
from verl_agentic.training.epochs import EpochPlanner
from verl_agentic.training.settings import AgenticSettings, FlywheelNode

STEPS, PROMPTS = 2, 3


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    family, rng = MathFamily(), random.Random(1)
    with Store(store_url(tmp_path)) as store:
        store.acquire()
        store.add_tasks([family.generate(structure, rng) for structure in family.structures("train")[:9]])
        yield store


def planner_with(store: Store, act: Callable[[], None], lag: int) -> EpochPlanner:
    class Acting:
        def __call__(self, round: RoundInput) -> RoundResult:
            act()
            return RoundResult()

    register_hook("test-epochs-acting")(Acting)
    settings = AgenticSettings(
        kinds=["math"], flywheel=FlywheelNode([{"name": "test-epochs-acting", "budget": {"pause_seconds": 0}}])
    )
    return EpochPlanner(store, settings, STEPS, PROMPTS, lag)


def train(store: Store, planner: EpochPlanner, epoch: int) -> None:
    for task_id in planner.epoch_tasks(epoch):
        store.record_outcomes([Outcome(task_id, 0, epoch + 1, epoch, 0.0, 0.0, FailureKind.NONE, 1, "{}")], "u")


def raising(error: Exception) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def wait_for_the_round() -> None:
    for thread in threading.enumerate():
        if thread.name == "agentic-flywheel":
            thread.join(30)


@pytest.mark.parametrize("ask", ["check_round", "finish_round", "epoch_tasks"])
def test_an_error_in_the_background_is_raised_at_the_next_look(store: Store, ask: str) -> None:
    planner = planner_with(store, raising(KeyError("depth")), lag=1)
    train(store, planner, 0)
    planner.end_epoch(1)
    wait_for_the_round()
    arguments = [2] if ask == "epoch_tasks" else []
    with pytest.raises(UserInputError, match=r"Acting failed in round 2 with KeyError: 'depth'.*agentic\.flywheel"):
        getattr(planner, ask)(*arguments)


def test_an_error_in_the_foreground_is_raised_at_once(store: Store) -> None:
    planner = planner_with(store, raising(ZeroDivisionError("no group")), lag=0)
    train(store, planner, 0)
    with pytest.raises(UserInputError, match="Acting failed in round 1 with ZeroDivisionError: no group"):
        planner.end_epoch(1)


@pytest.mark.parametrize("lag", [0, 1])
@pytest.mark.parametrize("error", [InfrastructureError("no reply within 600 s"), TimeoutError("no reply")])
def test_an_outage_skips_the_hook(store: Store, caplog: Any, lag: int, error: Exception) -> None:
    planner = planner_with(store, raising(error), lag)
    train(store, planner, 0)
    planner.end_epoch(1)
    planner.finish_round()
    assert "goes on without Acting: no reply" in caplog.text
    assert store.rounds()[0].counts["Acting.skipped"] == 1
    assert [failure.kind for failure in store.failures()] == ["flywheel"]
    assert len(planner.epoch_tasks(1)) == STEPS * PROMPTS


def test_a_round_tells_how_far_it_is_and_what_it_did(store: Store) -> None:
    lines: list[str] = []
    settings = AgenticSettings(kinds=["math"], flywheel=FlywheelNode([{"name": "frontier"}]))
    planner = EpochPlanner(store, settings, STEPS, PROMPTS, say=lines.append)
    train(store, planner, 0)
    planner.end_epoch(1)
    assert lines[0].startswith("flywheel round 1: FrontierHook made 3 of 3 tasks in ")
    assert lines[-1].startswith("flywheel round 1 in ") and lines[-1].endswith("3 tasks added of 3 candidates")


def test_training_goes_on_while_a_round_runs(store: Store) -> None:
    go_on = threading.Event()
    planner = planner_with(store, lambda: assert_true(go_on.wait(30)), lag=1)
    train(store, planner, 0)
    planner.end_epoch(1)
    planner.check_round()
    train(store, planner, 1)
    assert store.rounds() == []
    go_on.set()
    assert len(planner.epoch_tasks(2)) == STEPS * PROMPTS
    assert [record.epoch for record in store.rounds()] == [2]


def assert_true(value: bool) -> None:
    assert value


def test_a_round_that_outlives_the_run_is_not_committed(store: Store, tmp_path: Path) -> None:
    go_on = threading.Event()
    planner = planner_with(store, lambda: assert_true(go_on.wait(30)), lag=1)
    train(store, planner, 0)
    planner.end_epoch(1)
    store.close()
    go_on.set()
    with pytest.raises(InfrastructureError, match="is closed"):
        planner.finish_round()
    with Store(store_url(tmp_path)) as again:
        assert again.rounds() == []
