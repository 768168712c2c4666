"""The rows that ``verl-agentic score`` reads, and what it writes for each."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from verl_agentic.core import BrokenTaskError, FailureKind, InfrastructureError, UserInputError
from verl_agentic.reward_fns.common import Verdict
from verl_agentic.reward_fns.invoke import invoke
from verl_agentic.reward_fns.registry import ComputeScore

ERROR = "error"
"""Verdict of a row that cannot be judged by anyone; the reason says why."""
MAX_LINE_BYTES = 256 * 2**20

_FIRST = ("score", "verdict", "reason")
# verl hands these over as JSON text; in a file they may stand as objects.
_AS_TEXT = ("trajectory", "task")


@dataclass(slots=True)
class RowScorer:
    """Judges single rows.

    Attributes:
        name: the reward function's name.
        function: the reward function.
        kwargs: its keywords.
        keep_going: give a bad row the verdict ``error`` instead of raising.
        failures: rows so far that the infrastructure left undecided.
    """

    name: str
    function: ComputeScore
    kwargs: Mapping[str, Any]
    keep_going: bool = False
    failures: int = 0

    async def score(self, where: str, line: bytes) -> dict[str, Any]:
        """The reward result of one row.

        Raises:
            UserInputError: the row is bad, or the reward function says it cannot judge it.
        """
        try:
            row = read_row(line)
            return await invoke(
                self.function,
                row["data_source"],
                row["solution_str"],
                row["ground_truth"],
                row["extra_info"],
                self.kwargs,
                self.name,
            )
        except (BrokenTaskError, UserInputError) as error:
            if not self.keep_going:
                raise UserInputError(f"{where}: {error}") from error
            return _no_verdict(ERROR, ERROR, str(error))
        except InfrastructureError as error:
            self.failures += 1
            return _no_verdict(Verdict.UNDECIDED.value, FailureKind.UNDECIDED.value, str(error))


def read_row(line: bytes) -> dict[str, Any]:
    """One row with verl's four fields, from a line of JSON.

    Raises:
        UserInputError: naming the field.
    """
    try:
        row = json.loads(line.strip())
    except json.JSONDecodeError as error:
        raise UserInputError(f"is not JSON: {error.msg} at column {error.colno}; write one object a line") from error
    except (ValueError, RecursionError) as error:
        raise UserInputError(f"is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise UserInputError(f"must be an object, got {type(row).__name__}")
    for name in ("data_source", "solution_str"):
        if not isinstance(row.get(name), str):
            raise UserInputError(f"field {name!r} is missing or not text")
    if row.get("ground_truth") is None:
        raise UserInputError("field 'ground_truth' is missing; give the reference that the reward compares with")
    extra_info = row.get("extra_info") or {}
    if not isinstance(extra_info, dict):
        raise UserInputError("field 'extra_info' must be an object")
    row["extra_info"] = {
        key: json.dumps(value) if key in _AS_TEXT and isinstance(value, dict) else value
        for key, value in extra_info.items()
    }
    return row


def to_line(result: Mapping[str, Any]) -> str:
    """One line of JSON, what matters most first."""
    ordered = {key: result[key] for key in _FIRST} | {key: result[key] for key in result if key not in _FIRST}
    return f"{json.dumps(ordered, default=str)}\n"


def input_lines(source: str, files: ExitStack) -> Iterator[tuple[str, bytes]]:
    """Every line that is not blank, with ``FILE: line N``; read one by one.

    Raises:
        UserInputError: the file cannot be read, or a line is too long to be held.
    """
    name = "standard input" if source == "-" else source
    return _numbered(_open_input(source, files), name)


def _open_input(source: str, files: ExitStack) -> IO[bytes]:
    if source == "-":
        return sys.stdin.buffer
    try:
        return files.enter_context(Path(source).open("rb"))
    except OSError as error:
        raise UserInputError(f"{source}: cannot be read: {error.strerror or error}") from error


def _numbered(file: IO[bytes], name: str) -> Iterator[tuple[str, bytes]]:
    number = 0
    while line := file.readline(MAX_LINE_BYTES):
        number += 1
        if len(line) >= MAX_LINE_BYTES:
            raise UserInputError(f"{name}: line {number} is longer than {MAX_LINE_BYTES} bytes")
        if line.strip():
            yield f"{name}: line {number}", line


def _no_verdict(verdict: str, failure: str, reason: str) -> dict[str, Any]:
    return {"score": 0.0, "acc": 0.0, "verdict": verdict, "failure": failure, "reason": reason}
