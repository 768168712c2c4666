"""What an operator is: one way to make a tree harder, at one of several places."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import ClassVar

from verl_agentic.core import BrokenTaskError, FailureKind
from verl_agentic.core.behavior_tree import BehaviorTree


class Operator(ABC):
    """Grows trees. The same tree and site always give the same tree.

    Attributes:
        name: what tasks hold as their ``operator``.
        aims_at: failures that show the lack of what it asks for; by default none in particular.
    """

    name: ClassVar[str]
    aims_at: ClassVar[frozenset[FailureKind]] = frozenset()

    @abstractmethod
    def sites(self, tree: BehaviorTree) -> tuple[str, ...]:
        """Places of a checked tree where it applies; none where it does not."""

    @abstractmethod
    def change(self, tree: BehaviorTree, site: str) -> BehaviorTree:
        """The tree grown at one of its sites; what an operator is made of. Others call :meth:`grow`."""

    def grow(self, tree: BehaviorTree, site: str) -> BehaviorTree:
        """The tree grown at a site, which its ``grown`` names; still to be checked.

        Raises:
            BrokenTaskError: the operator does not apply there.
        """
        if site not in self.sites(tree):
            raise BrokenTaskError(f"operator {self.name!r} does not apply to tree {tree.name!r} at {site!r}")
        return replace(self.change(tree, site), grown=(*tree.grown, f"{self.name}:{site}"))
