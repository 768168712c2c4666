"""Break up control tokens in what tools and users say, so that none becomes a real one."""

from __future__ import annotations

import re
from collections.abc import Iterable


class ControlTokens:
    """The control tokens of one tokenizer, or those of the usual ones.

    Args:
        tokens: the tokenizer's; ``None`` where nobody knows it: every token in the form of the usual families.
    """

    def __init__(self, tokens: Iterable[str] | None = None) -> None:
        if tokens is None:
            self._pattern: re.Pattern[str] | None = _USUAL
            return
        # Some vocabularies have runs of spaces among them, which control nothing.
        longest_first = sorted((token for token in tokens if len(token.strip()) > 1), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def broken_up(self, text: str) -> str:
        """``text`` with a space after the first character of every control token."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda token: f"{token[0][:1]} {token[0][1:]}", text)


_USUAL = re.compile(
    r"<\|[^<>|\s]{1,64}\|>"  # ChatML, Llama 3, Phi, o200k
    r"|<\uff5c[^<>\uff5c]{1,64}\uff5c>"  # DeepSeek
    r"|</?(?:s|bos|eos|pad|unk|think|tool_call|tool_response|tools|start_of_turn|end_of_turn)>"
    r"|\[/?(?:INST|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|SYSTEM_PROMPT)\]"
)
