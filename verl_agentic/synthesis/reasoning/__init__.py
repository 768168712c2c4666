"""Operators that make harder or different tasks from tasks of reasoning."""

from verl_agentic.core import RejectedError
from verl_agentic.synthesis.reasoning.base import Operator
from verl_agentic.synthesis.reasoning.registry import OPERATORS, make_operators

__all__ = ["OPERATORS", "Operator", "RejectedError", "make_operators"]
