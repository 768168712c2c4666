"""The tokenizer's side of a dialogue, shared by all trajectories of a worker."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import Any

from cachetools import LRUCache
from verl.utils.tokenizer.chat_template import apply_chat_template
from verl.utils.tokenizer.continuous_token import (
    ContinuousTokenBuilder,
    QwenContinuousTokenBuilder,
)

from verl_agentic.core import Message
from verl_agentic.core.untrusted.control_tokens import ControlTokens

MAX_PROMPTS = 128
"""Prompts kept; the trajectories of a group begin with the same one."""
MAX_SHAPES = 4096
THOUGHT = "<think>"
"""What some chat templates end the prompt with, so that a message begins within a thought."""
_TAIL_TOKENS = 8


class ChatMLBuilder(QwenContinuousTokenBuilder):  # type: ignore[misc]
    """verl's builder for ChatML, token for token, without rendering the tools again with every message.

    verl renders a made-up dialogue with and without the new messages, tools included, and takes the difference of the
    tokens. Where the rendered difference begins with a special token, tokenizing it alone gives the same tokens, for no
    merge reaches over a special token. Whether it does, and whether the template shows these messages the same without
    the tools, is established once for each number and role of new messages and each list of tools, against verl's own
    way; where it does not, verl's own way is taken.
    """

    def __init__(self, tokenizer: Any, **kwargs: Any) -> None:
        super().__init__(tokenizer, **kwargs)
        self._added_ids = frozenset(tokenizer.get_added_vocab().values())
        self._lock = threading.Lock()  # long messages are rendered in threads
        self._prompts: LRUCache[str, list[int]] = LRUCache(MAX_PROMPTS)
        self._same: LRUCache[tuple[Any, ...], bool] = LRUCache(MAX_SHAPES)
        self._prefixes: LRUCache[str, str] = LRUCache(MAX_SHAPES)

    def build_initial_tokens(
        self, messages: list[dict[str, Any]], *, tools: list[dict[str, Any]] | None = None, **media: Any
    ) -> list[int]:
        """Tokens of a prompt; rendered once for a group of trajectories."""
        key = json.dumps([messages, tools])
        with self._lock:
            token_ids = self._prompts.get(key)
        if token_ids is None:
            token_ids = super().build_initial_tokens(messages, tools=tools, **media)
            with self._lock:
                self._prompts[key] = token_ids
        return list(token_ids)

    def render_delta_token_id(
        self,
        prefix_messages: list[dict[str, Any]],
        appended_messages: list[dict[str, Any]],
        *,
        add_generation_prompt: bool = False,
        tools: list[dict[str, Any]] | None = None,
    ) -> list[int]:
        """Tokens that ``appended_messages`` add to ``prefix_messages``."""
        roles = tuple(message["role"] for message in (*prefix_messages, *appended_messages))
        shape = (roles, len(prefix_messages), add_generation_prompt, json.dumps(tools))
        with self._lock:
            same = self._same.get(shape)
        if same:
            alone = self._alone(prefix_messages, appended_messages, add_generation_prompt)
            if alone is not None:
                return alone
        token_ids: list[int] = super().render_delta_token_id(
            prefix_messages, appended_messages, add_generation_prompt=add_generation_prompt, tools=tools
        )
        if same is None:
            alone = self._alone(prefix_messages, appended_messages, add_generation_prompt)
            with self._lock:
                self._same[shape] = alone == token_ids and bool(token_ids) and token_ids[0] in self._added_ids
        return token_ids

    def _alone(
        self, prefix: list[dict[str, Any]], appended: list[dict[str, Any]], add_generation_prompt: bool
    ) -> list[int] | None:
        """Tokens of the difference alone; ``None`` where the template does not just append."""
        key = json.dumps(prefix)
        with self._lock:
            before = self._prefixes.get(key)
        if before is None:
            before = self._render(prefix, False)
            with self._lock:
                self._prefixes[key] = before
        text = self._render([*prefix, *appended], add_generation_prompt)
        if not text.startswith(before):
            return None
        token_ids: list[int] = self.tokenizer.encode(text[len(before) :], add_special_tokens=False)
        return token_ids

    def _render(self, messages: list[dict[str, Any]], add_generation_prompt: bool) -> str:
        text: str = apply_chat_template(
            self.tokenizer,
            messages,
            tokenize=False,
            add_generation_prompt=add_generation_prompt,
            **self.chat_template_kwargs,
        )
        return text


class Chat:
    """How a worker's trajectories turn messages into tokens.

    Args:
        tokenizer: the policy's.
        builder: verl's Continuous Token builder for it.

    Attributes:
        end_ids: tokens that end an assistant message.
    """

    def __init__(self, tokenizer: Any, builder: ContinuousTokenBuilder) -> None:
        if type(builder) is QwenContinuousTokenBuilder or (
            # verl goes by the model type; a llama that was taught ChatML would lose the newline after each message.
            type(builder) is ContinuousTokenBuilder and speaks_chatml(tokenizer)
        ):
            builder = ChatMLBuilder(tokenizer, chat_template_kwargs=builder.chat_template_kwargs)
        self.tokenizer = tokenizer
        self.builder: Any = builder
        self.end_ids = frozenset({tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<|im_end|>")} - {None})
        self._control = ControlTokens(tokenizer.get_added_vocab())

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of a sampled message, without the token that ends it."""
        text: str = self.tokenizer.decode(token_ids, skip_special_tokens=True)
        return text

    def opens_thought(self, token_ids: Sequence[int]) -> bool:
        """Whether these tokens, which a message is to follow, end within a thought that the template opened."""
        tail: str = self.tokenizer.decode(token_ids[-_TAIL_TOKENS:], skip_special_tokens=False)
        return tail.rstrip().endswith(THOUGHT)

    def harmless(self, message: Message) -> Message:
        """``message`` with its control tokens broken up, so that none in what a tool or user says is a real one."""
        return {"role": message["role"], "content": self._control.broken_up(message["content"])}


class Tokens:
    """The tokens of one trajectory, with those that were sampled exactly as they were.

    Attributes:
        ids: prompt and response.
        mask: 1 for each sampled token of the response, 0 for each of its other tokens.
        logprobs: of each token of the response, 0.0 where it was not sampled; empty where the engine gives none.
    """

    def __init__(self, chat: Chat, prompt_ids: list[int]) -> None:
        self.ids = prompt_ids
        self.mask: list[int] = []
        self.logprobs: list[float] = []
        self.prompt_length = len(prompt_ids)
        self._builder = chat.builder

    def sampled(self, token_ids: list[int], logprobs: list[float] | None) -> None:
        """Append an assistant message as the engine sampled it.

        Raises:
            ValueError: there are not as many log-probabilities as tokens, or only some messages have any.
        """
        merged = self._builder.merge_assistant_tokens(self.ids, token_ids)
        known = self.logprobs if logprobs or self.logprobs else None
        self._align(merged, known, assistant_logprobs=logprobs)

    def context(self, previous: list[Message], messages: list[Message], tools: list[dict[str, Any]]) -> Any:
        """What the new ones among ``messages`` add, for :meth:`append`; takes the time of rendering them."""
        return self._builder.merge_context_tokens(previous, messages, self.ids, tools=tools or None)

    def append(self, merged: Any) -> None:
        """Append what :meth:`context` made of messages of tools or the user."""
        self._align(merged, self.logprobs or None)

    def _align(self, merged: Any, known: list[float] | None, **more: Any) -> None:
        self.mask, logprobs = self._builder.align_response_metadata(merged, self.mask, known, **more)
        self.logprobs = logprobs or []
        self.ids = merged.token_ids


def speaks_chatml(tokenizer: Any) -> bool:
    """Whether each message ends with ``<|im_end|>`` and a newline, as Qwen's do, in the tokenizer's chat template."""
    template = getattr(tokenizer, "chat_template", None)
    if not isinstance(template, str) or "<|im_end|>" not in tokenizer.get_vocab():
        return False
    text = tokenizer.apply_chat_template([{"role": "user", "content": "-"}], tokenize=False)
    return bool(text.endswith("<|im_end|>\n"))
