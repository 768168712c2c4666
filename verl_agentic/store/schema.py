"""Tables of the store."""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA_VERSION = 1

metadata = sa.MetaData()

tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column("id", sa.String(255), primary_key=True),
    sa.Column("split", sa.String(32), nullable=False),
    sa.Column("kind", sa.String(255), nullable=False),
    sa.Column("structure", sa.Text, nullable=False),
    sa.Column("depth", sa.Integer, nullable=False),
    sa.Column("json", sa.Text, nullable=False),
    sa.Column("parent", sa.String(255)),
    sa.Column("operator", sa.String(255)),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("status", sa.String(32), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Index("tasks_by_status", "split", "status"),
)

# What a round changed and what was there before, so that a rewind can put it back.
status_changes = sa.Table(
    "status_changes",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("epoch", sa.Integer, nullable=False, index=True),
    sa.Column("task_id", sa.String(255), nullable=False),
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
    sa.Column("trajectory", sa.Text, nullable=False),
    sa.UniqueConstraint("step", "task_id", "uid", "session"),
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
