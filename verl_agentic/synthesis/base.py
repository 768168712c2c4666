"""A family of tasks: how to generate, harden and solve them."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import ClassVar, Literal

from verl_agentic.core import FailureKind, Task
from verl_agentic.core.task import Register
from verl_agentic.rollout import Policy

Split = Literal["train", "validation", "held_out"]
SPLITS: tuple[Split, ...] = ("train", "validation", "held_out")


@dataclass(frozen=True, slots=True)
class Growth:
    """One way in which a task can grow.

    Attributes:
        operator: name of the operator.
        aims_at: failures that show the lack of what it asks for.
        grow: the grown task; it raises :class:`verl_agentic.core.RejectedError` where what comes of it is unfit.
    """

    operator: str
    aims_at: frozenset[FailureKind]
    grow: Callable[[random.Random], Task]


class TaskFamily(ABC):
    """Generator of one kind of task.

    The three splits are disjoint sets of *structures* (compositions of operations, query shapes, policy
    branches), not merely of numbers: whatever is asked of the policy in ``held_out`` was never composed that
    way in training, though each component was seen.
    """

    kind: ClassVar[str]
    plays_written: ClassVar[bool] = False
    """Whether the expert also solves tasks whose text a language model wrote: it goes by their data, not by words."""
    speaks: Register = "micro"
    """The register of the run's tasks, which :meth:`told` brings about."""

    @property
    def kept_shapes(self) -> frozenset[str]:
        """Signatures by which a structure for evaluation is known again under any name; none where names suffice."""
        return frozenset()

    @abstractmethod
    def structures(self, split: Split) -> tuple[str, ...]:
        """Signatures of the structures in a split, easiest first. Disjoint between splits."""

    def branch(self, structure: str) -> str:
        """What tasks of this structure come down to, such as a policy's decision; by default the same for all.

        Demonstrations and pools hold equally many tasks of each branch, so that always taking the commonest one
        does not pay.
        """
        return ""

    @abstractmethod
    def generate(self, structure: str, rng: random.Random) -> Task:
        """One task of the given structure, with ``task.structure == structure``; deterministic in ``rng``."""

    @abstractmethod
    def harder(self, task: Task, rng: random.Random) -> Task | None:
        """A harder variant of a training task, itself of a *train* structure; ``None`` when there is none.

        The result names its ``parent`` and its ``operator``.
        """

    def natural(self, task: Task) -> Task:
        """A task of this family in plain words, marked as such (:attr:`Task.register`); as it is by default.

        World, tools and truth stay, and so does what is asked. The prompt says what somebody needs to know who has
        never seen such a task, but not how a call, a question or an answer is written, which the run's protocol adds
        (:mod:`verl_agentic.rollout.protocol`). Of a task in plain words it gives the same again.
        """
        return task

    def told(self, task: Task) -> Task:
        """A generated or hardened task in the register of the run."""
        return self.natural(task) if self.speaks == "natural" else task

    def operators(self) -> tuple[str, ...]:
        """Names of the operators by which its tasks grow; none where they do not, but by :meth:`harder`."""
        return ()

    def growths(self, task: Task, operators: Collection[str]) -> list[Growth]:
        """Ways in which a task can grow by some operators, which are names of :meth:`operators` or of one's own.

        Raises:
            UserInputError: one of the names is no operator.
        """
        return []

    def grown_by(self, task: Task) -> frozenset[str]:
        """Names of the operators that a task was grown by."""
        return frozenset([task.operator] if task.operator else [])

    @abstractmethod
    def expert(self, task: Task) -> Policy:
        """A policy that solves ``task`` with reward 1, acting only on what the dialogue shows it."""

    def careless(self, task: Task) -> Policy | None:
        """A policy that fails ``task`` in the way of somebody in a hurry; ``None`` where the family has none."""
        return None
