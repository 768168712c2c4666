"""What happened to the answers that were judged in this process."""

from __future__ import annotations

import threading
from collections import Counter


class Counters:
    """Named counts; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1

    def snapshot(self) -> dict[str, int]:
        """All counts that are not zero."""
        with self._lock:
            return dict(self._counts)
