"""Success before and after training, with confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from verl_agentic.store import Evaluation, Store

MEAN = "mean"
_Z95 = 1.959964


def compare(store: Store, split: str) -> dict[str, Any] | None:
    """Success on a split at its first and last evaluation, ``None`` when it was never evaluated.

    ``mean`` is the unweighted mean over kinds. Intervals treat the task, not the sample, as the unit: Wilson's
    score interval per kind, the paired difference by task for ``delta``.

    Returns:
        ``before`` and ``after`` (success by kind and ``mean``, 0 to 1; ``after`` is ``None`` with one evaluation
        only), ``delta`` (of the means), ``delta_by_kind``, ``ci95`` (95 % intervals of each as ``[low, high]``),
        ``tasks``, ``samples_per_task``, ``before_step`` and ``after_step``.
    """
    steps = store.evaluation_steps(split)
    if not steps:
        return None
    first = _by_task(store.evaluations(split, steps[0]))
    report: dict[str, Any] = {
        "before_step": steps[0],
        "after_step": None,
        "before": _means(first),
        "after": None,
        "delta": None,
        "delta_by_kind": None,
        "tasks": sum(len(tasks) for tasks in first.values()),
        "samples_per_task": _samples_per_task(first),
        "ci95": {"before": _intervals(first), "after": None, "delta": None},
    }
    if len(steps) > 1:
        last = _by_task(store.evaluations(split, steps[-1]))
        after = _means(last)
        report["after_step"] = steps[-1]
        report["after"] = after
        report["delta_by_kind"] = {
            kind: after[kind] - report["before"][kind] for kind in after if kind in report["before"]
        }
        report["delta"] = report["delta_by_kind"][MEAN]
        report["ci95"]["after"] = _intervals(last)
        report["ci95"]["delta"] = _paired_interval(first, last)
    return report


def curve(store: Store, split: str) -> list[dict[str, Any]]:
    """Success by kind and ``mean`` at each evaluation of a split."""
    steps = store.evaluation_steps(split)
    return [{"step": step, "success": _means(_by_task(store.evaluations(split, step)))} for step in steps]


def wilson(mean: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % score interval for a share of ``count`` tasks."""
    centre = (mean + _Z95**2 / (2 * count)) / (1 + _Z95**2 / count)
    spread = _Z95 * math.sqrt(mean * (1 - mean) / count + _Z95**2 / (4 * count**2)) / (1 + _Z95**2 / count)
    return max(0.0, centre - spread), min(1.0, centre + spread)


_Samples = dict[str, dict[str, list[float]]]  # accs by kind and task


def _by_task(evaluations: Sequence[Evaluation]) -> _Samples:
    samples: _Samples = {}
    for one in evaluations:
        samples.setdefault(one.kind, {}).setdefault(one.task_id, []).append(one.acc)
    return {kind: samples[kind] for kind in sorted(samples)}


def _task_means(tasks: Mapping[str, Sequence[float]]) -> list[float]:
    return [sum(accs) / len(accs) for accs in tasks.values()]


def _average(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _means(samples: _Samples) -> dict[str, float]:
    means = {kind: _average(_task_means(tasks)) for kind, tasks in samples.items()}
    return {**means, MEAN: _average(list(means.values()))}


def _samples_per_task(samples: _Samples) -> float:
    counts = [len(accs) for tasks in samples.values() for accs in tasks.values()]
    return _average(counts)


def _intervals(samples: _Samples) -> dict[str, list[float]]:
    intervals: dict[str, list[float]] = {}
    below = above = 0.0
    means = _means(samples)
    for kind, tasks in samples.items():
        low, high = wilson(means[kind], len(tasks))
        intervals[kind] = [low, high]
        below += (means[kind] - low) ** 2
        above += (high - means[kind]) ** 2
    count = len(samples)
    low, high = means[MEAN] - math.sqrt(below) / count, means[MEAN] + math.sqrt(above) / count
    return {**intervals, MEAN: [max(0.0, low), min(1.0, high)]}


def _paired_interval(first: _Samples, last: _Samples) -> list[float] | None:
    """Interval of the mean over kinds of the differences by task; ``None`` where too few tasks were seen twice."""
    means: list[float] = []
    variance = 0.0
    for kind in first.keys() & last.keys():
        pairs = [_average(last[kind][task]) - _average(first[kind][task]) for task in first[kind] if task in last[kind]]
        if len(pairs) < 2:
            return None
        mean = _average(pairs)
        means.append(mean)
        variance += math.fsum((pair - mean) ** 2 for pair in pairs) / (len(pairs) - 1) / len(pairs)
    if not means:
        return None
    spread = _Z95 * math.sqrt(variance) / len(means)
    return [_average(means) - spread, _average(means) + spread]
