"""A process's standard output and error, turned into a file of which the terminal shows what is meant for it."""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TextIO

from rich.console import Console as RichConsole

from verl_agentic.core import UserInputError
from verl_agentic.integration.console.follower import Follower
from verl_agentic.integration.console.screen import Screen, plain, words_of
from verl_agentic.integration.console.tell import MARK, tell

LOG_FILE = "train.log"
QUOTED_LINES = 30
QUOTED_CHARS = 400
# With less left on the disk, lines would begin to be lost.
LEAST_FREE_BYTES = 16 * 2**20

_PERIOD_SECONDS = 0.2
_STDOUT, _STDERR = 1, 2


def open_console(folder: Path) -> Console | None:
    """The quiet console of a run, or ``None`` after a line on why everything goes to the terminal.

    Args:
        folder: the run's folder; ``train.log`` in it is appended to.
    """
    try:
        return Console(folder / LOG_FILE)
    except OSError as error:
        reason = error.strerror or error
        tell(f"{folder / LOG_FILE} cannot be written to ({reason}): all output follows here", error=True)
        return None


class Console:
    """From now on this process writes to the log, C++ code and Ray's account of its workers included.

    Lines that begin with ``verl-agentic:`` are shown on the terminal as they arrive there. The log is written by the
    system as it comes, so that a killed process loses nothing of it. Where the disk fills up the terminal gets
    everything again.

    Args:
        path: the log. Only its owner may read it: verl prints its configuration with all values resolved.
        least_free_bytes: room on the disk below which the log is given up.

    Raises:
        OSError: the log cannot be written to, or there is no standard output.
    """

    def __init__(self, path: Path, least_free_bytes: int = LEAST_FREE_BYTES) -> None:
        self.path = path.absolute()
        self._least_free = least_free_bytes
        self._ended = False
        self._given_up = False
        self._log = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(self._log, f"\n=== {time.strftime('%Y-%m-%d %H:%M:%S')}\n".encode())
            # The offset below is the log's: what is quoted is of this run, not of one before it.
            self._start = os.fstat(self._log).st_size
            self._follower = Follower(self.path, self._on_line)
            self._saved = (os.dup(_STDOUT), os.dup(_STDERR))
        except OSError:
            os.close(self._log)
            raise
        self._out, self._err = (_stream(saved) for saved in self._saved)
        self._screen = Screen(self._out)
        self._redirect((self._log, self._log))
        # Python buffers what goes to a file; Ray prints from a thread, and a kill must not lose it.
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="agentic-console", daemon=True)
        self._thread.start()
        atexit.register(self._at_exit)

    def rich(self) -> RichConsole:
        """The terminal for tables, below all that was said so far."""
        self._follower.drain()
        return self._screen.rich()

    def end(self, error: BaseException | None = None) -> None:
        """The run has ended: say how it failed, if it did. What is printed from now on goes to the log alone."""
        if error is not None and not self._given_up:
            sys.stdout.flush()
            traceback.print_exception(error)
            self._quote(error)
        self._ended = True

    def close(self) -> None:
        """Give the process its output back."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._thread.join()
        self._redirect(self._saved)
        self._follower.close()
        self._screen.clear()
        atexit.unregister(self._at_exit)

    def _on_line(self, line: str) -> None:
        words = words_of(line)
        if words is not None:
            self._screen.show(words)

    def _follow(self) -> None:
        while not self._closed.wait(_PERIOD_SECONDS):
            self._follower.drain()
            self._screen.tick()
            if self._is_full():
                self._give_up()
                return

    def _is_full(self) -> bool:
        disk = os.fstatvfs(self._log)
        # Some file systems do not know their size.
        return bool(disk.f_blocks) and disk.f_bavail * disk.f_frsize < self._least_free

    def _give_up(self) -> None:
        self._given_up = True
        self._redirect(self._saved)
        self._screen.clear()
        self._tell(f"{MARK}the disk is full, {self.path} ends here: all output follows")

    def _redirect(self, targets: tuple[int, int]) -> None:
        for stream, number, target in zip((sys.stdout, sys.stderr), (_STDOUT, _STDERR), targets, strict=True):
            if stream is not None:
                # What cannot be written is kept, and goes to the next target.
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
            os.dup2(target, number)

    def _at_exit(self) -> None:
        if not self._ended and not self._given_up:
            # Nobody told us how it ended: an interrupt, an exit, or an error outside of the run itself.
            error = getattr(sys, "last_value", None)
            if isinstance(error, KeyboardInterrupt):
                self._flush()
                self._tell(f"{MARK}interrupted; the same command goes on at the last checkpoint. Log: {self.path}")
            else:
                self._quote(error)
        # Not closed: what Ray says while it is taken down belongs into the log.
        self._flush()

    def _quote(self, error: BaseException | None) -> None:
        """Say on the terminal what the user has to mend, or how the log ends."""
        self._flush()
        cause = getattr(error, "cause", None) or error  # Ray wraps what a worker raised
        if isinstance(cause, UserInputError):
            self._tell(f"{MARK}{cause}\n{MARK}log: {self.path}")
            return
        self._tell(f"{MARK}the log ends with:")
        for line in self._last_lines():
            self._tell(f"  {line}")
        self._tell(f"{MARK}the run failed; all of its output: {self.path}")

    def _last_lines(self) -> list[str]:
        with self.path.open("rb") as log:
            size = log.seek(0, 2)
            log.seek(max(self._start, size - QUOTED_LINES * 4096))
            lines = log.read().decode(errors="replace").split("\n")
        # Of a bar that was drawn over and over, the last state.
        texts = [plain(line.rstrip("\r").rpartition("\r")[2]).rstrip() for line in lines]
        return [text[:QUOTED_CHARS] for text in texts if text][-QUOTED_LINES:]

    def _flush(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        self._follower.drain()
        self._screen.clear()

    def _tell(self, text: str) -> None:
        # The reader may be gone.
        with contextlib.suppress(OSError, ValueError):
            self._err.write(f"{text}\n")
            self._err.flush()


def _stream(descriptor: int) -> TextIO:
    return open(descriptor, "w", encoding="utf-8", errors="replace", closefd=False)
