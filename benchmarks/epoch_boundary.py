"""What a boundary between two epochs adds to an epoch of the CPU default: the round of the flywheel and the draw.

``python -m benchmarks.epoch_boundary [--epoch-seconds S | --store FILE]``; the last line is one JSON object. Store,
hooks, verifier and draw are a run's own (``EpochPlanner``), without a language model; so are the sizes (112 tasks by 8
samples an epoch) and the families. The hooks are frontier, reasoning and trees, one after the other, which no group
has all of. ``ours`` is the share of an epoch in per cent at the larger pool. The seconds of an epoch are given, or
read from the store of a real run, whose own boundaries are then among the details. The peer's draw loads the pool, as
in ``benchmarks.pool``; its round is ours.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.harness import machine, report
from benchmarks.pool import BATCH, in_a_process, measure_peer, peak_mib
from verl_agentic.core import End, FailureKind, Outcome, Task, ToolCall, Trajectory, Turn
from verl_agentic.store import Store, store_url
from verl_agentic.synthesis.balance import shallow_structures
from verl_agentic.synthesis.families import load_families
from verl_agentic.training.epochs import EpochPlanner
from verl_agentic.training.settings import AgenticSettings, CurriculumNode, FlywheelNode

STEPS, PROMPTS, SAMPLES = 7, 16, 8
EPOCHS = 4
EPOCH_SECONDS = 60.0
"""Of the CPU default on two cores, where no run is given to read it from."""
KINDS = ["math", "sql", "service", "tree"]
MODELS = 900
"""Different tasks that a pool is made of; a larger one holds them several times, under ids of their own."""


def make_tasks(count: int) -> Iterator[Task]:
    """Tasks of the families as an initial pool has them, at any number."""
    families = load_families(KINDS)
    rng = random.Random(0)
    models: list[Task] = []
    for family in families:
        structures = list(shallow_structures(family, "train", 2))
        share = min(count, MODELS) // len(families) + 1
        models += [family.generate(structures[number % len(structures)], rng) for number in range(share)]
    for number in range(count):
        yield dataclasses.replace(models[number % len(models)], id=f"task-{number:07}")


def outcomes(task_ids: Sequence[str], step: int, epoch: int) -> list[Outcome]:
    """Groups of 8, a third of which succeed in part, as verl's batch of a step holds them."""
    found = []
    for task_id in task_ids:
        rng = random.Random(f"{task_id}/{step}")
        good = rng.choice((0, 0, rng.randrange(SAMPLES + 1), SAMPLES))
        failure = rng.choice((FailureKind.WRONG_ANSWER, FailureKind.WRONG_STATE, FailureKind.TOOL_MISUSE))
        trajectory = Trajectory(
            task_id,
            turns=[Turn("assistant", f"I compute {number}. " * 10) for number in range(4)],
            calls=[ToolCall("calc", {"expression": f"{number} + 1"}, str(number + 1)) for number in range(3)],
            answer=str(good),
            end=End.ANSWER,
        ).to_json()
        for session in range(SAMPLES):
            won = session < good
            kind = FailureKind.NONE if won else failure
            found.append(Outcome(task_id, session, step, epoch, float(won), float(won), kind, 4, trajectory))
    return found


def measure(url: str, count: int, pipe: Any) -> None:
    """Seconds of each boundary and of recording each step, and what memory the boundaries took."""
    curriculum = CurriculumNode(initial_tasks=count, epoch_size=STEPS * PROMPTS)
    hooks = [{"name": name} for name in ("reasoning", "trees", "frontier")]
    settings = AgenticSettings(kinds=KINDS, curriculum=curriculum, flywheel=FlywheelNode(hooks))
    with Store(url) as store:
        planner = EpochPlanner(store, settings, STEPS, PROMPTS)
        planner.epoch_tasks(0)
        boundaries, records, before = [], [], peak_mib()
        for epoch in range(EPOCHS):
            for number in range(STEPS):
                step = epoch * STEPS + number
                batch = outcomes(planner.step_tasks(step), step + 1, epoch)
                started = time.perf_counter()
                store.record_outcomes(batch, [outcome.task_id for outcome in batch])
                records.append(time.perf_counter() - started)
            started = time.perf_counter()
            planner.end_epoch(epoch + 1)
            planner.epoch_tasks(epoch + 1)
            boundaries.append(time.perf_counter() - started)
        added = [record.counts["added"] for record in store.rounds()]
        assert len(added) == EPOCHS and min(added) > 0
        pipe.send((boundaries, records, peak_mib() - before, added))


def of_a_run(file: Path) -> tuple[float, float | None]:
    """Seconds of an epoch of a real run, and of its rounds for each."""
    with Store(f"sqlite:///{file.absolute()}", create=False) as store:
        seconds = [values["timing_s/step"] for values in store.metrics().values() if "timing_s/step" in values]
        # The first step waits for engines that still warm up.
        epoch = STEPS * statistics.mean(seconds[1:])
        rounds = len(store.rounds())
        spent = store.info().get("timings", {}).get("flywheel")
        return epoch, spent / rounds if spent and rounds else None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", type=int, nargs="+", default=[600, 1_000_000])
    parser.add_argument("--peer-tasks", type=int, default=100_000)
    parser.add_argument("--epoch-seconds", type=float, default=EPOCH_SECONDS)
    parser.add_argument("--store", type=Path, help="store of a run of the CPU default (.../store.db)")
    parser.add_argument("--folder", help="where the stores go (default: a temporary folder)")
    arguments = parser.parse_args()
    epoch_seconds, own = arguments.epoch_seconds, None
    if arguments.store:
        epoch_seconds, own = of_a_run(arguments.store)
    details: dict[str, Any] = {"machine": machine("sqlalchemy"), "epoch_seconds": round(epoch_seconds, 1)}
    if own is not None:
        details["round_seconds_of_the_run"] = round(own, 3)
    ours, peer = 0.0, None
    for count in sorted(arguments.tasks):
        with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
            url = store_url(name)
            with Store(url) as store:
                tasks = make_tasks(count)
                for _ in range(0, count, BATCH):
                    store.add_tasks(islice(tasks, BATCH))
            boundaries, records, growth, added = in_a_process(measure, url, count)
            median = statistics.median(boundaries)
            ours = 100 * median / epoch_seconds
            some = min(count, arguments.peer_tasks)
            loading, history, _ = in_a_process(measure_peer, url, some)
            peer = 100 * (median + loading * count / some + history) / epoch_seconds
        details[f"pool_of_{count}"] = {
            "boundary_seconds": [round(one, 3) for one in boundaries],
            "per_cent_of_an_epoch": round(ours, 2),
            "record_seconds_per_step": round(statistics.median(records), 3),
            "memory_growth_mib": round(growth, 1),
            "tasks_added": added,
        }
        print(f"{count} tasks: {details[f'pool_of_{count}']}", flush=True)
    what = "share of an epoch that the round and the draw take; the peer draws by loading the pool"
    report("epoch_boundary", what, "%", round(ours, 2), round(peer or 0.0, 2), details)


if __name__ == "__main__":
    main()
