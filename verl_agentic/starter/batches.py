"""Dialogues as token ids, and the order in which they are trained on."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from verl_agentic.starter.tokenizer import IM_END, IM_START, token_id

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True, slots=True)
class Example:
    """One tokenized dialogue.

    Attributes:
        ids: token ids of the whole dialogue, shape ``(length,)``.
        learn: for each token whether it carries the loss: assistant text and the ``<|im_end|>`` that closes it.
        easy: whether the dialogue is among the shallowest of its kind.
    """

    ids: list[int]
    learn: list[bool]
    easy: bool = False


def encode_dialogue(tokenizer: PreTrainedTokenizerFast, text: str, easy: bool = False) -> Example:
    """Tokenize a rendered dialogue and mark what the assistant said."""
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False, verbose=False)
    header: list[int] = tokenizer.encode(f"{IM_START}assistant\n", add_special_tokens=False)
    end = token_id(tokenizer, IM_END)
    learn = [False] * len(ids)
    position = 0
    while position < len(ids):
        if ids[position : position + len(header)] != header:
            position += 1
            continue
        position += len(header)
        while position < len(ids):
            learn[position] = True
            position += 1
            if ids[position - 1] == end:
                break
    return Example(ids, learn, easy)


def batch_order(examples: Sequence[Example], batch_size: int, seed: int) -> Iterator[list[Example]]:
    """Endless batches: every epoch visits every example once in a new order, each batch sorted by length."""
    rng = random.Random(f"{seed}/order")
    queue: list[int] = []
    while True:
        while len(queue) < batch_size:
            queue.extend(rng.sample(range(len(examples)), len(examples)))
        batch, queue = [examples[index] for index in queue[:batch_size]], queue[batch_size:]
        yield sorted(batch, key=lambda example: len(example.ids))


def easy_first(examples: Sequence[Example], batch_size: int, easy_steps: int, seed: int) -> Iterator[list[Example]]:
    """Endless batches: ``easy_steps`` of the easy examples, where there are any, then of all."""
    easy = [example for example in examples if example.easy]
    start = itertools.islice(batch_order(easy, batch_size, seed), easy_steps) if easy else iter(())
    return itertools.chain(start, batch_order(examples, batch_size, seed))
