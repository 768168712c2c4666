"""What a simulated user says, made safe to put before the policy."""

from __future__ import annotations

import re

_COMMAND = re.compile(r"#{2,}\s*[A-Z_]+")
# "<|im_end|>", "<tool_call>", "</s>", "<!--": a space keeps them from being tokens.
_TAG = re.compile(r"<(?=[|/!?\w])")
_BRACKET_TOKEN = re.compile(r"\[(?=/?(?:INST|SYS|TOOL)[A-Z_]*\])")
_BLANKS = re.compile(r"[^\S\n]+")
_SENTENCE_ENDS = (". ", "! ", "? ", "\n")


def harmless_speech(text: str, max_chars: int) -> str:
    """A text of at most ``max_chars`` characters that holds no invisible characters, tokens or commands.

    It is cut at the end of a sentence where half of it is left then.
    """
    text = "".join(char for char in text if char.isprintable() or char == "\n")
    text = _COMMAND.sub("", text)
    text = _BRACKET_TOKEN.sub("[ ", _TAG.sub("< ", text))
    text = _BLANKS.sub(" ", text).strip()
    if len(text) <= max_chars:
        return text
    end = max(text.rfind(mark, 0, max_chars) for mark in _SENTENCE_ENDS) + 1
    return text[: end if end > max_chars // 2 else max_chars].rstrip()
