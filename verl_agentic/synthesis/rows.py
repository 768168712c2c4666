"""Tasks as rows of verl's parquet data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from verl_agentic.core import Task, UserInputError
from verl_agentic.core.files.whole_file import replacing
from verl_agentic.core.plain_row import origin
from verl_agentic.synthesis.base import SPLITS, Split
from verl_agentic.synthesis.plain_rows import PROMPT_KEY, plain_task

AGENT_NAME = "agentic"

_MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
_SCHEMA = pa.schema(
    [
        ("data_source", pa.string()),
        ("prompt", pa.list_(_MESSAGE)),
        ("ability", pa.string()),
        ("reward_model", pa.struct([("style", pa.string()), ("ground_truth", pa.string())])),
        ("agent_name", pa.string()),
        ("extra_info", pa.struct([("index", pa.int64()), ("split", pa.string()), ("task", pa.string())])),
    ]
)
_BATCH_ROWS = 256
_GROUP_ROWS = 4096


def to_row(task: Task, index: int, split: Split) -> dict[str, Any]:
    """One row of verl's data.

    Returns:
        ``data_source`` (the kind, with ``split/`` before it outside of training, so that verl reports each on its
        own), ``prompt``, ``ability``, ``reward_model`` with the ground truth (a text as it is, all else as JSON),
        ``agent_name``, and ``extra_info`` with ``index``, ``split`` and the whole task as JSON. Of a task that was made
        of a plain verl row the data source stays as it was, by which verl's own rewards go, and so does a text of
        reference.
    """
    row = origin(task)
    truth = None if row is None else row.reward_model["ground_truth"]
    return {
        "data_source": task.kind if split == "train" or row is not None else f"{split}/{task.kind}",
        "prompt": [{"role": message["role"], "content": message["content"]} for message in task.messages],
        "ability": task.kind if row is None else row.ability,
        "reward_model": {
            "style": "rule",
            "ground_truth": truth if isinstance(truth, str) else task.reference_text(),
        },
        "agent_name": AGENT_NAME,
        "extra_info": {"index": index, "split": split, "task": task.to_json()},
    }


def write_parquet(tasks: Iterable[Task], path: str | Path, split: Split) -> int:
    """Write tasks as verl's parquet data, as they come. A file that stands there is replaced at once or not at all.

    Returns:
        The number of rows.

    Raises:
        UserInputError: there are no tasks, the split is unknown, or the file cannot be written.
    """
    path = Path(path)
    count = 0
    rows = _rows(tasks, path, split)
    with _writing(path) as file, pq.ParquetWriter(file, _SCHEMA) as writer:
        while some := list(islice(rows, _GROUP_ROWS)):
            writer.write_table(pa.Table.from_pylist(some, schema=_SCHEMA))
            count += len(some)
        _check_count(count, path)
    return count


def write_jsonl(tasks: Iterable[Task], path: str | Path, split: Split) -> int:
    """Write tasks as verl's rows, one JSON object a line; otherwise as :func:`write_parquet`."""
    path = Path(path)
    count = 0
    with _writing(path) as file:
        for row in _rows(tasks, path, split):
            file.write(f"{json.dumps(row, ensure_ascii=False)}\n".encode())
            count += 1
        _check_count(count, path)
    return count


def _rows(tasks: Iterable[Task], path: Path, split: Split) -> Iterator[dict[str, Any]]:
    if split not in SPLITS:
        raise UserInputError(f"{path}: unknown split {split!r}; one of {', '.join(SPLITS)}")
    return (to_row(task, index, split) for index, task in enumerate(tasks))


@contextmanager
def _writing(path: Path) -> Iterator[BinaryIO]:
    try:
        with replacing(path) as file:
            yield file
    except OSError as error:
        raise UserInputError(f"{path}: cannot be written: {error}") from error


def _check_count(count: int, path: Path) -> None:
    if not count:
        raise UserInputError(f"{path}: no tasks to write; verl cannot train on an empty file")


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A row that was read.

    Attributes:
        where: file and row, for messages.
        task: its task.
        split: split that the row says it belongs to, ``None`` where it says nothing.
    """

    where: str
    task: Task
    split: str | None


def read_tasks(path: str | Path, prompt_key: str = PROMPT_KEY) -> list[Task]:
    """The tasks of :func:`read_rows`.

    Raises:
        UserInputError: naming file, row, field and mend.
    """
    return [row.task for row in read_rows(path, prompt_key)]


def read_rows(path: str | Path, prompt_key: str = PROMPT_KEY) -> Iterator[TaskRow]:
    """Read tasks from parquet, or from JSON lines, one by one.

    A row is one of: a row that :func:`to_row` made (the task is in ``extra_info.task``); a plain verl row
    (``data_source``, ``prompt``, ``reward_model.ground_truth``), see :mod:`verl_agentic.synthesis.plain_rows`; in JSON
    lines also a task as :meth:`verl_agentic.core.Task.to_json` writes it.

    Args:
        path: a ``.parquet`` or a ``.jsonl`` file.
        prompt_key: column of the messages of plain rows (verl's ``data.prompt_key``).

    Raises:
        UserInputError: naming file, row, field and mend.
    """
    path = Path(path)
    if not path.is_file():
        raise UserInputError(f"{path}: no such file; give a .parquet or a .jsonl file")
    rows = _parquet_rows(path) if path.suffix == ".parquet" else _json_rows(path)
    empty = True
    for index, row in enumerate(rows):
        empty = False
        where = f"{path}: row {index}"
        extra_info = row.get("extra_info")
        split = extra_info.get("split") if isinstance(extra_info, dict) else None
        yield TaskRow(where, task_of_row(row, where, prompt_key), split if isinstance(split, str) else None)
    if empty:
        raise UserInputError(f"{path}: holds no rows")


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise UserInputError(f"{path}: is not a readable parquet file: {error}") from error


def _json_rows(path: Path) -> Iterator[dict[str, Any]]:
    index = 0
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                if not line.strip():
                    continue
                yield _json_object(line, f"{path}: row {index}")
                index += 1
    except (OSError, UnicodeDecodeError) as error:
        raise UserInputError(f"{path}: cannot be read: {error}") from error


def _json_object(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserInputError(f"{where} is not JSON: {error}; write one object a line") from error
    if not isinstance(row, dict):
        raise UserInputError(f"{where} must be an object, got {type(row).__name__}")
    return row


def task_of_row(row: Mapping[str, Any], where: str, prompt_key: str = PROMPT_KEY) -> Task:
    """The task of one row of a file or of verl's batches.

    Args:
        row: in a form that :func:`read_rows` reads.
        where: file and row, for messages.
        prompt_key: column of the messages of plain rows.

    Raises:
        UserInputError: naming row, field and mend.
    """
    if prompt_key not in row and "kind" in row:
        return _checked(row, where, "task")
    extra_info = row.get("extra_info")
    if isinstance(extra_info, dict) and _is_ours(extra_info.get("task"), row):
        return _checked(extra_info["task"], where, "extra_info.task")
    return plain_task(row, where, prompt_key)


def _is_ours(task: Any, row: Mapping[str, Any]) -> bool:
    """Whether ``extra_info.task`` is a task; other people's data have words of their own there."""
    if row.get("agent_name") == AGENT_NAME:
        return task is not None
    return isinstance(task, dict) or (isinstance(task, str) and task.lstrip().startswith("{"))


_MEND = "write rows with verl_agentic.synthesis.rows.write_parquet"


def _checked(data: Any, where: str, name: str) -> Task:
    try:
        return Task.from_json(data) if isinstance(data, str) else Task.from_dict(data)
    except UserInputError as error:
        raise UserInputError(f"{where}: field {name!r}: {error}; {_MEND}") from error
