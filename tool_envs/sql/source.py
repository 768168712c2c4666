"""Which database a ``sql`` task means, and the databases that sessions share."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Collection, Hashable
from typing import Any

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from verl_agentic.core import BrokenTaskError, UserInputError
from verl_agentic.databases import LARGE, SMALL, Database, open_database, open_file
from verl_agentic.databases.open import DIALECTS
from verl_agentic.isolation.shared_cache import SharedCache, content_key
from verl_agentic.tool_envs.task_files import file_key, file_under

OPTIONS = "agentic.rollout.env_options.sql"

_MAX_DATABASES = 64
_SHARED: SharedCache[Database] = SharedCache(_MAX_DATABASES, lambda _: 1)

_VARIABLE = re.compile(r"\$\{(\w+)\}")
# The rest of what libpq takes may name files of this machine.
_URL_SETTINGS = frozenset({"host", "port", "sslmode"})


def open_shared(env_args: dict[str, Any], root: str | None, variables: Collection[str], seconds: float) -> Database:
    """The database that ``env_args`` describe; sessions that name the same one share it. Blocks.

    Args:
        env_args: see :class:`verl_agentic.tool_envs.sql.environment.SqlEnvironment`.
        root: the folder that ``file`` is relative to.
        variables: environment variables that a ``url`` may name.
        seconds: of one query on a database that exists already.

    Raises:
        BrokenTaskError: the arguments do not describe a database.
        InfrastructureError: it cannot be reached.
        UserInputError: the configuration lacks what the task needs.
    """
    schema, rows = env_args.get("schema"), env_args.get("rows")
    built = schema is not None or rows is not None
    if built and not (isinstance(schema, list) and isinstance(rows, dict)):
        raise BrokenTaskError("env_args of a sql task need a list 'schema' and an object 'rows'")
    if [built, "file" in env_args, "url" in env_args and not built].count(True) != 1:
        raise BrokenTaskError("env_args of a sql task need 'schema' and 'rows', or a 'file', or a 'url'")
    limits = SMALL if built else dataclasses.replace(LARGE, seconds=seconds)
    if "file" in env_args:
        path = file_under(root, env_args["file"], f"{OPTIONS}.root")
        return _SHARED.get((file_key(path), limits), lambda: open_file(path, limits, key="env_args.file"))
    url = _read_url(env_args.get("url", "sqlite://"), built, variables)
    key: Hashable = (url, content_key([schema, rows]), limits)
    return _SHARED.get(key, lambda: open_database(url, schema, rows, limits, key="env_args.url"))


def _read_url(text: Any, built: bool, variables: Collection[str]) -> URL:
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except (ArgumentError, ValueError, TypeError, AttributeError):
        # Without the text, which might hold a password, and without the chain that shows it.
        raise BrokenTaskError("env_args.url is not a database URL") from None
    if backend not in DIALECTS:
        raise BrokenTaskError(f"env_args.url: database {backend!r} is not one of {', '.join(DIALECTS)}")
    if backend != "postgresql":
        if not built:
            raise BrokenTaskError(f"env_args.url: name a {backend} database by env_args.file, below {OPTIONS}.root")
        return URL.create(backend)
    if unknown := sorted(set(url.query) - _URL_SETTINGS):
        raise BrokenTaskError(f"env_args.url: setting {unknown[0]!r} is not one of {', '.join(sorted(_URL_SETTINGS))}")
    if url.password and not _VARIABLE.fullmatch(str(url.password)):
        raise BrokenTaskError(
            "env_args.url holds a password; name an environment variable instead: postgresql://user:${NAME}@host/database"
        )
    parts = (url.username, str(url.password or ""), url.host, url.database)
    username, password, host, database = (_filled(part, variables) for part in parts)
    return url.set(username=username, password=password, host=host, database=database)


def _filled(text: str | None, variables: Collection[str]) -> str | None:
    if not text or not (match := _VARIABLE.fullmatch(text)):
        return text or None
    name = match[1]
    if name not in variables:
        raise UserInputError(f"a task's URL names the environment variable {name}; allow it by {OPTIONS}.variables")
    if not (value := os.environ.get(name)):
        raise UserInputError(f"a task's URL names the environment variable {name}, which is not set")
    return value
