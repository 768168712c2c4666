"""Verdicts on answers: from the cache, from bounded means in this process, or from a worker process."""

from __future__ import annotations

import hashlib
import threading

from cachetools import LRUCache

from verl_agentic.core import BrokenTaskError, FailureKind
from verl_agentic.isolation.fair_lock import Turns
from verl_agentic.isolation.pool import (
    WorkerCrashedError,
    WorkerError,
    WorkerMemoryError,
    WorkerPool,
    WorkerPoolError,
    WorkerStartError,
    WorkerTimeoutError,
)
from verl_agentic.reward_fns.common import Verdict
from verl_agentic.reward_fns.math.counters import Counters
from verl_agentic.reward_fns.math.decide import MAX_CHARS, RIGHT, WRONG, Decision, beyond_limits, decide, decide_at_once
from verl_agentic.reward_fns.math.grammar.text import clean
from verl_agentic.reward_fns.math.values.scalars import EXACT, Tolerance

SECONDS = 3.0
MEMORY_BYTES = 1 << 30
WORKERS = 4
CACHE_SIZE = 16_384

# What Python raises over size and nesting, as a worker writes it.
_BY_SIZE = ("RecursionError:", "OverflowError:", "ValueError: Exceeds the limit")


class Judge:
    """Decides whether answers equal references. Thread-safe; processes start with the first hard pair."""

    def __init__(self, workers: int = WORKERS, cache_size: int = CACHE_SIZE) -> None:
        self.counters = Counters()
        self._pool = WorkerPool(
            "verl_agentic.reward_fns.math.symbolic:equivalent", size=workers, memory_bytes=MEMORY_BYTES
        )
        self._cache: LRUCache[bytes, Decision] = LRUCache(cache_size)
        self._lock = threading.Lock()
        self._turns = Turns()

    def decide(self, answer: str, reference: str, tolerance: Tolerance = EXACT, seconds: float = SECONDS) -> Decision:
        """The verdict.

        Args:
            answer: what the policy answered.
            reference: the right answer.
            tolerance: how far a number may be off.
            seconds: how long a worker may work on the pair, from when it begins.

        Raises:
            BrokenTaskError: the reference is empty or too long.
            WorkerStartError: no worker process could be started.
        """
        key, decision = self._begin(answer, reference, tolerance)
        if decision is None:
            try:
                equal = self._pool.run(_payload(answer, reference), seconds)
                decision = self._from_worker(equal)
            except WorkerPoolError as error:
                decision = self._from_failure(error)
        return self._end(key, decision)

    async def adecide(
        self, answer: str, reference: str, tolerance: Tolerance = EXACT, seconds: float = SECONDS
    ) -> Decision:
        """As :meth:`decide`; the event loop goes on while a worker works."""
        key, decision = self._begin(answer, reference, tolerance)
        if decision is None:
            try:
                equal = await self._pool.arun(_payload(answer, reference), seconds)
                decision = self._from_worker(equal)
            except WorkerPoolError as error:
                decision = self._from_failure(error)
        return self._end(key, decision)

    def close(self) -> None:
        """End the worker processes."""
        self._pool.close()

    def _begin(self, answer: str, reference: str, tolerance: Tolerance) -> tuple[bytes, Decision | None]:
        if not reference.strip():
            raise BrokenTaskError("reference answer is empty")
        if len(reference) > MAX_CHARS:
            raise BrokenTaskError(f"reference answer is longer than {MAX_CHARS} characters")
        key = _key(answer, reference, tolerance)
        with self._lock:
            known = self._cache.get(key)
        if known is not None:
            self.counters.add("cache_hits")
            return key, known
        answer, reference = answer.strip(), reference.strip()
        decision = decide_at_once(answer, reference, tolerance)
        if decision is None:
            with self._turns:
                decision = decide(answer, reference, tolerance)
        return key, decision

    def _end(self, key: bytes, decision: Decision) -> Decision:
        self.counters.add(decision.verdict.value)
        if decision.verdict is not Verdict.UNDECIDED:  # the next try may have more luck
            with self._lock:
                self._cache[key] = decision
        return decision

    def _from_worker(self, equal: object) -> Decision:
        self.counters.add("worker_verdicts")
        return RIGHT if equal is True else WRONG

    def _from_failure(self, error: WorkerPoolError) -> Decision:
        if isinstance(error, WorkerStartError):
            raise error
        if isinstance(error, WorkerMemoryError):
            self.counters.add("out_of_memory")
            return beyond_limits("the comparison takes too much memory")
        if isinstance(error, WorkerError) and str(error).startswith(_BY_SIZE):
            self.counters.add("errors")
            return beyond_limits(f"the comparison fails: {error}")
        reason = "the comparison failed"
        for kind, name, text in (
            (WorkerTimeoutError, "timeouts", "the comparison ran out of time"),
            (WorkerCrashedError, "crashes", "the comparison's process ended"),
            (WorkerError, "errors", f"the comparison failed: {error}"),
        ):
            if isinstance(error, kind):
                self.counters.add(name)
                reason = text
        return Decision(Verdict.UNDECIDED, FailureKind.UNDECIDED, reason)


def _payload(answer: str, reference: str) -> dict[str, str]:
    return {"answer": clean(answer), "reference": clean(reference)}


def _key(answer: str, reference: str, tolerance: Tolerance) -> bytes:
    """A digest, so that the cache's memory does not depend on how long answers are."""
    text = f"{len(answer)}:{answer}{reference}:{tolerance.relative}:{tolerance.absolute}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
