"""What training must never see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from verl_agentic.core import Task
from verl_agentic.store import Store
from verl_agentic.synthesis.base import SPLITS, TaskFamily
from verl_agentic.synthesis.trees.compile import KIND
from verl_agentic.synthesis.trees.shape import task_shape, written_shapes


@dataclass(frozen=True, slots=True)
class Protected:
    """Tasks and structures kept for evaluation.

    Attributes:
        ids: task ids.
        structures: ``(kind, structure)`` pairs; a task without a structure is not told by it.
        hashes: content hashes, which give away a task under another id.
        shapes: of trees, which give away one that a language model wrote again (:func:`written_shapes`).
    """

    ids: frozenset[str] = frozenset()
    structures: frozenset[tuple[str, str]] = frozenset()
    hashes: frozenset[str] = frozenset()
    shapes: frozenset[str] = frozenset()

    def covers(self, task: Task) -> bool:
        """Whether the task must stay out of training."""
        return (
            task.id in self.ids
            or (bool(task.structure) and (task.kind, task.structure) in self.structures)
            or (bool(self.hashes) and task.content_hash() in self.hashes)
            or (bool(self.shapes) and not self.shapes.isdisjoint(written_shapes(task)))
        )

    def __or__(self, other: Protected) -> Protected:
        return Protected(
            self.ids | other.ids,
            self.structures | other.structures,
            self.hashes | other.hashes,
            self.shapes | other.shapes,
        )


def protected_splits(families: Iterable[TaskFamily]) -> Protected:
    """The validation and held-out structures of the families."""
    families = tuple(families)
    pairs = {
        (family.kind, structure)
        for family in families
        for structure in (*family.structures("validation"), *family.structures("held_out"))
    }
    shapes: frozenset[str] = frozenset().union(*(family.kept_shapes for family in families))
    return Protected(structures=frozenset(pairs), shapes=shapes)


def protected_in_store(store: Store) -> Protected:
    """Every task that the store holds outside the training split, its structure, its content and its tree's shape."""
    hashes = store.hashes(exclude_split="train")
    structures = store.structures(exclude_split="train")
    trees = (task for split in SPLITS[1:] for task in store.tasks(kind=KIND, split=split))
    shapes = {shape for task in trees if (shape := task_shape(task))}
    return Protected(frozenset(hashes), frozenset(structures), frozenset(hashes.values()), frozenset(shapes))
