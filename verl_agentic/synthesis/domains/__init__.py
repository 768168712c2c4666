"""Tasks of businesses in natural language: workflows of domains made into policies, users, worlds and verdicts."""

from verl_agentic.synthesis.domains.compile import DeskRequest, draft_task, finish_task

__all__ = ["DeskRequest", "draft_task", "finish_task"]
