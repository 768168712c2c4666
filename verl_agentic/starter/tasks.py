"""Tasks for demonstrations and probes, balanced over kinds and over structures."""

from __future__ import annotations

import random
from collections.abc import Sequence

from verl_agentic.core import Task, UserInputError
from verl_agentic.synthesis.base import Split, TaskFamily


def shallow_structures(family: TaskFamily, split: Split, max_depth: int, seed: int) -> list[str]:
    """Structures of ``split`` whose tasks are at most ``max_depth`` deep, in the family's order.

    Raises:
        UserInputError: there is none.
    """
    kept = []
    for structure in family.structures(split):
        # Depth belongs to the structure, so that one task of it tells.
        if family.generate(structure, random.Random(f"{seed}/depth/{structure}")).depth <= max_depth:
            kept.append(structure)
    if not kept:
        raise UserInputError(f"family {family.kind!r} has no {split} structure of depth <= {max_depth}")
    return kept


def balanced_tasks(
    families: Sequence[TaskFamily], seed: int, n: int, split: Split, max_depth: int, *, stream: str
) -> list[tuple[TaskFamily, Task]]:
    """``n`` tasks, taking turns over families, and within each over its structures.

    Args:
        families: a family that is named twice gets two turns.
        stream: name of the random stream; different streams of one seed are different tasks.
    """
    structures = {family.kind: shallow_structures(family, split, max_depth, seed) for family in families}
    turns = dict.fromkeys(structures, 0)
    tasks: list[tuple[TaskFamily, Task]] = []
    for index in range(n):
        family = families[index % len(families)]
        turn = turns[family.kind]
        turns[family.kind] += 1
        structure = structures[family.kind][turn % len(structures[family.kind])]
        rng = random.Random(f"{seed}/{stream}/{split}/{family.kind}/{turn}")
        tasks.append((family, family.generate(structure, rng)))
    return tasks
