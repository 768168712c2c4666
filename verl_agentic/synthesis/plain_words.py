"""Generated tasks in plain words: what all families do to mark and word them."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

from verl_agentic.core import Message, Task


def wording_rng(task: Task, *more: object) -> random.Random:
    """What chooses the words of a task, the same again for the task in its words.

    Args:
        task: the task.
        more: what tells it from others of its structure besides its seed.
    """
    return random.Random("/".join(map(str, (task.kind, task.structure, task.seed, *more))))


def in_plain_words(task: Task, system: str, question: str | None = None, **changes: Any) -> Task:
    """``task`` with another system message, marked as one in the natural register.

    Args:
        task: the task.
        system: the system message.
        question: what the user says first, as it is by default.
        changes: other fields.
    """
    rest: list[Message] = [message for message in task.messages if message["role"] != "system"]
    if question is not None:
        rest = [Message(role="user", content=question)]
    return dataclasses.replace(
        task,
        id="",
        messages=[Message(role="system", content=system), *rest],
        meta={**task.meta, "register": "natural"},
        **changes,
    )
