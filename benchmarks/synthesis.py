"""Verified tasks per second without a language model, beside playing each task's expert.

``python -m benchmarks.synthesis [--processes 2] [--seconds 10]``; the last line is one JSON object. Half of the tasks
are of math, half of SQL. Ours grows tasks with the operators of the reasoning flywheel and sends each through all of
its checks: no leak, harder or different, no near duplicate, unambiguous, solved by two routes. The peer grows the same
tasks and verifies them one by one by playing the expert in its environment and judging the trajectory. Tasks that are
rejected do not count. ``verify_only`` leaves out what growing takes.

``natural`` among the details are tasks of the library of domains, each made for a structure at random in an edition at
random, so that worlds are made, too, and verified by playing its expert.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from benchmarks.harness import machine, report
from verl_agentic.core import Rejection, Task
from verl_agentic.flywheel import ExpertVerifier
from verl_agentic.flywheel.checks import (
    Candidate,
    Checks,
    HarderOrDifferent,
    NearDuplicateIndex,
    NoLeak,
    Novel,
    SolvedByRoutes,
    Unambiguous,
)
from verl_agentic.reward_fns.registry import success
from verl_agentic.synthesis.base import TaskFamily
from verl_agentic.synthesis.domains.family import DomainFamily
from verl_agentic.synthesis.math.family import MathFamily
from verl_agentic.synthesis.reasoning import make_operators
from verl_agentic.synthesis.reasoning.personas import load_personas
from verl_agentic.synthesis.sql.family import SqlFamily
from verl_agentic.tool_envs.users.scripted import ScriptedUser

PARENTS = 60


@dataclass
class Yield:
    """What one process made.

    Attributes:
        verified: tasks that passed, by kind.
        rejections: by operator and reason.
        seconds: wall time.
        cpu_seconds: processor time of this process.
        verify_cpu_seconds: part of it that went into verifying.
    """

    verified: Counter[str] = field(default_factory=Counter)
    rejections: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    verify_cpu_seconds: float = 0.0


def families() -> dict[str, TaskFamily]:
    return {"math": MathFamily(), "sql": SqlFamily()}


def work(seconds: float, checked: bool, seed: int) -> Yield:
    """Grow and verify for so long; parents and imports are made before the clock starts."""
    rng = random.Random(seed)
    made = families()
    parents = {kind: _parents(family, rng) for kind, family in made.items()}
    operators = make_operators(None, load_personas())
    index = NearDuplicateIndex()
    for task in (*parents["math"], *parents["sql"]):
        index.add(task)
    checks = Checks([NoLeak(), HarderOrDifferent(), Novel(index), Unambiguous(), SolvedByRoutes()])
    expert = ExpertVerifier(made, success)
    verify: Callable[[Candidate], Rejection | None] = checks.examine if checked else lambda one: expert(one.task)
    for kind in made:
        verify(Candidate(parents[kind][0]))
    found = Yield()
    started, cpu_started = time.perf_counter(), time.process_time()
    while time.perf_counter() - started < seconds:
        # The kind that has fewer verified tasks, so that halves are of each.
        kind = min(made, key=lambda name: found.verified[name])
        operator = rng.choice([one for one in operators if one.kind in ("", kind)])
        parent = rng.choice(parents[kind])
        child = operator(parent, rng)
        if not isinstance(child, Task):
            found.rejections[f"{operator.name}/barren"] += 1
            continue
        before = time.process_time()
        rejection = verify(Candidate(child, parent))
        found.verify_cpu_seconds += time.process_time() - before
        if rejection is None:
            found.verified[kind] += 1
            index.add(child)
        else:
            found.rejections[f"{operator.name}/{rejection.reason}"] += 1
    found.seconds = time.perf_counter() - started
    found.cpu_seconds = time.process_time() - cpu_started
    return found


def _parents(family: TaskFamily, rng: random.Random) -> list[Task]:
    structures = family.structures("train")
    return [family.generate(structures[number % len(structures)], rng) for number in range(PARENTS)]


def run(processes: int, work_of: Callable[[int], Yield]) -> list[Yield]:
    if processes == 1:
        return [work_of(0)]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        return pool.map(work_of, range(processes), chunksize=1)


def natural(seconds: float, seed: int) -> Yield:
    """Make tasks of domains for so long, and play the expert of each."""
    family = DomainFamily()
    expert = ExpertVerifier({family.kind: family}, success, lambda task: ScriptedUser())
    structures = family.structures("train")
    rng = random.Random(seed)
    found = Yield()
    started, cpu_started = time.perf_counter(), time.process_time()
    while time.perf_counter() - started < seconds:
        task = family.generate(rng.choice(structures), rng)
        before = time.process_time()
        rejection = expert(task)
        found.verify_cpu_seconds += time.process_time() - before
        if rejection is None:
            found.verified[family.kind] += 1
        else:
            found.rejections[f"{task.structure}/{rejection.reason}"] += 1
    found.seconds = time.perf_counter() - started
    found.cpu_seconds = time.process_time() - cpu_started
    return found


def rates(found: list[Yield]) -> dict[str, float]:
    """Verified tasks per second of wall time, over all processes; and per second of processor time, of one."""
    verified = sum(one.verified.total() for one in found)
    return {
        "per_second": round(sum(one.verified.total() / one.seconds for one in found), 1),
        "per_cpu_second": round(verified / sum(one.cpu_seconds for one in found), 1),
        "verify_only_per_cpu_second": round(verified / sum(one.verify_cpu_seconds for one in found), 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    ours = run(options.processes, partial(work, options.seconds, True))
    peer = run(options.processes, partial(work, options.seconds, False))
    domains = run(options.processes, partial(natural, options.seconds))
    our_rates, peer_rates = rates(ours), rates(peer)
    verified: Counter[str] = sum((one.verified for one in ours), Counter())
    rejected: Counter[str] = sum((one.rejections for one in ours), Counter())
    details = {
        "machine": machine("sympy"),
        "processes": options.processes,
        "seconds": options.seconds,
        "verified": dict(sorted(verified.items())),
        "rejections": dict(sorted(rejected.items())),
        "ours_rates": our_rates,
        "peer_rates": peer_rates,
        "natural": rates(domains),
        "natural_rejections": dict(sum((one.rejections for one in domains), Counter())),
    }
    for key, value in details.items():
        print(f"{key}: {value}")
    what = "tasks grown and verified per second, half math, half SQL; playing each expert is the peer"
    report("synthesis", what, "tasks/s", our_rates["per_second"], peer_rates["per_second"], details)


if __name__ == "__main__":
    main()
