"""Reward for what a trajectory did to the world: its final state, its calls and what it said."""

from verl_agentic.reward_fns.state.verdict import compute_score

__all__ = ["compute_score"]
