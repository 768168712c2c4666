"""A policy behind an endpoint that speaks OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from verl_agentic.core import Message
from verl_agentic.core.chat import ChatModel, ChatReply, ChatRequest
from verl_agentic.core.control_tokens import ControlTokens
from verl_agentic.core.openai_form import is_object, text_of_reply
from verl_agentic.core.served import Said, Speaker

_CONTROL = ControlTokens()
_SEEDS = 2**31
_NOT_EXECUTED = "Error: this call was not executed"


class EndpointPolicy:
    """Implements :class:`verl_agentic.core.served.ServedModel`.

    Attributes:
        model: the endpoint's.
        name: the model's name there.
        temperature: sampling temperature, ``None`` to leave it to the server.
        priced: whether prices were given.
    """

    def __init__(self, model: ChatModel, name: str, temperature: float | None, priced: bool = False) -> None:
        self.model = model
        self.name = name
        self.temperature = temperature
        self.priced = priced

    def speaker(self, tools: Sequence[Mapping[str, Any]], seed: int) -> Speaker:
        """Its side of a new dialogue."""
        return _Speaker(self, tuple(tools), seed)


class _Speaker:
    """Remembers which of its messages had native calls: the server wants those back as it gave them."""

    def __init__(self, policy: EndpointPolicy, tools: tuple[Mapping[str, Any], ...], seed: int) -> None:
        self._policy = policy
        self._tools = tools
        self._seed = seed
        self._native: dict[int, dict[str, Any]] = {}
        self._prompt_length = 0

    async def say(self, messages: Sequence[Message], room: int) -> Said:
        self._prompt_length = self._prompt_length or len(messages)
        request = ChatRequest(
            messages=tuple(self._wire(messages)),
            purpose="policy",
            temperature=self._policy.temperature,
            max_tokens=room,
            seed=(self._seed + len(messages)) % _SEEDS,
            tools=self._tools,
            verbatim=True,
        )
        reply = await self._policy.model.complete(request)
        if reply.tool_calls and not reply.cut:
            self._native[len(messages)] = _as_given(reply)
            text = text_of_reply(reply.content, reply.reasoning, reply.tool_calls)
        else:
            text = text_of_reply(reply.content, reply.reasoning, ())
        return Said(text, reply.usage, reply.seconds, reply.cut)

    def _wire(self, messages: Sequence[Message]) -> list[Any]:
        """The messages as the server wants them: each call answered, no control token in what others say."""
        wire: list[dict[str, Any]] = []
        ids: list[str] = []
        for place, message in enumerate(messages):
            if message["role"] == "tool":
                content = _CONTROL.broken_up(message["content"])
                wire.append({"role": "tool", "tool_call_id": ids.pop(0) if ids else "call_0", "content": content})
                continue
            wire += [{"role": "tool", "tool_call_id": one, "content": _NOT_EXECUTED} for one in ids]
            ids = []
            native = self._native.get(place)
            if native is not None:
                ids = [call["id"] for call in native["tool_calls"]]
                wire.append(native)
            elif message["role"] == "user" and place >= self._prompt_length:
                wire.append({"role": "user", "content": _CONTROL.broken_up(message["content"])})
            else:
                wire.append({"role": message["role"], "content": message["content"]})
        return wire + [{"role": "tool", "tool_call_id": one, "content": _NOT_EXECUTED} for one in ids]


def _as_given(reply: ChatReply) -> dict[str, Any]:
    calls = [
        {
            "id": call.id,
            "type": "function",
            # Servers parse these, and fail on what is malformed; the reply to the call says what was wrong with it.
            "function": {"name": call.name, "arguments": call.arguments if is_object(call.arguments) else "{}"},
        }
        for call in reply.tool_calls
    ]
    return {"role": "assistant", "content": reply.content or None, "tool_calls": calls}
