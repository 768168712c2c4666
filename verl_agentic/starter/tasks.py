"""Tasks for demonstrations and probes, balanced over kinds, branches, depths and structures."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence

from verl_agentic.core import Task
from verl_agentic.synthesis.balance import shallow_structures, take_turns
from verl_agentic.synthesis.base import Split, TaskFamily


def balanced_tasks(
    families: Sequence[TaskFamily], seed: int, n: int, split: Split, max_depth: int, *, stream: str
) -> list[tuple[TaskFamily, Task]]:
    """``n`` tasks, taking turns over families, within each over branches and depths, then over structures.

    Args:
        families: a family that is named twice gets two turns.
        stream: name of the random stream; different streams of one seed are different tasks.
    """
    structure_of = {family.kind: _rotation(family, split, max_depth) for family in families}
    turns = dict.fromkeys(structure_of, 0)
    tasks: list[tuple[TaskFamily, Task]] = []
    for index in range(n):
        family = families[index % len(families)]
        turn = turns[family.kind]
        turns[family.kind] += 1
        rng = random.Random(f"{seed}/{stream}/{split}/{family.kind}/{turn}")
        tasks.append((family, family.generate(structure_of[family.kind](turn), rng)))
    return tasks


def shallowest_depths(tasks: Iterable[Task]) -> dict[str, int]:
    """Depth of the shallowest of the tasks, by kind."""
    depths: dict[str, int] = {}
    for task in tasks:
        depths[task.kind] = min(task.depth, depths.get(task.kind, task.depth))
    return depths


def _rotation(family: TaskFamily, split: Split, max_depth: int) -> Callable[[int], str]:
    depths = shallow_structures(family, split, max_depth)
    return take_turns(list(depths), lambda structure: (family.branch(structure), depths[structure]))
