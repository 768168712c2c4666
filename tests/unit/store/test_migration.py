"""Stores of older releases are brought up to date when they are opened, and new ones are alike."""

from __future__ import annotations

import multiprocessing
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from verl_agentic.core import Task, UserInputError
from verl_agentic.flywheel import draw_epoch
from verl_agentic.store import RoundRecord, Store, TaskStatus, schema, store_url
from verl_agentic.store.pool_query import quarantined
from verl_agentic.store.trajectories import TrajectoryFilter, stored_trajectories

FIRST_RELEASE = Path(__file__).with_name("store_0001.sql")
BEFORE_PARTS = Path(__file__).with_name("store_0002.sql")


def restored(folder: Path, dump: Path) -> str:
    with closing(sqlite3.connect(folder / "store.db")) as connection:
        connection.executescript(dump.read_text())
    return store_url(folder)


@pytest.fixture
def old(tmp_path: Path) -> str:
    """A store that release 0.1.0 wrote: three tasks trained on, one of them mastered, one quarantined, one grown."""
    return restored(tmp_path, FIRST_RELEASE)


@pytest.fixture
def whole(tmp_path: Path) -> str:
    """A store of revision 0002: long tasks with one policy and long trajectories, all of them as they are."""
    return restored(tmp_path, BEFORE_PARTS)


def tables(store: Store) -> dict[str, set[str]]:
    """Columns and indexes by table."""
    with store.reading() as connection:
        inspector = sa.inspect(connection)
        names = [*inspector.get_table_names(), *inspector.get_view_names()]
        return {
            name: {
                *(f"{column['name']} {column['type']} {column['nullable']}" for column in inspector.get_columns(name)),
                *(f"index {index['name']} {index['column_names']}" for index in inspector.get_indexes(name)),
            }
            for name in names
        }


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("dump", [FIRST_RELEASE, BEFORE_PARTS], ids=lambda dump: dump.stem)
def test_an_old_store_becomes_what_a_new_one_is(tmp_path: Path, dump: Path, create: bool) -> None:
    old = restored(tmp_path, dump)
    (tmp_path / "new").mkdir()
    with Store(old, create) as migrated, Store(store_url(tmp_path / "new")) as new:
        assert tables(migrated) == tables(new)
        for store in (migrated, new):
            with store.reading() as connection:
                assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []


def test_what_an_old_store_held_is_there_and_filled_in(old: str) -> None:
    with Store(old) as store:
        tasks = {task.seed: task for task in store.tasks()}
        entries = {entry.seed: entry for entry in store.pool()}
        assert sorted(tasks) == [0, 1, 2, 5]
        assert (entries[0].last_success, entries[0].last_epoch) == (0.75, 0)
        assert (entries[1].last_success, entries[1].status) == (1.0, TaskStatus.MASTERED)
        assert entries[2].last_success is None
        assert (entries[5].parent, entries[5].operator) == (tasks[0].id, "grow")
        assert [(one.id, one.reason, one.epoch) for one in quarantined(store)] == [(tasks[2].id, "no such table", 1)]
        held_out = store.hashes()
        assert set(held_out.values()) == {task.content_hash() for task in store.tasks(split="held_out")}
        assert store.info() == {"seed": 3}
        assert store.rounds() == [RoundRecord(1, "committed", {"added": 1})]
        assert set(draw_epoch(store, 1, 8, seed=0)) == {tasks[0].id, tasks[5].id}
        drawn = store.draw(1)
    with Store(old, create=False) as again:
        assert again.draw(1) == drawn


def contents(folder: Path) -> dict[str, tuple[str, bytes | None]]:
    """What the tasks' rows hold."""
    with closing(sqlite3.connect(folder / "store.db")) as connection:
        return {row[0]: (row[1], row[2]) for row in connection.execute("SELECT id, json, packed FROM tasks")}


def test_a_run_goes_on_whose_long_texts_are_stored_whole(whole: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        before = {row[0]: (row[1], None) for row in connection.execute("SELECT id, json FROM tasks")}
    with Store(whole) as store:
        store.acquire()
        tasks = {task.seed: task for split in ("train", "held_out") for task in store.tasks(split=split)}
        assert {task.id: (task.to_json(), None) for task in tasks.values()} == before == contents(tmp_path)
        talks = [len(outcome.trajectory) for outcome in store.outcomes(0) if outcome.task_id == tasks[3].id]
        assert talks[0] > 2048 and talks[1:] == [2, 2, 2]
        assert len(store.evaluations("held_out")[0].trajectory) == talks[0]
        (stored,) = stored_trajectories(store, TrajectoryFilter(task_id=tasks[3].id, session=0))
        assert (stored.task, len(stored.trajectory)) == (tasks[3].to_json(), talks[0])
        at_step_1 = (store.pool(), store.groups(0))
        drawn = draw_epoch(store, 1, 4, seed=0)
        assert set(drawn) == {tasks[seed].id for seed in (0, 3, 4, 5)}
        grown = replace(tasks[5], seed=6, env_args={"patch": {"order": 6}}, id="")
        talk = replace(store.outcomes(0)[-4], step=2, epoch=1)
        store.record_outcomes([talk], "u")
        store.commit_round(2, [grown], {}, {"added": 1})
        assert store.outcomes(1) == [talk]
        assert store.tasks_by_id([tasks[5].id, grown.id]) == {tasks[5].id: tasks[5], grown.id: grown}
    after = contents(tmp_path)
    text, packed = after.pop(grown.id)
    # Of its policy and its tools there are but the marks.
    assert text == "" and packed is not None and len(packed) < 500
    assert after == before
    with Store(whole, create=False) as store:
        assert store.task(grown.id) == grown
        store.rewind(1, 1)
        assert (store.pool(), store.groups(0)) == at_step_1
        assert contents(tmp_path) == before


def test_a_migration_that_fails_leaves_the_old_store(old: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        before = list(connection.iterdump())
        connection.execute("CREATE TABLE lease (x)")
        connection.commit()
    with pytest.raises(Exception, match="lease"):
        Store(old)
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        connection.execute("DROP TABLE lease")
        assert list(connection.iterdump()) == before
    Store(old).close()


def test_an_old_store_that_cannot_be_written_to_says_so(whole: str, tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match="read-only; make the file and its folder writable"):
        Store(f"sqlite:///file:{tmp_path}/store.db?mode=ro&uri=true", create=False)
    Store(whole).close()
    Store(f"sqlite:///file:{tmp_path}/store.db?mode=ro&uri=true", create=False).close()


def test_the_newest_revision_is_the_one_that_new_stores_get() -> None:
    config = Config()
    config.set_main_option("script_location", "verl_agentic.store:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == schema.REVISION


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        connection.execute("CREATE TABLE info (key TEXT, value TEXT)")
    with pytest.raises(UserInputError, match="no store of verl-agentic"):
        Store(store_url(tmp_path))


def open_and_add(url: str, number: int) -> None:
    with Store(url) as store:
        store.add_tasks([Task("math", [{"role": "user", "content": f"{number}?"}], [], "replay", {}, "math", number)])


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.slow
def test_many_processes_may_open_a_store_at_once(tmp_path: Path, exists: bool) -> None:
    url = store_url(tmp_path)
    if exists:
        with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
            connection.executescript(FIRST_RELEASE.read_text())
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=open_and_add, args=(url, 100 + number)) for number in range(12)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 12
    with Store(url, create=False) as store:
        assert len(store.pool()) == 12 + (4 if exists else 0)
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
