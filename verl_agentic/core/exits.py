"""Foreign code that exits, as programs do: its own failure, not the end of the process that called it."""

from __future__ import annotations

import functools
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, TracebackType
from typing import Any


class ExitedError(Exception):
    """Foreign code called ``sys.exit`` or raised ``KeyboardInterrupt``; the message says which."""


@contextmanager
def exits_contained() -> Iterator[None]:
    """Make an exit of the code inside an :class:`ExitedError`.

    An event loop ends by ``SystemExit`` and ``KeyboardInterrupt``, whichever task raises them, and a worker with it.
    What a signal raised (Ctrl-C, a handler of SIGTERM that exits) is nobody's failure and passes.

    Raises:
        ExitedError: the code inside exited.
    """
    try:
        yield
    except (SystemExit, KeyboardInterrupt) as error:
        if _by_signal(error):
            raise
        raise ExitedError(_told(error)) from error


def _told(error: BaseException) -> str:
    if not isinstance(error, SystemExit):
        return "raised KeyboardInterrupt"
    status = error.code
    return f"called sys.exit({'' if status is None else repr(status)[:200]})"


def _by_signal(error: BaseException) -> bool:
    """Whether a signal's handler raised it, which only happens in the main thread.

    A handler in Python (asyncio's own, for Ctrl-C) is seen in the traceback; the default one of SIGINT leaves no trace,
    so where that is set, a ``KeyboardInterrupt`` in the main thread is the user's.
    """
    if threading.current_thread() is not threading.main_thread():
        return False
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    if isinstance(error, KeyboardInterrupt) and handlers[0] is signal.default_int_handler:
        return True
    codes = {code for handler in handlers if (code := _code(handler))}
    return any(code in codes for code in _codes(error.__traceback__))


def _code(handler: Any) -> CodeType | None:
    while isinstance(handler, functools.partial):
        handler = handler.func
    code = getattr(getattr(handler, "__func__", handler), "__code__", None)
    return code if isinstance(code, CodeType) else None


def _codes(traceback: TracebackType | None) -> Iterator[CodeType]:
    while traceback is not None:
        yield traceback.tb_frame.f_code
        traceback = traceback.tb_next
