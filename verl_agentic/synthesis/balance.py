"""Which structures are used, and how often: shallow enough, and equally many of each branch."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Sequence

from verl_agentic.core import UserInputError
from verl_agentic.synthesis.base import Split, TaskFamily


def depth_of(family: TaskFamily, structure: str) -> int:
    """Depth of a structure, told by one task of it."""
    return family.generate(structure, random.Random(f"depth/{structure}")).depth


def shallow_structures(family: TaskFamily, split: Split, max_depth: int) -> dict[str, int]:
    """Structures of ``split`` whose tasks are at most ``max_depth`` deep, in the family's order, with their depths.

    Raises:
        UserInputError: there is none.
    """
    depths = {structure: depth_of(family, structure) for structure in family.structures(split)}
    kept = {structure: depth for structure, depth in depths.items() if depth <= max_depth}
    if not kept:
        raise UserInputError(f"family {family.kind!r} has no {split} structure of depth <= {max_depth}")
    return kept


def take_turns(structures: Sequence[str], group: Callable[[str], Hashable]) -> Callable[[int], str]:
    """The structure of each turn, from 0: groups take turns, and within each its structures do, without end.

    Args:
        structures: at least one.
        group: the group of a structure, such as :meth:`TaskFamily.branch`.
    """
    groups: dict[Hashable, list[str]] = {}
    for structure in structures:
        groups.setdefault(group(structure), []).append(structure)
    members = list(groups.values())

    def structure_of(turn: int) -> str:
        group_turn, index = divmod(turn, len(members))
        return members[index][group_turn % len(members[index])]

    return structure_of
