"""Long texts compressed, and long parts of tasks kept once. What older releases wrote stays as it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Bring a store of revision 0002 to this one."""
    for table in ("tasks", "outcomes", "evaluations"):
        op.add_column(table, sa.Column("packed", sa.LargeBinary))
    op.create_table(
        "task_parts",
        sa.Column("hash", sa.LargeBinary, primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
    )
    grown = sa.text("round > 0")
    op.create_index("task_parts_by_round", "task_parts", ["round"], sqlite_where=grown, postgresql_where=grown)
