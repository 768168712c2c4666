"""What the policy meant by one assistant message.

Conventions of AgenticQwen (arXiv 2604.21590): Hermes ``<tool_call>`` blocks, ``<question>`` to the user,
``<answer>`` for the final answer, ``###TRANSFER_TO_HUMAN`` to hand over.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from verl_agentic.core.text import without_thoughts

TRANSFER = "###TRANSFER_TO_HUMAN"
STOP = "###STOP"

_TOOL_CALL = re.compile(r"<tool_call>(.*?)(?:</tool_call>|$)", re.DOTALL)
_ANSWER = re.compile(r"<answer>(.*?)(?:</answer>|$)", re.DOTALL)
_QUESTION = re.compile(r"<question>(.*?)(?:</question>|$)", re.DOTALL)

# Nothing sensible is longer; what is longer is not parsed, so that no parser meets a bomb.
MAX_CALL_CHARS = 65_536
MAX_NESTING = 64


@dataclass(slots=True)
class RequestedCall:
    """One tool call as the policy wrote it; ``error`` says why it is not one."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    error: str | None = None


@dataclass(slots=True)
class AssistantAction:
    """What one assistant message asks for.

    Attributes:
        calls: tool calls in order; when there are any, nothing else in the message counts.
        answer: text of the final answer.
        transfer: whether it hands over to a human.
        message: what the user gets to read when there is no call, answer or transfer.
    """

    calls: list[RequestedCall] = field(default_factory=list)
    answer: str | None = None
    transfer: bool = False
    message: str = ""


def parse_assistant(text: str) -> AssistantAction:
    """Parse one assistant message. Never raises on model text."""
    visible = without_thoughts(text)
    blocks = _TOOL_CALL.findall(visible)
    if blocks:
        return AssistantAction(calls=[_parse_call(block) for block in blocks])
    answer = _ANSWER.search(visible)
    if answer:
        return AssistantAction(answer=answer.group(1).strip())
    if TRANSFER in visible:
        return AssistantAction(transfer=True)
    question = _QUESTION.search(visible)
    return AssistantAction(message=(question.group(1) if question else visible).strip())


def _parse_call(block: str) -> RequestedCall:
    if len(block) > MAX_CALL_CHARS:
        return RequestedCall("", error=f"tool call is longer than {MAX_CALL_CHARS} characters")
    if _nesting(block) > MAX_NESTING:
        return RequestedCall("", error=f"tool call is nested deeper than {MAX_NESTING}")
    try:
        data = json.loads(block, parse_constant=_refuse_constant)
        if isinstance(data, dict) and isinstance(data.get("arguments"), str):
            data["arguments"] = json.loads(data["arguments"], parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return RequestedCall("", error='tool call is not valid JSON; write {"name": ..., "arguments": {...}}')
    if not isinstance(data, dict) or not isinstance(data.get("name"), str):
        return RequestedCall("", error='tool call has no "name"; write {"name": ..., "arguments": {...}}')
    arguments = data.get("arguments", {})
    if not isinstance(arguments, dict):
        return RequestedCall(data["name"], error='"arguments" must be a JSON object')
    return RequestedCall(data["name"], arguments)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _nesting(text: str) -> int:
    depth = deepest = 0
    for char in text:
        if char in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "]}":
            depth -= 1
    return deepest
