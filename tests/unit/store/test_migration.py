"""Stores of older releases are brought up to date when they are opened, and new ones are alike."""

from __future__ import annotations

import multiprocessing
import sqlite3
from contextlib import closing
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

FIRST_RELEASE = Path(__file__).with_name("store_0001.sql")


@pytest.fixture
def old(tmp_path: Path) -> str:
    """A store that release 0.1.0 wrote: three tasks trained on, one of them mastered, one quarantined, one grown."""
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        connection.executescript(FIRST_RELEASE.read_text())
    return store_url(tmp_path)


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
def test_an_old_store_becomes_what_a_new_one_is(old: str, tmp_path: Path, create: bool) -> None:
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
