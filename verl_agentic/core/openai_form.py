"""Between the text of the policy's turns and OpenAI's messages with ``tool_calls``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from verl_agentic.core.chat import NativeCall
from verl_agentic.core.messages.calls import decode_json
from verl_agentic.core.messages.speech import BlockKind, blocks
from verl_agentic.core.task import Message
from verl_agentic.core.trajectory import ToolCall, Trajectory

_CALLS = (BlockKind.CALL, BlockKind.FUNCTION)


def text_of_reply(content: str, reasoning: str, calls: Sequence[NativeCall]) -> str:
    """The one text of a server's reply, which ``core.messages.action.parse_assistant`` reads as it was meant.

    Args:
        content: the reply's text.
        reasoning: thoughts that the server told apart.
        calls: tool calls that the server told apart; with any, calls in the text itself are left out.
    """
    thought = f"<think>{reasoning.replace('</think>', '< /think>')}</think>" if reasoning else ""
    if not calls:
        return thought + content
    return thought + without_calls(content) + "".join(map(_call_text, calls))


def without_calls(text: str) -> str:
    """A message without its tool calls, every block of it closed."""
    kept = []
    for block in blocks(text):
        if block.kind is BlockKind.TEXT:
            kept.append(block.content)
        elif block.kind not in _CALLS:
            kept.append(f"<{block.kind.value}>{block.content}</{block.kind.value}>")
    return "".join(kept)


def openai_messages(prompt: Sequence[Message], trajectory: Trajectory) -> list[dict[str, Any]]:
    """A trajectory as chat messages in OpenAI's form, from the prompt on.

    Calls that got a reply are ``tool_calls``, their arguments as they were executed; a malformed one keeps its text.
    What was never executed, such as a message that was cut, stays text.
    """
    messages: list[dict[str, Any]] = [{"role": one["role"], "content": one["content"]} for one in prompt]
    turns, calls = trajectory.turns, list(trajectory.calls)
    ids: list[str] = []
    number = 0
    for place, turn in enumerate(turns):
        if turn.role == "tool":
            messages.append({"role": "tool", "tool_call_id": ids.pop(0) if ids else "", "content": turn.content})
            continue
        message: dict[str, Any] = {"role": turn.role, "content": turn.content}
        if turn.role == "assistant":
            following = next((n for n, one in enumerate(turns[place + 1 :]) if one.role != "tool"), None)
            replies = len(turns) - place - 1 if following is None else following
            if replies:
                texts = _call_texts(turn.content)
                ids = [f"call_{number + n}" for n in range(replies)]
                number += replies
                made = zip(ids, calls[:replies], [*texts, *[""] * replies][:replies], strict=False)
                message["content"] = without_calls(turn.content) if texts else ""
                message["tool_calls"] = [_tool_call(name, call, text) for name, call, text in made]
                calls = calls[replies:]
        messages.append(message)
    return messages


def call_arguments(text: str) -> dict[str, Any] | None:
    """The arguments of a native call, ``None`` where they are malformed.

    Blank text and null are no arguments, for tools without parameters; an object that was encoded twice is one.
    """
    value: Any = text
    for _ in range(3):
        if not isinstance(value, str):
            break
        if not value.strip():
            return {}
        try:
            value = decode_json(value.strip())
        except ValueError:
            return None
    if value is None:
        return {}
    return value if isinstance(value, dict) else None


def tool_response(results: Sequence[str]) -> str:
    """Results of calls as a user tells them, as the chat templates of Hermes and Qwen have it."""
    return "\n".join(f"<tool_response>\n{result}\n</tool_response>" for result in results)


def _call_text(call: NativeCall) -> str:
    arguments = call_arguments(call.arguments)
    data = json.dumps(
        {"name": call.name, "arguments": call.arguments if arguments is None else arguments}, ensure_ascii=False
    )
    # A tag in the arguments must not end the call. JSON has "<" in texts only.
    return f"<tool_call>\n{data.replace('<', chr(92) + 'u003c')}\n</tool_call>"


def _call_texts(text: str) -> list[str]:
    """The calls of a message as they stand in tags; none of one that is nothing but JSON."""
    return [block.content.strip() for block in blocks(text) if block.kind in _CALLS]


def _tool_call(name: str, call: ToolCall, text: str) -> dict[str, Any]:
    malformed = call.error == "malformed"
    arguments = text if malformed and text else json.dumps(call.arguments, ensure_ascii=False)
    return {"id": name, "type": "function", "function": {"name": call.name or "unknown", "arguments": arguments}}


def record_of(prompt: Sequence[Message], tools: Sequence[Mapping[str, Any]], trajectory: Trajectory) -> dict[str, Any]:
    """One line of a fine-tuning file: ``messages``, and ``tools`` where there are any."""
    line: dict[str, Any] = {"messages": openai_messages(prompt, trajectory)}
    if tools:
        line["tools"] = list(tools)
    return line
