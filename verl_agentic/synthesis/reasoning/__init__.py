"""Operators that make harder or different tasks from tasks of reasoning."""

from verl_agentic.core import RejectedError
from verl_agentic.synthesis.reasoning.base import Operator
from verl_agentic.synthesis.reasoning.registry import OPERATORS, make_operators
from verl_agentic.synthesis.reasoning.routes import LEAST_ROUTES, Route, UnreadableError, register_routes

__all__ = [
    "LEAST_ROUTES",
    "OPERATORS",
    "Operator",
    "RejectedError",
    "Route",
    "UnreadableError",
    "make_operators",
    "register_routes",
]
