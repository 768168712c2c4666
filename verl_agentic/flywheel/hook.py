"""What a flywheel hook gets and gives."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field
from typing import Protocol

from verl_agentic.core import Task
from verl_agentic.store import Group, StatusChange, TaskStatus

WRITTEN = "llm"
"""Generator of tasks that a language model wrote."""


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How the policy did on one task in the epoch just trained.

    Attributes:
        task: the task.
        status: its status, ``active``, or ``mastered`` when it was replayed.
        groups: its groups of that epoch, oldest first: rewards, accs, failure kinds and trajectories.
        history: its success at each step it was ever sampled at, oldest first, 0 to 1; never empty.
    """

    task: Task
    status: TaskStatus
    groups: tuple[Group, ...]
    history: tuple[float, ...]

    @property
    def success(self) -> float:
        """Success at the last step, 0 to 1."""
        return self.history[-1]


def silent(_: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class RoundInput:
    """Everything a hook may go by.

    Attributes:
        epoch: the epoch that the round opens.
        results: the tasks of the epoch before, by task id.
        rng: the hook's own generator, seeded from the run's seed and the epoch.
        wanted: number of new tasks still wanted.
        known_ids: ids of all tasks that exist, those of evaluation included; another such task is dropped. Ask
            it for single ids: it reads the store, and the pool may be large.
        deadline: value of :func:`time.monotonic` at which the hook should end with what it has, ``None`` for none.
        say: tells the user, in one line, how far the hook is.
        written: the pool's tasks that a language model wrote (``generator`` :data:`WRITTEN`); read when iterated.
    """

    epoch: int
    results: tuple[TaskResult, ...]
    rng: random.Random
    wanted: int
    known_ids: Set[str]
    written: Iterable[Task] = ()
    deadline: float | None = None
    say: Callable[[str], None] = silent

    @property
    def out_of_time(self) -> bool:
        """Whether the hook should end now: ask before each piece of work."""
        return self.deadline is not None and time.monotonic() >= self.deadline


@dataclass(slots=True)
class RoundResult:
    """What a hook wants done.

    Attributes:
        new_tasks: training tasks to add, each naming its ``parent`` and ``operator`` if it was grown.
        status_changes: new status and reason by task id.
        counts: what to show in the report, by name; ``rejected.OPERATOR.REASON`` for candidates of an operator that
            the hook itself refused.
        quarantined: what was made and rejected, to be kept for the record, and why.
        warnings: what could not be done for reasons that are nobody's task; logged and recorded.
    """

    new_tasks: list[Task] = field(default_factory=list)
    status_changes: dict[str, StatusChange] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    quarantined: list[tuple[Task, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class FlywheelHook(Protocol):
    """Called once between two epochs. Same input, same result."""

    def __call__(self, round: RoundInput) -> RoundResult: ...
