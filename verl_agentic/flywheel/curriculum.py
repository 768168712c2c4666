"""Which tasks an epoch trains on."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from verl_agentic.core import UserInputError
from verl_agentic.store import PoolEntry, Store, TaskStatus
from verl_agentic.store.statistics import success_history


@dataclass(frozen=True, slots=True)
class CurriculumSettings:
    """Shares of an epoch by how the policy last did on a task, relative to their sum.

    A share that its tasks cannot fill goes to the others, frontier first.

    Attributes:
        frontier: tasks whose last group succeeded in part; the nearer to one half, the likelier.
        new: tasks never trained on.
        failed: tasks whose last group failed entirely.
        replay: solved and mastered tasks, against forgetting; mastered ones never take more than this share
            while there are active tasks.
    """

    frontier: float = 0.5
    new: float = 0.3
    failed: float = 0.15
    replay: float = 0.05

    def __post_init__(self) -> None:
        for name in ("frontier", "new", "failed", "replay"):
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and math.isfinite(value) and value >= 0):
                raise UserInputError(f"flywheel.curriculum.{name} must be a number >= 0, got {value!r}")
        if self.total == 0:
            raise UserInputError("flywheel.curriculum: all shares are 0; give at least one of them a positive value")

    @property
    def total(self) -> float:
        return self.frontier + self.new + self.failed + self.replay


class _Bucket(str, Enum):
    FRONTIER = "frontier"
    NEW = "new"
    FAILED = "failed"
    SOLVED = "solved"
    MASTERED = "mastered"


@dataclass(frozen=True, slots=True)
class _Candidate:
    id: str
    kind: str
    bucket: _Bucket
    weight: float = 1.0


def draw_epoch(store: Store, epoch: int, size: int, seed: int, settings: CurriculumSettings | None = None) -> list[str]:
    """Draw the tasks of an epoch, or return the draw already made.

    The draw depends on the seed, the epoch, the pool and the outcomes of earlier epochs alone. Kinds get equal
    parts as far as their tasks reach. No task comes twice before every active task has come once.

    Args:
        store: where the pool is, and where the draw is kept.
        epoch: the epoch, from 0.
        size: number of tasks.
        seed: the run's seed.
        settings: shares of the epoch.

    Returns:
        ``size`` task ids in training order.

    Raises:
        UserInputError: there is nothing to draw, or the epoch was drawn with another size.
    """
    if size < 1:
        raise UserInputError(f"flywheel.epoch_size must be at least 1, got {size}")
    drawn = store.draw(epoch)
    if drawn is not None:
        if len(drawn) != size:
            raise UserInputError(
                f"epoch {epoch} was drawn with {len(drawn)} tasks, now {size} are asked for; resume"
                " with the settings the run was started with"
            )
        return drawn
    candidates = _candidates(store.pool(), success_history(store, before_epoch=epoch), epoch)
    if not candidates:
        raise UserInputError(
            "the pool holds no task that can be drawn; add tasks, or see the reasons of quarantined ones"
        )
    rng = random.Random(f"{seed}/draw/{epoch}")
    ids = _select(candidates, size, rng, settings or CurriculumSettings())
    store.save_draw(epoch, ids)
    return ids


def _candidates(entries: Sequence[PoolEntry], history: Mapping[str, tuple[float, ...]], epoch: int) -> list[_Candidate]:
    found: list[_Candidate] = []
    for entry in entries:
        if entry.status is TaskStatus.QUARANTINED or entry.round > epoch:
            continue
        past = history.get(entry.id)
        if entry.status is TaskStatus.MASTERED:
            found.append(_Candidate(entry.id, entry.kind, _Bucket.MASTERED))
        elif not past:
            found.append(_Candidate(entry.id, entry.kind, _Bucket.NEW))
        elif past[-1] <= 0:
            found.append(_Candidate(entry.id, entry.kind, _Bucket.FAILED))
        elif past[-1] >= 1:
            found.append(_Candidate(entry.id, entry.kind, _Bucket.SOLVED))
        else:
            # The variance of the group's success, and with it the size of its advantages.
            found.append(_Candidate(entry.id, entry.kind, _Bucket.FRONTIER, past[-1] * (1 - past[-1])))
    return sorted(found, key=lambda candidate: candidate.id)


def _select(candidates: list[_Candidate], size: int, rng: random.Random, settings: CurriculumSettings) -> list[str]:
    active = [candidate for candidate in candidates if candidate.bucket is not _Bucket.MASTERED]
    drawn: list[str] = []
    current = candidates
    while len(drawn) < size:
        chosen = _one_pass(current, size - len(drawn), rng, settings)
        rng.shuffle(chosen)
        drawn += chosen
        # Repeating an active task teaches more than another look at a mastered one.
        current = active or candidates
    return drawn


def _one_pass(candidates: list[_Candidate], size: int, rng: random.Random, settings: CurriculumSettings) -> list[str]:
    """Up to ``size`` different tasks, balanced over kinds."""
    kinds: dict[str, dict[_Bucket, list[_Candidate]]] = {}
    for candidate in candidates:
        kinds.setdefault(candidate.kind, {}).setdefault(candidate.bucket, []).append(candidate)
    any_active = any(candidate.bucket is not _Bucket.MASTERED for candidate in candidates)
    replay_cap = round(size / len(kinds) * settings.replay / settings.total)
    queues: dict[str, dict[_Bucket, list[str]]] = {}
    for kind in sorted(kinds):
        queue = {bucket: _shuffled(kinds[kind].get(bucket, []), rng) for bucket in _Bucket}
        if any_active:
            queue[_Bucket.MASTERED] = queue[_Bucket.MASTERED][:replay_cap]
        queues[kind] = queue
    available = {kind: sum(map(len, queue.values())) for kind, queue in queues.items()}
    quotas = _fair_quotas(available, size, rng)
    return [task_id for kind, quota in quotas.items() for task_id in _fill(queues[kind], quota, rng, settings)]


def _shuffled(candidates: list[_Candidate], rng: random.Random) -> list[str]:
    """Ids in random order, heavier ones tending to the front (Efraimidis and Spirakis, 2006)."""
    keyed = [(rng.random() ** (1 / candidate.weight), candidate.id) for candidate in candidates]
    return [task_id for _, task_id in sorted(keyed, reverse=True)]


def _fair_quotas(available: Mapping[str, int], size: int, rng: random.Random) -> dict[str, int]:
    """Split ``size`` evenly over kinds; what a small kind cannot take goes to the others."""
    quotas = dict.fromkeys(available, 0)
    left = min(size, sum(available.values()))
    while left:
        open_kinds = [kind for kind in available if quotas[kind] < available[kind]]
        share, rest = divmod(left, len(open_kinds))
        lucky = set(rng.sample(open_kinds, rest))
        for kind in open_kinds:
            quotas[kind] += min(share + (kind in lucky), available[kind] - quotas[kind])
        left = min(size, sum(available.values())) - sum(quotas.values())
    return quotas


def _fill(
    queue: Mapping[_Bucket, list[str]], quota: int, rng: random.Random, settings: CurriculumSettings
) -> list[str]:
    """``quota`` tasks of one kind, by share and then by what is left."""
    replay = queue[_Bucket.SOLVED] + queue[_Bucket.MASTERED]
    rng.shuffle(replay)
    sources = {
        "frontier": queue[_Bucket.FRONTIER],
        "new": queue[_Bucket.NEW],
        "failed": queue[_Bucket.FAILED],
        "replay": replay,
    }
    targets = _largest_remainders({name: quota * getattr(settings, name) / settings.total for name in sources}, quota)
    chosen = [task_id for name, source in sources.items() for task_id in source[: targets[name]]]
    taken = set(chosen)
    for bucket in _Bucket:
        for task_id in queue[bucket]:
            if len(chosen) == quota:
                return chosen
            if task_id not in taken:
                chosen.append(task_id)
    return chosen


def _largest_remainders(exact: Mapping[str, float], total: int) -> dict[str, int]:
    """Whole numbers near ``exact`` that add up to ``total``."""
    floors = {name: math.floor(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: floors[name] - exact[name])
    for name in by_remainder[: total - sum(floors.values())]:
        floors[name] += 1
    return floors
