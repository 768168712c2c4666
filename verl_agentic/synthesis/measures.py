"""How hard a task looks, in numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from verl_agentic.core import Task

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Measures:
    """What makes a task hard, as far as it can be counted.

    Attributes:
        depth: how composed it is.
        digits: digits of the largest number that is told.
        words: words of the question.
        tables: tables of its database.
        rows: rows of its database.
        structure: its structure.
    """

    depth: int
    digits: int
    words: int
    tables: int
    rows: int
    structure: str

    def harder_than(self, other: Measures) -> bool:
        """Whether something grew and the composition did not shrink."""
        mine = (self.depth, self.digits, self.words, self.tables, self.rows)
        theirs = (other.depth, other.digits, other.words, other.tables, other.rows)
        return self.depth >= other.depth and any(one > two for one, two in zip(mine, theirs, strict=True))


def measure(task: Task) -> Measures:
    """The measures of a task."""
    # What is explained around a question in plain words makes it no harder.
    told = [one for one in task.messages if one["role"] != "system" or task.register == "micro"]
    text = " ".join(message["content"] for message in told)
    rows = task.env_args.get("rows")
    tables = rows if isinstance(rows, dict) else {}
    return Measures(
        task.depth,
        max((len(number) for number in _NUMBER.findall(text)), default=0),
        len(_WORD.findall(text)),
        len(tables),
        sum(len(table) for table in tables.values()),
        task.structure,
    )
