"""Tasks into a large pool, and an epoch out of it: seconds and memory of a draw, beside a draw that loads the pool.

``python -m benchmarks.pool [--tasks 1000000]``; the last line is one JSON object. The peer draws the same epoch from
the same store as most curricula do it: every task that may be drawn, with its last result, is read into the trainer,
sorted into buckets, shuffled by weight and cut. It is measured on ``--peer-tasks`` of them; what depends on their
number is scaled by it (all of it is linear but for one sort), and what reads the outcomes is not. SQLite's own
``ORDER BY random()``, which knows neither shares nor seeds, is among the details. So are bytes and seconds of a pool of
tasks in natural language (``--natural-tasks`` of them), whose long parts are kept once, beside a store that holds each
task and each trajectory as it is.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from benchmarks.harness import machine, report
from benchmarks.natural_tasks import NaturalTasks
from verl_agentic.core import FailureKind, Outcome, Task
from verl_agentic.flywheel import CurriculumSettings, draw_epoch
from verl_agentic.store import PoolFilter, StatusChange, Store, TaskStatus, packing, schema, store_url, task_parts
from verl_agentic.store.engine import sqlite_path
from verl_agentic.store.pool_query import pool_entries, pool_tasks

KINDS = ("math", "sql", "service")
DEPTHS = 6
EPOCH = 512
DRAWS = 5
BATCH, NATURAL_BATCH = 20_000, 2_000
SPAWN = multiprocessing.get_context("spawn")


def make_tasks(start: int, stop: int) -> Iterator[Task]:
    """Tasks of about 1.5 kB, made as they are asked for."""
    for number in range(start, stop):
        kind = KINDS[number % len(KINDS)]
        yield Task(
            kind=kind,
            messages=[{"role": "system", "content": "Solve. " * 60}, {"role": "user", "content": f"{number}? " * 40}],
            tools=[],
            env="calculator",
            env_args={"number": number},
            reward="math",
            ground_truth={"answer": str(number)},
            structure=f"{kind}-{number % 97}",
            depth=1 + number // len(KINDS) % DEPTHS,
            seed=number,
        )


def fill(url: str, count: int) -> tuple[float, float]:
    """Put tasks in, as importers and rounds do; return tasks per second, and per second of this process."""
    with Store(url) as store:
        started, spent = time.perf_counter(), time.process_time()
        for start in range(0, count, BATCH):
            store.add_tasks(make_tasks(start, min(start + BATCH, count)))
        return count / (time.perf_counter() - started), count / (time.process_time() - spent)


def train(url: str, epoch: int, size: int) -> float:
    """Outcomes of an epoch of groups of 4, and a round after it; return seconds per step of 64 groups."""
    rng = random.Random(epoch)
    with Store(url) as store:
        drawn = draw_epoch(store, epoch, size, seed=1)
        started = time.perf_counter()
        steps = range(0, size, 64)
        for position in steps:
            outcomes = []
            for task_id in drawn[position : position + 64]:
                good = rng.randrange(5)
                step = epoch * len(steps) + position // 64
                outcomes += [
                    Outcome(task_id, session, step, epoch, 0.0, float(session < good), FailureKind.NONE, 3, "x" * 2000)
                    for session in range(4)
                ]
            store.record_outcomes(outcomes, "u")
        seconds = (time.perf_counter() - started) / len(steps)
        mastered = StatusChange(TaskStatus.MASTERED, "solved")
        store.commit_round(epoch + 1, [], dict.fromkeys(drawn[: size // 8], mastered), {})
    return seconds


def measure_natural(url: str, count: int, whole: bool, pipe: Any) -> None:
    """Fill a store with tasks in natural language, and their first outcomes; send the figures.

    Args:
        url: a new store.
        count: number of tasks.
        whole: the peer: nothing is compressed or shared.
        pipe: where to.
    """
    if whole:
        packing.LONG = task_parts.LONG = sys.maxsize
    source, spent, own = NaturalTasks(), 0.0, 0.0
    with Store(url) as store:
        for start in range(0, count, NATURAL_BATCH):
            tasks = list(source.make(start, min(start + NATURAL_BATCH, count)))
            started, before = time.perf_counter(), time.process_time()
            store.add_tasks(tasks)
            spent += time.perf_counter() - started
            own += time.process_time() - before
    file = sqlite_path(make_url(url))
    assert file is not None
    size = file.stat().st_size
    draws, reads, steps = [], [], []
    with Store(url) as store:
        for epoch in range(DRAWS):
            started = time.perf_counter()
            drawn = draw_epoch(store, epoch, min(EPOCH, count), seed=1)
            draws.append(time.perf_counter() - started)
            started = time.perf_counter()
            assert len(store.tasks_by_id(drawn)) == len(set(drawn))
            reads.append(time.perf_counter() - started)
            outcomes = [
                Outcome(one, session, epoch, epoch, 0.0, 0.0, FailureKind.NONE, 12, source.trajectory(4 * n + session))
                for n, one in enumerate(drawn[:64])
                for session in range(4)
            ]
            started = time.perf_counter()
            store.record_outcomes(outcomes, "u")
            steps.append(time.perf_counter() - started)
        started = time.perf_counter()
        recorded = sum(len(store.outcomes(epoch)) for epoch in range(DRAWS))
        read_outcomes = (time.perf_counter() - started) / recorded
        before = time.process_time()
        exported = sum(1 for _ in pool_tasks(store, PoolFilter()))
        exporting = time.process_time() - before
        assert exported == count
    figures = {
        "mib": size / 2**20,
        "bytes_per_task": size / count,
        "inserted_per_second": count / spent,
        "inserted_per_cpu_second": count / own,
        "draw_seconds": statistics.median(draws),
        "epoch_read_seconds": statistics.median(reads),
        "read_per_cpu_second": count / exporting,
        "outcome_bytes": (file.stat().st_size - size) / recorded,
        "outcome_seconds_per_step_of_256": statistics.median(steps),
        "outcome_read_ms": 1000 * read_outcomes,
    }
    pipe.send({name: round(value, 3 if value < 10 else 0) for name, value in figures.items()})


def peak_mib() -> float:
    """The most memory that this process ever had resident; getrusage would count what it was forked from."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 2**10


def measure_draws(url: str, first_epoch: int, pipe: Any) -> None:
    """Draw some epochs in a process of its own; send the seconds, the mean of its own, and how the memory grew."""
    with Store(url) as store:
        store.draw(-1)  # what the first query of a process loads is not the draw's
        before = peak_mib()
        seconds, spent = [], time.process_time()
        for epoch in range(first_epoch, first_epoch + DRAWS):
            started = time.perf_counter()
            drawn = draw_epoch(store, epoch, EPOCH, seed=1)
            seconds.append(time.perf_counter() - started)
            assert len(set(drawn)) == EPOCH
        spent = (time.process_time() - spent) / DRAWS
        ratios = CurriculumSettings(kinds={"math": 2}, depths={1: 1, 2: 2, 3: 3}, max_age=100, max_staleness=50)
        started = time.perf_counter()
        draw_epoch(store, first_epoch + DRAWS, EPOCH, seed=1, settings=ratios)
        limited = time.perf_counter() - started
        pipe.send((seconds, spent, limited, peak_mib() - before))


def measure_peer(url: str, count: int, pipe: Any) -> None:
    """The draw that loads the pool: seconds for ``count`` tasks, seconds for the outcomes, growth of the memory."""
    with Store(url) as store:
        store.draw(-1)
        before = peak_mib()
        started = time.perf_counter()
        rng = random.Random(1)
        entries = pool_entries(store, PoolFilter(), limit=count)
        with store.reading() as connection:
            table = schema.outcomes
            query = sa.select(table.c.task_id, sa.func.avg(table.c.acc)).group_by(table.c.task_id, table.c.step)
            asked = time.perf_counter()
            last = {row[0]: row[1] for row in connection.execute(query.order_by(table.c.step))}
            history = time.perf_counter() - asked
        buckets: dict[tuple[str, str], list[tuple[float, str]]] = {}
        for one in entries:
            success = last.get(one.id)
            if one.status is TaskStatus.MASTERED:
                name, weight = "mastered", 1.0
            elif success is None:
                name, weight = "new", 1.0
            else:
                name = "failed" if success <= 0 else "solved" if success >= 1 else "frontier"
                weight = success * (1 - success) or 1.0
            buckets.setdefault((one.kind, name), []).append((rng.random() ** (1 / weight), one.id))
        quota = EPOCH // len(buckets)
        drawn = [task_id for bucket in buckets.values() for _, task_id in sorted(bucket, reverse=True)[:quota]]
        assert drawn
        pipe.send((time.perf_counter() - started - history, history, peak_mib() - before))


def in_a_process(work: Any, *arguments: Any) -> Any:
    """What ``work`` sends from a fresh process."""
    mine, theirs = SPAWN.Pipe(duplex=False)
    process = SPAWN.Process(target=work, args=(*arguments, theirs))
    process.start()
    theirs.close()
    found = mine.recv()
    process.join()
    return found


def order_by_random(file: Path) -> float:
    """Seconds of the query that everybody writes first."""
    with closing(sqlite3.connect(file)) as connection:
        started = time.perf_counter()
        connection.execute(
            "SELECT id FROM tasks WHERE status = 'active' ORDER BY random() LIMIT ?", (EPOCH,)
        ).fetchall()
        return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--peer-tasks", type=int, default=100_000)
    parser.add_argument("--natural-tasks", type=int, default=20_000)
    parser.add_argument("--folder", help="where the store goes (default: a temporary folder)")
    arguments = parser.parse_args()
    count, peer_count = arguments.tasks, min(arguments.tasks, arguments.peer_tasks)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        url, file = store_url(name), Path(name) / "store.db"
        rate, own_rate = fill(url, count)
        print(f"inserted {count} tasks at {rate:.0f} per second, {file.stat().st_size / 2**20:.0f} MiB", flush=True)
        # Some of the pool has been trained on.
        step_seconds = [train(url, epoch, max(EPOCH, count // 250)) for epoch in range(5)]
        seconds, own, limited, growth = in_a_process(measure_draws, url, 5)
        peer_seconds, peer_history, peer_growth = in_a_process(measure_peer, url, peer_count)
        random_seconds = order_by_random(file)
        natural: dict[str, Any] = {"natural_tasks": arguments.natural_tasks}
        for whole in (False, True) if arguments.natural_tasks else ():
            # The peer's file need not be there beside ours.
            with tempfile.TemporaryDirectory(dir=name) as folder:
                found = in_a_process(measure_natural, store_url(folder), arguments.natural_tasks, whole)
            natural |= {f"natural_{'whole_' if whole else ''}{key}": value for key, value in found.items()}
    scale = count / peer_count
    details = {
        "machine": machine("sqlalchemy") | {"sqlite": sqlite3.sqlite_version},
        "tasks": count,
        "epoch_size": EPOCH,
        "inserted_per_second": round(rate),
        "inserted_per_cpu_second": round(own_rate),
        "draw_seconds": [round(one, 3) for one in seconds],
        "draw_cpu_seconds": round(own, 3),
        "draw_seconds_with_ratios_and_limits": round(limited, 3),
        "draw_memory_growth_mib": round(growth, 1),
        "outcome_seconds_per_step_of_256": round(statistics.median(step_seconds), 3),
        "peer_tasks": peer_count,
        "peer_seconds_of_these": round(peer_seconds, 3),
        "peer_seconds_of_outcomes": round(peer_history, 3),
        "peer_memory_growth_mib_of_these": round(peer_growth, 1),
        "order_by_random_seconds": round(random_seconds, 3),
        **natural,
    }
    for key, value in details.items():
        print(f"{key}: {value}")
    what = "seconds of one epoch's draw; the peer loads the pool"
    peer = round(peer_seconds * scale + peer_history, 3)
    report("pool", what, "s", round(statistics.median(seconds), 3), peer, details)


if __name__ == "__main__":
    main()
