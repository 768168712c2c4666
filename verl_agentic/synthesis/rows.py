"""Tasks as rows of verl's parquet data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from verl_agentic.core import Task, UserInputError
from verl_agentic.core.files.whole_file import replacing
from verl_agentic.synthesis.base import SPLITS, Split

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
        ``agent_name``, and ``extra_info`` with ``index``, ``split`` and the whole task as JSON.
    """
    return {
        "data_source": task.kind if split == "train" else f"{split}/{task.kind}",
        "prompt": [{"role": message["role"], "content": message["content"]} for message in task.messages],
        "ability": task.kind,
        "reward_model": {"style": "rule", "ground_truth": task.reference_text()},
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


def read_tasks(path: str | Path) -> list[Task]:
    """The tasks of :func:`read_rows`.

    Raises:
        UserInputError: naming file, row, field and mend.
    """
    return [row.task for row in read_rows(path)]


def read_rows(path: str | Path) -> Iterator[TaskRow]:
    """Read tasks from parquet, or from JSON lines, one by one.

    A row is one of: a row that :func:`to_row` made (the task is in ``extra_info.task``); a plain verl row
    (``data_source``, ``prompt``, ``reward_model.ground_truth``), whose ``extra_info`` must name ``env`` and
    ``reward`` and may hold ``tools`` and ``env_args`` as JSON; in JSON lines also a task as
    :meth:`verl_agentic.core.Task.to_json` writes it.

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
        yield TaskRow(where, _task(row, where), split if isinstance(split, str) else None)
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


def _task(row: dict[str, Any], where: str) -> Task:
    if "prompt" not in row and "kind" in row:
        return _checked(row, where, "task")
    extra_info = row.get("extra_info")
    if not isinstance(extra_info, dict):
        raise UserInputError(f"{where}: field 'extra_info' is missing or not a struct; {_MEND}")
    if extra_info.get("task") is not None:
        return _checked(extra_info["task"], where, "extra_info.task")
    return _plain_task(row, extra_info, where)


_MEND = "write rows with verl_agentic.synthesis.rows.write_parquet, or add extra_info.env and extra_info.reward"


def _checked(data: Any, where: str, name: str) -> Task:
    try:
        return Task.from_json(data) if isinstance(data, str) else Task.from_dict(data)
    except UserInputError as error:
        raise UserInputError(f"{where}: field {name!r}: {error}; {_MEND}") from error


def _plain_task(row: dict[str, Any], extra_info: dict[str, Any], where: str) -> Task:
    reward_model = row.get("reward_model")
    if not isinstance(reward_model, dict) or reward_model.get("ground_truth") is None:
        raise UserInputError(f"{where}: field 'reward_model.ground_truth' is missing; give the reference answer")
    if not isinstance(row.get("data_source"), str):
        raise UserInputError(f"{where}: field 'data_source' is missing or not text; give the kind of the task")
    for name, mend in (
        ("env", "name an environment, e.g. 'calculator'"),
        ("reward", "name a reward function, e.g. 'math'"),
    ):
        if not isinstance(extra_info.get(name), str):
            raise UserInputError(f"{where}: field 'extra_info.{name}' is missing or not text; {mend}")
    data = {
        "kind": row["data_source"],
        "messages": row.get("prompt"),
        "tools": _json_field(extra_info, "tools", [], where),
        "env": extra_info["env"],
        "env_args": _json_field(extra_info, "env_args", {}, where),
        "reward": extra_info["reward"],
        "ground_truth": _decoded(reward_model["ground_truth"]),
    }
    try:
        return Task.from_dict(data)
    except UserInputError as error:
        mend = "prompt must be a list of messages, extra_info.tools a JSON list, extra_info.env_args a JSON object"
        raise UserInputError(f"{where}: {error}; {mend}") from error


def _json_field(extra_info: dict[str, Any], name: str, default: Any, where: str) -> Any:
    value = extra_info.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise UserInputError(
            f"{where}: field 'extra_info.{name}' is not JSON: {error}; write it as JSON text"
        ) from error


def _decoded(ground_truth: Any) -> Any:
    """A ground truth written as a JSON object or list, decoded; any other text is the answer itself."""
    if not (isinstance(ground_truth, str) and ground_truth.lstrip()[:1] in ("{", "[")):
        return ground_truth
    try:
        return json.loads(ground_truth)
    except ValueError:
        return ground_truth
