"""The question of a task, and the words about whoever asks it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from verl_agentic.core import Message

FRAMES = ("{persona} asks: ", "{persona} wants to know: ", "A question from {persona}: ")
"""What a question may be put behind to say who asks it; itself without ``: ``, as every question of ours."""

_FRAME = re.compile(r"(?:A question from [^:]{1,200}|[^:]{1,200} (?:asks|wants to know)): ")


def question_of(messages: Sequence[Message]) -> str:
    """What the user asks first, without who asks it; empty where no user speaks."""
    text = next((message["content"] for message in messages if message["role"] == "user"), "")
    return unframed(text)


def unframed(text: str) -> str:
    """``text`` without a leading one of :data:`FRAMES`."""
    frame = _FRAME.match(text)
    return text[frame.end() :] if frame else text
