"""An event loop that ends, whatever foreign code has left running in it."""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from verl_agentic.rollout.deadline import forget, name_of

logger = logging.getLogger(__name__)

T = TypeVar("T")

END_SECONDS = 5.0
"""How long what is left may take to clean up; servers of tools, which are asked to end first, take some of it."""


def run_to_the_end(main: Coroutine[Any, Any, T], seconds: float = END_SECONDS) -> T:
    """As :func:`asyncio.run`, for work that runs foreign code: what does not end is named and left behind.

    :func:`asyncio.run` cancels the tasks that are left and waits for them, and for the threads of
    :func:`asyncio.to_thread`, without a bound; one that goes on even so would keep a command from its end.

    Args:
        main: the work.
        seconds: how long what is left may take.
    """
    return asyncio.run(_ended(main, seconds))


async def _ended(main: Coroutine[Any, Any, T], seconds: float) -> T:
    asyncio.get_running_loop().set_default_executor(_LeavableThreads(seconds))
    try:
        return await main
    finally:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        for task in (await asyncio.wait(left, timeout=seconds))[1] if left else ():
            logger.warning("left behind what goes on although it was cancelled: %s", name_of(task))
            forget(task)


class _LeavableThreads(ThreadPoolExecutor):
    """Threads of which neither the end of the loop nor that of the process waits for one that hangs."""

    def __init__(self, seconds: float) -> None:
        size = min(32, (os.cpu_count() or 1) + 4)  # as asyncio's own
        super().__init__(size)
        self._size = size
        self._seconds = seconds
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._own: list[threading.Thread] = []
        self._open = 0  # calls that wait or run
        self._guard = threading.Lock()

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        with self._guard:
            self._open += 1
            self._calls.put((future, lambda: function(*args, **kwargs)))
            if len(self._own) < min(self._size, self._open):
                thread = threading.Thread(target=self._serve, name="to-thread", daemon=True)
                self._own.append(thread)
                thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=False, cancel_futures=cancel_futures)
        for _ in self._own:
            self._calls.put(None)
        deadline = time.monotonic() + self._seconds
        for thread in self._own if wait else ():
            thread.join(max(0.0, deadline - time.monotonic()))
        if wait and (left := sum(thread.is_alive() for thread in self._own)):
            logger.warning("left behind %d calls that hang in threads", left)

    def _serve(self) -> None:
        while (one := self._calls.get()) is not None:
            future, call = one
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except BaseException as error:
                    future.set_exception(error)
            with self._guard:
                self._open -= 1
            del one, future, call  # nothing of a call stays alive while waiting for the next
