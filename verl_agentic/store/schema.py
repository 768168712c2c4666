"""Tables of the store. A change here needs a revision in ``migrations`` that brings older stores to it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

REVISION = "0003"
"""The newest revision in ``migrations``."""

metadata = sa.MetaData()

# Alembic's own table, in its form; declared so that opening a store of this revision needs no Alembic.
revision = sa.Table(
    "alembic_version",
    metadata,
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column("id", sa.String(255), primary_key=True),
    sa.Column("split", sa.String(32), nullable=False),
    sa.Column("kind", sa.String(255), nullable=False),
    sa.Column("structure", sa.Text, nullable=False),
    sa.Column("depth", sa.Integer, nullable=False),
    # Empty where the task is long: then it is in the last column, and what it shares with others in task_parts.
    sa.Column("json", sa.Text, nullable=False),
    sa.Column("parent", sa.String(255)),
    sa.Column("operator", sa.String(255)),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("status", sa.String(32), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("generator", sa.String(255), nullable=False, server_default=""),
    # NULL where a seed has more than 64 bits; the task's JSON has it all the same.
    sa.Column("seed", sa.BigInteger),
    sa.Column("content_hash", sa.String(64), nullable=False, server_default=""),
    # A uniform number below 2**31 - 1 that depends on the id alone, see candidates.py.
    sa.Column("draw_key", sa.BigInteger, nullable=False, server_default="0"),
    # The last step at which the task was sampled, see progress.py; NULL before the first.
    sa.Column("last_success", sa.Float),
    sa.Column("last_step", sa.Integer),
    sa.Column("last_epoch", sa.Integer),
    sa.Column("packed", sa.LargeBinary),
    # Holds all that a draw reads, so that it never touches the rows with their large JSON.
    sa.Index(
        "tasks_by_progress",
        *("split", "status", "kind", "depth", "last_success", "round", "last_epoch", "draw_key", "id"),
    ),
    sa.Index("tasks_by_birth", "split", "round", "id"),
    sa.Index(
        "tasks_by_parent",
        "parent",
        sqlite_where=sa.text("parent IS NOT NULL"),
        postgresql_where=sa.text("parent IS NOT NULL"),
    ),
    sa.Index(
        "tasks_by_operator",
        *("split", "operator", "status"),
        sqlite_where=sa.text("operator IS NOT NULL"),
        postgresql_where=sa.text("operator IS NOT NULL"),
    ),
)

# Long parts of tasks, once for all that have them, see task_parts.py.
task_parts = sa.Table(
    "task_parts",
    metadata,
    sa.Column("hash", sa.LargeBinary, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
    # The first round of all whose tasks have it, 0 for tasks that no rewind takes back: it goes when they all go.
    sa.Column("round", sa.Integer, nullable=False),
    sa.Index(
        "task_parts_by_round",
        "round",
        sqlite_where=sa.text("round > 0"),
        postgresql_where=sa.text("round > 0"),
    ),
)

# What a round changed and what was there before, so that a rewind can put it back.
status_changes = sa.Table(
    "status_changes",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("epoch", sa.Integer, nullable=False, index=True),
    sa.Column("task_id", sa.String(255), nullable=False, index=True),
    sa.Column("old_status", sa.String(32), nullable=False),
    sa.Column("old_reason", sa.Text, nullable=False),
    sa.Column("status", sa.String(32), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)

outcomes = sa.Table(
    "outcomes",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("epoch", sa.Integer, nullable=False, index=True),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("task_id", sa.String(255), nullable=False),
    sa.Column("uid", sa.String(255), nullable=False),
    sa.Column("session", sa.Integer, nullable=False),
    sa.Column("reward", sa.Float, nullable=False),
    sa.Column("acc", sa.Float, nullable=False),
    sa.Column("failure", sa.String(32), nullable=False),
    sa.Column("turns", sa.Integer, nullable=False),
    # Empty where it is long: then it is in the last column, see packing.py.
    sa.Column("trajectory", sa.Text, nullable=False),
    sa.Column("policy_version", sa.Integer),
    sa.Column("packed", sa.LargeBinary),
    sa.UniqueConstraint("step", "task_id", "uid", "session"),
    sa.Index("outcomes_by_task", "task_id", "step"),
)

rounds = sa.Table(
    "rounds",
    metadata,
    sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("status", sa.String(32), nullable=False),
    sa.Column("counts", sa.JSON, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
)

draws = sa.Table(
    "draws",
    metadata,
    sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("task_ids", sa.JSON, nullable=False),
)

evaluations = sa.Table(
    "evaluations",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("split", sa.String(32), nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("task_id", sa.String(255), nullable=False),
    sa.Column("kind", sa.String(255), nullable=False),
    sa.Column("session", sa.Integer, nullable=False),
    sa.Column("acc", sa.Float, nullable=False),
    sa.Column("reward", sa.Float, nullable=False),
    sa.Column("failure", sa.String(32), nullable=False),
    sa.Column("trajectory", sa.Text, nullable=False),
    sa.Column("packed", sa.LargeBinary),
    sa.UniqueConstraint("split", "step", "task_id", "session"),
)

metrics = sa.Table(
    "metrics",
    metadata,
    sa.Column("step", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("values", sa.JSON, nullable=False),
)

failures = sa.Table(
    "failures",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("task_id", sa.String(255), nullable=False),
)

info = sa.Table(
    "info",
    metadata,
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("value", sa.JSON, nullable=False),
)

lease = sa.Table(
    "lease",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("machine", sa.String(255), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("process_started", sa.Float, nullable=False),
    sa.Column("heartbeat", sa.Float, nullable=False),
    sa.Column("stale_seconds", sa.Float, nullable=False),
)

# Not in the metadata: to SQLAlchemy a view is a table that it would create.
quarantine = sa.table(
    "quarantine",
    *(sa.column(name) for name in ("id", "split", "kind", "structure", "depth", "generator", "operator", "parent")),
    *(sa.column(name) for name in ("round", "reason", "epoch")),
)
CREATE_QUARANTINE = """
CREATE VIEW quarantine AS
SELECT t.id, t.split, t.kind, t.structure, t.depth, t.generator, t.operator, t.parent, t.round, t.reason,
  (SELECT MAX(c.epoch) FROM status_changes c WHERE c.task_id = t.id AND c.status = 'quarantined') AS epoch
FROM tasks t WHERE t.status = 'quarantined'
"""


@sa.event.listens_for(metadata, "after_create")
def _complete(_: sa.MetaData, connection: sa.Connection, **__: Any) -> None:
    connection.execute(sa.text(CREATE_QUARANTINE))
    connection.execute(revision.insert().values(version_num=REVISION))
