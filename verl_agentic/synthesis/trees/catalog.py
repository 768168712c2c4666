"""Which structures there are: leaves of the seed trees and of what operators make of them, dealt to the splits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

from verl_agentic.core import RejectedError
from verl_agentic.core.behavior_tree import BehaviorTree, read_yaml
from verl_agentic.synthesis.base import SPLITS, Split
from verl_agentic.synthesis.trees.check import check_form
from verl_agentic.synthesis.trees.compile import structure_of
from verl_agentic.synthesis.trees.edit import affected
from verl_agentic.synthesis.trees.operators import OPERATORS

Catalog = dict[Split, dict[str, "Entry"]]


@dataclass(frozen=True, slots=True)
class Entry:
    """A structure: one leaf of one tree."""

    tree: BehaviorTree
    leaf: str


def seed_trees() -> list[BehaviorTree]:
    """The trees that this package ships."""
    folder = resources.files("verl_agentic.synthesis.trees") / "seeds"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name)
    return [read_yaml(file.read_text(encoding="utf-8")) for file in files]


def catalog(trees: Sequence[BehaviorTree]) -> Catalog:
    """Structures by name in each split, the shallowest first.

    A seed's own leaves, and those of each operator at its first site, are always trained on. Of the others one in eight
    is for validation and two in eight are held out: compositions of what training shows one by one. Which, follows from
    a structure's name alone, so that a further operator or tree, or another order, deals no structure anew.

    Raises:
        RejectedError: one of the trees is unfit.
    """
    found: Catalog = {split: {} for split in SPLITS}
    known: set[str] = set()
    for tree in trees:
        for grown, leaves, simplest in _variants(tree):
            for leaf in leaves:
                name = structure_of(grown, leaf)
                if name in known:
                    continue
                known.add(name)
                found["train" if simplest else dealt(name)][name] = Entry(grown, leaf)
    return {
        split: dict(sorted(entries.items(), key=lambda item: len(item[1].tree.grown)))
        for split, entries in found.items()
    }


def dealt(structure: str) -> Split:
    """The split of a structure that is not always trained on."""
    share = hashlib.sha256(structure.encode()).digest()[0] % 8
    return "held_out" if share < 2 else "validation" if share == 2 else "train"


def _variants(tree: BehaviorTree) -> Iterator[tuple[BehaviorTree, Sequence[str], bool]]:
    """A tree and what up to two operators make of it: the variant, its new leaves, and whether it is the simplest."""
    yield tree, list(check_form(tree)), True
    for _, operator in OPERATORS.items():
        for position, site in enumerate(operator.sites(tree)):
            once = _fit(operator.grow(tree, site))
            if once is None:
                continue
            yield once, affected(tree, once), position == 0
            for _, second in OPERATORS.items() if position == 0 else ():
                for further in second.sites(once)[:1]:
                    twice = _fit(second.grow(once, further))
                    if twice is not None:
                        yield twice, affected(once, twice), False


def _fit(tree: BehaviorTree) -> BehaviorTree | None:
    try:
        check_form(tree)
    except RejectedError:
        return None
    return tree
