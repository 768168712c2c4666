"""Ratios and limits of the draw, and what it costs in a large pool."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from verl_agentic.core import FailureKind, Outcome, Task, UserInputError
from verl_agentic.flywheel import CurriculumSettings, Shares, draw_epoch
from verl_agentic.flywheel.quotas import fair_quotas
from verl_agentic.store import Candidates, Cell, Progress, StatusChange, Store, TaskStatus, store_url

NEW_ONLY = Shares(frontier=0.0, grown=0.0, new=1.0, failed=0.0, replay=0.0)


def make_task(number: int, kind: str = "math", depth: int = 1) -> Task:
    message = {"role": "user", "content": f"{number} {kind} {depth}?"}
    return Task(kind, [message], [], "replay", {}, "math", number, structure="s", depth=depth)  # type: ignore[list-item]


def make_store(folder: Path, tasks: list[Task]) -> Store:
    folder.mkdir(exist_ok=True)
    store = Store(store_url(folder))
    store.add_tasks(tasks)
    return store


def train(store: Store, epoch: int, success: dict[str, float], step: int | None = None) -> None:
    store.record_outcomes(
        [
            Outcome(task_id, session, step or epoch + 1, epoch, 0.0, float(session < 4 * share), FailureKind.NONE, 1)
            for task_id, share in success.items()
            for session in range(4)
        ],
        "u",
    )


def progress_of(store: Store, epoch: int, **limits: Any) -> dict[Progress, int]:
    total: Counter[Progress] = Counter()
    for counts in Candidates(store, epoch, **limits).sizes().values():
        total.update(counts)
    return dict(total)


def test_kinds_are_drawn_by_their_ratios(tmp_path: Path) -> None:
    tasks = [make_task(number, kind) for kind in ("math", "sql", "service", "poem") for number in range(100)]
    store = make_store(tmp_path, tasks)
    kinds = {task.id: task.kind for task in tasks}
    chosen = CurriculumSettings(kinds={"math": 3, "sql": 2, "poem": 0})
    drawn = draw_epoch(store, 0, 60, 0, chosen)
    assert Counter(kinds[one] for one in drawn) == {"math": 30, "sql": 20, "service": 10}
    # What a kind cannot give goes to the others, by their ratios.
    drawn = draw_epoch(store, 1, 250, 0, chosen)
    assert Counter(kinds[one] for one in drawn) == {"math": 100, "sql": 100, "service": 50}


def test_depths_are_drawn_by_their_ratios_within_a_kind(tmp_path: Path) -> None:
    tasks = [make_task(number, kind, depth) for kind in ("math", "sql") for depth in (1, 2, 3) for number in range(50)]
    store = make_store(tmp_path, tasks)
    cells = {task.id: Cell(task.kind, task.depth) for task in tasks}
    drawn = draw_epoch(store, 0, 48, 0, CurriculumSettings(depths={1: 1, 2: 3, 3: 0}))
    assert Counter(cells[one] for one in drawn) == {
        Cell("math", 1): 6,
        Cell("math", 2): 18,
        Cell("sql", 1): 6,
        Cell("sql", 2): 18,
    }


def test_replay_stays_within_its_share_under_ratios(tmp_path: Path) -> None:
    tasks = [make_task(number, depth=1 + number % 2) for number in range(400)]
    store = make_store(tmp_path, tasks)
    mastered = {task.id for task in tasks[:380]}
    store.commit_round(1, [], dict.fromkeys(mastered, StatusChange(TaskStatus.MASTERED)), {})
    drawn = draw_epoch(store, 1, 100, 0, CurriculumSettings(Shares(replay=0.2), depths={1: 1, 2: 1}))
    assert 0 < sum(one in mastered for one in drawn) <= 20


def test_old_tasks_leave_the_draw(tmp_path: Path) -> None:
    old, young = [make_task(number) for number in range(5)], [make_task(100 + number) for number in range(5)]
    store = make_store(tmp_path, old)
    store.commit_round(2, young, {}, {})
    limits = CurriculumSettings(max_age=2)
    assert set(draw_epoch(store, 2, 10, 0, limits)) == {task.id for task in old + young}
    assert set(draw_epoch(store, 3, 10, 0, limits)) == {task.id for task in young}
    with pytest.raises(UserInputError, match="max_age"):
        draw_epoch(store, 5, 10, 0, limits)


def test_a_stale_result_makes_a_task_new_again(tmp_path: Path) -> None:
    tasks = [make_task(number) for number in range(6)]
    store = make_store(tmp_path, tasks)
    train(store, 0, {tasks[0].id: 0.0, tasks[1].id: 0.5, tasks[2].id: 1.0})
    train(store, 2, {tasks[3].id: 0.5})
    every = {Progress.FAILED: 1, Progress.FRONTIER: 2, Progress.SOLVED: 1, Progress.NEW: 2}
    assert progress_of(store, 3) == progress_of(store, 3, max_staleness=3) == every
    assert progress_of(store, 3, max_staleness=2) == {Progress.FRONTIER: 1, Progress.NEW: 5}
    drawn = draw_epoch(store, 3, 5, 0, CurriculumSettings(NEW_ONLY, max_staleness=2))
    assert set(drawn) == {task.id for task in tasks} - {tasks[3].id}


def test_an_epoch_sees_what_was_known_when_it_began(tmp_path: Path) -> None:
    tasks = [make_task(number) for number in range(60)]
    store = make_store(tmp_path, tasks)
    train(store, 0, {task.id: share for task, share in zip(tasks, [0.0, 0.25, 0.5, 1.0] * 10, strict=False)})
    before = [progress_of(store, epoch) for epoch in (0, 1)]
    first = draw_epoch(store, 1, 20, seed=1)
    train(store, 1, dict.fromkeys((task.id for task in tasks[5:50]), 0.5), step=9)
    train(store, 3, dict.fromkeys((task.id for task in tasks[30:]), 1.0), step=12)
    assert [progress_of(store, epoch) for epoch in (0, 1)] == before
    assert progress_of(store, 2)[Progress.FRONTIER] > before[1][Progress.FRONTIER]
    store.rewind(1, 0)
    assert progress_of(store, 9) == before[1]
    assert draw_epoch(store, 1, 20, seed=1) == first


def test_a_result_that_is_recorded_again_counts_once(tmp_path: Path) -> None:
    task = make_task(1)
    store = make_store(tmp_path, [task])
    train(store, 0, {task.id: 0.5})
    train(store, 0, {task.id: 1.0})
    assert store.pool()[0].last_success == 1.0
    # An earlier step that comes late does not take the place of the last one.
    train(store, 2, {task.id: 0.0}, step=7)
    train(store, 1, {task.id: 0.5}, step=5)
    assert (store.pool()[0].last_success, store.pool()[0].last_epoch) == (0.0, 2)


@pytest.mark.slow
def test_every_task_is_as_likely_as_any_other(tmp_path: Path) -> None:
    store = make_store(tmp_path, [make_task(number) for number in range(50)])
    candidates = Candidates(store, 0)
    rng = random.Random(0)
    counts = Counter(one for _ in range(600) for one in candidates.sample("math", [1], Progress.NEW, 10, rng))
    # 120 of each are expected, with a standard deviation below 10.
    assert len(counts) == 50
    assert all(70 < count < 170 for count in counts.values())


@pytest.mark.slow
def test_the_frontier_is_weighted_by_variance(tmp_path: Path) -> None:
    tasks = [make_task(number) for number in range(40)]
    store = make_store(tmp_path, tasks)
    even, odd = {task.id for task in tasks[:20]}, {task.id for task in tasks[20:]}
    store.record_outcomes(
        [
            Outcome(name, session, 1, 0, 0.0, float(session < (8 if name in even else 1)), FailureKind.NONE, 1)
            for name in even | odd
            for session in range(16)
        ],
        "u",
    )
    candidates = Candidates(store, 1)
    rng = random.Random(0)
    counts = Counter(one for _ in range(400) for one in candidates.sample("math", [1], Progress.FRONTIER, 4, rng))
    ratio = sum(counts[one] for one in even) / sum(counts[one] for one in odd)
    # The weights are 1/4 and 15/256, a little evened out because 4 of 40 are drawn without replacement.
    assert 3.3 < ratio < 4.8


@given(
    available=st.dictionaries(st.integers(0, 6), st.integers(0, 30), max_size=6),
    ratios=st.dictionaries(st.integers(0, 6), st.sampled_from([0.0, 0.5, 1.0, 2.0, 1e-9, 1e9])),
    size=st.integers(0, 100),
    seed=st.integers(0, 5),
)
@settings(max_examples=300, deadline=None)
@pytest.mark.slow
def test_quotas_are_used_up_and_never_more_than_there_is(
    available: dict[int, int], ratios: dict[int, float], size: int, seed: int
) -> None:
    quotas = fair_quotas(available, ratios, size, random.Random(seed))
    assert all(0 <= quotas[name] <= most for name, most in available.items())
    assert all(not quotas[name] for name in available if ratios.get(name) == 0)
    assert sum(quotas.values()) == min(size, sum(n for name, n in available.items() if ratios.get(name, 1.0) > 0))


def test_a_draw_reads_the_index_and_never_the_tasks(tmp_path: Path) -> None:
    store = make_store(tmp_path, [make_task(number, depth=1 + number % 3) for number in range(300)])
    train(store, 0, dict.fromkeys((entry.id for entry in store.pool()[:100]), 0.5))
    statements: list[tuple[str, Any]] = []

    @sa.event.listens_for(store.engine, "before_cursor_execute")
    def _note(_connection: Any, _cursor: Any, text: str, values: Any, *_: Any) -> None:
        statements.append((text, values))

    draw_epoch(store, 1, 64, 0, CurriculumSettings(max_age=3, max_staleness=2))
    reads = [one for one in statements if one[0].startswith("SELECT") and "tasks" in one[0].partition("FROM")[2]]
    assert len(reads) >= 3
    with store.reading() as connection:
        for text, values in reads:
            plan = " ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values))
            assert "USING COVERING INDEX tasks_by_progress" in plan, plan


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kinds": {"math": -1}}, r"curriculum\.kinds\.math must be a number of at least 0, got -1"),
        ({"depths": {2: float("nan")}}, r"curriculum\.depths\.2 must be a number of at least 0, got nan"),
        ({"max_age": -1}, r"curriculum\.max_age must be a whole number of at least 0, or null"),
        ({"max_staleness": 1.5}, r"curriculum\.max_staleness must be a whole number"),
    ],
)
def test_bad_settings_name_their_key(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UserInputError, match=message):
        CurriculumSettings(**wrong)


def test_a_long_seed_is_kept_in_the_task(tmp_path: Path) -> None:
    task = replace(make_task(1), seed=2**80)
    store = make_store(tmp_path, [task])
    assert store.pool()[0].seed is None
    assert store.tasks() == [task]
