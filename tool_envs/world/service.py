"""A service desk: a world, and a user who wants something.

The tools carry out whatever they are asked to. Whether a request is allowed is written in the business policy, and
keeping to it is what the policy model learns.
"""

from __future__ import annotations

from verl_agentic.tool_envs.world.environment import WorldEnvironment, tool_parameters

__all__ = ["ServiceEnvironment", "tool_parameters"]


class ServiceEnvironment(WorldEnvironment):
    """The ``world`` environment under the name that service tasks use."""
