"""Which kinds of error a task's trajectories show."""

from __future__ import annotations

from collections import Counter

from verl_agentic.core.outcome import ErrorKind
from verl_agentic.flywheel.hook import TaskResult
from verl_agentic.rollout.diagnosis import diagnose


def error_counts(result: TaskResult) -> Counter[ErrorKind]:
    """How often each kind of error was made on a task in the epoch."""
    found = (diagnose(outcome) for group in result.groups for outcome in group.outcomes)
    return Counter(diagnosis.kind for diagnosis in found if diagnosis)


def commonest(counts: Counter[ErrorKind]) -> ErrorKind | None:
    """The kind of error made most often, the first in the order of :class:`ErrorKind` among equals."""
    order = list(ErrorKind)
    return min(counts, key=lambda kind: (-counts[kind], order.index(kind)), default=None)
