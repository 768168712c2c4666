"""A grown task must be harder than its parent, or another one."""

from __future__ import annotations

from verl_agentic.core import Rejection
from verl_agentic.flywheel.checks.base import Candidate
from verl_agentic.flywheel.checks.novelty import jaccard, shingles
from verl_agentic.synthesis.measures import measure


class HarderOrDifferent:
    """Deeper, larger or longer than the parent, of another structure, or told in mostly other words.

    Args:
        similarity: similarity to the parent up to which a task counts as told in other words, 0 to 1.
    """

    def __init__(self, similarity: float = 0.5) -> None:
        self._similarity = similarity

    def __call__(self, candidate: Candidate) -> Rejection | None:
        if candidate.parent is None:
            return None
        mine, theirs = measure(candidate.task), measure(candidate.parent)
        if mine.harder_than(theirs) or mine.structure != theirs.structure:
            return None
        likeness = jaccard(shingles(candidate.task), shingles(candidate.parent))
        if likeness <= self._similarity:
            return None
        return Rejection("not_harder", f"no measure grew, and {likeness:.2f} like its parent")
