"""Tasks compiled from behavior trees: the policy, the world, the user and the verdict all come from one tree."""

from verl_agentic.synthesis.trees.check import check_form, check_tree
from verl_agentic.synthesis.trees.compile import compile_task
from verl_agentic.synthesis.trees.family import TreeFamily
from verl_agentic.synthesis.trees.files import read_tree

__all__ = ["TreeFamily", "check_form", "check_tree", "compile_task", "read_tree"]
