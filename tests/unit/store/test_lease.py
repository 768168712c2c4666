"""One writer at a time: a second one is refused or waits, a dead one is replaced, a late one writes nothing."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from verl_agentic.core import InfrastructureError, Task, UserInputError
from verl_agentic.store import Store, schema, store_url

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def url(tmp_path: Path) -> str:
    Store(store_url(tmp_path)).close()
    return store_url(tmp_path)


def hold(url: str, ready: Any, stale_seconds: float) -> None:
    store = Store(url)
    store.acquire(stale_seconds=stale_seconds)
    ready.set()
    time.sleep(60)


@pytest.fixture
def holder(url: str, request: pytest.FixtureRequest) -> Iterator[BaseProcess]:
    """Another process that holds the lease."""
    ready = FORK.Event()
    process = FORK.Process(target=hold, args=(url, ready, getattr(request, "param", 60.0)))
    process.start()
    assert ready.wait(30)
    yield process
    process.kill()
    process.join()


def change(url: str, **values: Any) -> None:
    """Change the row of the lease, as another machine would."""
    with Store(url) as store, store.writing() as connection:
        connection.execute(schema.lease.update().values(**values))


def make_task(number: int) -> Task:
    return Task("math", [{"role": "user", "content": f"{number}?"}], [], "replay", {}, "math", number)


def test_a_second_writer_is_refused_and_told_who_writes(url: str, holder: BaseProcess) -> None:
    with Store(url) as store, pytest.raises(UserInputError, match=f"in use by process {holder.pid} on .*heartbeat"):
        store.acquire()


def test_readers_need_no_lease(url: str, holder: BaseProcess) -> None:
    with Store(url, create=False) as store:
        assert store.pool() == []


def test_a_second_writer_may_wait(url: str) -> None:
    first, second = Store(url), Store(url)
    first.acquire()
    ending = threading.Timer(0.3, first.close)
    ending.start()
    started = time.monotonic()
    second.acquire(wait_seconds=20)
    assert 0.2 < time.monotonic() - started < 10
    ending.join()
    assert second.add_tasks([make_task(1)]) == 1
    second.close()
    with Store(url) as third:
        third.acquire()


def test_a_killed_writer_is_replaced_at_once(url: str, holder: BaseProcess) -> None:
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)
    os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table of processes
    with Store(url) as store:
        store.acquire()


def test_another_process_with_the_same_number_is_not_the_writer(url: str, holder: BaseProcess) -> None:
    change(url, pid=os.getpid(), process_started=1.0)
    with Store(url) as store:
        store.acquire()


def test_a_writer_on_another_machine_is_replaced_when_it_falls_silent(url: str, holder: BaseProcess) -> None:
    change(url, machine="elsewhere", host="node7", pid=1)
    with Store(url) as store:
        with pytest.raises(UserInputError, match="process 1 on node7"):
            store.acquire()
        change(url, heartbeat=time.time() - 61)
        store.acquire()


@pytest.mark.parametrize("holder", [1.0], indirect=True)
@pytest.mark.slow
def test_a_stopped_writer_loses_the_lease_and_writes_nothing_more(url: str, holder: BaseProcess) -> None:
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGSTOP)
    with Store(url) as store:
        store.acquire(wait_seconds=20)
        os.kill(holder.pid, signal.SIGCONT)
        time.sleep(0.6)  # its heartbeat comes back to find the lease gone
        store.add_tasks([make_task(1)])
        with store.reading() as connection:
            assert connection.scalar(sa.select(schema.lease.c.pid)) == os.getpid()


def test_who_lost_the_lease_writes_nothing(url: str) -> None:
    first, second = Store(url), Store(url)
    first.acquire()
    change(url, machine="elsewhere", heartbeat=time.time() - 1000)
    second.acquire()
    with pytest.raises(InfrastructureError, match="another one took over"):
        first.add_tasks([make_task(1)])
    first.close()
    assert second.pool() == []
    assert second.add_tasks([make_task(2)]) == 1
    second.close()


def test_the_heart_beats_while_the_writer_lives(url: str) -> None:
    with Store(url) as store:
        store.acquire(stale_seconds=0.4)
        with store.reading() as connection:
            first = connection.scalar(sa.select(schema.lease.c.heartbeat))
        time.sleep(0.5)
        with store.reading() as connection:
            assert connection.scalar(sa.select(schema.lease.c.heartbeat)) > first


def test_a_store_in_memory_has_one_writer_anyway() -> None:
    with Store("sqlite://") as store:
        store.acquire()
        assert store.add_tasks([make_task(1)]) == 1
