"""Bounds of a trajectory, and what of a reply they let through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from verl_agentic.core.checked import Positive, Seconds, Within


@dataclass(frozen=True, slots=True)
class DialogueLimits:
    """Bounds of one trajectory.

    Attributes:
        max_turns: assistant turns.
        max_tool_chars: characters of a tool's reply that reach the policy (the paper's 4096): its beginning and end.
        max_parallel_calls: tool calls executed per assistant turn; further ones are refused.
        call_seconds: wall time of one tool call or user reply, and of closing the session.
        open_seconds: wall time of opening the session, which may be the first to start a server or build an index.
        grace_seconds: how long what was cancelled may clean up before it is left behind.
    """

    max_turns: Positive = 15
    max_tool_chars: Positive = 4096
    max_parallel_calls: Positive = 1
    call_seconds: Seconds = 60.0
    open_seconds: Seconds = 120.0
    grace_seconds: Annotated[float, Within(least=0)] = 5.0


def shortened(text: str, limit: int) -> str:
    """At most ``limit`` characters of a reply: its beginning, a mark that says what is missing, and its end."""
    if len(text) <= limit:
        return text
    room = max(0, limit - len(_mark(len(text))))
    mark = _mark(len(text) - room)
    tail = room // 4
    return (text[: room - tail] + mark + text[len(text) - tail :])[:limit]


def _mark(characters: int) -> str:
    return f"\n[... {characters} characters left out ...]\n"


def encodable(text: str) -> str:
    """``text`` without halves of surrogate pairs, which no database or tokenizer takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
