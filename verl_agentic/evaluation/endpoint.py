"""A policy behind an endpoint that speaks OpenAI's chat completions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from verl_agentic.core import InfrastructureError, Message, UserInputError
from verl_agentic.core.chat import ChatModel, ChatRequest
from verl_agentic.core.openai_form import text_of_reply
from verl_agentic.evaluation.model import ModelMessage, Speaker
from verl_agentic.evaluation.transcript import Transcript

logger = logging.getLogger(__name__)

_SEEDS = 2**31
NOTHING_BUT_THOUGHTS = (
    "a message of the model was nothing but thoughts: it never ended them, or the server took its answer for one "
    "(its reasoning parser)"
)


class EndpointPolicy:
    """Implements :class:`verl_agentic.evaluation.model.ServedModel`.

    Attributes:
        model: the endpoint's.
        name: the model's name there.
        temperature: sampling temperature, ``None`` to leave it to the server.
        priced: whether prices were given.
        parallel_calls: whether the server is asked for several calls a message, ``None`` to leave it to the server.
        worded: says what is wrong with the model in the user's terms: its errors name keys of ``agentic.llm``.
    """

    def __init__(
        self,
        model: ChatModel,
        name: str,
        temperature: float | None,
        priced: bool = False,
        parallel_calls: bool | None = None,
        worded: Callable[[str], str] = str,
    ) -> None:
        self.model = model
        self.name = name
        self.temperature = temperature
        self.priced = priced
        self.parallel_calls = parallel_calls
        self.worded = worded
        self._warned = False

    def speaker(self, tools: Sequence[Mapping[str, Any]], seed: int) -> Speaker:
        """Its side of a new dialogue."""
        return _Speaker(self, tuple(tools), seed)

    def warn_of_thoughts(self) -> None:
        """Say once in the log that a message was nothing but thoughts."""
        if not self._warned:
            self._warned = True
            logger.warning("%s: %s", self.name, NOTHING_BUT_THOUGHTS)


class _Speaker:
    def __init__(self, policy: EndpointPolicy, tools: tuple[Mapping[str, Any], ...], seed: int) -> None:
        self._policy = policy
        self._tools = tools
        self._seed = seed
        self._transcript = Transcript(tools)

    async def say(self, messages: Sequence[Message], room: int) -> ModelMessage:
        request = ChatRequest(
            messages=tuple(self._transcript.told(messages)),  # type: ignore[arg-type]  # with further fields
            purpose="policy",
            temperature=self._policy.temperature,
            max_tokens=room,
            seed=(self._seed + len(messages)) % _SEEDS,
            tools=self._tools,
            parallel_calls=self._policy.parallel_calls,
            verbatim=True,
        )
        try:
            reply = await self._policy.model.complete(request)
        except (InfrastructureError, UserInputError) as error:
            error.args = (self._policy.worded(str(error)),)
            raise
        self._transcript.heard(len(messages), reply)
        calls = () if reply.cut else reply.tool_calls
        text = text_of_reply(reply.content, reply.reasoning, calls)
        note = ""
        # A thought is no answer, wherever the server's parser puts it; but it must not pass unseen.
        if reply.reasoning.strip() and not (reply.content.strip() or calls or reply.cut):
            note = NOTHING_BUT_THOUGHTS
            self._policy.warn_of_thoughts()
        return ModelMessage(text, reply.usage, reply.seconds, reply.cut, note)
