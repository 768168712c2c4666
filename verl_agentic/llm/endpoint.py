"""What all models at one endpoint share in this process: its slots, its pauses, and what it cannot do."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from verl_agentic.core import UserInputError

logger = logging.getLogger(__name__)

_endpoints: dict[str, Endpoint] = {}
_lock = threading.Lock()
_SECONDS_BETWEEN_WARNINGS = 10.0


class Endpoint:
    """One base URL. All but the constructor runs on the background loop.

    Args:
        base_url: the endpoint.
        concurrency: requests under way at once.
    """

    def __init__(self, base_url: str, concurrency: int) -> None:
        self.base_url = base_url
        self.concurrency = concurrency
        self._slots = asyncio.Semaphore(concurrency)
        self._resumes = 0.0
        self._refused: dict[str, frozenset[str]] = {}
        self._failed = 0
        self._warned = float("-inf")

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one of the slots, once no pause is on."""
        async with self._slots:
            while True:
                wait = self._resumes - time.monotonic()
                if wait <= 0:
                    break
                await asyncio.sleep(wait)  # by whose end another reply may have prolonged the pause
            yield

    def pause(self, seconds: float) -> None:
        """Send nothing for a while: the server asked one request to wait, and means them all."""
        self._resumes = max(self._resumes, time.monotonic() + seconds)

    def failed(self, reason: str) -> None:
        """Say now and then that requests fail and are tried anew: whoever waits must know what for."""
        self._failed += 1
        if time.monotonic() - self._warned >= _SECONDS_BETWEEN_WARNINGS:
            self._warned = time.monotonic()
            logger.warning(
                "%s: %d requests failed so far and are retried; the last: %s", self.base_url, self._failed, reason
            )

    def refused(self, model: str) -> frozenset[str]:
        """Parameters that the endpoint does not take for ``model``."""
        return self._refused.get(model, frozenset())

    def refuse(self, model: str, parameter: str) -> None:
        """Remember that the endpoint does not take ``parameter`` for ``model``."""
        if parameter not in self.refused(model):
            logger.warning("%s does not take %s for %s; going on without it", self.base_url, parameter, model)
            self._refused[model] = self.refused(model) | {parameter}


def shared_endpoint(base_url: str, concurrency: int) -> Endpoint:
    """The process's endpoint for ``base_url``.

    Raises:
        UserInputError: it is in use with another bound.
    """
    with _lock:
        endpoint = _endpoints.setdefault(base_url, Endpoint(base_url, concurrency))
    if endpoint.concurrency != concurrency:
        raise UserInputError(
            f"agentic.llm.concurrency={concurrency}: {base_url} is in use with {endpoint.concurrency}; "
            "give every model at one endpoint the same bound"
        )
    return endpoint


def forget_endpoints() -> None:
    """After a fork: semaphores belong to the parent's loop."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    _endpoints.clear()
