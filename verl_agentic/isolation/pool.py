"""A pool of killable processes for work on model-written text: hard limits on time and memory, clocks that are fair.

The clock of a call runs from when a worker begins to execute it, so that a call is never charged for the queue before
it; each call waits its turn, none is overtaken. Workers are forked from a process that has done the imports,
so that to replace a killed one takes milliseconds. Linux only.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import os
import queue
import threading
import weakref
from concurrent.futures import Future
from types import TracebackType
from typing import Any

from verl_agentic.isolation.fair_lock import Turns
from verl_agentic.isolation.process import (
    ForkServer,
    WorkerCrashedError,
    WorkerError,
    WorkerMemoryError,
    WorkerPoolError,
    WorkerProcess,
    WorkerStartError,
    WorkerTimeoutError,
)

__all__ = [
    "WorkerCrashedError",
    "WorkerError",
    "WorkerMemoryError",
    "WorkerPool",
    "WorkerPoolError",
    "WorkerStartError",
    "WorkerTimeoutError",
]

MAX_MESSAGE_BYTES = 16 << 20


class _Call:
    """One call and the process that works on it, so that who cancels the one can kill the other."""

    def __init__(self, body: bytes, seconds: float) -> None:
        self.body = body
        self.seconds = seconds
        self.worker: WorkerProcess | None = None
        self.cancelled = False


class WorkerPool:
    """Calls one function in processes that can be killed. Thread-safe, usable after ``os.fork``; started lazily."""

    def __init__(
        self,
        target: str,
        *,
        size: int = 2,
        memory_bytes: int = 1 << 30,
        recycle_after: int = 5000,
        start_seconds: float = 60,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        """Describe the pool; the first call starts processes.

        Args:
            target: ``package.module:function``, imported before workers are forked, so without threads of its own; it
                is called with a JSON-able payload and gives a JSON-able result.
            size: how many calls execute at once.
            memory_bytes: address space that each process may map beyond what its imports did.
            recycle_after: calls after which a process is replaced.
            start_seconds: how long the imports may take, or a process to take up a call.
            max_message_bytes: longest payload and result, as JSON.
        """
        self._target = target
        self._size = size
        self._memory_bytes = memory_bytes
        self._recycle_after = recycle_after
        self._start_seconds = start_seconds
        self._max_message = max_message_bytes
        self._reset()
        _pools.add(self)
        atexit.register(_close, weakref.ref(self))

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._turns = Turns(self._size)
        self._starting = threading.Lock()
        self._server: ForkServer | None = None
        self._idle: list[WorkerProcess] = []
        self._busy: list[WorkerProcess] = []
        self._closed = False
        self._runners: list[threading.Thread] = []
        self._queue: queue.SimpleQueue[tuple[_Call, Future[Any]] | None] = queue.SimpleQueue()

    def run(self, payload: Any, seconds: float) -> Any:
        """Call the function and wait for its result, first for a worker: in order of arrival, without a clock.

        Raises:
            ValueError: the payload is longer than ``max_message_bytes``; TypeError: it is not JSON-able.
            WorkerTimeoutError: the function took longer than ``seconds``.
            WorkerMemoryError: the function wanted more than ``memory_bytes``; its process ended.
            WorkerCrashedError: its process died of anything else (a segmentation fault, a signal).
            WorkerError: the function raised, or its result is too long or not JSON-able.
            WorkerStartError: no process could be started, or the pool is closed.
        """
        return self._execute(self._encode(payload, seconds))

    async def arun(self, payload: Any, seconds: float) -> Any:
        """As :meth:`run`, without blocking the event loop. Cancelled while it executes, its process is killed.

        Such calls are served in order of arrival among themselves; ``size`` of them at a time stand in the queue of
        :meth:`run`.
        """
        call = self._encode(payload, seconds)
        future: Future[Any] = Future()
        with self._lock:
            if self._closed:
                raise WorkerStartError("worker pool is closed")
            self._start_runners()
            self._queue.put((call, future))
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            with self._lock:
                call.cancelled = True
                if call.worker:
                    call.worker.kill()
            raise

    def close(self) -> None:
        """Kill all processes. Calls under way and later ones raise :class:`WorkerStartError`."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            for worker in (*idle, *self._busy):
                worker.kill()
            for worker in idle:
                worker.release()
            for _ in self._runners:
                self._queue.put(None)
            if self._server:
                self._server.close()

    @property
    def waiting(self) -> int:
        """How many calls wait for a worker in the queue of :meth:`run`."""
        return self._turns.waiting

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _disown(self) -> None:
        """In a forked child: the processes, locks and threads are the parent's."""
        closed = self._closed
        for worker in (*self._idle, *self._busy):
            worker.release()
        if self._server:
            self._server.disown()
        self._reset()
        self._closed = closed

    def _encode(self, payload: Any, seconds: float) -> _Call:
        body = json.dumps(payload).encode("ascii")
        if len(body) > self._max_message:
            raise ValueError(f"payload is longer than {self._max_message} bytes")
        return _Call(body, seconds)

    def _execute(self, call: _Call) -> Any:
        with self._turns:
            try:
                return self._attempt(call)
            except WorkerStartError:
                if self._closed or call.cancelled:
                    raise
            return self._attempt(call)  # an idle process had died, which is not this call's doing

    def _attempt(self, call: _Call) -> Any:
        worker = self._acquire(call)
        keep = False
        try:
            result = worker.call(call.body, call.seconds, self._start_seconds)
            keep = True
            return result
        except WorkerError:
            keep = True
            raise
        except WorkerCrashedError as error:
            if self._closed:
                raise WorkerStartError("worker pool is closed") from error
            raise
        finally:
            self._release(call, worker, keep)

    def _acquire(self, call: _Call) -> WorkerProcess:
        """Take an idle process or fork one; it is the call's turn."""
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        worker = worker or self._running_server().fork()
        with self._lock:
            if self._closed:
                worker.kill()
                worker.release()
                raise WorkerStartError("worker pool is closed")
            self._busy.append(worker)
            call.worker = worker
            if call.cancelled:
                worker.kill()
            return worker

    def _running_server(self) -> ForkServer:
        with self._starting:
            server = self._server
            if self._closed:
                raise WorkerStartError("worker pool is closed")
            if server is None or not server.alive():
                server = ForkServer(self._target, self._memory_bytes, self._max_message, self._start_seconds)
                with self._lock:
                    self._server = server
                    if self._closed:
                        server.close()
            return server

    def _release(self, call: _Call, worker: WorkerProcess, keep: bool) -> None:
        with self._lock:
            call.worker = None
            self._busy.remove(worker)
            if keep and not call.cancelled and not self._closed and worker.calls < self._recycle_after:
                self._idle.append(worker)
            else:
                worker.kill()
                worker.release()

    def _start_runners(self) -> None:
        while len(self._runners) < self._size:
            thread = threading.Thread(target=self._serve_queue, args=(self._queue,), name="worker-call", daemon=True)
            self._runners.append(thread)
            thread.start()

    def _serve_queue(self, calls: queue.SimpleQueue[tuple[_Call, Future[Any]] | None]) -> None:
        while item := calls.get():
            call, future = item
            if not future.set_running_or_notify_cancel():
                continue
            result, failure = None, None
            try:
                result = self._execute(call)
            except BaseException as error:
                failure = error
            with contextlib.suppress(Exception):
                future.set_exception(failure) if failure else future.set_result(result)
            del item, call, future, result, failure  # nothing of a call stays alive while waiting for the next


_pools: weakref.WeakSet[WorkerPool] = weakref.WeakSet()


def _close(pool: weakref.ref[WorkerPool]) -> None:
    if alive := pool():
        alive.close()


def _disown_all() -> None:
    for pool in list(_pools):
        pool._disown()


os.register_at_fork(after_in_child=_disown_all)
