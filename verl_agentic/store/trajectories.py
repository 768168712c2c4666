"""Stored trajectories, of training and of evaluations, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from verl_agentic.core import FailureKind, UserInputError
from verl_agentic.store import schema
from verl_agentic.store.packing import text_of
from verl_agentic.store.progress import CHUNK
from verl_agentic.store.store import TRAIN, Store
from verl_agentic.store.task_parts import task_texts

OUTCOME, EVALUATION = "outcome", "evaluation"


@dataclass(frozen=True, slots=True)
class StoredTrajectory:
    """One judged trajectory.

    Attributes:
        id: ``outcome-N`` of training, ``evaluation-N`` of an evaluation.
        split: split of its task.
        kind: kind of its task.
        task_id: id of its task.
        step: training step.
        epoch: epoch, ``None`` of an evaluation.
        session: its number in its group, from 0.
        acc: binary success, 0.0 or 1.0.
        reward: shaped reward.
        failure: why it failed.
        policy_version: number of updates the policy had had, ``None`` where nobody said.
        trajectory: the trajectory as JSON, empty where none was kept.
        task: the task as JSON, ``None`` where it is no longer stored.
    """

    id: str
    split: str
    kind: str
    task_id: str
    step: int
    epoch: int | None
    session: int
    acc: float
    reward: float
    failure: FailureKind
    policy_version: int | None
    trajectory: str
    task: str | None


@dataclass(frozen=True, slots=True)
class TrajectoryFilter:
    """Which trajectories: all that have each of the values that are given.

    Attributes:
        kind, task_id, step, epoch, session, failure: as in :class:`StoredTrajectory`.
        split: ``train``, ``validation`` or ``held_out``.
        success: whether it succeeded.
    """

    kind: str | None = None
    task_id: str | None = None
    step: int | None = None
    epoch: int | None = None
    session: int | None = None
    failure: str | None = None
    split: str | None = None
    success: bool | None = None


def stored_trajectories(
    store: Store, chosen: TrajectoryFilter, limit: int | None = None, newest_first: bool = False
) -> Iterator[StoredTrajectory]:
    """Trajectories in the order they were recorded, those of training first; read as they are asked for."""
    left = limit
    for source in (OUTCOME, EVALUATION):
        if not _may_hold(source, chosen):
            continue
        query = _query(source, chosen)
        number = _table(source).c.number
        query = query.order_by(number.desc() if newest_first else number).limit(left)
        with store.reading() as connection:
            for rows in connection.execution_options(yield_per=CHUNK).execute(query).partitions():
                yield from _read(connection, source, rows)
                left = None if left is None else left - len(rows)
        if left == 0:
            return


def stored_trajectory(store: Store, trajectory_id: str) -> StoredTrajectory | None:
    """The trajectory with an id, ``None`` where there is none.

    Raises:
        UserInputError: it has not the form of an id.
    """
    source, _, number = trajectory_id.rpartition("-")
    if source not in (OUTCOME, EVALUATION) or not number.isdecimal() or len(number) > 18:
        raise UserInputError(f"{trajectory_id!r} is no id of a trajectory; they look like outcome-12 or evaluation-3")
    query = _query(source, TrajectoryFilter()).where(_table(source).c.number == int(number))
    with store.reading() as connection:
        found = _read(connection, source, connection.execute(query).all())
    return found[0] if found else None


def named_trajectory(store: Store, name: str, session: int | None = None, step: int | None = None) -> StoredTrajectory:
    """The trajectory of that id, or the newest one of the task of that id.

    Args:
        store: where it is.
        name: ``outcome-N``, ``evaluation-N`` or a task's id.
        session: of a task, the number in its group.
        step: of a task, the training step.

    Raises:
        UserInputError: there is none.
    """
    one: StoredTrajectory | None
    if name.rpartition("-")[0] in (OUTCOME, EVALUATION):
        one = stored_trajectory(store, name)
    else:
        chosen = TrajectoryFilter(task_id=name, session=session, step=step)
        one = next(iter(list(stored_trajectories(store, chosen, limit=1, newest_first=True))), None)
    if one is None:
        raise UserInputError(f"there is no trajectory {name!r}; 'verl-agentic trajectories ls' lists them")
    return one


def _may_hold(source: str, chosen: TrajectoryFilter) -> bool:
    if source == EVALUATION:
        return chosen.epoch is None and chosen.split != TRAIN
    return chosen.split in (None, TRAIN)


def _table(source: str) -> sa.Table:
    return schema.outcomes if source == OUTCOME else schema.evaluations


def _query(source: str, chosen: TrajectoryFilter) -> sa.Select[Any]:
    table, tasks = _table(source), schema.tasks
    of_task = [tasks.c[name].label(f"task_{name}") for name in ("json", "packed", "kind")]
    query = sa.select(table, *of_task).join_from(table, tasks, tasks.c.id == table.c.task_id, isouter=True)
    wanted: list[tuple[Any, Any]] = [
        (table.c.task_id, chosen.task_id),
        (table.c.step, chosen.step),
        (table.c.session, chosen.session),
        (table.c.failure, chosen.failure),
        (tasks.c.kind if source == OUTCOME else table.c.kind, chosen.kind),
    ]
    if source == OUTCOME:
        wanted.append((table.c.epoch, chosen.epoch))
    else:
        wanted.append((table.c.split, chosen.split))
    query = query.where(*(column == value for column, value in wanted if value is not None))
    if chosen.success is not None:
        query = query.where(table.c.acc >= 1 if chosen.success else table.c.acc < 1)
    return query


def _read(connection: sa.Connection, source: str, rows: Sequence[Any]) -> list[StoredTrajectory]:
    # A task that is no longer stored has no text at all.
    texts = task_texts(connection, [(row.task_json or "", row.task_packed) for row in rows])
    return [_of(source, row, text or None) for row, text in zip(rows, texts, strict=True)]


def _of(source: str, row: Any, task: str | None) -> StoredTrajectory:
    trained = source == OUTCOME
    return StoredTrajectory(
        id=f"{source}-{row.number}",
        split=TRAIN if trained else row.split,
        kind=(row.task_kind or "") if trained else row.kind,
        task_id=row.task_id,
        step=row.step,
        epoch=row.epoch if trained else None,
        session=row.session,
        acc=row.acc,
        reward=row.reward,
        failure=FailureKind(row.failure),
        policy_version=row.policy_version if trained else None,
        trajectory=text_of(row.trajectory, row.packed),
        task=task,
    )
