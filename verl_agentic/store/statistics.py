"""Aggregates over the store, computed by the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from verl_agentic.store import schema
from verl_agentic.store.candidates import Cell
from verl_agentic.store.progress import chunks
from verl_agentic.store.records import PoolEntry, TaskStatus
from verl_agentic.store.store import TRAIN, Store


@dataclass(frozen=True, slots=True)
class StepMeans:
    """Means over one training step.

    Attributes:
        step: training step.
        epoch: its epoch.
        reward: mean shaped reward.
        success: mean success, 0 to 1.
        samples: number of trajectories.
    """

    step: int
    epoch: int
    reward: float
    success: float
    samples: int


def step_means(store: Store) -> list[StepMeans]:
    """Mean reward and success of each training step, in order."""
    table = schema.outcomes
    query = sa.select(
        table.c.step, sa.func.min(table.c.epoch), sa.func.avg(table.c.reward), sa.func.avg(table.c.acc), sa.func.count()
    )
    with store.reading() as connection:
        return [StepMeans(*row) for row in connection.execute(query.group_by(table.c.step).order_by(table.c.step))]


def success_by_kind(store: Store) -> dict[int, dict[str, float]]:
    """Mean training success by epoch and kind."""
    table, tasks = schema.outcomes, schema.tasks
    query = (
        sa.select(table.c.epoch, tasks.c.kind, sa.func.avg(table.c.acc))
        .join_from(table, tasks, table.c.task_id == tasks.c.id)
        .group_by(table.c.epoch, tasks.c.kind)
        .order_by(table.c.epoch, tasks.c.kind)
    )
    means: dict[int, dict[str, float]] = {}
    with store.reading() as connection:
        for epoch, kind, success in connection.execute(query):
            means.setdefault(epoch, {})[kind] = success
    return means


def success_by_depth(store: Store) -> dict[int, dict[int, float]]:
    """Mean training success by epoch and depth."""
    table, tasks = schema.outcomes, schema.tasks
    query = (
        sa.select(table.c.epoch, tasks.c.depth, sa.func.avg(table.c.acc))
        .join_from(table, tasks, table.c.task_id == tasks.c.id)
        .group_by(table.c.epoch, tasks.c.depth)
        .order_by(table.c.epoch, tasks.c.depth)
    )
    means: dict[int, dict[int, float]] = {}
    with store.reading() as connection:
        for epoch, depth, success in connection.execute(query):
            means.setdefault(epoch, {})[depth] = success
    return means


def zero_variance_shares(store: Store) -> dict[int, float]:
    """Share of an epoch's groups whose rewards are all alike, by epoch: they give no gradient."""
    table = schema.outcomes
    flat = sa.case((sa.func.min(table.c.reward) == sa.func.max(table.c.reward), 1.0), else_=0.0)
    groups = (
        sa.select(table.c.epoch, flat.label("flat"))
        .group_by(table.c.epoch, table.c.step, table.c.task_id, table.c.uid)
        .subquery()
    )
    query = sa.select(groups.c.epoch, sa.func.avg(groups.c.flat)).group_by(groups.c.epoch).order_by(groups.c.epoch)
    with store.reading() as connection:
        return {epoch: float(share) for epoch, share in connection.execute(query)}


def failure_kinds(store: Store) -> dict[int, dict[str, int]]:
    """Number of trajectories by epoch and kind of failure, successes (``none``) left out."""
    table = schema.outcomes
    query = sa.select(table.c.epoch, table.c.failure, sa.func.count()).where(table.c.failure != "none")
    counts: dict[int, dict[str, int]] = {}
    with store.reading() as connection:
        grouped = query.group_by(table.c.epoch, table.c.failure).order_by(table.c.epoch, table.c.failure)
        for epoch, failure, count in connection.execute(grouped):
            counts.setdefault(epoch, {})[failure] = count
    return counts


def success_history(store: Store, task_ids: Collection[str], before_epoch: int) -> dict[str, tuple[float, ...]]:
    """Success of those of these tasks that were trained on before an epoch: one mean per step, oldest first.

    Groups of one task within one step share a policy and are pooled.
    """
    table = schema.outcomes
    history: dict[str, list[float]] = {}
    with store.reading() as connection:
        for some in chunks(task_ids):
            query = (
                sa.select(table.c.task_id, sa.func.avg(table.c.acc))
                .where(table.c.task_id.in_(some), table.c.epoch < before_epoch)
                .group_by(table.c.task_id, table.c.step)
                .order_by(table.c.task_id, table.c.step)
            )
            for task_id, success in connection.execute(query):
                history.setdefault(task_id, []).append(success)
    return {task_id: tuple(values) for task_id, values in history.items()}


@dataclass(frozen=True, slots=True)
class PoolComposition:
    """What the pool consisted of when an epoch started.

    Attributes:
        status: number of tasks by status.
        kind: number of active tasks by kind.
        depth: number of active tasks by depth.
        operator: number of active tasks by the operator that grew them, ``initial`` for none.
    """

    status: dict[str, int]
    kind: dict[str, int]
    depth: dict[int, int]
    operator: dict[str, int]


def pool_compositions(store: Store, epochs: list[int]) -> dict[int, PoolComposition]:
    """Composition of the pool at the start of each of ``epochs``, from births and the history of statuses."""
    entries = store.pool(TRAIN)
    table = schema.status_changes
    with store.reading() as connection:
        changes = connection.execute(
            sa.select(table.c.epoch, table.c.task_id, table.c.status).order_by(table.c.number)
        ).all()
    compositions: dict[int, PoolComposition] = {}
    for epoch in epochs:
        status = {entry.id: TaskStatus.ACTIVE for entry in entries if entry.round <= epoch}
        status.update({task_id: TaskStatus(new) for at, task_id, new in changes if at <= epoch and task_id in status})
        active = [entry for entry in entries if status.get(entry.id) is TaskStatus.ACTIVE]
        compositions[epoch] = _compose(Counter(one.value for one in status.values()), active)
    return compositions


def mastered_by_epoch(store: Store) -> dict[int, int]:
    """Number of tasks that each round took out of the pool as mastered, by the epoch it opened."""
    table = schema.status_changes
    query = sa.select(table.c.epoch, sa.func.count()).where(table.c.status == TaskStatus.MASTERED.value)
    with store.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(query.group_by(table.c.epoch))}


def _compose(status: Counter[str], active: list[PoolEntry]) -> PoolComposition:
    return PoolComposition(
        status={one.value: status.get(one.value, 0) for one in TaskStatus},
        kind=dict(sorted(Counter(entry.kind for entry in active).items())),
        depth=dict(sorted(Counter(entry.depth for entry in active).items())),
        operator=dict(sorted(Counter(entry.operator or "initial" for entry in active).items())),
    )


def pool_counts(store: Store, split: str = TRAIN) -> dict[tuple[TaskStatus, str], int]:
    """Number of tasks of a split by status and kind, counted by the database."""
    counts: Counter[tuple[TaskStatus, str]] = Counter()
    for (status, cell), count in pool_cells(store, split).items():
        counts[status, cell.kind] += count
    return dict(counts)


def pool_cells(store: Store, split: str = TRAIN) -> dict[tuple[TaskStatus, Cell], int]:
    """Number of tasks of a split by status, kind and depth, counted by the database."""
    table = schema.tasks
    group = (table.c.status, table.c.kind, table.c.depth)
    query = sa.select(*group, sa.func.count()).where(table.c.split == split).group_by(*group)
    with store.reading() as connection:
        rows = connection.execute(query.order_by(*group))
        return {(TaskStatus(status), Cell(kind, depth)): count for status, kind, depth, count in rows}


def cells_of(store: Store, task_ids: Collection[str]) -> dict[str, Cell]:
    """Kind and depth of each of these tasks that the store knows, by id."""
    table = schema.tasks
    found: dict[str, Cell] = {}
    with store.reading() as connection:
        for some in chunks(task_ids):
            query = sa.select(table.c.id, table.c.kind, table.c.depth).where(table.c.id.in_(some))
            found.update({task_id: Cell(kind, depth) for task_id, kind, depth in connection.execute(query)})
    return found


def pool_origins(store: Store) -> dict[str, int]:
    """Number of training tasks by the operator that grew them."""
    table = schema.tasks
    query = sa.select(table.c.operator, sa.func.count()).where(table.c.split == TRAIN, table.c.operator.is_not(None))
    with store.reading() as connection:
        rows = connection.execute(query.group_by(table.c.operator).order_by(table.c.operator))
        return {operator: count for operator, count in rows}
