"""What an epoch can be drawn from: counted and sampled by the database, so that no pool is too large for it.

A sample is the tasks with the smallest priorities. A priority is a task's own key, sent through a random permutation
of the integers below a prime, ``key * a + b``: every epoch orders the pool anew, any database computes it alike, and
the index that holds the keys is all that is read. Where tasks have weights it is divided by them, which draws
heavier ones more often (sequential Poisson sampling: Ohlsson, 1998).
"""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Any

import sqlalchemy as sa

from verl_agentic.store import schema
from verl_agentic.store.records import TaskStatus
from verl_agentic.store.store import TRAIN, Store
from verl_agentic.store.task_rows import DRAW_MODULUS


class Progress(str, Enum):
    """How the policy last did on a task."""

    FRONTIER = "frontier"
    """Success in part."""
    GROWN = "grown"
    """Never sampled, and not there from the start: what rounds added."""
    NEW = "new"
    """Never sampled and there from the start, or sampled too long ago."""
    FAILED = "failed"
    """No success at all."""
    SOLVED = "solved"
    """Nothing but success."""
    MASTERED = "mastered"
    """Taken out of the pool as mastered, whatever came last."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of the pool: the tasks of a kind and depth."""

    kind: str
    depth: int


class Candidates:
    """The training tasks that an epoch may draw: no quarantined ones, none born later.

    Args:
        store: the store.
        epoch: the epoch; outcomes of this and later epochs do not count.
        max_age: epochs after its birth in which an active task may be drawn, ``None`` for all.
        max_staleness: epochs for which a result counts; after that the task is new again. ``None`` for ever.
        lag: number of epochs just before this one whose outcomes do not count either.
    """

    def __init__(
        self,
        store: Store,
        epoch: int,
        max_age: int | None = None,
        max_staleness: int | None = None,
        lag: int = 0,
    ) -> None:
        self._store = store
        self._oldest = None if max_age is None else epoch - max_age
        self._tasks = self._as_of(epoch, epoch - lag)
        columns = self._tasks.c
        success: sa.ColumnElement[float] = columns.last_success
        grown = sa.and_(success.is_(None), columns.round > 0)
        new: sa.ColumnElement[bool] = sa.and_(success.is_(None), columns.round <= 0)
        known: sa.ColumnElement[bool] = success.is_not(None)
        if max_staleness is not None:
            new = sa.or_(new, columns.last_epoch < epoch - max_staleness)
            known = columns.last_epoch >= epoch - max_staleness
        self._conditions: dict[Progress, sa.ColumnElement[bool]] = {
            Progress.FRONTIER: sa.and_(success > 0, success < 1, known),
            Progress.GROWN: grown,
            Progress.NEW: new,
            Progress.FAILED: sa.and_(success <= 0, known),
            Progress.SOLVED: sa.and_(success >= 1, known),
            Progress.MASTERED: sa.true(),
        }

    def sizes(self) -> dict[Cell, dict[Progress, int]]:
        """Number of tasks by cell and progress; cells and numbers that are empty are left out."""
        columns = self._tasks.c
        names = [one for one in Progress if one is not Progress.MASTERED]
        sums = [sa.func.sum(sa.case((self._conditions[one], 1), else_=0)) for one in names]
        group = (columns.status, columns.kind, columns.depth)
        found: dict[Cell, dict[Progress, int]] = {}
        with self._store.reading() as connection:
            for status, progress in ((TaskStatus.ACTIVE, names), (TaskStatus.MASTERED, [Progress.MASTERED])):
                counts = sums if status is TaskStatus.ACTIVE else [sa.func.count()]
                query = sa.select(columns.kind, columns.depth, *counts).where(*self._of(status)).group_by(*group)
                for kind, depth, *numbers in connection.execute(query):
                    cell = found.setdefault(Cell(kind, depth), {})
                    cell.update({one: int(number) for one, number in zip(progress, numbers, strict=True) if number})
        return {cell: found[cell] for cell in sorted(found, key=lambda one: (one.kind, one.depth)) if found[cell]}

    def sample(
        self, kind: str, depths: Collection[int], progress: Progress, count: int, rng: random.Random
    ) -> list[str]:
        """Ids of ``count`` different tasks of a kind and some depths, or of all where there are fewer.

        Tasks at the frontier have the variance of their success as their weight, all others the same. Of grown ones
        those of the latest round come first: they were made for the policy as it is now.
        """
        columns = self._tasks.c
        a, b = rng.randrange(1, DRAW_MODULUS), rng.randrange(DRAW_MODULUS)
        priority: sa.ColumnElement[Any] = (columns.draw_key * a + b) % DRAW_MODULUS
        if progress is Progress.FRONTIER:
            # The variance of the group's success, and with it the size of its advantages.
            priority = (priority + 1) / (columns.last_success * (1.0 - columns.last_success))
        status = TaskStatus.MASTERED if progress is Progress.MASTERED else TaskStatus.ACTIVE
        query = (
            sa.select(columns.id)
            .where(*self._of(status), columns.kind == kind, columns.depth.in_(sorted(depths)))
            .where(self._conditions[progress])
            .order_by(*([columns.round.desc()] if progress is Progress.GROWN else []), priority, columns.id)
            .limit(count)
        )
        with self._store.reading() as connection:
            return list(connection.scalars(query))

    def _of(self, status: TaskStatus) -> list[sa.ColumnElement[bool]]:
        conditions = [self._tasks.c.status == status.value]
        if status is TaskStatus.ACTIVE and self._oldest is not None:
            conditions.append(self._tasks.c.round >= self._oldest)
        return conditions

    def _as_of(self, born: int, epoch: int) -> sa.FromClause:
        """The tasks born up to an epoch, with their results before another one."""
        table, outcomes = schema.tasks, schema.outcomes
        # As a sum, which no index holds: the database must not prefer one by round, and read every task's row.
        round = table.c.round + 0
        fixed = [*(table.c[name] for name in ("id", "kind", "depth", "status", "draw_key")), round.label("round")]
        alive = (table.c.split == TRAIN, round <= born)
        with self._store.reading() as connection:
            ahead = connection.execute(sa.select(outcomes.c.number).where(outcomes.c.epoch >= epoch).limit(1)).first()
        current = sa.select(*fixed, table.c.last_success, table.c.last_epoch).where(*alive)
        if ahead is None:
            return current.subquery()
        # Outcomes of this epoch are there already: an epoch is drawn again in another copy of the pool.
        before = (
            sa.select(outcomes.c.task_id, sa.func.max(outcomes.c.step).label("step"))
            .where(outcomes.c.epoch < epoch)
            .group_by(outcomes.c.task_id)
            .subquery()
        )
        history = (
            sa.select(
                outcomes.c.task_id,
                sa.func.avg(outcomes.c.acc).label("last_success"),
                sa.func.max(outcomes.c.epoch).label("last_epoch"),
            )
            .join(before, sa.and_(before.c.task_id == outcomes.c.task_id, before.c.step == outcomes.c.step))
            .where(outcomes.c.epoch < epoch)
            .group_by(outcomes.c.task_id)
            .subquery()
        )
        earlier = (
            sa.select(*fixed, history.c.last_success, history.c.last_epoch)
            .join_from(table, history, history.c.task_id == table.c.id, isouter=True)
            .where(*alive, table.c.last_epoch >= epoch)
        )
        untouched = current.where(sa.or_(table.c.last_epoch.is_(None), table.c.last_epoch < epoch))
        return sa.union_all(untouched, earlier).subquery()
