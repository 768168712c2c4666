"""What verl's tracking is told of the pool and of the flywheel's last round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from verl_agentic.flywheel import HookUse
from verl_agentic.store import RoundRecord, Store, TaskStatus
from verl_agentic.store.statistics import pool_cells


def pool_metrics(store: Store) -> dict[str, float]:
    """Number of tasks by status (``agentic/pool/STATUS``), by status and kind (``agentic/pool/STATUS/KIND``), and of
    active ones by depth (``agentic/pool/depth/DEPTH``)."""
    counts: Counter[str] = Counter({f"agentic/pool/{status.value}": 0 for status in TaskStatus})
    for (status, cell), count in pool_cells(store).items():
        counts[f"agentic/pool/{status.value}"] += count
        counts[f"agentic/pool/{status.value}/{cell.kind}"] += count
        if status is TaskStatus.ACTIVE:
            counts[f"agentic/pool/depth/{cell.depth}"] += count
    return {name: float(count) for name, count in counts.items()}


def round_metrics(record: RoundRecord, uses: Mapping[str, HookUse]) -> dict[str, float]:
    """The last round, until there is another one.

    * ``agentic/flywheel/round``: the epoch that it opened;
    * ``agentic/flywheel/added`` and the like: what it did; ``agentic/flywheel/HOOK/NAME`` by hook, ``skipped``,
      ``overtime`` and ``over_budget`` among it;
    * ``agentic/flywheel/operator/NAME/made``, ``.../yield`` and ``.../rejected/REASON``: candidates of an operator, the
      share that entered the pool, and the others;
    * ``agentic/flywheel/HOOK/seconds``, ``.../requests``, ``.../tokens``, ``.../usd``: what a hook took.

    Args:
        record: the round.
        uses: what its hooks took, by name; empty for a round of an earlier process.
    """
    metrics = {"agentic/flywheel/round": float(record.epoch)}
    for name, count in record.counts.items():
        if count:
            metrics[f"agentic/flywheel/{name.replace('.', '/')}"] = float(count)
    for operator, one in record.yields.items():
        place = f"agentic/flywheel/operator/{operator}"
        metrics.update({f"{place}/made": float(one.made), f"{place}/yield": one.share})
        metrics.update({f"{place}/rejected/{reason}": float(count) for reason, count in one.rejected.items()})
    for hook, use in uses.items():
        place = f"agentic/flywheel/{hook}"
        metrics[f"{place}/seconds"] = use.seconds
        if use.requests:
            metrics.update({f"{place}/requests": use.requests, f"{place}/tokens": use.tokens, f"{place}/usd": use.usd})
    return metrics
