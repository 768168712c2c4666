"""Threads for blocking calls that may hang: a hung one is given up and replaced, up to a cap.

A thread cannot be killed. What is given up is counted and named; its thread ends by itself if its call ever returns.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import os
import queue
import threading
import weakref
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import Any

from verl_agentic.core import InfrastructureError
from verl_agentic.core.exits import exits_contained


class _Call:
    """One call; its flags are guarded by the pool's lock."""

    def __init__(self, name: str, function: Callable[[], Any]) -> None:
        self.name = name
        self.function = function
        self.future: Future[Any] = Future()
        self.running = False
        self.over = False


class ThreadPool:
    """Runs blocking calls for event loops. Thread-safe, started lazily, usable after ``os.fork``; never joined."""

    def __init__(self, size: int = 64, max_abandoned: int = 64) -> None:
        """Describe the pool; calls start threads.

        Args:
            size: calls that execute at once.
            max_abandoned: hung calls whose threads are replaced; while more hang, every call is refused.
        """
        self._size = size
        self._max_abandoned = max_abandoned
        self._reset()
        _pools.add(self)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[_Call] = queue.SimpleQueue()
        self._threads = 0
        self._wanted = 0
        self._abandoned: Counter[str] = Counter()

    @property
    def abandoned(self) -> dict[str, int]:
        """How many calls hang that were given up, by name."""
        with self._lock:
            return dict(+self._abandoned)

    async def run(self, name: str, function: Callable[[], Any]) -> Any:
        """Call ``function`` in a thread, with the caller's context variables, and return its result.

        Cancelled, it gives up a call that is under way, and drops one that is still queued.

        Args:
            name: what a hung call is reported as.
            function: takes nothing; what it raises is raised here.

        Raises:
            InfrastructureError: too many calls hang.
            ExitedError: the function exited, as by ``sys.exit``.
            RuntimeError: it raised ``StopIteration``, which no coroutine can.
        """
        call = _Call(name, functools.partial(contextvars.copy_context().run, function))
        with self._lock:
            if self._abandoned.total() > self._max_abandoned:
                hung = ", ".join(f"{name} ({count})" for name, count in self._abandoned.most_common(5))
                raise InfrastructureError(f"too many tool calls hang in threads: {hung}")
            self._wanted += 1
            self._queue.put(call)
            self._start_threads()
        try:
            return await asyncio.wrap_future(call.future)
        except asyncio.CancelledError:
            self._give_up(call)
            raise

    def _start_threads(self) -> None:
        while self._threads < min(self._size, self._wanted):
            self._threads += 1
            threading.Thread(target=self._serve, args=(self._queue,), name="tool-call", daemon=True).start()

    def _serve(self, calls: queue.SimpleQueue[_Call]) -> None:
        while True:
            call = calls.get()
            with self._lock:
                if call.over:
                    continue
                call.running = True
            result: Any = None
            failure: BaseException | None = None
            try:
                with exits_contained():
                    result = call.function()
            except StopIteration as error:
                failure = RuntimeError(f"raised StopIteration: {error}")
            except BaseException as error:
                failure = error
            with self._lock:
                abandoned, call.over = call.over, True
                if abandoned:
                    self._abandoned[call.name] -= 1
                else:
                    self._wanted -= 1
            if abandoned:
                return  # another thread took this one's place
            with contextlib.suppress(InvalidStateError):
                call.future.set_exception(failure) if failure else call.future.set_result(result)
            del call, result, failure  # nothing of a call stays alive while waiting for the next

    def _give_up(self, call: _Call) -> None:
        with self._lock:
            if call.over:
                return
            call.over = True
            self._wanted -= 1
            if call.running:
                self._abandoned[call.name] += 1
                self._threads -= 1
                self._start_threads()


@functools.cache
def shared_threads(size: int = 64) -> ThreadPool:
    """The process's pool of ``size`` threads, which may lose as many again to calls that hang."""
    return ThreadPool(size, size)


_pools: weakref.WeakSet[ThreadPool] = weakref.WeakSet()


def _reset_all() -> None:
    for pool in list(_pools):
        pool._reset()


os.register_at_fork(after_in_child=_reset_all)
