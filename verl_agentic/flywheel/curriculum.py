"""Which tasks an epoch trains on."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from verl_agentic.core import UserInputError
from verl_agentic.core.checked import Count, Within, check
from verl_agentic.flywheel.quotas import fair_quotas, largest_remainders
from verl_agentic.store import Candidates, Cell, Progress, Store

Sizes = Mapping[Cell, Mapping[Progress, int]]

CURRICULUM_KEY = "agentic.curriculum"
"""Where it is configured; every message about it begins with it."""
Part = Annotated[float, Within(least=0)]
"""A part relative to others."""


@dataclass(frozen=True, slots=True)
class Shares:
    """``agentic.curriculum.shares``: parts of an epoch by how the policy last did on a task, relative to their sum.

    What grown tasks cannot fill of their share goes to new ones, as long as there are any; what is then left of any
    share goes to the others, frontier first.

    Attributes:
        frontier: tasks whose last group succeeded in part; the nearer to one half, the likelier.
        grown: tasks that the flywheel made and that were never trained on, those of the latest round first.
        new: tasks of the start that were never trained on.
        failed: tasks whose last group failed entirely.
        replay: solved and mastered tasks, against forgetting; mastered ones never take more than this share
            while there are active tasks.
    """

    frontier: Part = 0.4
    grown: Part = 0.35
    new: Part = 0.1
    failed: Part = 0.1
    replay: Part = 0.05

    def __post_init__(self) -> None:
        check(self, SHARES_KEY)
        if self.total == 0:
            raise UserInputError(f"{SHARES_KEY}: all are 0; give at least one of them a positive value")

    @property
    def total(self) -> float:
        return self.frontier + self.grown + self.new + self.failed + self.replay


SHARES_KEY = f"{CURRICULUM_KEY}.shares"
SHARES = tuple(one.name for one in dataclasses.fields(Shares))
"""Names of the shares of an epoch."""


@dataclass(frozen=True, slots=True)
class CurriculumSettings:
    """How an epoch is drawn.

    Attributes:
        shares: parts of it by how the policy last did on a task.
        kinds: parts of the kinds relative to each other, 1 for one that is not named, 0 not to draw it.
        depths: parts of the depths of a kind, likewise; depth plays no role where none is named.
        max_age: epochs after its birth in which an active task may be drawn, ``None`` for all.
        max_staleness: epochs for which a result counts; after that the task is new again. ``None`` for ever.
        only: the kinds that are drawn at all, ``None`` for every kind in the pool.
    """

    shares: Shares = Shares()
    kinds: Mapping[str, Part] = field(default_factory=dict)
    depths: Mapping[int, Part] = field(default_factory=dict)
    max_age: Count | None = None
    max_staleness: Count | None = None
    only: frozenset[str] | None = None

    def __post_init__(self) -> None:
        check(self, CURRICULUM_KEY)

    def draws(self, cell: Cell) -> bool:
        """Whether the tasks of a kind and depth are drawn at all."""
        wanted = self.only is None or cell.kind in self.only
        return wanted and self.kinds.get(cell.kind, 1.0) > 0 and self.depths.get(cell.depth, 1.0) > 0


def draw_epoch(
    store: Store, epoch: int, size: int, seed: int, settings: CurriculumSettings | None = None, lag: int = 0
) -> list[str]:
    """Draw the tasks of an epoch, or return the draw already made.

    The draw depends on the seed, the epoch, the pool and the outcomes of earlier epochs alone. Kinds get their
    parts as far as their tasks reach. No task comes twice before every active task has come once. Time and memory
    go with ``size``, but for one look at the pool's index.

    Args:
        store: where the pool is, and where the draw is kept.
        epoch: the epoch, from 0.
        size: number of tasks.
        seed: the run's seed.
        settings: shares of the epoch.
        lag: number of epochs just before this one whose outcomes do not count, because they are not complete when
            an asynchronous trainer draws.

    Returns:
        ``size`` task ids in training order.

    Raises:
        UserInputError: there is nothing to draw, or the epoch was drawn with another size.
    """
    if size < 1:
        raise UserInputError(f"{CURRICULUM_KEY}.epoch_size must be at least 1, got {size}")
    drawn = store.draw(epoch)
    if drawn is not None:
        if len(drawn) != size:
            raise UserInputError(
                f"epoch {epoch} was drawn with {len(drawn)} tasks, now {size} are asked for; resume"
                " with the settings the run was started with"
            )
        return drawn
    settings = settings or CurriculumSettings()
    candidates = Candidates(store, epoch, max_age=settings.max_age, max_staleness=settings.max_staleness, lag=lag)
    draw = _Draw(candidates, settings, random.Random(f"{seed}/draw/{epoch}"))
    ids = draw.tasks(size)
    store.save_draw(epoch, ids)
    return ids


class _Draw:
    """One epoch's draw: how many tasks of what, then which."""

    def __init__(self, candidates: Candidates, settings: CurriculumSettings, rng: random.Random) -> None:
        self._candidates = candidates
        self._settings = settings
        self._rng = rng

    def tasks(self, size: int) -> list[str]:
        sizes: Sizes = {cell: counts for cell, counts in self._candidates.sizes().items() if self._settings.draws(cell)}
        if not sizes:
            only = self._settings.only
            of = "" if only is None else f" of {', '.join(sorted(only))}"
            raise UserInputError(
                f"the pool holds no task{of} that can be drawn; add tasks, see the reasons of quarantined ones, or "
                f"loosen {CURRICULUM_KEY} (kinds, depths, max_age)"
            )
        # Repeating an active task teaches more than another look at a mastered one.
        active: Sizes = {cell: left for cell, counts in sizes.items() if (left := _unmastered(counts))}
        drawn: list[str] = []
        current: Sizes = sizes
        while len(drawn) < size:
            chosen = self._one_pass(current, size - len(drawn), bool(active))
            self._rng.shuffle(chosen)
            drawn += chosen
            current = active if active else sizes
        return drawn

    def _one_pass(self, sizes: Sizes, size: int, any_active: bool) -> list[str]:
        """Up to ``size`` different tasks, balanced over kinds and depths."""
        kinds = sorted({cell.kind for cell in sizes})
        weights = {kind: self._settings.kinds.get(kind, 1.0) for kind in kinds}
        available: dict[str, dict[tuple[int, ...], dict[Progress, int]]] = {}
        for kind in kinds:
            share = size * weights[kind] / sum(weights.values())
            available[kind] = self._parts({cell.depth: sizes[cell] for cell in sizes if cell.kind == kind})
            if any_active:
                self._cap_replay(available[kind], share)
        totals = {kind: sum(map(_sum, parts.values())) for kind, parts in available.items()}
        chosen: list[str] = []
        for kind, quota in fair_quotas(totals, self._settings.kinds, size, self._rng).items():
            parts = available[kind]
            ratios = {depths: self._settings.depths.get(depths[0], 1.0) for depths in parts}
            by_part = fair_quotas({depths: _sum(counts) for depths, counts in parts.items()}, ratios, quota, self._rng)
            for depths, part in by_part.items():
                for progress, count in self._fill(parts[depths], part).items():
                    chosen += self._candidates.sample(kind, depths, progress, count, self._rng)
        return chosen

    def _parts(self, by_depth: Mapping[int, Mapping[Progress, int]]) -> dict[tuple[int, ...], dict[Progress, int]]:
        """The parts of a kind: each depth is one where depths have ratios, else all of them together are one."""
        if self._settings.depths:
            return {(depth,): dict(counts) for depth, counts in by_depth.items()}
        together = {one: sum(counts.get(one, 0) for counts in by_depth.values()) for one in Progress}
        return {tuple(by_depth): together}

    def _cap_replay(self, parts: Mapping[tuple[int, ...], dict[Progress, int]], share: float) -> None:
        """Keep mastered tasks from taking more than their share, whatever else is missing."""
        ratios = {depths: self._settings.depths.get(depths[0], 1.0) for depths in parts}
        for depths, counts in parts.items():
            part = share * ratios[depths] / sum(ratios.values())
            cap = round(part * self._settings.shares.replay / self._settings.shares.total)
            counts[Progress.MASTERED] = min(counts.get(Progress.MASTERED, 0), cap)

    def _fill(self, available: Mapping[Progress, int], quota: int) -> dict[Progress, int]:
        """How many tasks of each progress make ``quota``: by share, and then by what is left."""
        targets = largest_remainders(
            {name: quota * getattr(self._settings.shares, name) / self._settings.shares.total for name in SHARES}, quota
        )
        left = {one: available.get(one, 0) for one in Progress}
        taken = dict.fromkeys(Progress, 0)

        def take(progress: Progress, count: int) -> None:
            count = min(count, left[progress])
            left[progress] -= count
            taken[progress] += count

        # Without a flywheel, what was never tried is new.
        missing = max(0, targets["grown"] - left[Progress.GROWN])
        targets["grown"] -= missing
        targets["new"] += missing
        for name in SHARES[:-1]:
            take(Progress(name), targets[name])
        for _ in range(targets["replay"]):
            # One task of the solved and mastered ones together, each as likely as any other.
            solved, mastered = left[Progress.SOLVED], left[Progress.MASTERED]
            if solved + mastered:
                first = self._rng.randrange(solved + mastered) < solved
                take(Progress.SOLVED if first else Progress.MASTERED, 1)
        for progress in Progress:
            take(progress, quota - sum(taken.values()))
        return {one: count for one, count in taken.items() if count}


def _sum(counts: Mapping[Progress, int]) -> int:
    return sum(counts.values())


def _unmastered(counts: Mapping[Progress, int]) -> dict[Progress, int]:
    return {progress: count for progress, count in counts.items() if progress is not Progress.MASTERED}
