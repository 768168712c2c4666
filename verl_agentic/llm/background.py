"""One event loop per process for all traffic with endpoints.

Rewards are computed in many threads, each with an event loop of its own that lives for one call. Connections,
semaphores and pauses belong to a loop; here they have one that outlives them all.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_closers: list[Callable[[], Awaitable[None]]] = []
_inherited: list[object] = []
_EXIT_SECONDS = 5


async def run_in_background(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` on the shared loop and wait for it from any other; cancelling the wait cancels the work."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, _running_loop()))


def _running_loop() -> asyncio.AbstractEventLoop:
    global _loop  # noqa: PLW0603 - one per process is the point
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            thread = threading.Thread(target=_loop.run_forever, name="verl-agentic-llm", daemon=True)
            thread.start()
            atexit.register(_stop, _loop, thread, os.getpid())
        return _loop


def close_at_exit(close: Callable[[], Awaitable[None]]) -> None:
    """Await ``close`` on the shared loop before the interpreter ends."""
    _closers.append(close)


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread, owner: int) -> None:
    """End the thread before the interpreter goes; a daemon that is still running then may crash it."""
    if os.getpid() == owner and thread.is_alive():
        ended = asyncio.run_coroutine_threadsafe(_wind_up(), loop)
        with contextlib.suppress(concurrent.futures.TimeoutError):
            ended.result(timeout=_EXIT_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=_EXIT_SECONDS)


async def _wind_up() -> None:
    pending = asyncio.all_tasks() - {asyncio.current_task()}
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    await asyncio.gather(*(close() for close in _closers), return_exceptions=True)


def _forget() -> None:
    """A forked child has the loop but not its thread, and perhaps a lock that nobody will release.

    What it inherits is kept: closing a socket here would take it out of the parent's epoll set.
    """
    global _lock, _loop, _closers
    _inherited.append((_loop, _closers))
    _lock, _loop, _closers = threading.Lock(), None, []


os.register_at_fork(after_in_child=_forget)
