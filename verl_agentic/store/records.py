"""Rows of the store as plain typed data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from verl_agentic.core import FailureKind, Outcome
from verl_agentic.store.yields import Yield

# Counts of hooks that are told in the line of a round.
_TROUBLES = ("late", "over_budget", "overtime", "skipped")


class TaskStatus(str, Enum):
    """Whether a task may be drawn."""

    ACTIVE = "active"
    """In the pool."""
    MASTERED = "mastered"
    """Solved reliably; drawn only as replay."""
    QUARANTINED = "quarantined"
    """Broken or refused; never drawn."""


@dataclass(frozen=True, slots=True)
class StatusChange:
    """New status of a task, and why."""

    status: TaskStatus
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PoolEntry:
    """A training task without its content.

    Attributes:
        id, kind, structure, depth, parent, operator: as in :class:`verl_agentic.core.Task`.
        round: epoch whose round added it; 0 for the initial pool.
        status: current status.
        reason: why it has this status; empty for one that was always active.
        generator, seed: as in :class:`verl_agentic.core.Task`; no seed where it has more than 64 bits.
        last_success: success at the last step it was sampled at, 0 to 1, ``None`` before the first.
        last_epoch: epoch of that step.
    """

    id: str
    kind: str
    structure: str
    depth: int
    parent: str | None
    operator: str | None
    round: int
    status: TaskStatus
    reason: str
    generator: str
    seed: int | None
    last_success: float | None
    last_epoch: int | None


@dataclass(frozen=True, slots=True)
class QuarantinedTask:
    """A task that is never drawn.

    Attributes:
        id, kind, structure, operator, generator: as in :class:`verl_agentic.core.Task`.
        reason: why it was taken out.
        epoch: when: during this epoch, or by the round that opened it.
    """

    id: str
    kind: str
    structure: str
    operator: str | None
    generator: str
    reason: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Group:
    """The outcomes of one prompt at one step: what group-relative advantages are computed over.

    Attributes:
        task_id: id of the task.
        step: training step it was sampled at.
        uid: the trainer's id of the group.
        outcomes: one per trajectory, by session.
    """

    task_id: str
    step: int
    uid: str
    outcomes: tuple[Outcome, ...]

    @property
    def success(self) -> float:
        """Share of successful trajectories, 0 to 1."""
        return sum(outcome.acc for outcome in self.outcomes) / len(self.outcomes)


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """A committed flywheel round.

    Attributes:
        epoch: the epoch that the round opened; it read what came before.
        status: ``committed``, or ``unchanged`` when the hooks left the pool as it was.
        counts: what it did, by name; ``HOOK.NAME`` is of a hook.
        yields: what became of the candidates of each operator, by its name.
    """

    epoch: int
    status: str
    counts: dict[str, int]
    yields: dict[str, Yield] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """The round in a line: what entered the pool, what did not, and hooks that had to do without something."""
        made = sum(one.made for one in self.yields.values())
        told = [f"{self.counts.get('added', 0)} tasks added" + (f" of {made} candidates" if made else "")]
        for name, count in self.counts.items():
            hook, _, what = name.rpartition(".")
            if count and name != "added" and (not hook or what in _TROUBLES):
                told.append(f"{f'{hook} ' if hook else ''}{what.replace('_', ' ')} {count}")
        return ", ".join(told)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One judged trajectory of an evaluation.

    Attributes:
        split: ``validation`` or ``held_out``.
        step: training step of the policy, 0 before training.
        task_id: id of the task.
        kind: its kind.
        session: index of the sample for this task, from 0.
        acc: binary success, 0.0 or 1.0.
        reward: shaped reward.
        failure: why it failed.
        trajectory: the trajectory as JSON.
    """

    split: str
    step: int
    task_id: str
    kind: str
    session: int
    acc: float
    reward: float
    failure: FailureKind
    trajectory: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """An infrastructure failure: a trajectory that was dropped and never rewarded.

    Attributes:
        step: training step it happened at.
        kind: what failed, e.g. ``environment``, ``timeout``, ``judge``.
        message: the error.
        task_id: id of the task, empty where none is concerned.
    """

    step: int
    kind: str
    message: str
    task_id: str = ""
