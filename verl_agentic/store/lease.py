"""One writer at a time: a lease on the store, kept alive by a heartbeat."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

from verl_agentic.core import InfrastructureError, UserInputError
from verl_agentic.store import schema

logger = logging.getLogger(__name__)

_WRITER = "writer"
_BEATS_PER_LIMIT = 4
_POLL_SECONDS = 0.2

Transaction = Callable[[], AbstractContextManager[sa.Connection]]
"""Begins a transaction that writes."""


class Lease:
    """The right to write, held by one process.

    A lease whose process is gone (same machine), or whose heartbeat stopped for its ``stale_seconds``, is taken over.
    Who lost it finds out at its next write, before anything is written.

    Args:
        transaction: begins a transaction that writes.
        name: name of the store, for error messages.
        stale_seconds: silence after which others may take the lease over.
    """

    def __init__(self, transaction: Transaction, name: str, stale_seconds: float) -> None:
        self._transaction = transaction
        self._name = name
        self._stale_seconds = stale_seconds
        self._owner = uuid.uuid4().hex
        self._stopped = threading.Event()
        self._beating: threading.Thread | None = None

    def acquire(self, wait_seconds: float) -> None:
        """Take the lease.

        Args:
            wait_seconds: how long to wait for another holder, 0 not to.

        Raises:
            UserInputError: another process holds it.
            InfrastructureError: the database failed.
        """
        deadline = time.monotonic() + wait_seconds
        told = False
        while (holder := self._take()) is not None:
            if time.monotonic() >= deadline:
                raise UserInputError(
                    f"store {self._name} is in use by {holder}; end that run, name another store in "
                    "agentic.store.url, or wait longer with agentic.store.wait_seconds"
                )
            if not told:
                logger.warning("store %s is in use by %s; waiting up to %g s", self._name, holder, wait_seconds)
                told = True
            self._stopped.wait(min(_POLL_SECONDS, max(0.0, deadline - time.monotonic())))
        self._beating = threading.Thread(target=self._beat, name="store-lease", daemon=True)
        self._beating.start()

    def confirm(self, connection: sa.Connection) -> None:
        """Make sure, within a transaction that writes, that the lease is still ours.

        Raises:
            InfrastructureError: another process took it over.
        """
        table = schema.lease
        ours = sa.and_(table.c.name == _WRITER, table.c.owner == self._owner)
        now = _now(connection)
        if connection.execute(table.update().where(ours).values(heartbeat=now)).rowcount != 1:
            raise InfrastructureError(
                f"store {self._name}: this process was silent for more than {self._stale_seconds:g} s and another one "
                "took over; nothing more is written here"
            )

    def release(self) -> None:
        """Give the lease back; does nothing where it was lost."""
        self._stopped.set()
        if self._beating is not None:
            self._beating.join()
        table = schema.lease
        with self._transaction() as connection:
            connection.execute(table.delete().where(table.c.owner == self._owner))

    def _take(self) -> str | None:
        """``None`` when the lease is ours now, else who has it."""
        table = schema.lease
        row = {
            "name": _WRITER,
            "owner": self._owner,
            "host": socket.gethostname(),
            "machine": _machine(),
            "pid": os.getpid(),
            "process_started": psutil.Process().create_time(),
            "stale_seconds": self._stale_seconds,
        }
        with self._transaction() as connection:
            if connection.dialect.name == "postgresql":
                # There may be no row to lock; SQLite's writers take turns anyway.
                connection.execute(sa.text("LOCK TABLE lease IN SHARE ROW EXCLUSIVE MODE"))
            now = _now(connection)
            held = connection.execute(sa.select(table).where(table.c.name == _WRITER)).one_or_none()
            if held is not None:
                silence = now - held.heartbeat
                if _alive(held) and silence <= held.stale_seconds:
                    return f"process {held.pid} on {held.host} (heartbeat {max(0.0, silence):.0f} s ago)"
                logger.warning("store %s: taking over from process %d on %s", self._name, held.pid, held.host)
                connection.execute(table.delete().where(table.c.name == _WRITER))
            connection.execute(table.insert().values(heartbeat=now, **row))
        return None

    def _beat(self) -> None:
        while not self._stopped.wait(self._stale_seconds / _BEATS_PER_LIMIT):
            try:
                with self._transaction() as connection:
                    self.confirm(connection)
            except InfrastructureError as error:
                # Whoever writes next is told; a database that is down may come back in time.
                logger.warning("%s", error)


def _alive(held: Any) -> bool:
    """False only where the process is known to be gone."""
    if held.machine != _machine():
        return True
    try:
        process = psutil.Process(held.pid)
        # A pid is used again, but not with the same start.
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - held.process_started) < 1
    except psutil.NoSuchProcess:
        return False


def _machine() -> str:
    """What a pid is unique in: this boot of this machine and, in containers, the namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return f"{socket.gethostname()} {psutil.boot_time():.0f}"


def _now(connection: sa.Connection) -> float:
    """Seconds by a clock that all writers share: the server's, or that of the machine that the file is on."""
    if connection.dialect.name == "postgresql":
        return float(connection.scalar(sa.text("SELECT extract(epoch FROM clock_timestamp())")) or 0.0)
    return time.time()
