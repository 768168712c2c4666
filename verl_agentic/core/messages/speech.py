"""The blocks of one assistant message: what is thought, called, asked, answered and simply said.

Whichever block opens first owns what it holds: a tag inside of another block is content.

* ``<think>`` is seen by nobody. One that is never closed runs to the end. Where the chat template opened it in the
  prompt, the message begins inside of it: everything up to a ``</think>`` that nothing opened is thought, whatever it
  mentions, unless that tag stands within a value of a call that is complete. (The agent loop knows its template, and
  writes the opening tag before such messages.)
* ``<tool_call>``, and ``<function=NAME>`` standing alone, run to their closing tag, else to the end. A tag within a
  JSON text or a parameter's value of theirs is content.
* ``<answer>`` and ``<question>`` run to their closing tag, else to the next block or the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import islice

from verl_agentic.core.messages.elements import CallFormError, read_function
from verl_agentic.core.messages.json_text import end_of_json

TRANSFER = "###TRANSFER_TO_HUMAN"
"""With this, outside of thoughts and calls, the policy hands over to a human."""
_TRANSFER = re.compile(r"#{2,4}[ \t]?TRANSFER[_ ]TO[_ ]HUMAN\b")
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
_CALL = re.compile(r"<tool_call>\s*(?=[{\[]|<function=)|(?=<function=)")
_MAX_CANDIDATES = 8


def hands_over(text: str) -> bool:
    """Whether a text that the user would read hands over to a human, also where its mark is a little off."""
    return _TRANSFER.search(text) is not None


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a message in order, in linear time whatever it holds."""
    position = _leading_thought(text)
    if position:
        yield Block(BlockKind.THOUGHT, text[: position - len("</think>")])
    never_closed: set[BlockKind] = set()
    well_formed = True
    while opening := _OPENING.search(text, position):
        if opening.start() > position:
            yield Block(BlockKind.TEXT, text[position : opening.start()])
        kind = BlockKind(opening[1] or "function")
        start = opening.end() if opening[1] else opening.start()
        closing = f"</{kind.value}>"
        ends = start if kind is BlockKind.CALL else opening.end()
        if kind in (BlockKind.CALL, BlockKind.FUNCTION) and well_formed:
            inside = _call_end(text, start)
            # Once one is broken, the rest is told apart by tags alone, so that no part is read twice.
            well_formed = inside >= 0
            ends = max(ends, inside)
        if kind is BlockKind.FUNCTION and ends > opening.end():
            position = ends
            end = ends - len(closing) if text.startswith(closing, ends - len(closing)) else ends
            yield Block(kind, text[start:end])
            continue
        # A tag that was looked for in vain once is not looked for again.
        end = -1 if kind in never_closed else text.find(closing, ends)
        if end >= 0:
            position = end + len(closing)
        else:
            never_closed.add(kind)
            following = _OPENING.search(text, opening.end()) if kind in _ENDS_AT_NEXT else None
            position = end = following.start() if following else len(text)
        yield Block(kind, text[start:end])
    if position < len(text):
        yield Block(BlockKind.TEXT, text[position:])


def behind_thoughts(text: str) -> str:
    """What follows the thoughts that a message begins with, without blanks around it."""
    position = _leading_thought(text)
    while opening := _THOUGHT.match(text, position):
        end = text.find("</think>", opening.end())
        if end < 0:
            return ""
        position = end + len("</think>")
    return text[position:].strip()


def _call_end(text: str, start: int) -> int:
    """Where a well-formed call ends that begins at ``start``, but for blanks; -1 where none does."""
    begins = _BLANKS.match(text, start).end()  # type: ignore[union-attr]
    if text.startswith("<function=", begins):
        try:
            return read_function(text, begins).end
        except CallFormError:
            return -1
    return end_of_json(text, begins) if text.startswith(("{", "["), begins) else -1


def _leading_thought(text: str) -> int:
    """Where the message goes on after a thought that the prompt opened, 0 where there is none."""
    end = text.find("</think>")
    if end < 0 or text.find("<think>", 0, end) >= 0:
        return 0
    # In a value of a call it is content.
    begins = _BLANKS.match(text).end()  # type: ignore[union-attr]
    candidates = [begins] if text.startswith("{", begins) else []
    candidates += [match.end() for match in islice(_CALL.finditer(text, 0, end), _MAX_CANDIDATES)]
    if any(_call_end(text, candidate) > end for candidate in candidates):
        return 0
    return end + len("</think>")


_BLANKS = re.compile(r"\s*")
_THOUGHT = re.compile(r"\s*<think>")
