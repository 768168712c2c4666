"""Parts of the pool, and where its tasks come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from verl_agentic.core import Task
from verl_agentic.store import schema
from verl_agentic.store.progress import chunks
from verl_agentic.store.records import PoolEntry, QuarantinedTask, TaskStatus
from verl_agentic.store.store import TRAIN, Store
from verl_agentic.store.task_parts import CONTENT, read_tasks
from verl_agentic.store.task_rows import entry_columns, entry_of


@dataclass(frozen=True, slots=True)
class PoolFilter:
    """Which training tasks: all that have each of the values that are given.

    Attributes:
        kind, depth, operator, generator: as in :class:`verl_agentic.core.Task`.
        status: current status.
    """

    kind: str | None = None
    status: TaskStatus | None = None
    depth: int | None = None
    operator: str | None = None
    generator: str | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """As conditions on the table of tasks."""
        columns = schema.tasks.c
        status = None if self.status is None else self.status.value
        wanted = (
            (columns.kind, self.kind),
            (columns.status, status),
            (columns.depth, self.depth),
            (columns.operator, self.operator),
            (columns.generator, self.generator),
        )
        return [columns.split == TRAIN, *(column == value for column, value in wanted if value is not None)]


def pool_entries(store: Store, chosen: PoolFilter, limit: int | None = None) -> list[PoolEntry]:
    """Tasks without their content, oldest round first and by id within it."""
    query = sa.select(*entry_columns()).where(*chosen.conditions())
    with store.reading() as connection:
        rows = connection.execute(query.order_by(schema.tasks.c.round, schema.tasks.c.id).limit(limit))
        return [entry_of(row) for row in rows]


def pool_size(store: Store, chosen: PoolFilter) -> int:
    """Number of such tasks."""
    with store.reading() as connection:
        query = sa.select(sa.func.count()).select_from(schema.tasks).where(*chosen.conditions())
        return connection.scalar(query) or 0


def pool_tasks(store: Store, chosen: PoolFilter) -> Iterator[Task]:
    """Tasks in the order of :func:`pool_entries`, one by one, all as they were when the first one was read."""
    query = sa.select(*CONTENT).where(*chosen.conditions()).order_by(schema.tasks.c.round, schema.tasks.c.id)
    with store.reading() as connection:
        yield from read_tasks(connection, query)


def quarantined(store: Store, split: str = TRAIN) -> list[QuarantinedTask]:
    """Broken and refused tasks, by id."""
    view = schema.quarantine
    columns = [view.c[name] for name in ("id", "kind", "structure", "operator", "generator", "reason", "epoch")]
    with store.reading() as connection:
        rows = connection.execute(sa.select(*columns).where(view.c.split == split).order_by(view.c.id))
        return [QuarantinedTask(**row._mapping) for row in rows]


def ancestors(store: Store, task_id: str) -> list[PoolEntry]:
    """The tasks that a task was grown from, the first one first; none where it was not grown."""
    found: list[PoolEntry] = []
    seen = {task_id}
    with store.reading() as connection:
        current = _entry(connection, task_id)
        # A file that was imported may name any parents, in circles or missing.
        while current is not None and current.parent is not None and current.parent not in seen:
            seen.add(current.parent)
            current = _entry(connection, current.parent)
            if current is not None:
                found.append(current)
    return found[::-1]


def descendants(store: Store, task_id: str, limit: int) -> list[PoolEntry]:
    """Up to ``limit`` tasks that were grown from a task or its descendants, nearer ones first."""
    table = schema.tasks
    found: list[PoolEntry] = []
    seen, generation = {task_id}, [task_id]
    with store.reading() as connection:
        while generation and len(found) < limit:
            children: list[PoolEntry] = []
            for some in chunks(generation):
                query = sa.select(*entry_columns()).where(table.c.parent.in_(some)).order_by(table.c.id).limit(limit)
                children += [entry_of(row) for row in connection.execute(query)]
            children = [child for child in children if child.id not in seen]
            seen.update(child.id for child in children)
            found += children
            generation = [child.id for child in children]
    return found[:limit]


def entry(store: Store, task_id: str) -> PoolEntry | None:
    """A task of any split without its content."""
    with store.reading() as connection:
        return _entry(connection, task_id)


def _entry(connection: sa.Connection, task_id: str) -> PoolEntry | None:
    row = connection.execute(sa.select(*entry_columns()).where(schema.tasks.c.id == task_id)).one_or_none()
    return None if row is None else entry_of(row)
