"""A task as a row of its table."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import sqlalchemy as sa

from verl_agentic.core import Task
from verl_agentic.store import schema
from verl_agentic.store.records import PoolEntry, TaskStatus
from verl_agentic.store.task_parts import cut

DRAW_MODULUS = 2**31 - 1
"""A prime, so that ``key * a + b`` modulo it gives every key another place for every ``a``, ``b``."""

_MAX_SEED = 2**63


def task_row(task: Task) -> tuple[dict[str, Any], dict[bytes, str]]:
    """The columns that follow from the task alone, and the long parts of its JSON by hash."""
    content, parts = cut(task)
    row = {
        "id": task.id,
        "kind": task.kind,
        "structure": task.structure,
        "depth": task.depth,
        "parent": task.parent,
        "operator": task.operator,
        **content,
        **derived(task),
    }
    return row, parts


def derived(task: Task) -> dict[str, Any]:
    """The columns that revision 0002 added."""
    return {
        "generator": task.generator,
        "seed": task.seed if -_MAX_SEED <= task.seed < _MAX_SEED else None,
        "content_hash": task.content_hash(),
        "draw_key": draw_key(task.id),
    }


def draw_key(task_id: str) -> int:
    """A number from 0 to ``DRAW_MODULUS - 1`` that looks random and depends on the id alone."""
    digest = hashlib.blake2b(task_id.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % DRAW_MODULUS


def entry_columns() -> list[sa.Column[Any]]:
    """The columns that :func:`entry_of` reads."""
    return [schema.tasks.c[field.name] for field in dataclasses.fields(PoolEntry)]


def entry_of(row: sa.Row[Any]) -> PoolEntry:
    """A row of :func:`entry_columns` as plain data."""
    return PoolEntry(**{**row._mapping, "status": TaskStatus(row.status)})
