"""Deadlines that hold: a coroutine that ignores its cancellation is waited for a while, then left behind."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from verl_agentic.core import InfrastructureError
from verl_agentic.core.exits import exits_contained

logger = logging.getLogger(__name__)

T = TypeVar("T")

# The event loop itself holds tasks only weakly.
_left_behind: set[asyncio.Future[Any]] = set()


class DeadlineError(InfrastructureError):
    """Something of ours took too long.

    Attributes:
        culprit: what did, in a few words that recur: ``tool 'search'``, ``the user``.
    """

    def __init__(self, message: str, culprit: str) -> None:
        super().__init__(message)
        self.culprit = culprit


def because(failures: Sequence[str]) -> str:
    """The end of a deadline's message: the last failure that was being mended meanwhile, if there was one."""
    return f"; {failures[-1]}" if failures else ""


async def within(work: Awaitable[T], seconds: float, grace: float, excused: Callable[[], float] = lambda: 0.0) -> T:
    """The result of ``work``, had by the deadline, which the seconds that are ``excused`` by then put off.

    Past it, or when the caller is cancelled, the work is cancelled and given ``grace`` seconds to clean up.
    :func:`asyncio.wait_for` would wait for that without end, and the caller with it, and so would the end of the event
    loop (:func:`asyncio.run`): work that goes on even so is left behind, and the loop ends without it.

    Raises:
        asyncio.TimeoutError: it took over ``seconds``.
        ExitedError: the work exited, as by ``sys.exit``.
        RuntimeError: the work cancelled itself.
    """
    task = asyncio.create_task(_contained(work), name=getattr(work, "__qualname__", None))
    deadline = time.monotonic() + seconds
    try:
        while not task.done() and (left := deadline + excused() - time.monotonic()) > 0:
            await asyncio.wait((task,), timeout=left)
    except asyncio.CancelledError:
        await _give_up(task, grace)
        raise
    if task.cancelled():
        # Somewhere inside; the caller, whom nobody cancelled, must not take it for its own end.
        raise RuntimeError("was cancelled from inside")
    if task.done():
        return task.result()
    await _give_up(task, grace)
    raise asyncio.TimeoutError


async def gathered(works: list[Awaitable[T]], grace: float) -> list[T]:
    """The results of all, in order; with the first failure the others are cancelled, and it is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        failed = next((task for task in tasks if task.done() and (task.cancelled() or task.exception())), None)
        return [task.result() for task in (tasks if failed is None else [failed])]
    finally:
        await asyncio.gather(*(_give_up(task, grace) for task in tasks if not task.done()))


async def _contained(work: Awaitable[T]) -> T:
    with exits_contained():
        return await work


async def _give_up(task: asyncio.Future[Any], grace: float) -> None:
    task.cancel()
    await asyncio.wait((task,), timeout=grace)
    if task.done():
        _read(task)
    else:
        logger.warning("left behind what goes on although it was cancelled: %s", name_of(task))
        _left_behind.add(task)
        forget(task)
        task.add_done_callback(_left_behind.discard)
        task.add_done_callback(_read)


def forget(task: asyncio.Future[Any]) -> None:
    """Let the event loop end without ``task``: its end cancels what is left, and waits for it without a bound."""
    if isinstance(task, asyncio.Task):
        asyncio.tasks._unregister_task(task)
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # that it never ended has been said


def name_of(task: asyncio.Future[Any]) -> str:
    """What a task is called in messages."""
    return task.get_name() if isinstance(task, asyncio.Task) else repr(task)


def _read(task: asyncio.Future[Any]) -> None:
    """Take note of the outcome, which asyncio would otherwise complain about."""
    if not task.cancelled():
        task.exception()
