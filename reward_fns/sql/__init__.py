"""Execution match: the predicted and the reference query agree on several states of a database.

:func:`compute_score` is the reward. :mod:`verl_agentic.reward_fns.sql.mutants` and
:mod:`verl_agentic.reward_fns.sql.states` make the states on which near misses of a reference show.
"""

from verl_agentic.reward_fns.sql.compare import Match, same_result
from verl_agentic.reward_fns.sql.order import is_ordered
from verl_agentic.reward_fns.sql.score import compute_score

__all__ = ["Match", "compute_score", "is_ordered", "same_result"]
