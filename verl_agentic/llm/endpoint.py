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

CONCURRENCY = 32
"""Requests under way at once at an endpoint for which nobody says how many."""

_endpoints: dict[str, Endpoint] = {}
_lock = threading.Lock()
_SECONDS_BETWEEN_WARNINGS = 10.0


class PausedError(Exception):
    """The server wants nothing for longer than the request may wait."""


class Endpoint:
    """One base URL. All but the constructor and :meth:`bound` runs on the background loop.

    Args:
        base_url: the endpoint.
        concurrency: requests under way at once.
        given: whether that was asked for, rather than a default.
    """

    def __init__(self, base_url: str, concurrency: int, given: bool = True) -> None:
        self.base_url = base_url
        self.bound(concurrency, given)
        self._resumes = 0.0
        self._promised = 0.0
        self._why = ""
        self._refused: dict[str, frozenset[str]] = {}
        self._longest: dict[str, int] = {}
        self._failed = 0
        self._warned = float("-inf")

    def bound(self, concurrency: int, given: bool) -> None:
        """Set how many requests may be under way at once; those that are do not count."""
        self.concurrency = concurrency
        self.given = given
        self._slots = asyncio.Semaphore(concurrency)

    @asynccontextmanager
    async def slot(self, ends: float) -> AsyncIterator[None]:
        """Hold one of the slots, once no pause is on.

        Args:
            ends: of the request's time, by the monotonic clock.

        Raises:
            PausedError: the pause is longer than that.
        """
        self._check_pause(ends)
        async with self._slots:
            while True:
                self._check_pause(ends)
                wait = self._resumes - time.monotonic()
                if wait <= 0:
                    break
                await asyncio.sleep(wait)  # by whose end another reply may have prolonged the pause
            yield

    def pause(self, seconds: float, longest: float, why: str) -> None:
        """Send nothing for a while: the server asked one request to wait, and means them all.

        Args:
            seconds: what it asked for.
            longest: after which it is asked again whatever it said.
            why: its words.
        """
        now = time.monotonic()
        if now >= self._resumes or now + seconds > self._promised:
            self._promised = now + seconds
            self._why = f"the server wants no request for {seconds:g} s (Retry-After): {why}"
        self._resumes = max(self._resumes, now + min(seconds, longest))

    def _check_pause(self, ends: float) -> None:
        if time.monotonic() < self._resumes and self._promised > ends:
            raise PausedError(self._why)

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

    def longest(self, model: str) -> int | None:
        """Tokens that the endpoint allows any reply of ``model``, ``None`` where it has not said so."""
        return self._longest.get(model)

    def shorten(self, model: str, tokens: int) -> None:
        """Remember that replies of ``model`` have no more tokens."""
        logger.warning("%s allows replies of %s no more than %d tokens; asking for that", self.base_url, model, tokens)
        self._longest[model] = tokens


def shared_endpoint(base_url: str, concurrency: int | None, usual: int = CONCURRENCY) -> Endpoint:
    """The process's endpoint for ``base_url``.

    Args:
        base_url: the endpoint.
        concurrency: requests under way at once; ``None`` to go by what others at the URL ask for.
        usual: how many it should be where nobody asks.

    Raises:
        UserInputError: it is in use with another bound that was asked for.
    """
    given = concurrency is not None
    with _lock:
        endpoint = _endpoints.setdefault(base_url, Endpoint(base_url, concurrency or usual, given))
        if given and not endpoint.given:
            endpoint.bound(concurrency or usual, given)
        elif not given and not endpoint.given and endpoint.concurrency < usual:
            endpoint.bound(usual, given)
    if given and endpoint.concurrency != concurrency:
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
