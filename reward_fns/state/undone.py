"""The rows that a world began with, from how it ended and what was changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from verl_agentic.core import BrokenTaskError, InfrastructureError

Rows = list[dict[str, Any]]


def initial_rows(state: Mapping[str, Any]) -> dict[str, Rows]:
    """Initial rows by table name, in no particular order.

    Args:
        state: a final state as :meth:`verl_agentic.tool_envs.world.world.DatabaseWorld.state` gives it: ``tables``, and
            ``changes`` with ``table``, ``before`` and ``after``.

    Raises:
        BrokenTaskError: it does not say what was changed.
        InfrastructureError: what was changed does not fit the tables.
    """
    if not isinstance(state.get("changes"), list):
        raise BrokenTaskError(
            "the task's world is read from a file, and its final state has no 'changes' that would tell its initial "
            "rows; add ground_truth.initial, rows by table"
        )
    try:
        rows = {name: list(table) for name, table in state["tables"].items()}
        for change in state["changes"]:
            if change["after"] is not None:
                rows[change["table"]].remove(change["after"])
            if change["before"] is not None:
                rows[change["table"]].append(change["before"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InfrastructureError("final state: 'changes' do not fit 'tables'") from error
    return rows
