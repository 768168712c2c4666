"""The starter's tokenizer: byte-level BPE over the demonstrations, with Qwen3's special tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from verl_agentic.starter.chat_template import CHAT_TEMPLATE

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

END_OF_TEXT, IM_START, IM_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CONTROL_TOKENS = (END_OF_TEXT, IM_START, IM_END)
# Qwen3 keeps these in decoded text (special=False), so that tool calls survive skip_special_tokens.
MARKUP_TOKENS = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>")

# Units inside which BPE may merge, tried in order. Newlines stand alone: a turn then tokenizes the same whether it
# is encoded by itself or within the dialogue. Digits stand alone: numbers are read place by place.
_UNITS = "|".join(
    (
        r"\n",
        r"\p{N}",
        r"</?[A-Za-z_]+>",  # <answer>, </question>
        r'["\]}]{0,3},? ?[\[{]{0,2}"[A-Za-z_]+": ?"?',  # {"name": "   ", "arguments":   {"expression": "
        r"[\[{]{1,3}",
        r'"?[\]}]{1,3}',
        r" ?[\p{L}_]+(?:'\p{L}{1,2}(?!\p{L}))?",
        r" ?[-+*/()=<>%^]",
        r" ?[^\s\p{L}\p{N}_]",
        r"[^\S\n]",
    )
)
_CONTROL = re.compile("|".join(re.escape(token) for token in (*CONTROL_TOKENS, *MARKUP_TOKENS)))


def train_tokenizer(texts: Iterable[str], vocab_size: int, max_tokens: int) -> PreTrainedTokenizerFast:
    """Train on rendered dialogues; any text encodes, and decodes to itself.

    Args:
        texts: rendered dialogues; special tokens in them teach no merges.
        vocab_size: upper bound of the vocabulary, special tokens and the 256 bytes included.
        max_tokens: the tokenizer's ``model_max_length``.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_UNITS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(MARKUP_TOKENS),
        min_frequency=2,
        special_tokens=list(CONTROL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_plain_pieces(texts), trainer)
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in MARKUP_TOKENS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=IM_END,
        pad_token=END_OF_TEXT,
        chat_template=CHAT_TEMPLATE,
        model_max_length=max_tokens,
        clean_up_tokenization_spaces=False,
    )


def token_id(tokenizer: PreTrainedTokenizerFast, token: str) -> int:
    """Id of a token that the vocabulary has.

    Raises:
        KeyError: it has not.
    """
    return int(tokenizer.get_vocab()[token])


def _plain_pieces(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from filter(None, _CONTROL.split(text))
