import asyncio
import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from verl_agentic.core import InfrastructureError
from verl_agentic.isolation.fair_lock import Turns
from verl_agentic.isolation.pool import (
    WorkerCrashedError,
    WorkerError,
    WorkerMemoryError,
    WorkerPool,
    WorkerPoolError,
    WorkerStartError,
    WorkerTimeoutError,
)

SLEEP = "__import__('time').sleep"
NOW = "__import__('time').monotonic()"
PID = "__import__('os').getpid()"
# How many of these calls its process has served before.
SERVED = "next(vars(__import__('builtins')).setdefault('_served', __import__('itertools').count()))"


# Writes what is no frame into each socket that it has.
NONSENSE = (
    "[__import__('os').write(int(name), b'\\xff' * 64) for name in __import__('os').listdir('/proc/self/fd')"
    " if 'socket' in str(__import__('pathlib').Path('/proc/self/fd', name).resolve())]"
)


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool("builtins:eval", size=2, memory_bytes=200 << 20) as made:
        made.run("0", 10)
        yield made


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pid: int, seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not alive(pid)


@pytest.mark.parametrize(
    ("payload", "result"),
    [
        ("1 + 1", 2),
        ("'\\ud800' + chr(0)", "\ud800\0"),
        ("[None, {'a': 1.5}]", [None, {"a": 1.5}]),
        ("print('noise') or __import__('os').write(1, b'noise') and 3", 3),
        ("__import__('sys').stdin.read()", ""),
        ("'x' * 1_000_000", "x" * 1_000_000),
    ],
)
def test_result_is_what_the_function_returns(pool: WorkerPool, payload: str, result: object) -> None:
    assert pool.run(payload, 10) == result


def test_payload_may_be_long(pool: WorkerPool) -> None:
    assert pool.run("len('" + "x" * 3_000_000 + "')", 10) == 3_000_000


def test_exception_of_the_function(pool: WorkerPool) -> None:
    process = pool.run(PID, 10)
    with pytest.raises(WorkerError, match="ZeroDivisionError: division by zero"):
        pool.run("1 / 0", 10)
    with pytest.raises(WorkerError, match="TypeError"):
        pool.run("object()", 10)
    with pytest.raises(WorkerError, match="SystemExit"):
        pool.run("exit(3)", 10)
    assert process in {pool.run(PID, 10) for _ in range(4)}


def test_no_secret_of_the_parent_is_there(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    with WorkerPool("builtins:eval", size=1) as fresh:
        assert fresh.run("'secret' in str(dict(__import__('os').environ))", 10) is False


def test_deadline_kills_and_the_next_call_need_not_wait(pool: WorkerPool) -> None:
    started = time.monotonic()
    with pytest.raises(WorkerTimeoutError):
        pool.run("9 ** 9 ** 9 ** 9", 0.3)  # never returns to Python, so that no signal handler would run
    assert pool.run("2", 10) == 2
    assert 0.3 <= time.monotonic() - started < 1.5


@pytest.mark.parametrize(
    "payload",
    [
        "__import__('ctypes').string_at(0)",
        "__import__('os')._exit(0)",
        "__import__('os').abort()",
        "bytearray(400 << 20)",
        "[0] * (400 << 20)",
        NONSENSE,
    ],
)
def test_crash_is_not_a_timeout(pool: WorkerPool, payload: str) -> None:
    with pytest.raises(WorkerCrashedError):
        pool.run(payload, 20)
    assert pool.run("2", 10) == 2


@pytest.mark.parametrize("payload", ["bytearray(400 << 20)", "'x' * (400 << 20)"])
def test_want_of_memory_is_told_from_other_crashes(pool: WorkerPool, payload: str) -> None:
    with pytest.raises(WorkerMemoryError):
        pool.run(payload, 20)
    with pytest.raises(WorkerCrashedError) as crash:
        pool.run("__import__('os')._exit(1)", 20)
    assert not isinstance(crash.value, WorkerMemoryError)
    assert pool.run("2", 10) == 2


def test_no_byte_is_written_to_a_file(pool: WorkerPool, tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(WorkerError):
        pool.run(f"__import__('pathlib').Path({str(path)!r}).write_text('x')", 10)
    pool.run(f"__import__('subprocess').call('echo x > {path}', shell=True)", 10)
    assert not path.exists() or path.read_bytes() == b""


def test_messages_are_bounded() -> None:
    with WorkerPool("builtins:eval", size=1, max_message_bytes=1000) as small:
        with pytest.raises(ValueError, match="longer than 1000 bytes"):
            small.run("1" * 2000, 10)
        with pytest.raises(WorkerError, match="longer than 1000 bytes"):
            small.run("'x' * 2000", 10)
        assert small.run("'x' * 900", 10) == "x" * 900


def test_clock_starts_when_the_call_executes(pool: WorkerPool) -> None:
    # Sixteen calls of 0.05 s on two workers: the last ones queue for longer than they may execute.
    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(lambda number: pool.run(f"{SLEEP}(0.05) or {number}", 0.3), range(16)))
    assert results == list(range(16))


def test_calls_execute_side_by_side(pool: WorkerPool) -> None:
    pool.run("0", 10)
    together = threading.Barrier(2)

    def call() -> tuple[float, float]:
        together.wait()
        begin, _, end = pool.run(f"[{NOW}, {SLEEP}(0.3), {NOW}]", 10)
        return begin, end

    with ThreadPoolExecutor(2) as threads:
        (first, first_end), (second, second_end) = (future.result() for future in [threads.submit(call) for _ in "ab"])
    assert max(first, second) < min(first_end, second_end)


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def held(folder: Path) -> str:
    """A call that says when it has begun and lasts until there is a gate."""
    begun, gate = folder / "begun", folder / "gate"
    wait = f"[{SLEEP}(0.01) for _ in iter(lambda: __import__('os').path.exists({str(gate)!r}), True)]"
    return f"__import__('os').mkdir({str(begun)!r}) or {wait}"


def test_calls_are_served_in_order_of_arrival(tmp_path: Path) -> None:
    """Who has just had a result and calls again waits behind those who waited before."""
    served: dict[str, int] = {}

    with WorkerPool("builtins:eval", size=1) as single, ThreadPoolExecutor(7) as threads:

        def call(name: str) -> None:
            served[name] = single.run(SERVED, 60)

        def call_again_and_again() -> None:
            single.run(held(tmp_path), 60)
            for number in range(4):
                call(f"again {number}")

        calls = [threads.submit(call_again_and_again)]
        until((tmp_path / "begun").exists)
        for number in range(6):
            calls.append(threads.submit(call, f"waits {number}"))
            until(lambda count=number + 1: single.waiting == count)  # type: ignore[misc]
        (tmp_path / "gate").mkdir()
        for future in calls:
            future.result(timeout=60)
    assert sorted(served, key=served.__getitem__) == [
        *(f"waits {number}" for number in range(6)),
        *(f"again {number}" for number in range(4)),
    ]


async def test_blocking_calls_are_not_overtaken_by_those_of_an_event_loop(tmp_path: Path) -> None:
    served: dict[str, int] = {}
    with WorkerPool("builtins:eval", size=1) as single:
        first = asyncio.create_task(single.arun(held(tmp_path), 60))
        await asyncio.to_thread(until, (tmp_path / "begun").exists)
        blocking = asyncio.create_task(asyncio.to_thread(single.run, SERVED, 60))
        await asyncio.to_thread(until, lambda: single.waiting == 1)
        later = asyncio.create_task(single.arun(SERVED, 60))
        (tmp_path / "gate").mkdir()
        _, served["blocking"], served["later"] = await asyncio.gather(first, blocking, later)
    assert served["blocking"] < served["later"]


async def test_closed_pool_refuses_calls_of_an_event_loop() -> None:
    closed = WorkerPool("builtins:eval", size=1)
    assert await closed.arun("1", 10) == 1
    closed.close()
    with pytest.raises(WorkerStartError):
        await asyncio.wait_for(closed.arun("1", 10), 10)


def test_a_thread_that_is_interrupted_while_it_waits_leaves_the_queue() -> None:
    turns = Turns()

    def interrupt(thread: int) -> None:
        until(lambda: turns.waiting == 1)
        signal.pthread_kill(thread, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    try:
        with turns:
            threading.Thread(target=interrupt, args=(threading.get_ident(),)).start()
            with pytest.raises(KeyboardInterrupt), turns:
                pass
            assert turns.waiting == 0
    finally:
        signal.signal(signal.SIGUSR1, before)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(turns.__enter__).result(timeout=20)


async def test_async_calls_leave_the_loop_free(pool: WorkerPool) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.01)

    ticker = asyncio.create_task(tick())
    results = await asyncio.gather(*(pool.arun(f"{SLEEP}(0.02) or {number}", 5) for number in range(32)))
    ticker.cancel()
    assert results == list(range(32))
    assert ticks > 5


async def test_cancelling_kills_the_call(pool: WorkerPool, tmp_path: Path) -> None:
    running = asyncio.create_task(pool.arun(f"__import__('os').mkdir({str(tmp_path / 'begun')!r}) or {SLEEP}(60)", 100))
    queued = [asyncio.create_task(pool.arun(f"{SLEEP}(60)", 100)) for _ in range(3)]
    while not (tmp_path / "begun").exists():  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.01)
    for task in (running, *queued):
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert await asyncio.wait_for(pool.arun("5", 10), 20) == 5


def test_processes_are_replaced_in_time() -> None:
    with WorkerPool("builtins:eval", size=1, recycle_after=3) as short:
        seen = [short.run(PID, 10) for _ in range(6)]
        assert len(set(seen)) == 2
        assert all(gone(pid) for pid in set(seen))


def test_dead_idle_process_costs_no_call() -> None:
    with WorkerPool("builtins:eval", size=1) as fresh:
        os.kill(fresh.run(PID, 10), signal.SIGKILL)
        assert fresh.run("3", 10) == 3


def test_function_that_cannot_be_imported() -> None:
    with WorkerPool("builtins:no_such_function", size=1) as broken, pytest.raises(WorkerStartError) as caught:
        broken.run("1", 1)
    assert "no_such_function" in str(caught.value)
    assert isinstance(caught.value, InfrastructureError)


def test_closed_pool_refuses_and_frees_waiters() -> None:
    closing = WorkerPool("builtins:eval", size=1)
    process = closing.run(PID, 10)
    with ThreadPoolExecutor(3) as threads:
        futures = [threads.submit(closing.run, f"{SLEEP}(60)", 100) for _ in range(3)]
        time.sleep(0.2)
        closing.close()
        for future in futures:
            with pytest.raises(WorkerStartError):
                future.result(timeout=5)
    with pytest.raises(WorkerStartError):
        closing.run("1", 1)
    assert gone(process)


def test_forked_child_has_processes_of_its_own(pool: WorkerPool) -> None:
    ours = {pool.run(PID, 10) for _ in range(4)}
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            theirs = pool.run(PID, 20)
            pool.close()
            os.write(writer, str(theirs).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        theirs = int(answers.read())
    os.waitpid(child, 0)
    assert theirs not in ours
    assert all(alive(pid) for pid in ours)
    assert pool.run("2", 10) == 2


PARENT = """
import threading, time
from verl_agentic.isolation.pool import WorkerPool
pool = WorkerPool("builtins:eval", size=1)
print(pool.run("__import__('os').getpid()", 30), flush=True)
threading.Thread(target=pool.run, args=("9 ** 9 ** 9 ** 9", 100), daemon=True).start()
time.sleep(%s)
"""


@pytest.mark.parametrize("ends", ["by itself", "killed"])
@pytest.mark.slow
def test_none_outlives_its_parent(ends: str) -> None:
    program = PARENT % (0.3 if ends == "by itself" else 60)
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    if ends == "killed":
        time.sleep(0.3)
        parent.kill()
    parent.wait(timeout=30)
    parent.stdout.close()
    assert gone(worker)


def test_errors_are_of_one_kind() -> None:
    kinds = (WorkerTimeoutError, WorkerCrashedError, WorkerError, WorkerStartError)
    assert all(issubclass(kind, WorkerPoolError) for kind in kinds)


@pytest.mark.slow
def test_descriptors_are_given_back(pool: WorkerPool) -> None:
    def open_descriptors() -> int:
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    pool.run("0", 10)
    before = open_descriptors()
    for _ in range(4):
        with pytest.raises(WorkerCrashedError):
            pool.run("__import__('os')._exit(0)", 10)
    pool.run("0", 10)
    deadline = time.monotonic() + 5
    while open_descriptors() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert open_descriptors() <= before
