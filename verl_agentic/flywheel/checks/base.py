"""What a check of a new task is, and a row of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from verl_agentic.core import Rejection, Task


@dataclass(frozen=True, slots=True)
class Candidate:
    """A task that wants to enter the pool.

    Attributes:
        task: the task.
        parent: what it was grown from, ``None`` for one that was not grown.
    """

    task: Task
    parent: Task | None = None


class Check(Protocol):
    """One thing that must be true of a new task."""

    def __call__(self, candidate: Candidate) -> Rejection | None:
        """Why the task must not enter, ``None`` when nothing is wrong as far as this check sees.

        Raises:
            InfrastructureError: the check could not be made; says nothing about the task.
        """
        ...


class Checks:
    """Checks in order, the cheapest first; the first rejection counts.

    A :data:`verl_agentic.flywheel.Verifier`, too, for tasks without a parent at hand.

    Args:
        checks: the checks.
    """

    def __init__(self, checks: Sequence[Check]) -> None:
        self._checks = tuple(checks)

    def examine(self, candidate: Candidate) -> Rejection | None:
        """The first rejection, ``None`` when every check passes.

        Raises:
            InfrastructureError: a check could not be made.
        """
        for check in self._checks:
            rejection = check(candidate)
            if rejection is not None:
                return rejection
        return None

    def __call__(self, task: Task) -> Rejection | None:
        return self.examine(Candidate(task))
