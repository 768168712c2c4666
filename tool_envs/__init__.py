"""Environments: one session per trajectory, with tools, a user's side and a final state. No verl, torch or GPU."""

from verl_agentic.tool_envs.base import Environment, ToolError
from verl_agentic.tool_envs.registry import environment_class, make_environment, register_environment
from verl_agentic.tool_envs.users.base import NoUser, User, UserReply

__all__ = [
    "Environment",
    "NoUser",
    "ToolError",
    "User",
    "UserReply",
    "environment_class",
    "make_environment",
    "register_environment",
]
