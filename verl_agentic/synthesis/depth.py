"""Structures by depth."""

from __future__ import annotations

import random

from verl_agentic.core import UserInputError
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
