"""Where a final state differs from the one that was expected, for people; no verdict is made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from verl_agentic.core import BrokenTaskError, InfrastructureError, Task, Trajectory
from verl_agentic.reward_fns.common import decode_ground_truth
from verl_agentic.reward_fns.state.changes import ChangesVerdict
from verl_agentic.reward_fns.state.truth import read_truth


@dataclass(frozen=True, slots=True)
class TableDifference:
    """What a table lacks, and what it has beyond; where changes are expected, they stand for rows.

    Attributes:
        table: its name.
        missing: expected rows that are not there.
        unexpected: rows that nobody expected.
    """

    table: str
    missing: tuple[Mapping[str, Any], ...]
    unexpected: tuple[Mapping[str, Any], ...]


def state_difference(task: Task, trajectory: Trajectory) -> list[TableDifference] | None:
    """Every table that differs; ``None`` where the task expects neither tables nor changes, or the state has none."""
    final = trajectory.state.get("tables")
    if not isinstance(final, dict):
        return None
    try:
        truth = read_truth(decode_ground_truth(task.ground_truth), {"task": task.to_json()}, trajectory.state)
        if truth.changes is not None:
            return _changes(truth.judge_changes(trajectory.state, len(trajectory.calls)))
    except (BrokenTaskError, InfrastructureError, json.JSONDecodeError):
        return None
    expected = dict(truth.expected)
    expected |= {table: (truth.initial or {}).get(table, []) for table in truth.untouched(final)}
    found = []
    for table, rows in expected.items():
        missing, unexpected = truth.compare.unpaired(table, rows, final.get(table, []))
        if missing or unexpected:
            found.append(TableDifference(table, tuple(missing), tuple(unexpected)))
    return found


def _changes(verdict: ChangesVerdict) -> list[TableDifference]:
    sides = (verdict.missing, verdict.unexpected)
    tables = dict.fromkeys(change.table for side in sides for change in side)
    return [
        TableDifference(name, *(tuple(change.told() for change in side if change.table == name) for side in sides))
        for name in tables
    ]
