"""The blocks of one assistant message: what is thought, called, asked, answered and simply said.

Whichever block opens first owns what it holds: a tag inside of another block is content.

* ``<think>`` is seen by nobody. One that is never closed runs to the end. Where the chat template opened it in the
  prompt, the message begins inside of it: everything up to a ``</think>`` that nothing opened is thought.
* ``<tool_call>``, and ``<function=NAME>`` standing alone, run to their closing tag, else to the end.
* ``<answer>`` and ``<question>`` run to their closing tag, else to the next block or the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

TRANSFER = "###TRANSFER_TO_HUMAN"
"""With this, outside of thoughts and calls, the policy hands over to a human."""
STOP = "###STOP"
"""With this a simulated user ends the dialogue. In a message of the policy it means nothing."""

MARKS = ("<", ">", "###", "```")
"""What plain words of a dialogue never hold: its marks, and brackets, of which chat templates make control tokens."""


class BlockKind(str, Enum):
    """What a part of a message is."""

    TEXT = "text"
    THOUGHT = "think"
    CALL = "tool_call"
    FUNCTION = "function"
    ANSWER = "answer"
    QUESTION = "question"


@dataclass(frozen=True, slots=True)
class Block:
    """One part of a message.

    Attributes:
        kind: what it is.
        content: what stands between its tags; for a ``FUNCTION``, all of it from ``<function=`` on.
    """

    kind: BlockKind
    content: str


_OPENING = re.compile(r"<(?:(think|tool_call|answer|question)>|function=)")
_ENDS_AT_NEXT = (BlockKind.ANSWER, BlockKind.QUESTION)


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a message in order, in linear time whatever it holds."""
    position = _leading_thought(text)
    if position:
        yield Block(BlockKind.THOUGHT, text[: position - len("</think>")])
    never_closed: set[BlockKind] = set()
    while opening := _OPENING.search(text, position):
        if opening.start() > position:
            yield Block(BlockKind.TEXT, text[position : opening.start()])
        kind = BlockKind(opening[1] or "function")
        start = opening.end() if opening[1] else opening.start()
        closing = f"</{kind.value}>"
        # A tag that was looked for in vain once is not looked for again.
        end = -1 if kind in never_closed else text.find(closing, opening.end())
        if end >= 0:
            position = end + len(closing)
        else:
            never_closed.add(kind)
            following = _OPENING.search(text, opening.end()) if kind in _ENDS_AT_NEXT else None
            position = end = following.start() if following else len(text)
        yield Block(kind, text[start:end])
    if position < len(text):
        yield Block(BlockKind.TEXT, text[position:])


def _leading_thought(text: str) -> int:
    """Where the message goes on after a thought that the prompt opened, 0 where there is none."""
    end = text.find("</think>")
    if end < 0 or text.find("<think>", 0, end) >= 0:
        return 0
    # In the arguments of a call it is content.
    if text.rfind("<tool_call>", 0, end) > text.rfind("</tool_call>", 0, end):
        return 0
    return end + len("</think>")
