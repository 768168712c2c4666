"""What a task keeps of a row that was made for verl alone, so that rewards are handed it as it stood in the data."""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from typing import Any

from verl_agentic.core.task import Task

_KEY = "verl_row"


@dataclass(frozen=True, slots=True)
class PlainRow:
    """What a reward is handed of a row besides its prompt.

    Attributes:
        ability: verl's name of what is asked for.
        reward_model: with the ``ground_truth`` as it was: text, a number, an object or a list.
        extra_info: without a task of ours.
    """

    ability: str
    reward_model: dict[str, Any]
    extra_info: dict[str, Any]

    def meta(self) -> dict[str, Any]:
        """:attr:`Task.meta` of the task that is made of the row; its prompt asks for the answer in its own way."""
        return {"answer": "text", _KEY: asdict(self)}


def origin(task: Task) -> PlainRow | None:
    """A copy of what the row held that a task was made of; ``None`` for every other task."""
    kept = task.meta.get(_KEY)
    return PlainRow(**copy.deepcopy(kept)) if isinstance(kept, dict) else None
