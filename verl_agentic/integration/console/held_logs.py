"""verl's log records from before the configuration is known, kept until it says where they belong."""

from __future__ import annotations

import atexit
import logging

_LOGGER = logging.getLogger("verl")


class _Held(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.propagated = _LOGGER.propagate

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def hold() -> None:
    """Keep what verl's loggers say from now on.

    verl looks for accelerators while ``main_ppo`` is imported, and warns of what it does not find, before Hydra has
    read a single key.
    """
    _LOGGER.addHandler(_Held())
    _LOGGER.propagate = False
    atexit.register(release)


def release() -> None:
    """Hand on what was kept, if anything was, to the handlers that are there now, and keep no more."""
    atexit.unregister(release)
    for held in [handler for handler in _LOGGER.handlers if isinstance(handler, _Held)]:
        _LOGGER.removeHandler(held)
        _LOGGER.propagate = held.propagated
        for record in held.records:
            logging.getLogger(record.name).handle(record)
