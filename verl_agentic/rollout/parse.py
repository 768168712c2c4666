"""The grammar of assistant messages, by the names that rollouts use; it lives in the core, where rewards share it."""

from __future__ import annotations

from verl_agentic.core.action import MAX_CALLS, AssistantAction, parse_assistant
from verl_agentic.core.calls import MAX_CALL_CHARS, MAX_NESTING, RequestedCall, typed
from verl_agentic.core.speech import STOP, TRANSFER

__all__ = [
    "MAX_CALLS",
    "MAX_CALL_CHARS",
    "MAX_NESTING",
    "STOP",
    "TRANSFER",
    "AssistantAction",
    "RequestedCall",
    "parse_assistant",
    "typed",
]
