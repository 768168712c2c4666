"""What of a run's words appears on the terminal, and how."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable
from typing import TextIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console as RichConsole

from verl_agentic.integration.console.tell import MARK, PHASE_END

# Lines of one kind of progress that a terminal without a cursor gets.
_PARTS = 4
_REDRAW_SECONDS = 1.0
_PROGRESS = re.compile(r"(\w+) (\d+)/(\d+)\b")
# As Ray forwards a worker's line: "(TaskRunnerV1 pid=123, ip=10.0.0.2) ...", the brackets coloured.
_RAY_PREFIX = re.compile(r"\([^()]*pid=[^()]*\) ")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(line: str) -> str:
    """The line without colours and whatever else would steer a terminal."""
    return _CONTROL.sub("", line)


def words_of(line: str) -> str | None:
    """What a line of the log tells the user, without the mark; ``None`` where it is not meant for him."""
    text = plain(line)
    prefix = _RAY_PREFIX.match(text)
    text = text[prefix.end() :] if prefix else text
    return text[len(MARK) :].rstrip() if text.startswith(MARK) else None


class Screen:
    """Lines that stay, and below them, on a real terminal, one that is written over.

    ``NAME 3/40: ...`` is progress, and what ends with `` ...`` a phase: each is the live line of such a terminal.
    Elsewhere phases are left out, and of progress so few lines appear that a log stays short.

    Args:
        stream: the terminal.
        live: whether lines can be written over; the default asks the stream.
        now: a clock in seconds.
    """

    def __init__(self, stream: TextIO, live: bool | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._live = stream.isatty() if live is None else live
        self._now = now
        self._lock = threading.RLock()
        self._text = ""
        self._since = self._drawn = now()
        self._parts: dict[str, int] = {}

    def show(self, text: str) -> None:
        """Show what a run says, see :func:`words_of`."""
        progress = _PROGRESS.match(text)
        with self._lock:
            if self._live and (progress or text.endswith(PHASE_END)):
                self._text, self._since = text, self._now()
                self._draw()
            elif not text.endswith(PHASE_END) and (progress is None or self._is_due(progress)):
                self._write(f"{MARK}{text}\n")
                if _PROGRESS.match(self._text):
                    self._draw()
                else:
                    self._text = ""  # what follows a phase says how it ended

    def tick(self) -> None:
        """Let the seconds of the live line go on."""
        with self._lock:
            if self._text and self._now() - self._drawn >= _REDRAW_SECONDS:
                self._draw()

    def rich(self) -> RichConsole:
        """For tables, which stay; the live line is gone."""
        with self._lock:
            self.clear()
            return RichConsole(file=self._stream)

    def clear(self) -> None:
        """Take the live line away."""
        with self._lock:
            if self._text:
                self._text = ""
                self._write("")

    def _is_due(self, progress: re.Match[str]) -> bool:
        name, done, total = progress[1], int(progress[2]), max(1, int(progress[3]))
        part = done * _PARTS // total
        if part == self._parts.get(name, 0):
            return False
        self._parts[name] = part
        return True

    def _draw(self) -> None:
        self._drawn = self._now()
        minutes, seconds = divmod(int(self._drawn - self._since), 60)
        line = f"{minutes}:{seconds:02d} {self._text}"
        width = max(10, RichConsole(file=self._stream).width - 1)
        self._write(line if cell_len(line) <= width else set_cell_size(line, width))

    def _write(self, text: str) -> None:
        # The reader may be gone; the run need not end for that.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"\r\x1b[2K{text}" if self._live else text)
            self._stream.flush()
