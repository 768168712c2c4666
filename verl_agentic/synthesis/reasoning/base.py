"""What an operator is: from one task to another whose answer it knows."""

from __future__ import annotations

import dataclasses
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from typing import Any, ClassVar

from verl_agentic.core import Message, Task
from verl_agentic.core.outcome import ErrorKind

TEMPLATE = "template"
"""Generator of tasks that no language model wrote."""


WRONG = frozenset({ErrorKind.WRONG_ANSWER, ErrorKind.WRONG_STATE})
"""Errors of the way to the answer, against which every operator works."""
TOLD_ANEW = WRONG | {ErrorKind.FORMAT, ErrorKind.GAVE_UP}
"""What the same task in other words works against."""


class RejectedError(ValueError):
    """An operator made something that is no task.

    Attributes:
        reason: short name to count it by.
        detail: what was wrong.
        text: what a language model wrote; empty for anything else.
    """

    def __init__(self, reason: str, detail: str, text: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.text = text


class Operator(ABC):
    """Makes a harder or different task from a task.

    Attributes:
        name: what its tasks carry as ``operator``; operators of several kinds may share a name.
        kind: kind of task that it grows, empty for any.
        remedies: errors that it works against: forms are practised in other words, calculation on larger numbers. By
            default all that somebody could tell.
        hardens: whether it is also for tasks that the policy solves.
    """

    name: ClassVar[str]
    kind: ClassVar[str] = ""
    remedies: ClassVar[frozenset[ErrorKind]] = frozenset(ErrorKind) - {ErrorKind.UNDECIDED}
    hardens: ClassVar[bool] = True

    def fits(self, kind: str, error: ErrorKind | None) -> bool:
        """Whether it is for tasks of ``kind`` that failed by ``error``, ``None`` for those that did not."""
        return self.kind in ("", kind) and (self.hardens if error is None else error in self.remedies)

    @abstractmethod
    def __call__(self, task: Task, rng: random.Random) -> Task | Awaitable[Task | None] | None:
        """A new task, ``None`` where this one cannot be grown so; deterministic in ``rng`` and, where one is asked,
        the language model. The task is not verified.

        Raises:
            RejectedError: something was made, but is no task.
            InfrastructureError: a language model could not be asked.
        """

    def grow(self, task: Task, text: str, generator: str = TEMPLATE, **changes: Any) -> Task:
        """``task`` with ``text`` for its question and other ``changes``; names its parent, operator and generator.

        ``Task.generator`` is left to the hook, but for what a language model wrote.
        """
        system: list[Message] = [message for message in task.messages if message["role"] == "system"]
        meta = {**task.meta, **changes.pop("meta", {}), "generator": generator}
        messages = [*system, Message(role="user", content=text)]
        return dataclasses.replace(
            task,
            id="",
            messages=messages,
            parent=task.id,
            operator=self.name,
            generator="" if generator == TEMPLATE else generator,
            meta=meta,
            **changes,
        )
