"""Lineage, progress for draws, policy versions, the lease and the view of quarantined tasks."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from verl_agentic.core import Task
from verl_agentic.store.task_rows import derived

revision = "0002"
down_revision = "0001"

_CHUNK = 1000


def upgrade() -> None:
    """Bring a store of revision 0001 to this one."""
    for column in (
        sa.Column("generator", sa.String(255), nullable=False, server_default=""),
        sa.Column("seed", sa.BigInteger),
        sa.Column("content_hash", sa.String(64), nullable=False, server_default=""),
        sa.Column("draw_key", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("last_success", sa.Float),
        sa.Column("last_step", sa.Integer),
        sa.Column("last_epoch", sa.Integer),
    ):
        op.add_column("tasks", column)
    op.add_column("outcomes", sa.Column("policy_version", sa.Integer))
    op.create_index("outcomes_by_task", "outcomes", ["task_id", "step"])
    op.create_index("ix_status_changes_task_id", "status_changes", ["task_id"])
    _fill_derived(op.get_bind())
    op.execute(_LAST_STEP)
    op.execute(_LAST_SUCCESS)
    op.drop_index("tasks_by_status", "tasks")
    progress = ["split", "status", "kind", "depth", "last_success", "round", "last_epoch", "draw_key", "id"]
    op.create_index("tasks_by_progress", "tasks", progress)
    op.create_index("tasks_by_birth", "tasks", ["split", "round", "id"])
    only_grown = sa.text("parent IS NOT NULL")
    op.create_index("tasks_by_parent", "tasks", ["parent"], sqlite_where=only_grown, postgresql_where=only_grown)
    operated = sa.text("operator IS NOT NULL")
    columns = ["split", "operator", "status"]
    op.create_index("tasks_by_operator", "tasks", columns, sqlite_where=operated, postgresql_where=operated)
    op.create_table(
        "lease",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("machine", sa.String(255), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("process_started", sa.Float, nullable=False),
        sa.Column("heartbeat", sa.Float, nullable=False),
        sa.Column("stale_seconds", sa.Float, nullable=False),
    )
    op.execute(_QUARANTINE)
    # Alembic's table says it from here on; release 0.1.0 looks for this one and refuses a store without it.
    op.execute("DELETE FROM info WHERE key = 'schema_version'")


_LAST_STEP = """
UPDATE tasks SET last_step = (SELECT MAX(o.step) FROM outcomes o WHERE o.task_id = tasks.id)
WHERE id IN (SELECT task_id FROM outcomes)
"""
_LAST_SUCCESS = """
UPDATE tasks SET
  last_success = (SELECT AVG(o.acc) FROM outcomes o WHERE o.task_id = tasks.id AND o.step = tasks.last_step),
  last_epoch = (SELECT MAX(o.epoch) FROM outcomes o WHERE o.task_id = tasks.id AND o.step = tasks.last_step)
WHERE last_step IS NOT NULL
"""
_QUARANTINE = """
CREATE VIEW quarantine AS
SELECT t.id, t.split, t.kind, t.structure, t.depth, t.generator, t.operator, t.parent, t.round, t.reason,
  (SELECT MAX(c.epoch) FROM status_changes c WHERE c.task_id = t.id AND c.status = 'quarantined') AS epoch
FROM tasks t WHERE t.status = 'quarantined'
"""


def _fill_derived(connection: sa.Connection) -> None:
    names = ("id", "json", "generator", "seed", "content_hash", "draw_key")
    tasks = sa.table("tasks", *(sa.column(name) for name in names))
    values: dict[str, sa.BindParameter[Any]] = {name: sa.bindparam(f"new_{name}") for name in names[2:]}
    update = tasks.update().where(tasks.c.id == sa.bindparam("old_id")).values(values)
    last = ""
    while True:
        query = sa.select(tasks.c.id, tasks.c.json).where(tasks.c.id > last).order_by(tasks.c.id).limit(_CHUNK)
        rows = connection.execute(query).all()
        if not rows:
            return
        connection.execute(update, [_parameters(row.id, Task.from_json(row.json)) for row in rows])
        last = rows[-1].id


def _parameters(task_id: str, task: Task) -> dict[str, Any]:
    return {"old_id": task_id, **{f"new_{name}": value for name, value in derived(task).items()}}
