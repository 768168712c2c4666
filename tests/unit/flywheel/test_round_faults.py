"""What breaks within a round: a clear error, the pool as it was, and the same round once it is mended."""

from __future__ import annotations

import multiprocessing
import random
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.core import InfrastructureError, Task, UserInputError
from verl_agentic.flywheel import RoundInput, RoundResult, run_round
from verl_agentic.store import StatusChange, Store, TaskStatus, schema, store_url

FORK = multiprocessing.get_context("fork")


def make_task(number: int) -> Task:
    text = random.Random(number).randbytes(10_000).hex()  # nothing that a compression makes small
    return Task("math", [{"role": "user", "content": text}], [], "replay", {}, "math", number)


KNOWN = make_task(0)


@pytest.fixture
def url(tmp_path: Path) -> str:
    with Store(store_url(tmp_path)) as store:
        store.add_tasks([KNOWN])
    return store_url(tmp_path)


def round_of(store: Store, during: Callable[[], None] = lambda: None) -> int:
    def grow(round: RoundInput) -> RoundResult:
        during()
        new = [make_task(number) for number in range(100, 150)]
        return RoundResult(new, {KNOWN.id: StatusChange(TaskStatus.MASTERED, "solved")})

    return run_round(store, 1, [grow], seed=1, wanted=50, verifier=lambda task: None).counts["added"]


def assert_untouched(store: Store) -> None:
    assert [(one.id, one.status) for one in store.pool()] == [(KNOWN.id, TaskStatus.ACTIVE)]
    assert store.round(1) is None


def assert_goes_on(store: Store) -> None:
    assert round_of(store) == 50
    assert (len(store.tasks(round=1)), store.statuses([KNOWN.id])) == (50, {KNOWN.id: TaskStatus.MASTERED})


def limit_pages(store: Store, more: int | None) -> None:
    with store.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {2**30 if more is None else pages + more}")


def test_a_full_disk(url: str) -> None:
    with Store(url) as store:
        limit_pages(store, 20)
        with pytest.raises(InfrastructureError, match=r"store .*: the disk is full; free some space and resume"):
            round_of(store)
        assert_untouched(store)
        limit_pages(store, None)
        assert_goes_on(store)


def bounded_round(url: str, said: Any) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with Store(url) as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
        try:
            round_of(store)
        except InfrastructureError as error:
            said.put(str(error))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def test_a_file_that_may_not_grow(url: str) -> None:
    """A quota, in effect: writing to the file or its log fails."""
    said = FORK.Queue()
    process = FORK.Process(target=bounded_round, args=(url, said))
    process.start()
    message = said.get(timeout=60)
    process.join(60)
    assert "disk" in message and "resume" in message
    with Store(url) as store:
        assert_untouched(store)
        assert_goes_on(store)


def test_another_trainer_that_took_over(url: str) -> None:
    """One that was silent for too long, e.g. on a laptop that slept, finds the pool in other hands."""
    other = Store(url)

    def take_over() -> None:
        with Store(url) as elsewhere, elsewhere.writing() as connection:
            connection.execute(schema.lease.update().values(machine="elsewhere", heartbeat=time.time() - 1000))
        other.acquire()

    with Store(url) as store:
        store.acquire()
        with pytest.raises(InfrastructureError, match="another one took over; nothing more is written here"):
            round_of(store, take_over)
    assert_untouched(other)
    with Store(url) as third, pytest.raises(UserInputError, match="in use by process"):
        third.acquire()
    assert_goes_on(other)
    other.close()
