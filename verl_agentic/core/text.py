"""Reading what models write."""

from __future__ import annotations


def without_thoughts(text: str) -> str:
    """``text`` without its closed ``<think>`` blocks, in linear time also when thousands are left open."""
    kept: list[str] = []
    while True:
        before, opened, rest = text.partition("<think>")
        _thought, closed, after = rest.partition("</think>")
        if not (opened and closed):
            return "".join([*kept, text])
        kept.append(before)
        text = after
