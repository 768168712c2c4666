"""Set up a SQLite file that several processes may open at the same moment."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

BUSY_SECONDS = 30
"""How long a connection waits for another one's lock."""


@contextmanager
def setting_up(path: Path) -> Iterator[None]:
    """Be the only process that sets up ``path``, which is made where it is missing and is in WAL mode from then on.

    Raises:
        OSError: the lock file beside it cannot be made.
        sqlite3.Error: the file is not a database, or cannot be written to.
    """
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # The file keeps its mode. SQLite waits for nobody when it changes it, hence the lock.
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as plain:
            plain.execute("PRAGMA journal_mode = WAL")
        yield
