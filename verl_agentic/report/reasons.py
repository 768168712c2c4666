"""Why the policy failed, in the latest epoch: the reward's reasons beside what the trajectories themselves show."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from verl_agentic.core import Outcome, Trajectory
from verl_agentic.rollout.diagnosis import diagnose
from verl_agentic.store import Store

MAX_REASONS = 25
_MAX_LOOKED_AT = 5_000
_MAX_CHARS = 160
# Numbers, and what stands in quotes or ticks, are of one task.
_OWN = re.compile(r"""'[^']{1,80}'|"[^"]{1,80}"|`[^`]{1,80}`|(?<![\w])-?\d[\d.,]*(?![\w])""")


def failure_reasons(store: Store) -> dict[str, Any] | None:
    """The commonest reasons of the failures of the latest epoch; ``None`` without outcomes.

    Returns:
        ``epoch``, ``failures`` (all of them), ``looked_at`` (the latest ones, at most 5,000) and ``reasons``: for each
        ``kind`` (of the tasks), ``failure``, ``reason`` (what belongs to one task is ``…``), ``diagnosis``,
        ``evidence``, ``task_id``, ``session`` and ``step`` (of the latest one) and ``count``; the commonest first.
    """
    epochs = store.outcome_epochs()
    if not epochs:
        return None
    failures = [one for one in reversed(store.outcomes(epochs[-1])) if one.acc < 1]
    kinds = {entry.id: entry.kind for entry in store.pool()}
    latest: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for outcome in failures[:_MAX_LOOKED_AT]:
        found = diagnose(outcome)
        diagnosis = "" if found is None else found.kind.value
        reason = reason_of(outcome)
        key = (kinds.get(outcome.task_id, ""), outcome.failure.value, general(reason), diagnosis)
        counts[key] += 1
        if key not in latest:
            latest[key] = {
                "evidence": "" if found is None else found.evidence,
                "task_id": outcome.task_id,
                "session": outcome.session,
                "step": outcome.step,
            }
    names = ("kind", "failure", "reason", "diagnosis")
    return {
        "epoch": epochs[-1],
        "failures": len(failures),
        "looked_at": min(len(failures), _MAX_LOOKED_AT),
        "reasons": [
            {**dict(zip(names, key, strict=True)), **latest[key], "count": count}
            for key, count in counts.most_common(MAX_REASONS)
        ],
    }


def reason_of(outcome: Outcome) -> str:
    """The reward's reason, as the trajectory holds it; empty where it holds none."""
    try:
        return str(Trajectory.from_json(outcome.trajectory).reward.get("reason") or "")
    except (AttributeError, KeyError, TypeError, ValueError):
        return ""


def general(reason: str) -> str:
    """A reason without what belongs to one task."""
    plain = _OWN.sub("…", " ".join(reason.split()))
    return plain if len(plain) <= _MAX_CHARS else f"{plain[:_MAX_CHARS]}…"
