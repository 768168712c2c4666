"""Ends a run that cannot go on: verl waits for ever on a weight sync that failed or a worker that died."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ray

from verl_agentic.integration.console import tell

EXIT_STATUS = 70
_PERIOD_SECONDS = 2.0


class Watchdog:
    """Watches the phases of a run and the actors it depends on, from a thread of the trainer's process.

    Args:
        on_failure: told the reason before the process ends.
        end: how to end it; the default leaves at once, since the blocked main thread could not be interrupted.
    """

    def __init__(self, on_failure: Callable[[str], None], end: Callable[[str], None] | None = None) -> None:
        self._on_failure = on_failure
        self._end = end or _leave
        self._phases: dict[str, float] = {}
        self._actors: dict[str, Any] = {}
        self._asked: dict[str, Callable[[Any], str | None]] = {}
        self._pings: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="agentic-watchdog", daemon=True)

    def start(self) -> None:
        """Start watching."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()

    def watch(self, role: str, handles: Sequence[Any], ask: Callable[[Any], str | None] | None = None) -> None:
        """Watch Ray actors; a dead one ends the run.

        Args:
            role: what they are, for the reason.
            handles: the actors.
            ask: called in each of them with the actor itself; what it returns ends the run, too, unless it is ``None``.
        """
        with self._lock:
            actors = {f"{role} {position}": handle for position, handle in enumerate(handles)}
            self._actors.update(actors)
            if ask is not None:
                self._asked.update(dict.fromkeys(actors, ask))

    @contextlib.contextmanager
    def phase(self, name: str, seconds: float) -> Iterator[None]:
        """Bound the wall time of a phase."""
        with self._lock:
            self._phases[name] = time.monotonic() + seconds
        try:
            yield
        finally:
            with self._lock:
                self._phases.pop(name, None)

    def _run(self) -> None:
        while not self._stopped.wait(_PERIOD_SECONDS):
            reason = self._overdue() or self._dead()
            if reason and not self._stopped.is_set():
                with contextlib.suppress(Exception):
                    self._on_failure(reason)
                self._end(reason)
                return

    def _overdue(self) -> str | None:
        now = time.monotonic()
        with self._lock:
            late = [name for name, deadline in self._phases.items() if now > deadline]
        return f"{late[0]} took longer than its limit (agentic.limits)" if late else None

    def _dead(self) -> str | None:
        with self._lock:
            actors = dict(self._actors)
        for name, handle in actors.items():
            # A busy actor answers late; only a dead one answers with an error.
            if name not in self._pings:
                ask = self._asked.get(name)
                self._pings[name] = handle.__ray_call__.remote(ask) if ask else handle.__ray_ready__.remote()
            ping = self._pings[name]
            ready, _ = ray.wait([ping], timeout=0)
            if not ready:
                continue
            del self._pings[name]
            try:
                reason = ray.get(ping)
            except ray.exceptions.RayActorError as error:
                return f"{name} died: {str(error).splitlines()[0]}"
            except ray.exceptions.RayError:
                continue
            if name in self._asked and reason:
                return f"{name}: {reason}"
        return None


def engine_failure(server: Any) -> str | None:
    """Why a rollout server can serve nobody any more; asked in its own process.

    The server outlives the processes of its engine, and verl would go on asking it.
    """
    engine = getattr(server, "engine", None)
    return "its engine died" if getattr(engine, "errored", False) else None


def _leave(reason: str) -> None:
    tell(f"the run cannot go on: {reason}", error=True)
    os._exit(EXIT_STATUS)
