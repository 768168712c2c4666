"""What training must never see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from verl_agentic.core import Task
from verl_agentic.store import Store
from verl_agentic.synthesis.base import TaskFamily


@dataclass(frozen=True, slots=True)
class Protected:
    """Tasks and structures kept for evaluation.

    Attributes:
        ids: task ids.
        structures: ``(kind, structure)`` pairs.
        hashes: content hashes, which give away a task under another id.
    """

    ids: frozenset[str] = frozenset()
    structures: frozenset[tuple[str, str]] = frozenset()
    hashes: frozenset[str] = frozenset()

    def covers(self, task: Task) -> bool:
        """Whether the task must stay out of training."""
        return (
            task.id in self.ids
            or (task.kind, task.structure) in self.structures
            or (bool(self.hashes) and task.content_hash() in self.hashes)
        )

    def __or__(self, other: Protected) -> Protected:
        return Protected(self.ids | other.ids, self.structures | other.structures, self.hashes | other.hashes)


def protected_splits(families: Iterable[TaskFamily]) -> Protected:
    """The validation and held-out structures of the families."""
    pairs = {
        (family.kind, structure)
        for family in families
        for structure in (*family.structures("validation"), *family.structures("held_out"))
    }
    return Protected(structures=frozenset(pairs))


def protected_in_store(store: Store) -> Protected:
    """Every task that the store holds outside the training split, its structure and its content."""
    hashes = store.hashes(exclude_split="train")
    structures = store.structures(exclude_split="train")
    return Protected(frozenset(hashes), frozenset(structures), frozenset(hashes.values()))
