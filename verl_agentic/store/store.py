"""The store."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from verl_agentic.core import FailureKind, InfrastructureError, Outcome, Task, UserInputError
from verl_agentic.store import schema
from verl_agentic.store.engine import clear_errors, open_engine, shown, sqlite_path
from verl_agentic.store.lease import Lease
from verl_agentic.store.opening import open_tables
from verl_agentic.store.packing import text_columns, text_of
from verl_agentic.store.progress import CHUNK, chunks, refresh_progress
from verl_agentic.store.records import Evaluation, Failure, Group, PoolEntry, RoundRecord, StatusChange, TaskStatus
from verl_agentic.store.secrets import redact, redact_text
from verl_agentic.store.task_parts import CONTENT, drop_parts, read_tasks, write_parts
from verl_agentic.store.task_rows import entry_columns, entry_of, task_row
from verl_agentic.store.yields import Yield, read_counts, stored_counts

TRAIN = "train"
_MAX_MESSAGE = 4000


class Store:
    """Everything a run must remember, in one database with one writer.

    An epoch ``e >= 1`` is opened by *round* ``e``, which reads the outcomes of epochs before ``e`` and adds
    tasks with ``round == e``; round 0 is the initial pool. Each method is one transaction.
    """

    def __init__(self, url: str, create: bool = True) -> None:
        """Open the store at ``url``.

        Args:
            url: SQLAlchemy URL, e.g. ``sqlite:///runs/a/store.db``.
            create: make a store where there is none; when false it must exist. One that an older release wrote is
                brought up to date in either case.

        Raises:
            UserInputError: the URL cannot be opened, or holds a store of a newer release.
            InfrastructureError: the database failed.
        """
        self.engine = open_engine(url, create)
        self._writer = self.engine.execution_options(writes=True)
        self._reader = self.engine
        if self.engine.dialect.name == "postgresql":
            # A task and its parts are two queries, and by default each would see what was committed just before it.
            self._reader = self.engine.execution_options(isolation_level="REPEATABLE READ")
        self._url = make_url(url)
        self._lease: Lease | None = None
        self._closed = False
        with clear_errors(self._url):
            open_tables(self.engine, create)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back the lease, if there is one, and close every connection; nothing is written from then on."""
        self._closed = True
        lease, self._lease = self._lease, None
        if lease is not None:
            lease.release()
        self.engine.dispose()

    def acquire(self, wait_seconds: float = 0.0, stale_seconds: float = 60.0) -> None:
        """Become the store's only writer, until it is closed.

        From then on every write first makes sure that nobody else took over.

        Args:
            wait_seconds: how long to wait for another writer to end.
            stale_seconds: silence of this process after which others may take over.

        Raises:
            UserInputError: another process writes to the store.
        """
        if self.engine.dialect.name == "sqlite" and sqlite_path(self._url) is None:
            return  # in memory: nobody else can see it
        lease = Lease(self._beginning, shown(self._url), stale_seconds)
        lease.acquire(wait_seconds)
        self._lease = lease

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A consistent view for queries."""
        with clear_errors(self._url), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that holds the write lock from its start; all of it is committed, or nothing."""
        with self._beginning() as connection:
            if self._closed:
                # A thread that outlives the run must not write without its lease.
                raise InfrastructureError(f"store {shown(self._url)} is closed")
            if self._lease is not None:
                self._lease.confirm(connection)
            started = time.monotonic()
            yield connection
            if self._lease is not None and time.monotonic() - started > 1:
                # No heartbeat gets through while this one holds the lock.
                self._lease.confirm(connection)

    @contextmanager
    def _beginning(self) -> Iterator[sa.Connection]:
        with clear_errors(self._url), self._writer.begin() as connection:
            yield connection

    # Tasks

    def add_tasks(self, tasks: Iterable[Task], round: int = 0, split: str = TRAIN) -> int:
        """Add tasks that are not known yet (by id) as active; return how many were new.

        Args:
            tasks: the tasks, read one by one; when that raises, none of them is added.
            round: epoch whose round adds them, 0 for the initial pool.
            split: ``train`` for the pool; tasks of any other split are kept for the record and never drawn.

        Raises:
            UserInputError: a task is already there in another split.
        """
        with self.writing() as connection:
            return _insert_tasks(connection, tasks, round, split)

    def task(self, task_id: str) -> Task | None:
        """One task of any split."""
        return self.tasks_by_id([task_id]).get(task_id)

    def tasks_by_id(self, task_ids: Collection[str]) -> dict[str, Task]:
        """Those of these tasks that the store knows, of any split."""
        table = schema.tasks
        found: dict[str, Task] = {}
        with self.reading() as connection:
            for some in chunks(task_ids):
                query = sa.select(*CONTENT).where(table.c.id.in_(some))
                found.update((task.id, task) for task in read_tasks(connection, query))
        return found

    def tasks(
        self, *, status: TaskStatus | None = None, kind: str | None = None, round: int | None = None, split: str = TRAIN
    ) -> list[Task]:
        """Tasks of a split, oldest round first and by id within it, optionally of one status, kind or round."""
        table = schema.tasks
        query = sa.select(*CONTENT).where(table.c.split == split).order_by(table.c.round, table.c.id)
        for column, value in ((table.c.status, status), (table.c.kind, kind), (table.c.round, round)):
            if value is not None:
                query = query.where(column == value)
        with self.reading() as connection:
            return list(read_tasks(connection, query))

    def pool(self, split: str = TRAIN) -> list[PoolEntry]:
        """All tasks of a split without their content, of every status, in the order of :meth:`tasks`."""
        table = schema.tasks
        query = sa.select(*entry_columns()).where(table.c.split == split).order_by(table.c.round, table.c.id)
        with self.reading() as connection:
            return [entry_of(row) for row in connection.execute(query)]

    def holds_tasks(self) -> bool:
        """Whether there is any task, of whatever split."""
        with self.reading() as connection:
            return connection.execute(sa.select(schema.tasks.c.id).limit(1)).first() is not None

    def task_ids(self) -> Iterator[str]:
        """Ids of all tasks of every split, in no order, read one after the other."""
        with self.reading() as connection:
            yield from connection.execution_options(yield_per=CHUNK).scalars(sa.select(schema.tasks.c.id))

    def task_count(self) -> int:
        """Number of tasks of all splits."""
        with self.reading() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(schema.tasks)) or 0

    def splits(self, task_ids: Collection[str]) -> dict[str, str]:
        """Split of each of these tasks that the store knows, by id."""
        with self.reading() as connection:
            return _splits(connection, task_ids)

    def statuses(self, task_ids: Collection[str], split: str = TRAIN) -> dict[str, TaskStatus]:
        """Status of each of these tasks of a split, by id."""
        table = schema.tasks
        found: dict[str, TaskStatus] = {}
        with self.reading() as connection:
            for some in chunks(task_ids):
                query = sa.select(table.c.id, table.c.status).where(table.c.split == split, table.c.id.in_(some))
                found.update({task_id: TaskStatus(status) for task_id, status in connection.execute(query)})
        return found

    def hashes(self, *, exclude_split: str = TRAIN) -> dict[str, str]:
        """Content hash by task id, outside a split."""
        table = schema.tasks
        query = sa.select(table.c.id, table.c.content_hash).where(_outside(exclude_split))
        with self.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def structures(self, *, exclude_split: str = TRAIN) -> set[tuple[str, str]]:
        """``(kind, structure)`` of every task outside a split: what evaluation is about, and training must not be."""
        table = schema.tasks
        query = sa.select(table.c.kind, table.c.structure).where(_outside(exclude_split)).distinct()
        with self.reading() as connection:
            return {(kind, structure) for kind, structure in connection.execute(query) if structure}

    def quarantine(self, task_id: str, reason: str, epoch: int) -> None:
        """Take a broken task out of the pool at once, during ``epoch``."""
        with self.writing() as connection:
            _change_statuses(connection, epoch, {task_id: StatusChange(TaskStatus.QUARANTINED, reason)})

    # Outcomes

    def record_outcomes(self, outcomes: Sequence[Outcome], uid: str | Sequence[str] = "") -> None:
        """Record judged trajectories in one transaction; recording one again replaces it.

        Args:
            outcomes: trajectories of one or more groups.
            uid: the trainer's id of the group, one for all or one per outcome.

        Raises:
            ValueError: ``uid`` does not have one entry per outcome.
        """
        uids = [uid] * len(outcomes) if isinstance(uid, str) else list(uid)
        rows: dict[tuple[int, str, str, int], dict[str, Any]] = {}
        for outcome, group in zip(outcomes, uids, strict=True):
            rows[outcome.step, outcome.task_id, group, outcome.session] = {
                "epoch": outcome.epoch,
                "step": outcome.step,
                "task_id": outcome.task_id,
                "uid": group,
                "session": outcome.session,
                "reward": float(outcome.reward),
                "acc": float(outcome.acc),
                "failure": FailureKind(outcome.failure).value,
                "turns": outcome.turns,
                **text_columns("trajectory", _encodable(outcome.trajectory)),
                "policy_version": outcome.policy_version,
            }
        self._replace(schema.outcomes, ("step", "task_id", "uid", "session"), rows)

    def outcomes(self, epoch: int) -> list[Outcome]:
        """Outcomes of an epoch by step, task and session."""
        return [outcome for group in self.groups(epoch) for outcome in group.outcomes]

    def groups(self, epoch: int) -> list[Group]:
        """Outcomes of an epoch by step and task, as the groups they were sampled in."""
        table = schema.outcomes
        query = sa.select(table).where(table.c.epoch == epoch).order_by(table.c.number)
        grouped: dict[tuple[int, str, str], list[Outcome]] = {}
        with self.reading() as connection:
            for row in connection.execute(query):
                key = (row.step, row.task_id, row.uid)
                grouped.setdefault(key, []).append(_of_row(Outcome, row))
        # A uid is random: it keeps groups apart but must not decide their order.
        ordered = sorted(grouped.items(), key=lambda item: item[0][:2])
        return [
            Group(task_id, step, uid, tuple(sorted(members, key=lambda outcome: outcome.session)))
            for (step, task_id, uid), members in ordered
        ]

    def outcome_epochs(self) -> list[int]:
        """Epochs that have outcomes, in order."""
        column = schema.outcomes.c.epoch
        with self.reading() as connection:
            return list(connection.scalars(sa.select(column).distinct().order_by(column)))

    # Rounds and draws

    def commit_round(
        self,
        epoch: int,
        new_tasks: Sequence[Task],
        status_changes: Mapping[str, StatusChange],
        counts: Mapping[str, int],
        yields: Mapping[str, Yield] | None = None,
    ) -> RoundRecord:
        """Commit the round that opens ``epoch``: all of it or nothing.

        Args:
            epoch: the epoch it opens, from 1.
            new_tasks: tasks to add, known ones are skipped.
            status_changes: new status by task id; may concern the new tasks.
            counts: what the round did, by name.
            yields: what became of the candidates of each operator, by its name.

        Raises:
            UserInputError: a status change names an unknown task, or a new task belongs to another split.
            InfrastructureError: the round is already committed, or the database failed.
        """
        if epoch < 1:
            raise ValueError(f"rounds open epochs from 1, got {epoch}; epoch 0 has the initial pool")
        with self.writing() as connection:
            if connection.scalar(sa.select(schema.rounds.c.epoch).where(schema.rounds.c.epoch == epoch)) is not None:
                raise InfrastructureError(f"round {epoch} is already committed; does another process run this store?")
            added = _insert_tasks(connection, new_tasks, epoch, TRAIN)
            changed = _change_statuses(connection, epoch, status_changes)
            status = "committed" if added or changed else "unchanged"
            stored = stored_counts(counts, yields or {})
            row = {"epoch": epoch, "status": status, "counts": stored, "created": time.time()}
            connection.execute(schema.rounds.insert().values(row))
        return RoundRecord(epoch, status, *read_counts(stored))

    def round(self, epoch: int) -> RoundRecord | None:
        """The committed round that opened ``epoch``."""
        with self.reading() as connection:
            row = connection.execute(sa.select(schema.rounds).where(schema.rounds.c.epoch == epoch)).one_or_none()
        return None if row is None else RoundRecord(row.epoch, row.status, *read_counts(row.counts))

    def rounds(self) -> list[RoundRecord]:
        """All committed rounds in order."""
        with self.reading() as connection:
            rows = connection.execute(sa.select(schema.rounds).order_by(schema.rounds.c.epoch)).all()
        return [RoundRecord(row.epoch, row.status, *read_counts(row.counts)) for row in rows]

    def last_round(self) -> RoundRecord | None:
        """The committed round that opened the latest epoch."""
        with self.reading() as connection:
            row = connection.execute(sa.select(schema.rounds).order_by(schema.rounds.c.epoch.desc()).limit(1)).first()
        return None if row is None else RoundRecord(row.epoch, row.status, *read_counts(row.counts))

    def save_draw(self, epoch: int, task_ids: Sequence[str]) -> None:
        """Store the tasks of an epoch in the order they are trained on.

        Raises:
            InfrastructureError: the epoch is already drawn.
        """
        with self.writing() as connection:
            if connection.scalar(sa.select(schema.draws.c.epoch).where(schema.draws.c.epoch == epoch)) is not None:
                raise InfrastructureError(f"epoch {epoch} is already drawn; does another process run this store?")
            connection.execute(schema.draws.insert().values(epoch=epoch, task_ids=list(task_ids)))

    def draw(self, epoch: int) -> list[str] | None:
        """Task ids of an epoch in training order, ``None`` when it is not drawn yet."""
        with self.reading() as connection:
            ids = connection.scalar(sa.select(schema.draws.c.task_ids).where(schema.draws.c.epoch == epoch))
        return None if ids is None else [str(task_id) for task_id in ids]

    def rewind(self, step: int, epoch: int | None = None) -> None:
        """Undo everything recorded after the checkpoint of ``step``.

        Gone are outcomes, evaluations, metrics and failures of later steps, and the draws, rounds, new tasks
        and status changes of the epochs that start later. The initial pool stays.

        Args:
            step: step of the checkpoint, 0 for the start of training.
            epoch: epoch that ``step`` belongs to (-1 before the first); by default read from the outcomes.
        """
        with self.writing() as connection:
            if epoch is None:
                query = sa.select(sa.func.max(schema.outcomes.c.epoch)).where(schema.outcomes.c.step <= step)
                last = connection.scalar(query)
                epoch = -1 if last is None else int(last)
            taken_back = sa.select(schema.outcomes.c.task_id).where(schema.outcomes.c.step > step).distinct()
            touched = list(connection.scalars(taken_back))
            for table in (schema.outcomes, schema.evaluations, schema.metrics, schema.failures):
                connection.execute(table.delete().where(table.c.step > step))
            changes = schema.status_changes
            later = sa.select(changes).where(changes.c.epoch > epoch).order_by(changes.c.number.desc())
            for row in connection.execute(later).all():
                old = {"status": row.old_status, "reason": row.old_reason}
                connection.execute(schema.tasks.update().where(schema.tasks.c.id == row.task_id).values(old))
            for table in (changes, schema.rounds, schema.draws):
                connection.execute(table.delete().where(table.c.epoch > epoch))
            born_later = sa.and_(schema.tasks.c.split == TRAIN, schema.tasks.c.round > max(epoch, 0))
            connection.execute(schema.tasks.delete().where(born_later))
            drop_parts(connection, max(epoch, 0))
            refresh_progress(connection, touched)

    # Evaluations, metrics, failures, run info

    def record_evaluations(self, evaluations: Sequence[Evaluation]) -> None:
        """Record judged trajectories of an evaluation; recording one again replaces it."""
        rows: dict[tuple[str, int, str, int], dict[str, Any]] = {}
        for one in evaluations:
            rows[one.split, one.step, one.task_id, one.session] = {
                "split": one.split,
                "step": one.step,
                "task_id": one.task_id,
                "kind": one.kind,
                "session": one.session,
                "acc": float(one.acc),
                "reward": float(one.reward),
                "failure": FailureKind(one.failure).value,
                **text_columns("trajectory", _encodable(one.trajectory)),
            }
        self._replace(schema.evaluations, ("split", "step", "task_id", "session"), rows)

    def evaluations(self, split: str, step: int | None = None) -> list[Evaluation]:
        """Evaluations of a split by step, task and session, optionally of one step."""
        table = schema.evaluations
        query = sa.select(table).where(table.c.split == split)
        if step is not None:
            query = query.where(table.c.step == step)
        with self.reading() as connection:
            rows = connection.execute(query.order_by(table.c.step, table.c.task_id, table.c.session)).all()
        return [_of_row(Evaluation, row) for row in rows]

    def evaluation_steps(self, split: str) -> list[int]:
        """Steps at which a split was evaluated, in order."""
        table = schema.evaluations
        query = sa.select(table.c.step).where(table.c.split == split).distinct().order_by(table.c.step)
        with self.reading() as connection:
            return list(connection.scalars(query))

    def record_metrics(self, step: int, values: Mapping[str, Any]) -> None:
        """Merge the trainer's metrics into those of a step; what is not a finite number is left out."""
        numbers = {str(name): number for name, value in values.items() if (number := _finite(value)) is not None}
        table = schema.metrics
        with self.writing() as connection:
            known = connection.scalar(sa.select(table.c["values"]).where(table.c.step == step))
            connection.execute(table.delete().where(table.c.step == step))
            connection.execute(table.insert().values({"step": step, "values": {**(known or {}), **numbers}}))

    def metrics(self) -> dict[int, dict[str, float]]:
        """Metrics by step, in order."""
        with self.reading() as connection:
            rows = connection.execute(sa.select(schema.metrics).order_by(schema.metrics.c.step)).all()
        return {row[0]: row[1] for row in rows}

    def record_failure(self, failure: Failure) -> None:
        """Record an infrastructure failure; secrets in its message are blanked."""
        message = redact_text(failure.message)[:_MAX_MESSAGE]
        row = {"step": failure.step, "kind": failure.kind, "message": _encodable(message), "task_id": failure.task_id}
        with self.writing() as connection:
            connection.execute(schema.failures.insert().values(row))

    def failures(self) -> list[Failure]:
        """Infrastructure failures in the order they were recorded."""
        with self.reading() as connection:
            rows = connection.execute(sa.select(schema.failures).order_by(schema.failures.c.number)).all()
        return [Failure(row.step, row.kind, row.message, row.task_id) for row in rows]

    def set_info(self, **values: Any) -> None:
        """Set facts about the run (profile, seed, paths ...) as JSON; secrets in them are blanked.

        Raises:
            UserInputError: a value is not JSON data.
        """
        clean = {key: redact({key: value})[key] for key, value in values.items()}
        for key, value in clean.items():
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise UserInputError(f"run info {key!r} is not JSON data: {error}") from error
        with self.writing() as connection:
            _set_info(connection, clean)

    def add_seconds(self, phase: str, seconds: float) -> None:
        """Add wall time to a phase of the run (``timings`` in :meth:`info`), so that a resumed run counts on."""
        table = schema.info
        with self.writing() as connection:
            timings = dict(connection.scalar(sa.select(table.c.value).where(table.c.key == "timings")) or {})
            timings[phase] = timings.get(phase, 0.0) + seconds
            _set_info(connection, {"timings": timings})

    def info(self) -> dict[str, Any]:
        """All facts about the run."""
        with self.reading() as connection:
            rows = connection.execute(sa.select(schema.info).order_by(schema.info.c.key)).all()
        return {row[0]: row[1] for row in rows if row[0] != "schema_version"}

    def _replace(self, table: sa.Table, key: tuple[str, ...], rows: Mapping[tuple[Any, ...], dict[str, Any]]) -> None:
        """Insert rows in one transaction in place of those with the same key."""
        if not rows:
            return
        columns = [table.c[name] for name in key]
        steps = {row["step"] for row in rows.values()}
        with self.writing() as connection:
            present = connection.execute(sa.select(*columns).where(table.c.step.in_(steps))).all()
            stale = [tuple(row) for row in present if tuple(row) in rows]
            if stale:
                matches = [column == sa.bindparam(f"key_{column.name}") for column in columns]
                names = [f"key_{name}" for name in key]
                connection.execute(
                    table.delete().where(*matches), [dict(zip(names, row, strict=True)) for row in stale]
                )
            connection.execute(table.insert(), list(rows.values()))
            if table is schema.outcomes:
                refresh_progress(connection, {str(row["task_id"]) for row in rows.values()})


def _insert_tasks(connection: sa.Connection, tasks: Iterable[Task], round: int, split: str) -> int:
    remaining = iter(tasks)
    common = {
        "split": split,
        "round": round,
        "status": TaskStatus.ACTIVE.value,
        "reason": "",
        "created": time.time(),
    }
    added = 0
    while some := list(islice(remaining, CHUNK)):
        by_id = {task.id: task for task in reversed(some)}
        known = _splits(connection, by_id)
        for task_id, other in sorted(known.items()):
            if other != split:
                raise UserInputError(
                    f"task {task_id!r} is in split {other!r} and again in {split!r}; remove one of them"
                )
        rows: list[dict[str, Any]] = []
        parts: dict[bytes, str] = {}
        for task_id in sorted(by_id.keys() - known):
            row, its_parts = task_row(by_id[task_id])
            rows.append(row | common)
            parts |= its_parts
        if rows:
            # A rewind takes back tasks of the pool alone.
            write_parts(connection, parts, round if split == TRAIN else 0)
            connection.execute(schema.tasks.insert(), rows)
        added += len(rows)
    return added


def _splits(connection: sa.Connection, task_ids: Collection[str]) -> dict[str, str]:
    known: dict[str, str] = {}
    for some in chunks(task_ids):
        query = sa.select(schema.tasks.c.id, schema.tasks.c.split).where(schema.tasks.c.id.in_(some))
        known.update({row[0]: row[1] for row in connection.execute(query)})
    return known


def _outside(split: str) -> sa.ColumnElement[bool]:
    """Tasks of other splits, in a form for which the database uses its index: ``!=`` reads every row."""
    return sa.or_(schema.tasks.c.split < split, schema.tasks.c.split > split)


def _change_statuses(connection: sa.Connection, epoch: int, changes: Mapping[str, StatusChange]) -> int:
    table = schema.tasks
    history: list[dict[str, Any]] = []
    for task_id, change in sorted(changes.items()):
        old = connection.execute(sa.select(table.c.status, table.c.reason).where(table.c.id == task_id)).one_or_none()
        if old is None:
            raise UserInputError(f"status change of task {task_id!r}, which is not in the store")
        status = TaskStatus(change.status).value
        if old.status == status:
            continue
        new = {"status": status, "reason": change.reason}
        connection.execute(table.update().where(table.c.id == task_id).values(new))
        before = {"old_status": old.status, "old_reason": old.reason}
        history.append({"epoch": epoch, "task_id": task_id, **before, **new})
    if history:
        connection.execute(schema.status_changes.insert(), history)
    return len(history)


def _set_info(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    table = schema.info
    connection.execute(table.delete().where(table.c.key.in_(values)))
    connection.execute(table.insert(), [{"key": key, "value": value} for key, value in values.items()])


def _encodable(text: str) -> str:
    """Text without lone surrogates: a model can write them (as JSON escapes), no database can hold them."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


def _finite(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


_Record = TypeVar("_Record", Outcome, Evaluation)


def _of_row(kind: type[_Record], row: Any) -> _Record:
    """The record whose fields are the row's columns of the same names."""
    values = {one.name: getattr(row, one.name) for one in dataclasses.fields(kind)}
    text = text_of(row.trajectory, row.packed)
    return kind(**values | {"failure": FailureKind(row.failure), "trajectory": text})
