"""Memory of a run: its peak over all processes, and what a round of the flywheel leaves behind."""

from __future__ import annotations

import contextlib
import ctypes
import threading

import psutil

from verl_agentic.tool_envs.world.source import forget_templates


class PeakMemory:
    """Samples the proportional set size of this process and its descendants (shared pages counted once).

    Attributes:
        peak_bytes: the largest sum seen.
    """

    def __init__(self, period_seconds: float = 3.0) -> None:
        self.peak_bytes = 0
        self._period = period_seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="agentic-memory", daemon=True)

    def start(self) -> None:
        """Start sampling."""
        self._thread.start()

    def stop(self) -> int:
        """Stop sampling and return the peak."""
        self._stopped.set()
        self._thread.join(timeout=10)
        return self.peak_bytes

    def _run(self) -> None:
        while not self._stopped.is_set():
            self.peak_bytes = max(self.peak_bytes, tree_bytes())
            self._stopped.wait(self._period)


def tree_bytes() -> int:
    """Memory of this process and its descendants now."""
    total = 0
    root = psutil.Process()
    for process in [root, *root.children(recursive=True)]:
        with contextlib.suppress(psutil.Error, OSError):
            memory = process.memory_full_info()
            total += int(getattr(memory, "pss", memory.rss))
    return total


def give_back() -> None:
    """Give back to the system what a round took: nothing that it played is played in this process again.

    Its tasks' worlds are the most of it; they would fill the cache that sessions of a rollout worker share, up to its
    limit. What is then free lies between what is not, and the allocator of glibc keeps it unless it is asked.
    """
    forget_templates()
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
