"""What a chat model is to its callers: a request, a reply, and the ways it can fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from verl_agentic.core.errors import InfrastructureError, UserInputError
from verl_agentic.core.named import named_object
from verl_agentic.core.task import Message

DEFAULT_CLIENT = "verl_agentic.llm:chat_model"
THOUGHT_FIELDS = (
    "reasoning_content", "reasoning", "reasoning_details", "thinking", "thinking_blocks", "extra_content",
)  # fmt: skip
"""Fields of messages and calls in which servers tell thoughts apart, or sign them, and want them back."""


class NoChatModelError(UserInputError):
    """Something asks a language model, and none is configured."""


class RefusalError(InfrastructureError):
    """The model declined to answer, or its provider's filter did."""


class ContextFullError(InfrastructureError):
    """The dialogue, with the room asked for the reply, does not fit the model's context."""


class RefusedToolsError(InfrastructureError):
    """The server does not take the name or the schema of a tool that came with the request."""


class BudgetSpentError(InfrastructureError):
    """The money or the tokens set aside are spent; nothing more is sent."""


@dataclass(frozen=True, slots=True)
class ChatUsage:
    """What replies took.

    Attributes:
        prompt_tokens: tokens read, cached ones included.
        cached_tokens: those of the prompt that the server had at hand, which cost less.
        completion_tokens: tokens written, hidden reasoning included.
        cost: in US dollars.
        retries: requests that failed, or brought nothing usable, before those that did.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    retries: int = 0

    @property
    def tokens(self) -> int:
        """All tokens, read and written."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: ChatUsage) -> ChatUsage:
        return ChatUsage(
            self.prompt_tokens + other.prompt_tokens,
            self.cached_tokens + other.cached_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cost + other.cost,
            self.retries + other.retries,
        )


class MalformedReplyError(InfrastructureError):
    """The model kept answering in a form that was not asked for.

    Attributes:
        problem: what was wrong with the last reply.
        content: that reply, or its beginning.
        usage: what the replies took.
    """

    def __init__(self, message: str, problem: str = "", content: str = "", usage: ChatUsage | None = None) -> None:
        super().__init__(message)
        self.problem = problem or message
        self.content = content
        self.usage = usage or ChatUsage()


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request to a chat model.

    Attributes:
        messages: the dialogue so far, ending with what is to be answered; those of tools and calls may have the
            further fields of OpenAI's form (``tool_calls``, ``tool_call_id``), those of :data:`THOUGHT_FIELDS`, and
            ``said``: the text of a message with ``tool_calls``, for servers that know none.
        purpose: what the reply is for (``judge``, ``user``, ``synthesis``); usage is counted per purpose.
        schema: JSON schema that the reply must match, ``None`` for free text.
        temperature: sampling temperature, ``None`` for the model's configured one.
        max_tokens: longest reply, ``None`` for the model's configured length.
        seed: sampling seed, ``None`` for the model's configured one.
        sample: number of an independent reply to the same request; different numbers never share a cached reply.
        nonce: random text in the messages that does not make this another request (see :mod:`verl_agentic.llm.cache`).
        tools: schemas of tools that the model may call, in OpenAI form.
        parallel_calls: whether several calls in one reply are wanted, ``None`` to leave it to the server.
        verbatim: take what the model wrote as it is, also where it is cut, empty or refuses: it is what is measured.
        attempts: malformed replies after which it gives up, ``None`` for the model's configured number; 1 for callers
            that tell the model what was wrong.
        check: says what is wrong with a reply that matches the schema, nothing (an empty text) where it can be used;
            such a reply is malformed like any other.
    """

    messages: tuple[Message, ...]
    purpose: str = "chat"
    schema: Mapping[str, Any] | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    sample: int = 0
    nonce: str = ""
    tools: tuple[Mapping[str, Any], ...] = ()
    parallel_calls: bool | None = None
    verbatim: bool = False
    attempts: int | None = None
    check: Callable[[Any], str] | None = None


@dataclass(frozen=True, slots=True)
class NativeCall:
    """A tool call that the server told apart from the text.

    Attributes:
        id: the server's id of it.
        name: the tool's name.
        arguments: JSON text as the model wrote it, which may be malformed.
        thoughts: its :data:`THOUGHT_FIELDS`, as the server sent them.
    """

    id: str
    name: str
    arguments: str
    thoughts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChatReply:
    """One reply of a chat model.

    Attributes:
        content: its text.
        parsed: the JSON value in it, which matches the request's schema; ``None`` without a schema.
        usage: what was spent on it now, on unusable replies before it too; nothing for a cached one.
        cached: whether it was paid for earlier.
        tool_calls: calls that the server told apart from the text; of a verbatim reply only, as the next three.
        reasoning: thoughts that the server told apart from the text.
        thoughts: its :data:`THOUGHT_FIELDS`, as the server sent them; it may want them back.
        cut: whether the reply was cut at its longest length.
        seconds: wall time of the HTTP request that brought it.
    """

    content: str
    parsed: Any = None
    usage: ChatUsage = field(default_factory=ChatUsage)
    cached: bool = False
    tool_calls: tuple[NativeCall, ...] = ()
    reasoning: str = ""
    thoughts: Mapping[str, Any] = field(default_factory=dict)
    cut: bool = False
    seconds: float = 0.0


class ChatModel(Protocol):
    """A chat model that may be asked from any thread and any event loop."""

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer a request.

        Raises:
            InfrastructureError: no usable reply could be had; see its subclasses in this module.
            UserInputError: the configuration is at fault; names the key and the mend.
        """
        ...

    def metrics(self) -> dict[str, float]:
        """Requests, tokens and cost so far, per model and purpose."""
        ...


_failures: ContextVar[list[str] | None] = ContextVar("_failures", default=None)


@contextmanager
def noting_failures() -> Iterator[list[str]]:
    """Within, the list holds the last failure of a request that is still being tried, for whoever gives up waiting."""
    noted: list[str] = []
    token = _failures.set(noted)
    try:
        yield noted
    finally:
        _failures.reset(token)


def note_failure(text: str) -> None:
    """Say to whoever waits that a request failed and is tried anew; nothing said takes the last failure back."""
    noted = _failures.get()
    if noted is not None:
        noted[:] = [text] if text else []


_wrap: ContextVar[Callable[[ChatModel], ChatModel] | None] = ContextVar("_wrap", default=None)


@contextmanager
def wrapping_models(wrap: Callable[[ChatModel], ChatModel]) -> Iterator[None]:
    """Within, :func:`make_chat_model` returns what ``wrap`` makes of its models, e.g. to count what they take."""
    token = _wrap.set(wrap)
    try:
        yield
    finally:
        _wrap.reset(token)


def make_chat_model(config: Mapping[str, Any] | None) -> ChatModel:
    """The chat model of a configuration (``agentic.llm``): ``client`` names its factory, which gets the other keys.

    ``client`` is ``package.module:name`` or ``path/to/file.py:name``.

    Raises:
        NoChatModelError: there is no configuration.
        UserInputError: it cannot be used.
    """
    if not config:
        raise NoChatModelError("agentic.llm is not set; add llm=openai or llm=vllm to the command")
    options = _plain(config)
    client = options.pop("client", DEFAULT_CLIENT)
    model: ChatModel = named_object("agentic.llm.client", str(client), {}, files=True)(options)
    wrap = _wrap.get()
    return wrap(model) if wrap else model


def _plain(value: Any) -> Any:
    """Configuration nodes as plain containers, whatever library they are from."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(entry) for entry in value]
    return value
