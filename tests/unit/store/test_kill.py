"""A writer that is killed leaves whole steps behind, and whoever goes on arrives where it would have."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import signal
from pathlib import Path

import pytest
import sqlalchemy as sa

from verl_agentic.core import FailureKind, Outcome, Task
from verl_agentic.flywheel import draw_epoch
from verl_agentic.store import StatusChange, Store, TaskStatus, schema, store_url

EPOCHS = 4
STEPS = 2
PROMPTS = 24
GROUP = 8
NEW = 150
FORK = multiprocessing.get_context("fork")


def make_task(number: int, long: bool = False) -> Task:
    return Task(
        kind=("math", "sql")[number % 2],
        messages=[{"role": "user", "content": f"{number}? " + "x" * (5000 if long else 500)}],
        tools=[],
        env="replay",
        env_args={},
        reward="math",
        ground_truth=number,
        seed=number,
        depth=1 + number % 3,
    )


def success(task_id: str, step: int) -> int:
    return random.Random(f"{task_id}/{step}").randrange(GROUP + 1)


def train(url: str) -> None:
    """A run that begins, or goes on, wherever the store is."""
    with Store(url) as store:
        store.acquire()
        store.add_tasks([make_task(number) for number in range(300)])
        for epoch in range(EPOCHS):
            if epoch and store.round(epoch) is None:
                tasks = [make_task(1000 * epoch + number) for number in range(NEW)]
                last = {outcome.task_id: outcome.acc for outcome in store.outcomes(epoch - 1)}
                mastered = StatusChange(TaskStatus.MASTERED, "solved")
                store.commit_round(epoch, tasks, {one: mastered for one, acc in sorted(last.items()) if acc}, {})
            drawn = draw_epoch(store, epoch, STEPS * PROMPTS, seed=3)
            done = {one.step for one in store.groups(epoch)}
            for number in range(STEPS):
                step = epoch * STEPS + number + 1
                if step in done:
                    continue
                prompts = drawn[number * PROMPTS : (number + 1) * PROMPTS]
                store.record_outcomes([one for task_id in prompts for one in group(task_id, step, epoch)], "u")


def group(task_id: str, step: int, epoch: int) -> list[Outcome]:
    good = success(task_id, step)
    return [
        Outcome(task_id, session, step, epoch, 0.0, float(session < good), FailureKind.NONE, 1, "y" * 400)
        for session in range(GROUP)
    ]


def check_whole(url: str) -> None:
    """Each transaction is there, or is not."""
    with Store(url) as store:
        entries = store.pool()
        assert sum(entry.round == 0 for entry in entries) in (0, 300)
        rounds = {record.epoch for record in store.rounds()}
        for epoch in range(1, EPOCHS):
            assert sum(entry.round == epoch for entry in entries) == (NEW if epoch in rounds else 0)
        progress = {entry.id: entry.last_success for entry in entries}
        for epoch in range(EPOCHS):
            drawn = store.draw(epoch)
            assert drawn is None or len(drawn) == STEPS * PROMPTS
            groups = store.groups(epoch)
            for step in {one.step for one in groups}:
                at_step = [one for one in groups if one.step == step]
                assert len(at_step) == PROMPTS
                assert {len(one.outcomes) for one in at_step} == {GROUP}
            if epoch == max(store.outcome_epochs(), default=-1):
                assert all(progress[one.task_id] is not None for one in groups)


def outcome_of(url: str) -> list[object]:
    with Store(url) as store:
        draws = [store.draw(epoch) for epoch in range(EPOCHS)]
        progress = [(entry.id, entry.round, entry.status, entry.last_success) for entry in store.pool()]
        return [draws, progress, [store.groups(epoch) for epoch in range(EPOCHS)]]


def train_and_die(url: str, statements: int) -> None:
    """A run that is killed after a number of statements, wherever that is."""
    left = itertools.count(statements, -1)

    @sa.event.listens_for(sa.Engine, "after_cursor_execute")
    def _kill(*_: object) -> None:
        if next(left) <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    train(url)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[object], int]:
    """What a run leaves that nobody kills, and the number of its statements."""
    url = store_url(tmp_path_factory.mktemp("undisturbed"))
    statements = 0

    def count(*_: object) -> None:
        nonlocal statements
        statements += 1

    sa.event.listen(sa.Engine, "after_cursor_execute", count)
    try:
        train(url)
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", count)
    return outcome_of(url), statements


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.slow
def test_a_killed_run_ends_as_if_it_had_not_been_killed(
    tmp_path: Path, undisturbed: tuple[list[object], int], seed: int
) -> None:
    expected, statements = undisturbed
    url = store_url(tmp_path)
    rng = random.Random(seed)
    ends = []
    for _ in range(4):
        process = FORK.Process(target=train_and_die, args=(url, rng.randrange(statements // 2)))
        process.start()
        process.join(60)
        ends.append(process.exitcode)
        check_whole(url)
    assert set(ends) <= {0, -signal.SIGKILL}
    assert ends.count(-signal.SIGKILL) >= 2
    train(url)
    assert outcome_of(url) == expected


@pytest.mark.parametrize(
    "statement", ["INSERT INTO task_parts", "INSERT INTO tasks", "UPDATE tasks", "INSERT INTO rounds"]
)
def test_a_kill_within_a_round_leaves_nothing_of_it(tmp_path: Path, statement: str) -> None:
    """The worst moments, one by one: after some of the round's statements."""
    url = store_url(tmp_path)
    with Store(url) as store:
        store.add_tasks([make_task(number) for number in range(4)])
        known = [entry.id for entry in store.pool()]

    def die() -> None:
        with Store(url) as store:

            @sa.event.listens_for(store.engine, "after_cursor_execute")
            def _kill(_c: object, _k: object, text: str, *_: object) -> None:
                if text.startswith(statement):
                    os.kill(os.getpid(), signal.SIGKILL)

            changes = {task_id: StatusChange(TaskStatus.MASTERED, "solved") for task_id in known}
            store.commit_round(1, [make_task(100 + number, long=True) for number in range(4)], changes, {})

    process = FORK.Process(target=die)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    with Store(url) as store:
        assert [entry.id for entry in store.pool()] == known
        assert {entry.status for entry in store.pool()} == {TaskStatus.ACTIVE}
        assert store.round(1) is None
        with store.reading() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(schema.task_parts)) == 0
        assert store.commit_round(1, [make_task(100)], {}, {}).status == "committed"
