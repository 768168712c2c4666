"""A tree that a language model wrote must be no other's copy."""

from __future__ import annotations

import re
from collections.abc import Iterable

from verl_agentic.core import RejectedError
from verl_agentic.core.behavior_tree import BehaviorTree
from verl_agentic.flywheel.checks.novelty import jaccard
from verl_agentic.synthesis.trees.shape import tree_shape

_WORD = re.compile(r"[^\W_]+")


class TreeIndex:
    """Known trees, by what they are about and by their shape.

    Args:
        trees: those known at first.
        similarity: Jaccard similarity of their words from which two domains are the same, above 0 and at most 1.
    """

    def __init__(self, trees: Iterable[BehaviorTree], similarity: float) -> None:
        self._similarity = similarity
        self._shapes: dict[str, str] = {}
        self._words: dict[str, frozenset[str]] = {}
        for tree in trees:
            self.add(tree)

    @property
    def names(self) -> list[str]:
        """Names of the domains."""
        return sorted(self._words)

    def add(self, tree: BehaviorTree) -> None:
        """Remember a tree."""
        self._shapes.setdefault(tree_shape(tree), tree.name)
        self._words.setdefault(tree.name, _words(tree))

    def check_domain(self, tree: BehaviorTree) -> None:
        """Refuse a domain that is another one in nearly the same words.

        Raises:
            RejectedError: naming that one.
        """
        words = _words(tree)
        for name, others in self._words.items():
            if (likeness := jaccard(words, others)) >= self._similarity:
                raise RejectedError("near_duplicate", f"the domain is {name!r} again ({likeness:.2f} alike)")

    def check_shape(self, tree: BehaviorTree) -> None:
        """Refuse a tree that is a known one of its domain but for its words.

        Raises:
            RejectedError: it is.
        """
        if self._shapes.get(tree_shape(tree)) == tree.name:
            raise RejectedError("near_duplicate", "there is such a tree already; add other branches")


def _words(tree: BehaviorTree) -> frozenset[str]:
    """What a domain is about: words of its tools, data and facts, and of how it is asked for."""
    columns = [column.name for table in tree.tables for column in table.columns]
    tools = [f"{tool.name} {tool.description}" for tool in tree.tools]
    facts = [f"{fact.name} {fact.ask[0]}" for fact in tree.facts]
    texts = [*(table.name for table in tree.tables), *columns, *tools, *facts, *tree.wants]
    return frozenset(word for text in texts for word in _WORD.findall(text.casefold()))
