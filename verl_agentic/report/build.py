"""Collect the report from the store."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from verl_agentic.report.reasons import failure_reasons
from verl_agentic.report.samples import pick_samples
from verl_agentic.report.success import compare, curve
from verl_agentic.store import PoolEntry, Store, Yield, total_yields
from verl_agentic.store.statistics import (
    failure_kinds,
    mastered_by_epoch,
    pool_compositions,
    step_means,
    success_by_depth,
    success_by_kind,
    zero_variance_shares,
)

_PHASES = ("data", "starter", "startup", "training", "evaluation", "total")
_SHOWN_FAILURES = 20


def build_report(store: Store, run_dir: Path | str) -> dict[str, Any]:
    """The report as JSON data; of an interrupted run, what there is, with the rest named under ``missing``.

    Args:
        store: the run's store; only read.
        run_dir: the run's folder, in which the checkpoint is looked for when the store names none.

    Returns:
        ``profile``, ``seed``, ``held_out`` and ``validation`` (see :func:`verl_agentic.report.success.compare`),
        ``curves`` (success at each evaluation by split), ``seconds`` (wall time by phase), ``peak_memory_bytes``,
        ``reward_per_step``, ``epochs``, ``operators`` (candidates of each operator over all rounds),
        ``failure_reasons`` (see :func:`verl_agentic.report.reasons.failure_reasons`), ``infrastructure_failures``
        (``total``, ``by_kind``, ``last``), ``checkpoint`` (folder in Hugging Face format),
        ``samples`` and ``missing``.
    """
    info = store.info()
    steps = step_means(store)
    pool = store.pool()
    kinds = {entry.id: entry.kind for entry in pool}
    outcome_epochs = store.outcome_epochs()
    latest = store.outcomes(outcome_epochs[-1]) if outcome_epochs else []
    report: dict[str, Any] = {
        "profile": info.get("profile"),
        "seed": info.get("seed"),
        "held_out": compare(store, "held_out"),
        "validation": compare(store, "validation"),
        "curves": {split: curve(store, split) for split in ("held_out", "validation")},
        "seconds": _seconds(info.get("timings")),
        "peak_memory_bytes": info.get("peak_memory_bytes"),
        "steps": len(steps),
        "reward_per_step": [dataclasses.asdict(one) for one in steps],
        "epochs": _epochs(store, pool, info.get("stages")),
        "operators": _yields(total_yields(record.yields for record in store.rounds())),
        "failure_reasons": failure_reasons(latest, kinds),
        "infrastructure_failures": _failures(store),
        "checkpoint": _checkpoint(info.get("checkpoint"), Path(run_dir)),
        "samples": pick_samples(store, latest, kinds),
    }
    report["missing"] = _missing(report)
    return report


def _seconds(timings: Any) -> dict[str, float]:
    known = timings if isinstance(timings, dict) else {}
    ordered = [*(phase for phase in _PHASES if phase in known), *sorted(set(known) - set(_PHASES))]
    return {phase: float(known[phase]) for phase in ordered}


def _yields(operators: Mapping[str, Yield]) -> dict[str, Any]:
    return {
        name: {"made": one.made, "accepted": one.accepted, "rejected": dict(one.rejected.most_common())}
        for name, one in operators.items()
    }


def _stage(stages: Any, epoch: int) -> str | None:
    """Name of an epoch's stage in a run of several; ``stages`` are names and numbers of epochs, in order."""
    if not isinstance(stages, list) or len(stages) < 2:
        return None
    for name, epochs in stages:
        if epoch < epochs:
            return str(name)
        epoch -= epochs
    return str(stages[-1][0])


def _epochs(store: Store, pool: Sequence[PoolEntry], stages: Any) -> list[dict[str, Any]]:
    by_epoch: dict[int, list[tuple[float, int]]] = {}
    for one in step_means(store):
        by_epoch.setdefault(one.epoch, []).append((one.reward, one.samples))
    rounds = {record.epoch: record for record in store.rounds()}
    epochs = sorted({0, *by_epoch, *rounds} if pool else {*by_epoch, *rounds})
    pools = pool_compositions(store, epochs)
    success, failures, mastered = success_by_kind(store), failure_kinds(store), mastered_by_epoch(store)
    by_depth, flat = success_by_depth(store), zero_variance_shares(store)
    born = Counter(entry.round for entry in pool)
    return [
        {
            "epoch": epoch,
            "stage": _stage(stages, epoch),
            "reward_mean": _weighted_mean(by_epoch.get(epoch, [])),
            "samples": sum(count for _, count in by_epoch.get(epoch, [])),
            "success_by_kind": success.get(epoch, {}),
            "success_by_depth": by_depth.get(epoch, {}),
            "zero_variance_groups": flat.get(epoch),
            "pool": dataclasses.asdict(pools[epoch]),
            "new_tasks": born[epoch] if epoch else 0,
            "mastered": mastered.get(epoch, 0),
            "failure_kinds": failures.get(epoch, {}),
            "round": rounds[epoch].counts if epoch in rounds else None,
            "operators": _yields(rounds[epoch].yields) if epoch in rounds else {},
        }
        for epoch in epochs
    ]


def _weighted_mean(values: list[tuple[float, int]]) -> float | None:
    total = sum(count for _, count in values)
    return sum(mean * count for mean, count in values) / total if total else None


def _failures(store: Store) -> dict[str, Any]:
    failures = store.failures()
    return {
        "total": len(failures),
        "by_kind": dict(sorted(Counter(failure.kind for failure in failures).items())),
        "last": [dataclasses.asdict(failure) for failure in failures[-_SHOWN_FAILURES:]],
    }


def _checkpoint(named: Any, run_dir: Path) -> str | None:
    """The named folder if it holds a model, else the newest one below the run's folder."""
    if isinstance(named, str) and _holds_model(Path(named)):
        return named
    folders = [path.parent for path in run_dir.rglob("config.json") if _holds_model(path.parent)]
    newest = max(folders, key=lambda folder: ((folder / "config.json").stat().st_mtime, str(folder)), default=None)
    return None if newest is None else str(newest)


def _holds_model(folder: Path) -> bool:
    weights = ("*.safetensors", "*.safetensors.index.json", "pytorch_model*.bin")
    return (folder / "config.json").is_file() and any(any(folder.glob(pattern)) for pattern in weights)


def _missing(report: dict[str, Any]) -> list[str]:
    """What an interrupted run has not got to, in words."""
    held_out = report["held_out"]
    checks = (
        (held_out is None, "held-out evaluation before training"),
        (held_out is None or held_out["after"] is None, "held-out evaluation after training"),
        (not report["reward_per_step"], "training outcomes"),
        (not report["seconds"], "timings"),
        ("total" not in report["seconds"] and bool(report["seconds"]), "total time (the run has not finished)"),
        (report["peak_memory_bytes"] is None, "peak memory"),
        (report["checkpoint"] is None, "checkpoint in Hugging Face format"),
        (report["profile"] is None, "profile"),
        (report["seed"] is None, "seed"),
    )
    return [what for absent, what in checks if absent]
