"""Why the policy failed, in the latest epoch: the reward's reasons beside what the trajectories themselves show."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from verl_agentic.core import Outcome
from verl_agentic.core.trajectory import stored_trajectory
from verl_agentic.rollout.diagnosis import diagnose_trajectory

MAX_REASONS = 25
_MAX_LOOKED_AT = 5_000
_MAX_CHARS = 160
# Numbers, and what stands in quotes or ticks, are of one task.
_OWN = re.compile(r"""'[^']{1,80}'|"[^"]{1,80}"|`[^`]{1,80}`|(?<![\w])-?\d[\d.,]*(?![\w])""")


def failure_reasons(outcomes: Sequence[Outcome], kinds: Mapping[str, str]) -> dict[str, Any] | None:
    """The commonest reasons of an epoch's failures; ``None`` without outcomes.

    Args:
        outcomes: those of the epoch.
        kinds: kinds of the pool's tasks, by id.

    Returns:
        ``epoch``, ``failures`` (all of them), ``looked_at`` (the latest ones, at most 5,000) and ``reasons``: for each
        ``kind`` (of the tasks), ``failure``, ``reason`` (what belongs to one task is ``…``), ``diagnosis``,
        ``evidence``, ``task_id``, ``session`` and ``step`` (of the latest one) and ``count``; the commonest first.
    """
    if not outcomes:
        return None
    failures = [one for one in reversed(outcomes) if one.acc < 1]
    latest: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for outcome in failures[:_MAX_LOOKED_AT]:
        trajectory = stored_trajectory(outcome.trajectory)
        found = diagnose_trajectory(trajectory, outcome.failure)
        reason = "" if trajectory is None else str(trajectory.reward.get("reason") or "")
        key = (kinds.get(outcome.task_id, ""), outcome.failure.value, general(reason), found.kind.value)
        counts[key] += 1
        if key not in latest:
            latest[key] = {
                "evidence": found.evidence,
                "task_id": outcome.task_id,
                "session": outcome.session,
                "step": outcome.step,
            }
    names = ("kind", "failure", "reason", "diagnosis")
    return {
        "epoch": outcomes[0].epoch,
        "failures": len(failures),
        "looked_at": min(len(failures), _MAX_LOOKED_AT),
        "reasons": [
            {**dict(zip(names, key, strict=True)), **latest[key], "count": count}
            for key, count in counts.most_common(MAX_REASONS)
        ],
    }


def general(reason: str) -> str:
    """A reason without what belongs to one task."""
    plain = _OWN.sub("…", " ".join(reason.split()))
    return plain if len(plain) <= _MAX_CHARS else f"{plain[:_MAX_CHARS]}…"
