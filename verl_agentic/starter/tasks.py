"""Tasks for demonstrations and probes, balanced over kinds and over structures."""

from __future__ import annotations

import random
from collections.abc import Sequence

from verl_agentic.core import Task
from verl_agentic.synthesis.base import Split, TaskFamily
from verl_agentic.synthesis.depth import shallow_structures


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
