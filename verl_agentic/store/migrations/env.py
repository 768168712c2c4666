"""What Alembic runs around the revisions: they join the transaction of whoever opens the store."""

from __future__ import annotations

from alembic import context

from verl_agentic.store import schema

# The name under which Alembic runs this file; for anybody else it is an ordinary module.
if __name__ == "env_py":
    context.configure(connection=context.config.attributes["connection"], target_metadata=schema.metadata)
    with context.begin_transaction():
        context.run_migrations()
