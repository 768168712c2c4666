"""The schema of release 0.1.0, which made its tables without Alembic; where older stores start from."""

from __future__ import annotations

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing: no store is older."""
