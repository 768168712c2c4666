"""The store: what goes in comes out, rounds are atomic, a rewind leaves no trace."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from verl_agentic.core import FailureKind, InfrastructureError, Outcome, Task, UserInputError
from verl_agentic.store import Evaluation, Failure, StatusChange, Store, TaskStatus, store_url
from verl_agentic.store.secrets import redact
from verl_agentic.store.trajectories import TrajectoryFilter, stored_trajectories


def make_task(number: int, kind: str = "math", structure: str = "add") -> Task:
    return Task(
        kind=kind,
        messages=[{"role": "user", "content": f"What is {number} + 1?"}],
        tools=[],
        env="replay",
        env_args={},
        reward="math",
        ground_truth=str(number + 1),
        structure=structure,
        seed=number,
    )


def make_outcome(task: Task, session: int = 0, step: int = 1, epoch: int = 0, acc: float = 1.0) -> Outcome:
    failure = FailureKind.NONE if acc else FailureKind.WRONG_ANSWER
    return Outcome(task.id, session, step, epoch, acc - 0.1, acc, failure, 3, '{"turns": []}')


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(store_url(tmp_path))


def snapshot(store: Store) -> dict[str, object]:
    return {
        "pool": store.pool(),
        "tasks": store.tasks(),
        "outcomes": [store.groups(epoch) for epoch in range(5)],
        "rounds": store.rounds(),
        "draws": [store.draw(epoch) for epoch in range(5)],
        "evaluations": store.evaluations("held_out"),
        "metrics": store.metrics(),
        "failures": store.failures(),
        "info": store.info(),
    }


def test_tasks_come_back_whole_and_once(store: Store) -> None:
    tasks = [replace(make_task(number), meta={"note": "ä"}) for number in range(1200)]
    assert store.add_tasks([*tasks, tasks[0]]) == 1200
    assert store.add_tasks([*tasks[:3], make_task(5000)], round=2) == 1
    assert sorted(store.tasks(round=0), key=lambda task: task.seed) == tasks
    assert store.tasks(round=2) == [make_task(5000)]
    assert store.tasks(kind="sql") == []
    assert store.task(tasks[7].id) == tasks[7]
    assert store.task("nothing") is None


def test_evaluation_tasks_stay_out_of_the_pool(store: Store) -> None:
    store.add_tasks([make_task(1)])
    store.add_tasks([make_task(2, structure="held")], split="held_out")
    assert [entry.id for entry in store.pool()] == [make_task(1).id]
    assert store.structures() == {("math", "held")}
    with pytest.raises(UserInputError, match="held_out"):
        store.add_tasks([make_task(2)])


def test_what_is_stored_survives_reopening(store: Store, tmp_path: Path) -> None:
    task = make_task(1)
    store.add_tasks([task])
    store.record_outcomes([make_outcome(task, session) for session in range(4)], "group")
    store.save_draw(0, [task.id])
    store.set_info(seed=3)
    before = snapshot(store)
    store.close()
    assert snapshot(Store(store_url(tmp_path), create=False)) == before


def test_recording_an_outcome_again_replaces_it(store: Store) -> None:
    task = make_task(1)
    store.record_outcomes([make_outcome(task, 0), make_outcome(task, 1)], ["a", "b"])
    store.record_outcomes([make_outcome(task, 0, acc=0.0)], "a")
    assert sorted(outcome.acc for outcome in store.outcomes(0)) == [0.0, 1.0]
    assert sorted(group.uid for group in store.groups(0)) == ["a", "b"]
    with pytest.raises(ValueError, match="zip"):
        store.record_outcomes([make_outcome(task)], ["a", "b"])


def test_text_that_no_encoding_has_is_stored_all_the_same(store: Store) -> None:
    odd = replace(make_outcome(make_task(1)), trajectory='{"answer": "\ud800!"}')
    store.record_outcomes([odd], "u")
    store.record_failure(Failure(1, "environment", "odd \udfff"))
    assert store.outcomes(0)[0].trajectory == '{"answer": "?!"}'
    assert store.failures()[0].message == "odd ?"


def test_long_trajectories_come_back_whole_and_take_little(store: Store, tmp_path: Path) -> None:
    task = make_task(1)
    texts = [f'{{"turns": [{number}, "é😀"' + ', "Where is my order?"' * (150 * number) + "]}" for number in range(4)]
    outcomes = [replace(make_outcome(task, session), trajectory=text) for session, text in enumerate(texts)]
    values = [Evaluation("held_out", 1, "h", "math", n, 0.0, 0.0, FailureKind.NONE, texts[n]) for n in range(4)]
    store.record_outcomes([replace(one, trajectory="") for one in outcomes], "u")
    store.record_outcomes(outcomes, "u")
    store.record_evaluations(values)
    assert store.outcomes(0) == outcomes
    assert store.evaluations("held_out") == values
    assert [one.trajectory for one in stored_trajectories(store, TrajectoryFilter())] == texts * 2
    with sqlite3.connect(tmp_path / "store.db") as connection:
        for table in ("outcomes", "evaluations"):
            sizes = connection.execute(
                f"SELECT length(trajectory), length(packed) FROM {table} ORDER BY session"
            ).fetchall()
            assert sizes[0] == (len(texts[0]), None)
            assert all(text == 0 and packed < 200 for text, packed in sizes[1:])
    connection.close()


def test_a_step_of_outcomes_is_recorded_fast(store: Store) -> None:
    tasks = [make_task(number) for number in range(32)]
    text = '{"turns": [' + "x" * 8000 + "]}"
    seconds = []
    for step in range(5):
        batch = [replace(make_outcome(task, session, step), trajectory=text) for task in tasks for session in range(8)]
        started = time.perf_counter()
        store.record_outcomes(batch, "u")
        seconds.append(time.perf_counter() - started)
    assert len(store.outcomes(0)) == 5 * 256
    assert min(seconds) < 0.25


def test_a_round_is_committed_whole_or_not_at_all(store: Store) -> None:
    old, new = make_task(1), make_task(2)
    store.add_tasks([old])
    before = snapshot(store)
    change = StatusChange(TaskStatus.MASTERED, "solved")
    with pytest.raises(UserInputError, match="nowhere"):
        store.commit_round(1, [new], {old.id: change, "nowhere": change}, {})
    assert snapshot(store) == before
    record = store.commit_round(1, [new], {old.id: change}, {"added": 1})
    assert record.status == "committed"
    assert store.round(1) == record
    assert {entry.id: (entry.status, entry.round) for entry in store.pool()} == {
        old.id: (TaskStatus.MASTERED, 0),
        new.id: (TaskStatus.ACTIVE, 1),
    }
    with pytest.raises(InfrastructureError, match="already committed"):
        store.commit_round(1, [], {}, {})
    assert store.commit_round(2, [new], {old.id: change}, {}).status == "unchanged"


def fill_epoch(store: Store, epoch: int, tasks: list[Task], steps: list[int]) -> None:
    store.save_draw(epoch, [task.id for task in tasks])
    for step in steps:
        store.record_outcomes([make_outcome(task, step=step, epoch=epoch) for task in tasks], "u")
        store.record_metrics(step, {"loss": step / 10})
        store.record_failure(Failure(step, "timeout", "slow"))
        store.record_evaluations([Evaluation("held_out", step, "h", "math", 0, 1.0, 1.0, FailureKind.NONE)])


@pytest.mark.parametrize("given", [True, False])
def test_rewind_restores_what_a_checkpoint_saw(store: Store, given: bool) -> None:
    one, two, three, four = (make_task(number) for number in range(4))
    store.add_tasks([one, two])
    at_start = snapshot(store)
    fill_epoch(store, 0, [one, two], [1, 2])
    at_2 = snapshot(store)
    store.commit_round(1, [three], {one.id: StatusChange(TaskStatus.MASTERED, "solved")}, {"added": 1})
    fill_epoch(store, 1, [two, three], [3])
    at_3 = snapshot(store)
    fill_later = {
        one.id: StatusChange(TaskStatus.ACTIVE, "forgotten"),
        two.id: StatusChange(TaskStatus.QUARANTINED, "broken"),
        four.id: StatusChange(TaskStatus.QUARANTINED, "unsolved"),
    }
    store.record_outcomes([make_outcome(two, step=4, epoch=1)], "u")
    store.commit_round(2, [four], fill_later, {})
    store.commit_round(3, [], {one.id: StatusChange(TaskStatus.MASTERED, "again")}, {})
    fill_epoch(store, 3, [three], [5])
    store.rewind(3, 1 if given else None)
    assert snapshot(store) == at_3
    store.rewind(2, 0 if given else None)
    assert snapshot(store) == at_2
    store.rewind(0, -1 if given else None)
    assert snapshot(store) == at_start


def test_quarantine_takes_a_task_out_at_once(store: Store) -> None:
    store.add_tasks([make_task(1)])
    store.quarantine(make_task(1).id, "no such table", epoch=0)
    assert store.tasks(status=TaskStatus.ACTIVE) == []
    assert store.pool()[0].reason == "no such table"


def test_a_draw_is_stored_once(store: Store) -> None:
    assert store.draw(0) is None
    store.save_draw(0, ["b", "a", "b"])
    assert store.draw(0) == ["b", "a", "b"]
    with pytest.raises(InfrastructureError, match="already drawn"):
        store.save_draw(0, ["a"])


def test_metrics_keep_finite_numbers_only(store: Store) -> None:
    store.record_metrics(1, {"loss": 0.5, "nan": float("nan"), "text": "x", "flag": True})
    store.record_metrics(1, {"lr": 1e-6})
    assert store.metrics() == {1: {"loss": 0.5, "flag": 1.0, "lr": 1e-6}}


def test_timings_add_up(store: Store) -> None:
    store.add_seconds("training", 2.0)
    store.add_seconds("training", 3.0)
    assert store.info()["timings"] == {"training": 5.0}


def test_secrets_never_reach_the_file(store: Store, tmp_path: Path) -> None:
    store.set_info(llm={"api_key": "hunter2hunter2", "url": "http://me:hunter2hunter2@host/v1", "max_tokens": 5})
    store.record_failure(Failure(1, "judge", "401: Authorization: Bearer hunter2hunter2 refused"))
    store.close()
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"hunter2" not in raw
    assert b"max_tokens" in raw
    assert redact({"api_key": None, "token": "abc", "token_count": "5"}) == {
        "api_key": None,
        "token": "[redacted]",
        "token_count": "5",
    }


def test_info_must_be_json(store: Store) -> None:
    with pytest.raises(UserInputError, match="'thing'"):
        store.set_info(thing=object())


def test_a_bad_url_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("certainly not a database, though long enough to be read as one " * 20)
    cases = {
        "no url at all": "not a database URL",
        "nosuchdb://host/x": "not a database URL",
        f"sqlite:///{tmp_path}/missing/x.db": "does not exist; create it",
        f"sqlite:///{tmp_path}": "names a folder",
        f"sqlite:///{tmp_path}/text.db": "not a database",
    }
    for url, message in cases.items():
        with pytest.raises(UserInputError, match=message):
            Store(url)
    with pytest.raises(UserInputError, match="there is no store"):
        Store(store_url(tmp_path), create=False)
    assert not (tmp_path / "store.db").exists()


def test_another_version_or_no_store_is_refused(store: Store, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0099'")
    connection.close()
    with pytest.raises(UserInputError, match="revision 0099, this release reads up to 0003"):
        Store(store_url(tmp_path))
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE t (x)")
    with pytest.raises(UserInputError, match="holds no store"):
        Store(f"sqlite:///{tmp_path}/other.db", create=False)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to read-only files")
def test_a_read_only_file_is_a_user_error(store: Store, tmp_path: Path) -> None:
    store.close()
    (tmp_path / "store.db").chmod(0o400)
    with pytest.raises(UserInputError, match="read-only"):
        Store(store_url(tmp_path)).add_tasks([make_task(1)])


def test_writing_to_a_connection_opened_read_only_is_a_user_error(store: Store, tmp_path: Path) -> None:
    reader = Store(f"sqlite:///file:{tmp_path}/store.db?mode=ro&uri=true", create=False)
    assert reader.pool() == []
    with pytest.raises(UserInputError, match="is read-only; make"):
        reader.add_tasks([make_task(1)])


def test_a_full_disk_is_an_infrastructure_failure_and_leaves_no_half_batch(store: Store) -> None:
    with store.engine.connect() as connection:
        # The pool keeps this connection, and with it the bound on the size of the file.
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 20}")
    store.record_outcomes([make_outcome(make_task(0))], "u")
    text = random.Random(0).randbytes(25_000).hex()  # nothing that a compression makes small
    big = [replace(make_outcome(make_task(1), session), trajectory=text) for session in range(40)]
    with pytest.raises(InfrastructureError, match="disk is full"):
        store.record_outcomes(big, "u")
    assert len(store.outcomes(0)) == 1


def test_readers_do_not_wait_for_the_writer(store: Store, tmp_path: Path) -> None:
    store.add_tasks([make_task(1)])
    writer = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM tasks")
    started = time.perf_counter()
    assert len(Store(store_url(tmp_path), create=False).pool()) == 1
    assert time.perf_counter() - started < 1
    writer.execute("ROLLBACK")
    writer.close()
