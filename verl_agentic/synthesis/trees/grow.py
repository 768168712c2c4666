"""Growing one task: its tree by an operator, and a task of a leaf that the growth changed."""

from __future__ import annotations

import random
from collections.abc import Iterable, Set

from verl_agentic.core import RejectedError, Task
from verl_agentic.synthesis.trees.check import check_tree
from verl_agentic.synthesis.trees.compile import compile_task, structure_of
from verl_agentic.synthesis.trees.edit import affected
from verl_agentic.synthesis.trees.expert import tree_of
from verl_agentic.synthesis.trees.operators import OPERATORS, Operator


def applicable(task: Task, operators: Iterable[Operator] = tuple(OPERATORS.values())) -> list[tuple[Operator, str]]:
    """Operators and sites at which the tree of a task can grow.

    Args:
        task: the task.
        operators: those to choose from; by default the built-in ones.

    Raises:
        BrokenTaskError: the task was not compiled from a tree.
    """
    tree = tree_of(task)
    return [(operator, site) for operator in operators for site in operator.sites(tree)]


def grow_task(task: Task, operator: Operator, site: str, rng: random.Random, protected: Set[str]) -> Task:
    """A harder task of the grown tree: of the same leaf where the growth changed the way to it, else of another.

    Args:
        task: the parent, compiled from a tree.
        operator: grows its tree.
        site: where.
        rng: chooses the leaf and the case.
        protected: structures kept for evaluation.

    Raises:
        RejectedError: the grown tree fails a check, or all that is new in it is protected.
        InfrastructureError: a world or the reward failed; says nothing about the tree.
    """
    before = tree_of(task)
    after = operator.grow(before, site)
    check_tree(after)
    leaves = [leaf for leaf in affected(before, after) if structure_of(after, leaf) not in protected]
    if not leaves:
        raise RejectedError("held_out", f"{operator.name}:{site} leads only to structures kept for evaluation")
    leaf = task.meta["leaf"] if task.meta["leaf"] in leaves else rng.choice(leaves)
    return compile_task(after, leaf, rng, kind=task.kind, parent=task.id, operator=operator.name)
