"""Tasks of businesses in natural language: workflows of domains made into policies, users, worlds and verdicts."""

from verl_agentic.synthesis.domains.compile import DeskRequest, compile_request

__all__ = ["DeskRequest", "compile_request"]
