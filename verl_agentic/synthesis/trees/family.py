"""The family of tasks compiled from behavior trees."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from functools import cache, cached_property, partial
from typing import ClassVar

from verl_agentic.core import BrokenTaskError, RejectedError, Task
from verl_agentic.core.behavior_tree import BehaviorTree
from verl_agentic.rollout import Policy
from verl_agentic.synthesis.base import SPLITS, Growth, Split, TaskFamily
from verl_agentic.synthesis.question import question_of
from verl_agentic.synthesis.trees.catalog import Catalog, Entry, catalog, seed_trees
from verl_agentic.synthesis.trees.compile import KIND, compile_task
from verl_agentic.synthesis.trees.expert import expert_policy, hack_policy
from verl_agentic.synthesis.trees.grow import applicable, grow_task
from verl_agentic.synthesis.trees.operators import OPERATORS, TreeOperator, operator_named
from verl_agentic.synthesis.trees.shape import leaf_shapes


class TreeFamily(TaskFamily):
    """Requests whose right course is one path of a behavior tree.

    A structure is ``tree/operators/leaf``: which tree, what it was grown by, and where the dialogue ends. A family of
    one's own trees is a subclass that passes them to the constructor and has its own ``kind``.
    """

    kind: ClassVar[str] = KIND
    plays_written = True

    def __init__(self, trees: Sequence[BehaviorTree] | None = None) -> None:
        """
        Args:
            trees: seed trees; those of this package by default.

        Raises:
            RejectedError: one of them is unfit.
        """
        self.trees = tuple(seed_trees() if trees is None else trees)
        self._catalog: Catalog = _shipped() if trees is None else catalog(trees)
        self.protected = frozenset(name for split in SPLITS if split != "train" for name in self._catalog[split])

    @cached_property
    def kept_shapes(self) -> frozenset[str]:
        """Shapes of leaves that are for validation or held out, and are those of no leaf in training."""
        trained = self._shapes("train")
        return (self._shapes("validation") | self._shapes("held_out")) - trained

    def structures(self, split: Split) -> tuple[str, ...]:
        return tuple(self._catalog[split])

    def branch(self, structure: str) -> str:
        """The verdict: ``allow``, ``deny``, ``decline`` or ``transfer``."""
        entry = self._entry(structure)
        return entry.tree.verdict(entry.leaf)

    def generate(self, structure: str, rng: random.Random) -> Task:
        """One task.

        Raises:
            BrokenTaskError: there is no such structure.
        """
        entry = self._entry(structure)
        return compile_task(entry.tree, entry.leaf, rng, kind=self.kind)

    def harder(self, task: Task, rng: random.Random) -> Task | None:
        """A task of the same tree grown by one operator, chosen at random among those that give a fit tree.

        Raises:
            BrokenTaskError: the task was not compiled from a tree.
        """
        options = applicable(task)
        rng.shuffle(options)
        for operator, site in options:
            try:
                return grow_task(task, operator, site, rng, self.protected)
            except RejectedError:
                continue
        return None

    def operators(self) -> tuple[str, ...]:
        return tuple(OPERATORS)

    def growths(self, task: Task, operators: Collection[str]) -> list[Growth]:
        options = applicable(task, [operator_named(name) for name in operators])
        return [
            Growth(operator.name, operator.aims_at, partial(self._grown, task, operator, site))
            for operator, site in options
        ]

    def grown_by(self, task: Task) -> frozenset[str]:
        return frozenset(grown.partition(":")[0] for grown in task.meta.get("tree", {}).get("grown", ()))

    def _grown(self, task: Task, operator: TreeOperator, site: str, rng: random.Random) -> Task:
        return grow_task(task, operator, site, rng, self.protected)

    def expert(self, task: Task) -> Policy:
        return expert_policy(task)

    def careless(self, task: Task) -> Policy | None:
        """The forbidden path: acts without looking or asking, or against what it sees.

        ``None`` where it takes something that the user does not say unasked: to invent it is another failing.
        """
        said = question_of(task.messages)
        arguments = [value for call in task.meta["hack_path"] for value in call["arguments"].values()]
        return hack_policy(task) if all(str(value) in said for value in arguments) else None

    def _shapes(self, split: Split) -> frozenset[str]:
        leaves = (leaf_shapes(entry.tree, entry.leaf) for entry in self._catalog[split].values())
        return frozenset().union(*leaves)

    def _entry(self, structure: str) -> Entry:
        for split in SPLITS:
            if structure in self._catalog[split]:
                return self._catalog[split][structure]
        raise BrokenTaskError(f"unknown tree structure {structure!r}")


@cache
def _shipped() -> Catalog:
    return catalog(seed_trees())
