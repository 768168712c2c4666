"""The starter's network: a Qwen3 decoder of about a million parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verl_agentic.starter.settings import StarterSettings
from verl_agentic.starter.tokenizer import END_OF_TEXT, IM_END, token_id

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

MAX_POSITIONS = 2048


def new_model(settings: StarterSettings, tokenizer: PreTrainedTokenizerFast) -> Qwen3ForCausalLM:
    """A freshly initialised fp32 model for ``tokenizer``; equal seeds give equal weights."""
    import torch
    from transformers import GenerationConfig, Qwen3Config, Qwen3ForCausalLM

    stop, pad = token_id(tokenizer, IM_END), token_id(tokenizer, END_OF_TEXT)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=settings.hidden_size,
        intermediate_size=settings.intermediate_size,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.kv_heads,
        head_dim=settings.hidden_size // settings.heads,
        max_position_embeddings=MAX_POSITIONS,
        initializer_range=settings.init_std,
        tie_word_embeddings=True,
        use_cache=True,
        bos_token_id=None,
        eos_token_id=stop,
        pad_token_id=pad,
        dtype="float32",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = Qwen3ForCausalLM(config)
    model.generation_config = GenerationConfig(eos_token_id=stop, pad_token_id=pad, do_sample=True)
    return model
