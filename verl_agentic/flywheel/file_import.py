"""Let tasks of a file into the pool."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

from verl_agentic.core import Task, UserInputError
from verl_agentic.flywheel.protect import Protected, protected_in_store
from verl_agentic.store import Store
from verl_agentic.synthesis.plain_rows import PROMPT_KEY
from verl_agentic.synthesis.rows import TaskRow, read_rows

_MAX_NAME = 255
_MAX_DEPTH = 2**31


def import_tasks(
    store: Store, path: Path, protected: Protected | None = None, prompt_key: str = PROMPT_KEY
) -> tuple[int, int]:
    """Add the tasks of a parquet or JSON lines file to the initial pool: all of them or none.

    They count as of the initial pool whenever they come, so that a run that goes back to a checkpoint keeps them. Rows
    are read one by one, so that the file may be larger than memory.

    Args:
        store: the store.
        path: the file, see :func:`verl_agentic.synthesis.rows.read_rows`.
        protected: what to keep out besides the evaluation tasks that the store knows.
        prompt_key: column of the messages of plain rows (verl's ``data.prompt_key``).

    Returns:
        The number of rows, and of those that were new.

    Raises:
        UserInputError: naming the row that is malformed or belongs to evaluation.
    """
    kept_out = protected_in_store(store) | (protected or Protected())
    counter = _Counter(read_rows(path, prompt_key))
    added = store.add_tasks(_checked(row, kept_out, path.name) for row in counter)
    return counter.rows, added


class _Counter:
    """Rows, counted as they pass."""

    def __init__(self, source: Iterable[TaskRow]) -> None:
        self._source = source
        self.rows = 0

    def __iter__(self) -> Iterator[TaskRow]:
        for row in self._source:
            self.rows += 1
            yield row


def _checked(row: TaskRow, kept_out: Protected, source: str) -> Task:
    task = row.task
    if row.split not in (None, "train"):
        raise UserInputError(
            f"{row.where}: belongs to split {row.split!r}; only rows of split 'train' may be trained on"
        )
    if kept_out.covers(task):
        raise UserInputError(
            f"{row.where}: task {task.id!r} or its structure {task.structure!r} is kept for evaluation; remove the row"
        )
    for name in ("id", "kind", "parent", "operator", "generator"):
        if len(getattr(task, name) or "") > _MAX_NAME:
            raise UserInputError(f"{row.where}: field {name!r} has more than {_MAX_NAME} characters")
    if not 1 <= task.depth < _MAX_DEPTH:
        raise UserInputError(f"{row.where}: field 'depth' must be from 1 to {_MAX_DEPTH - 1}, got {task.depth}")
    try:
        task.to_json().encode("utf-8")
    except UnicodeEncodeError as error:
        raise UserInputError(f"{row.where}: holds half a surrogate pair, which is no text: {error}") from error
    return task if task.generator else dataclasses.replace(task, generator=f"import:{source}"[:_MAX_NAME])
