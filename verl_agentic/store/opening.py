"""Make a new store's tables, or bring an older store's up to date."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import URL

from verl_agentic.core import UserInputError
from verl_agentic.core.files.sqlite_file import setting_up
from verl_agentic.store import schema
from verl_agentic.store.engine import shown, sqlite_path

_FIRST_REVISION = "0001"
# Any number that nobody else locks in the same PostgreSQL database.
_POSTGRES_LOCK = 7_604_211_059


def open_tables(engine: sa.Engine, create: bool) -> None:
    """See to it that the database holds a store of this release.

    Args:
        engine: the database.
        create: make a store where there is none.

    Raises:
        UserInputError: there is no store and none is to be made, it was written by a newer release, or it must be
            changed and cannot be written to.
    """
    with engine.connect() as connection:
        known = _revision(connection, engine.url)
    if known == schema.REVISION:
        return
    if known is None and not create:
        raise UserInputError(f"{shown(engine.url)} holds no store of verl-agentic")
    path = sqlite_path(engine.url)
    try:
        writer = engine.execution_options(writes=True)
        with setting_up(path), writer.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_POSTGRES_LOCK)))
            # Another process may have been first.
            known = _revision(connection, engine.url)
            if known is None:
                schema.metadata.create_all(connection)
            elif known != schema.REVISION:
                _migrate(connection, known, engine.url)
    except OSError as error:
        raise UserInputError(
            f"store {shown(engine.url)} cannot be set up: {error.strerror or error}; make its folder writable"
        ) from error


def _revision(connection: sa.Connection, url: URL) -> str | None:
    """The revision of the store, ``None`` where there is none."""
    tables = sa.inspect(connection)
    if tables.has_table(schema.revision.name):
        found = connection.scalar(sa.select(schema.revision.c.version_num))
        return None if found is None else str(found)
    if not tables.has_table(schema.info.name):
        return None
    version = connection.scalar(sa.select(schema.info.c.value).where(schema.info.c.key == "schema_version"))
    if version != 1:
        raise UserInputError(f"{shown(url)} holds a table 'info', but no store of verl-agentic; name another database")
    return _FIRST_REVISION


def _migrate(connection: sa.Connection, known: str, url: URL) -> None:
    # Alembic is imported where a store is older or newer, and nowhere else.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "verl_agentic.store:migrations")
    config.set_main_option("path_separator", "os")
    if known not in {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}:
        raise UserInputError(
            f"store {shown(url)} has revision {known}, this release reads up to {schema.REVISION}; "
            "use the release that wrote it, or start a new run"
        )
    if not sa.inspect(connection).has_table(schema.revision.name):
        command.stamp(config, known)
    command.upgrade(config, schema.REVISION)
