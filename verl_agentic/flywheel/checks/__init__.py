"""Checks that a new task passes before it enters the pool, each a small class."""

from verl_agentic.core import Rejection
from verl_agentic.flywheel.checks.base import Candidate, Check, Checks
from verl_agentic.flywheel.checks.leak import NoLeak
from verl_agentic.flywheel.checks.novelty import NearDuplicateIndex, Novel, jaccard, shingles
from verl_agentic.flywheel.checks.progress import HarderOrDifferent
from verl_agentic.flywheel.checks.solvable import SolvedByRoutes, Unambiguous

__all__ = [
    "Candidate",
    "Check",
    "Checks",
    "HarderOrDifferent",
    "NearDuplicateIndex",
    "NoLeak",
    "Novel",
    "Rejection",
    "SolvedByRoutes",
    "Unambiguous",
    "jaccard",
    "shingles",
]
