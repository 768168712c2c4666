"""The figures of a run of rollouts, over all tasks, by kind and by task."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from verl_agentic.evaluation.record import Record, RecordStatus
from verl_agentic.report.success import wilson

_MAX_ERRORS = 10


def summary(records: Sequence[Record], samples: int, seconds: float, missing: int = 0) -> dict[str, Any]:
    """The figures as JSON data.

    Success is the mean over tasks of the share of their judged rollouts that succeeded; its 95 % interval (Wilson)
    takes the task as the unit. What failed for other reasons than the model's is counted apart and never as a 0.

    Args:
        records: one for each rollout.
        samples: rollouts per task that were asked for.
        seconds: wall time of this run.
        missing: rollouts that were asked for and not had.

    Returns:
        ``rollouts`` by status, ``all`` and ``kinds`` (success, turns, tokens, latency, cost, failures, ends), ``tasks``
        with the same for each task, ``errors``.
    """
    status = Counter(record.status for record in records)
    kinds = sorted({record.kind for record in records})
    errors = Counter(
        record.error for record in records if record.error and record.status != RecordStatus.UNDECIDED.value
    )
    return {
        "model": records[0].model if records else None,
        "samples_per_task": samples,
        "rollouts": {**{one.value: status[one.value] for one in RecordStatus}, "missing": missing},
        "all": figures(records),
        "kinds": {kind: figures([record for record in records if record.kind == kind]) for kind in kinds},
        "tasks": _by_task(records),
        "errors": dict(errors.most_common(_MAX_ERRORS)),
        "seconds": round(seconds, 3),
    }


def figures(records: Sequence[Record]) -> dict[str, Any]:
    """Success, turns, tokens, latency in seconds and cost of some rollouts; ``None`` where none has the figure."""
    judged = [record for record in records if record.success is not None]
    played = [record for record in records if record.end is not None]
    by_task: dict[str, list[float]] = {}
    for record in judged:
        by_task.setdefault(record.task_id, []).append(record.success or 0.0)
    mean = _mean([sum(values) / len(values) for values in by_task.values()])
    costs = [record.cost for record in played if record.cost is not None]
    wins = sum(record.success or 0.0 for record in judged)
    return {
        "tasks": len({record.task_id for record in records}),
        "judged": len(judged),
        "success": mean,
        "ci95": None if mean is None else list(wilson(mean, len(by_task))),
        "turns": _spread([float(record.turns) for record in played]),
        "prompt_tokens": _spread([float(record.prompt_tokens) for record in played]),
        "completion_tokens": _spread([float(record.completion_tokens) for record in played]),
        "cached_tokens": _spread([float(record.cached_tokens) for record in played]),
        "seconds": _spread([record.seconds for record in played]),
        "model_seconds": _spread([record.model_seconds for record in played]),
        "cost": _spread(costs),
        "cost_per_success": math.fsum(costs) / wins if costs and wins else None,
        "failures": _counts(record.failure for record in judged if record.failure != "none"),
        "ends": _counts(record.end for record in played if record.end),
        "calls": dict(sum((Counter(record.calls) for record in played), Counter()).most_common()),
    }


def _by_task(records: Sequence[Record]) -> dict[str, Any]:
    by_task: dict[str, list[Record]] = {}
    for record in records:
        by_task.setdefault(record.task_id, []).append(record)
    return {
        task_id: {
            "kind": some[0].kind,
            "samples": len(some),
            "success": _mean([record.success for record in some if record.success is not None]),
            "turns": _mean([float(record.turns) for record in some if record.end is not None]),
            **{
                name: _spread([float(getattr(record, name)) for record in some if record.end is not None])
                for name in ("prompt_tokens", "completion_tokens", "seconds")
            },
            "cost": _mean([record.cost for record in some if record.cost is not None]),
            "failures": _counts(record.failure for record in some if record.failure not in ("", "none")),
            "without_verdict": _counts(record.status for record in some if record.success is None),
        }
        for task_id, some in sorted(by_task.items())
    }


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    ordered = sorted(values)
    return {
        "mean": math.fsum(ordered) / len(ordered),
        "p50": _quantile(ordered, 0.5),
        "p95": _quantile(ordered, 0.95),
        "total": math.fsum(ordered),
    }


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least that share of the values does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _counts(values: Iterable[str]) -> Mapping[str, int]:
    return dict(Counter(values).most_common())
