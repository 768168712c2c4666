"""How the policy last did on a task, kept beside the task so that a draw need not read the history."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, TypeVar

import sqlalchemy as sa

from verl_agentic.store import schema

# Databases bound the number of parameters of one statement.
CHUNK = 500

T = TypeVar("T")


def chunks(items: Collection[T]) -> Iterator[list[T]]:
    """``items`` in lists short enough for one statement."""
    ordered = list(items)
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]


def refresh_progress(connection: sa.Connection, task_ids: Collection[str]) -> None:
    """Set what the outcomes say about the last step at which each of these tasks was sampled."""
    table, tasks = schema.outcomes, schema.tasks
    clear = {"last_success": None, "last_step": None, "last_epoch": None}
    for some in chunks(sorted(task_ids)):
        chosen = table.c.task_id.in_(some)
        last = (
            sa.select(table.c.task_id, sa.func.max(table.c.step).label("step"))
            .where(chosen)
            .group_by(table.c.task_id)
            .subquery()
        )
        query = (
            sa.select(table.c.task_id, table.c.step, sa.func.max(table.c.epoch), sa.func.avg(table.c.acc))
            .join(last, sa.and_(table.c.task_id == last.c.task_id, table.c.step == last.c.step))
            .group_by(table.c.task_id, table.c.step)
        )
        rows = connection.execute(query).all()
        gone = sorted(set(some) - {row[0] for row in rows})
        if gone:
            connection.execute(tasks.update().where(tasks.c.id.in_(gone)).values(clear))
        if rows:
            values: dict[str, sa.BindParameter[Any]] = {name: sa.bindparam(f"new_{name}") for name in clear}
            connection.execute(
                tasks.update().where(tasks.c.id == sa.bindparam("task")).values(values),
                [
                    {"task": task_id, "new_last_step": step, "new_last_epoch": epoch, "new_last_success": success}
                    for task_id, step, epoch, success in rows
                ],
            )
