"""Reads a growing file line by line."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

_CHUNK = 1 << 20


class Follower:
    """Hands on the lines that are appended to a file, from its present end on.

    Args:
        path: the file, which must be there.
        on_line: gets each whole line, without its end.

    Raises:
        OSError: the file cannot be read.
    """

    def __init__(self, path: Path, on_line: Callable[[str], None]) -> None:
        self._file = path.open("rb")
        self._file.seek(0, 2)
        self._on_line = on_line
        self._begun = b""
        self._lock = threading.Lock()

    def drain(self) -> None:
        """Hand on what has come since the last call; lines keep their order, whichever threads call."""
        with self._lock:
            while chunk := self._file.read(_CHUNK):
                *lines, self._begun = (self._begun + chunk).split(b"\n")
                for line in lines:
                    self._on_line(line.decode(errors="replace"))

    def close(self) -> None:
        """Hand on the rest, a line that was not ended included."""
        self.drain()
        with self._lock:
            if self._begun:
                self._on_line(self._begun.decode(errors="replace"))
            self._file.close()
