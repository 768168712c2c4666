"""Partial credit: a query that runs, on the right tables, with the right columns."""

from __future__ import annotations

from typing import Any

from verl_agentic.isolation.pool import WorkerPool, WorkerPoolError
from verl_agentic.reward_fns.sql.order import SQLGLOT_NAMES

_POOL = WorkerPool(f"{__name__}:names", size=1, memory_bytes=512 << 20)
_SECONDS = 1.0


def partial_share(predicted: str, reference: str, dialect: str) -> float:
    """Share of partial credit for a query that runs: a third, and a third each for its tables and its columns.

    Texts are parsed in a process that can be killed; one that cannot be parsed there gets the third.
    """
    try:
        found, wanted = (_POOL.run([sql, dialect], _SECONDS) for sql in (predicted, reference))
    except WorkerPoolError:
        return 1 / 3
    share: float = (1 + (found["tables"] == wanted["tables"]) + (found["columns"] == wanted["columns"])) / 3
    return share


def names(request: list[str]) -> dict[str, Any]:
    """The tables and columns that a query names (the worker's side)."""
    import sqlglot
    from sqlglot import exp

    sql, dialect = request
    tree: Any = sqlglot.parse_one(sql, read=SQLGLOT_NAMES[dialect])
    own = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    return {
        "tables": sorted({table.name.lower() for table in tree.find_all(exp.Table)} - own),
        "columns": sorted({column.name.lower() for column in tree.find_all(exp.Column)}),
    }
