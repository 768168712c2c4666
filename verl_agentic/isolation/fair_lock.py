"""First come, first served."""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType


class Turns:
    """A fair lock, or with several places a fair semaphore: who waits longest is next.

    Threads that compute at once under one interpreter lock gain nothing and each wait through all others' time slices;
    one behind the other, none waits longer than the sum of what is before it. The locks, semaphores and conditions of
    ``threading`` are not fair: a thread that gives its place back and wants it again is mostly there before those that
    it wakes. Here a place goes from hand to hand, so that it is never free while somebody waits.
    """

    def __init__(self, places: int = 1) -> None:
        """Make it.

        Args:
            places: how many may be in it at once.
        """
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._free = places

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._waiting)

    def __enter__(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        try:
            mine.acquire()  # released by who is before us
        except BaseException:  # Ctrl-C while we wait: the place is for the next
            self._leave(mine)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._pass_on()

    def _leave(self, mine: threading.Lock) -> None:
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
            else:
                self._pass_on()

    def _pass_on(self) -> None:
        if self._waiting:
            self._waiting.popleft().release()
        else:
            self._free += 1
