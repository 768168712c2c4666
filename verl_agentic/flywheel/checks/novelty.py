"""A task must not nearly repeat another."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterable

from verl_agentic.core import Rejection, Task
from verl_agentic.flywheel.checks.base import Candidate

_WORD = re.compile(r"\w+|[^\w\s]")
_LENGTH = 3


def shingles(task: Task) -> frozenset[str]:
    """Runs of three words of the normalized question, and of three parts of the structure; names of tables."""
    text = " ".join(message["content"] for message in task.messages if message["role"] == "user")
    rows = task.env_args.get("rows")
    tables = sorted(rows) if isinstance(rows, dict) else []
    words, parts = _WORD.findall(text.casefold()), task.structure.split("-")
    return frozenset([*_runs("w", words), *_runs("s", parts), *(f"t {table}" for table in tables)])


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Size of the intersection over size of the union, 0 to 1."""
    union = len(one | other)
    return len(one & other) / union if union else 1.0


class NearDuplicateIndex:
    """Tasks by their shingles; finds one that is similar enough, exactly.

    Two sets whose similarity reaches the threshold must share one of their first few shingles in any fixed order
    (prefix filtering; Chaudhuri, Ganti and Kaushik, 2006), so that only these few are looked up.

    Args:
        threshold: Jaccard similarity from which two tasks are near duplicates, above 0 and at most 1.
    """

    def __init__(self, threshold: float = 0.8) -> None:
        if not 0 < threshold <= 1:
            raise ValueError(f"threshold must be above 0 and at most 1, got {threshold}")
        self.threshold = threshold
        self._sets: dict[str, frozenset[str]] = {}
        self._places: dict[tuple[str, str], list[str]] = {}

    def __len__(self) -> int:
        return len(self._sets)

    def add(self, task: Task) -> None:
        """Remember a task."""
        if task.id in self._sets:
            return
        found = shingles(task)
        self._sets[task.id] = found
        for shingle in self._prefix(found):
            self._places.setdefault((task.kind, shingle), []).append(task.id)

    def nearest(self, task: Task) -> tuple[str, float] | None:
        """The most similar task that reaches the threshold, and its similarity; ``None`` when none does."""
        found = shingles(task)
        seen: dict[str, float] = {}
        for shingle in self._prefix(found):
            for other in self._places.get((task.kind, shingle), ()):
                if other not in seen and other != task.id:
                    seen[other] = jaccard(found, self._sets[other])
        best = max(seen.items(), key=lambda item: (item[1], item[0]), default=None)
        return best if best and best[1] >= self.threshold else None

    def _prefix(self, found: frozenset[str]) -> list[str]:
        # Any fixed order serves; a checksum spreads what is common.
        ordered = sorted(found, key=lambda shingle: (zlib.crc32(shingle.encode("utf-8", "replace")), shingle))
        return ordered[: len(found) - math.ceil(self.threshold * len(found)) + 1]


class Novel:
    """No near duplicate of a known task.

    Args:
        index: the known tasks; whoever lets a task in adds it.
    """

    def __init__(self, index: NearDuplicateIndex) -> None:
        self._index = index

    def __call__(self, candidate: Candidate) -> Rejection | None:
        nearest = self._index.nearest(candidate.task)
        if nearest is None:
            return None
        return Rejection("near_duplicate", f"{nearest[1]:.2f} like {nearest[0]}")


def _runs(kind: str, items: Iterable[str]) -> list[str]:
    words = list(items)
    if len(words) < _LENGTH:
        return [f"{kind} {' '.join(words)}"]
    return [f"{kind} {' '.join(words[start : start + _LENGTH])}" for start in range(len(words) - _LENGTH + 1)]
