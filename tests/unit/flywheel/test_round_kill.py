"""Runs that are killed anywhere: rounds, draws and pool are the same function of the outcomes as without a kill."""

from __future__ import annotations

import functools
import itertools
import json
import multiprocessing
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from verl_agentic.core import FailureKind, Outcome, Task
from verl_agentic.core.files.whole_file import replacing
from verl_agentic.store import Store, store_url
from verl_agentic.synthesis.math.family import MathFamily
from verl_agentic.training.epochs import EpochPlanner
from verl_agentic.training.prompt_stream import PromptStream
from verl_agentic.training.settings import AgenticSettings, FlywheelNode

EPOCHS, STEPS, PROMPTS, SAMPLES = 5, 2, 6, 3
SAVE_EVERY = 3
SETTINGS = AgenticSettings(kinds=["math"], flywheel=FlywheelNode([{"name": "frontier"}]))
FORK = multiprocessing.get_context("fork")

Judge = Callable[[int, str], list[float]]
"""How the samples of a task fared at a step."""


@functools.cache
def tasks() -> tuple[Task, ...]:
    family, rng = MathFamily(), random.Random(1)
    structures = family.structures("train")
    return tuple(family.generate(structures[number % 9], rng) for number in range(30))


def train(folder: Path, lag: int, judge: Judge) -> None:
    """What a trainer does with the store, from its last checkpoint on; with a lag, one batch ahead of its steps."""
    saved = folder / "checkpoint.json"
    done, ahead = json.loads(saved.read_text()) if saved.exists() else (0, [])
    with Store(store_url(folder)) as store:
        store.acquire()
        store.add_tasks(tasks())
        planner = EpochPlanner(store, SETTINGS, STEPS, PROMPTS, lag)
        planner.rewind(done)
        stream = PromptStream(planner.epoch_tasks)
        if done:
            stream.load(folder / f"step_{done}")
        elif lag:
            ahead = stream.take(0, PROMPTS)
        for step in range(done + 1, EPOCHS * STEPS + 1):
            ahead = ahead + stream.take(min(planner.epoch_of(step, lag), EPOCHS - 1), PROMPTS)
            batch, ahead = ahead[:PROMPTS], ahead[PROMPTS:]
            record(store, step, {task_id: judge(step, task_id) for task_id in batch})
            if step % SAVE_EVERY == 0:
                stream.save(folder / f"step_{step}")
                with replacing(saved) as file:
                    file.write(json.dumps([step, ahead]).encode())
            if step % STEPS == 0:
                planner.end_epoch(step // STEPS)
        planner.finish_round()


def record(store: Store, step: int, accs: dict[str, list[float]]) -> None:
    outcomes = [
        Outcome(task_id, session, step, (step - 1) // STEPS, acc, acc, FailureKind.NONE, 1, "{}")
        for task_id, values in accs.items()
        for session, acc in enumerate(values)
    ]
    store.record_outcomes(outcomes, [outcome.task_id for outcome in outcomes])


def anew(step: int, task_id: str) -> list[float]:
    """Never the same twice: steps that are done again sample anew."""
    return [float(os.urandom(1)[0] % 3 > 0) for _ in range(SAMPLES)]


def recorded(folder: Path) -> Judge:
    """The outcomes that a run left."""
    with Store(store_url(folder)) as store:
        found = {
            (group.step, group.task_id): [one.acc for one in group.outcomes]
            for epoch in range(EPOCHS)
            for group in store.groups(epoch)
        }
    return lambda step, task_id: found[step, task_id]


def left(folder: Path) -> list[object]:
    """All that later draws go by, and the draws."""
    with Store(store_url(folder)) as store:
        draws = [store.draw(epoch) for epoch in range(EPOCHS)]
        pool = [(entry.id, entry.round, entry.status, entry.last_success) for entry in store.pool()]
        return [draws, pool, [(one.epoch, one.counts) for one in store.rounds()]]


def train_and_die(folder: Path, lag: int, statements: int) -> None:
    countdown = itertools.count(statements, -1)

    @sa.event.listens_for(sa.Engine, "after_cursor_execute")
    def _kill(*_: object) -> None:
        if next(countdown) <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    train(folder, lag, anew)


def run(folder: Path, lag: int, statements: int) -> int | None:
    process = FORK.Process(target=train_and_die, args=(folder, lag, statements))
    process.start()
    process.join(60)
    return process.exitcode


@pytest.mark.parametrize("lag", [0, 1])
@pytest.mark.slow
def test_a_run_killed_again_and_again_draws_what_its_outcomes_say(tmp_path: Path, lag: int) -> None:
    killed, twin = tmp_path / "killed", tmp_path / "twin"
    killed.mkdir()
    twin.mkdir()
    tasks()  # once for all of the processes below
    rng, kills = random.Random(lag), 0
    # Ever later, so that it gets to the next checkpoint at last.
    while (end := run(killed, lag, rng.randrange(20, 150 + 10 * kills))) == -signal.SIGKILL:
        kills += 1
    assert end == 0
    assert kills >= 5
    train(twin, lag, recorded(killed))
    found, expected = left(killed), left(twin)
    assert found == expected
    assert all(found[0]) and len(found[2]) == EPOCHS  # type: ignore[arg-type, call-overload]
