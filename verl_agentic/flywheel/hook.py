"""What a flywheel hook gets and gives."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field, replace
from typing import Protocol

from verl_agentic.core import Rejection, Task
from verl_agentic.flywheel.drafts import rejected_text
from verl_agentic.store import FRESH, Group, StatusChange, TaskStatus, Yield

MAX_REASON_CHARS = 400
"""Of the reason that is kept with a rejected text."""


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
        ask_until: value of it from which on no language model should be asked, so that a hook which waits in vain has
            time left for what it can do alone; ``None`` for none.
        requests: replies of language models that the hook may have, ``None`` for any number.
        say: tells the user, in one line, how far the hook is.
        written: the pool's tasks that a language model wrote (``generator`` of them is
            :data:`~verl_agentic.core.task.WRITTEN`); read when iterated.
    """

    epoch: int
    results: tuple[TaskResult, ...]
    rng: random.Random
    wanted: int
    known_ids: Set[str]
    written: Iterable[Task] = ()
    deadline: float | None = None
    ask_until: float | None = None
    requests: int | None = None
    say: Callable[[str], None] = silent

    @property
    def out_of_time(self) -> bool:
        """Whether the hook should end now: ask before each piece of work."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    @property
    def seconds_to_ask(self) -> float | None:
        """Time left in which language models may be asked, 0 or less when there is none; ``None`` for any."""
        return None if self.ask_until is None else self.ask_until - time.monotonic()


@dataclass(slots=True)
class RoundResult:
    """What a hook wants done.

    Attributes:
        new_tasks: training tasks to add, each naming its ``parent`` and ``operator`` if it was grown.
        status_changes: new status and reason by task id.
        counts: what to show in the report, by name.
        quarantined: what was made and rejected, to be kept for the record, and why.
        warnings: what could not be done for reasons that are nobody's task; logged and recorded.
        rejected: candidates that the hook itself refused: how many by reason, by operator.
    """

    new_tasks: list[Task] = field(default_factory=list)
    status_changes: dict[str, StatusChange] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    quarantined: list[tuple[Task, Rejection]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    rejected: dict[str, Counter[str]] = field(default_factory=dict)

    def reject(self, operator: str, rejection: Rejection, kind: str, parent: str | None = None) -> None:
        """Count a candidate that the hook refuses; its text, where a language model wrote one, is quarantined.

        Args:
            operator: what made it.
            rejection: why it must not enter.
            kind: kind of the task that it was to be.
            parent: id of the task that was to be grown.
        """
        self.rejected.setdefault(operator, Counter())[rejection.reason] += 1
        if rejection.text:
            kept = replace(rejection, detail=rejection.detail[:MAX_REASON_CHARS], text="")
            self.quarantined.append((rejected_text(rejection, kind, operator, parent), kept))

    @property
    def yields(self) -> dict[str, Yield]:
        """What became of each operator's candidates as far as the hook knows: accepted are those it gives."""
        given = Counter(task.operator or FRESH for task in self.new_tasks)
        names = sorted({*given, *self.rejected})
        return {name: Yield(given[name], Counter(self.rejected.get(name, {}))) for name in names}


class FlywheelHook(Protocol):
    """Called once between two epochs. Same input, same result."""

    def __call__(self, round: RoundInput) -> RoundResult: ...
