"""What the policy meant by one assistant message.

The conventions are those of AgenticQwen (arXiv 2604.21590): tool calls, ``<question>`` to the user, ``<answer>`` for
the final answer, ``###TRANSFER_TO_HUMAN`` to hand over. :mod:`verl_agentic.core.messages.speech` tells blocks apart,
and :mod:`verl_agentic.core.messages.calls` says what is a call. One message is one action. In order of precedence:

1. tool calls; with any, well formed or not, nothing else in the message counts. A message that is nothing but JSON
   calls behind its thoughts (:func:`verl_agentic.core.messages.calls.decode_message`) is them, whatever they hold;
2. the first ``<answer>``;
3. the hand-over;
4. text that is nothing but JSON calls;
5. what the user reads: the first ``<question>``, else all text outside of blocks.

Nothing else in a message means anything: role names, tool results or a user's ``###STOP`` that the policy writes
itself are text like any other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from verl_agentic.core.messages.calls import RequestedCall, decode_call, decode_message
from verl_agentic.core.messages.speech import BlockKind, behind_thoughts, blocks, hands_over
from verl_agentic.core.messages.thoughts import without_thoughts

_ONLY_JSON = ("{", "[", "```", "<tools>")
_STRAY = re.compile(r"</?parameter\b|</function>")
_STRAY_TAG = (
    "a tag of a parameter or function stands outside of the calls; write each call as "
    "<tool_call><function=NAME><parameter=NAME>VALUE</parameter></function></tool_call>, "
    "and a value that holds such tags as a JSON call"
)
MAX_CALLS = 64
"""Calls of one message that are decoded."""


@dataclass(slots=True)
class AssistantAction:
    """What one assistant message asks for.

    Attributes:
        calls: tool calls in order; when there are any, nothing else in the message counts.
        more_calls: number of calls beyond the first :data:`MAX_CALLS`, which were not decoded.
        answer: text of the final answer.
        transfer: whether it hands over to a human.
        message: what the user gets to read when there is no call, answer or transfer.
    """

    calls: list[RequestedCall] = field(default_factory=list)
    more_calls: int = 0
    answer: str | None = None
    transfer: bool = False
    message: str = ""


def parse_assistant(text: str) -> AssistantAction:
    """Parse one assistant message, in linear time. Never raises on model text."""
    rest = behind_thoughts(text)
    if rest.startswith(_ONLY_JSON) and (bare := decode_message(rest)):
        return _calling(bare)
    found: dict[BlockKind, list[str]] = {kind: [] for kind in BlockKind}
    calls: list[str] = []
    for block in blocks(text):
        if block.kind in (BlockKind.CALL, BlockKind.FUNCTION):
            calls.append(block.content)
        else:
            found[block.kind].append(block.content)
    if calls:
        if any(_STRAY.search(said) for said in found[BlockKind.TEXT]) and any("<function=" in call for call in calls):
            # A value may have ended where it was not meant to.
            return AssistantAction([RequestedCall("", error=_STRAY_TAG)])
        return AssistantAction([decode_call(call) for call in calls[:MAX_CALLS]], max(0, len(calls) - MAX_CALLS))
    if found[BlockKind.ANSWER]:
        return AssistantAction(answer=without_thoughts(found[BlockKind.ANSWER][0]).strip())
    said, questions = "".join(found[BlockKind.TEXT]).strip(), found[BlockKind.QUESTION]
    if hands_over(said) or any(hands_over(question) for question in questions):
        return AssistantAction(transfer=True)
    if questions:
        return AssistantAction(message=without_thoughts(questions[0]).strip())
    if bare := decode_message(said):
        return _calling(bare)
    return AssistantAction(message=said)


def _calling(calls: list[RequestedCall]) -> AssistantAction:
    return AssistantAction(calls[:MAX_CALLS], max(0, len(calls) - MAX_CALLS))
