"""What an operator is: from one task to another whose answer it knows."""

from __future__ import annotations

import dataclasses
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from typing import Any, ClassVar

from verl_agentic.core import Message, Task
from verl_agentic.core.outcome import ErrorKind

WRONG = frozenset({ErrorKind.WRONG_ANSWER, ErrorKind.WRONG_STATE})
"""Errors of the way to the answer, against which every operator works."""
TOLD_ANEW = WRONG | {ErrorKind.FORMAT, ErrorKind.GAVE_UP}
"""What the same task in other words works against."""


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
            RejectedError: something was made, but is no task; with the text where a language model wrote it.
            InfrastructureError: a language model could not be asked.
        """

    def grow(self, task: Task, text: str, generator: str = "", **changes: Any) -> Task:
        """``task`` with ``text`` for its question and other ``changes``; names its parent and operator.

        Args:
            task: the parent.
            text: the question.
            generator: :data:`~verl_agentic.core.task.WRITTEN` where a language model wrote the text; else it is left
                to the hook.
            changes: other fields; ``meta`` is added to the parent's.
        """
        system: list[Message] = [message for message in task.messages if message["role"] == "system"]
        meta = {**task.meta, **changes.pop("meta", {})}
        messages = [*system, Message(role="user", content=text)]
        return dataclasses.replace(
            task,
            id="",
            messages=messages,
            parent=task.id,
            operator=self.name,
            generator=generator,
            meta=meta,
            **changes,
        )
