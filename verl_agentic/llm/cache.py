"""Replies that were paid for, by the hash of what was asked."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from verl_agentic.llm.sqlite import SharedFile

logger = logging.getLogger(__name__)

_FORMAT = 1
_DROPPED = 0.1

_metadata = sa.MetaData()
_replies = sa.Table(
    "replies",
    _metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("key", sa.String(64), nullable=False, unique=True),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
)


def reply_key(base_url: str, body: Mapping[str, Any], schema: Mapping[str, Any] | None, sample: int, nonce: str) -> str:
    """SHA-256 over all that a reply depends on, as far as it is known.

    Args:
        base_url: the endpoint.
        body: the request's body: model, messages, sampling.
        schema: schema of the reply; not in ``body``, since endpoints want it in different places.
        sample: number of the independent reply.
        nonce: random text that is left out, wherever it occurs.
    """
    text = json.dumps([_FORMAT, base_url, body, schema, sample], sort_keys=True)
    return hashlib.sha256((text.replace(nonce, "") if nonce else text).encode()).hexdigest()


class ReplyCache:
    """A file of replies, shared by processes and bounded in size; the oldest replies go first.

    A file that fails in use is reported in the log and then left aside: a reply at hand is worth more than its copy.

    Args:
        path: the file.
        max_bytes: size of its content; the file grows a little beyond that.

    Raises:
        UserInputError: the file cannot be made or is not a database.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._file = SharedFile(path, _metadata, "agentic.llm.cache")
        self._max_bytes = max_bytes

    def get(self, key: str) -> str | None:
        """The reply's text, ``None`` where there is none."""
        try:
            with self._file.read() as connection:
                found = connection.scalar(sa.select(_replies.c.content).where(_replies.c.key == key))
        except SQLAlchemyError as error:
            logger.warning("agentic.llm.cache cannot be read: %s", getattr(error, "orig", None) or error)
            return None
        return None if found is None else str(found)

    def put(self, key: str, content: str) -> None:
        """Keep a reply. Committed when this returns."""
        try:
            with self._file.write() as connection:
                row = {"key": key, "content": content, "created": time.time()}
                connection.execute(sa.insert(_replies).prefix_with("OR IGNORE").values(row))
                if _used_bytes(connection) > self._max_bytes:
                    _drop_oldest(connection)
        except SQLAlchemyError as error:
            logger.warning("agentic.llm.cache cannot be written: %s", getattr(error, "orig", None) or error)


def _used_bytes(connection: sa.Connection) -> int:
    """Bytes in pages that hold something; no scan, so it can be asked at every write."""
    pages, free, size = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _drop_oldest(connection: sa.Connection) -> None:
    count = connection.scalar(sa.select(sa.func.count()).select_from(_replies)) or 0
    oldest = sa.select(_replies.c.number).order_by(_replies.c.number).limit(max(1, int(count * _DROPPED)))
    connection.execute(sa.delete(_replies).where(_replies.c.number.in_(oldest)))
