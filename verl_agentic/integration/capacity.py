"""Whether the policy and its tasks fit: prompts, context and, without an accelerator, weight sync and memory.

Checked when both are there and Ray is not yet. A model that verl is to download is left to it.
"""

from __future__ import annotations

import contextlib
import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from omegaconf import DictConfig, OmegaConf

from verl_agentic.core import Task, UserInputError
from verl_agentic.rollout import DialogueLimits
from verl_agentic.rollout.protocol import opening_messages, protocol_tools
from verl_agentic.store import Store
from verl_agentic.synthesis.base import SPLITS
from verl_agentic.training.settings import AgenticSettings

PROMPTS = 64
"""Prompts of each split that are measured."""
SHARE_LOST = 0.1
"""Part of the prompts that may be too long: their tasks are put aside, and the run goes on without them."""

_MIB, _GIB = 2**20, 2**30
_FP32 = 4
_BUCKET = "actor_rollout_ref.rollout.checkpoint_engine.update_weights_bucket_megabytes"
_MICRO = "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu"
_CACHE = "ray_kwargs.ray_init.runtime_env.env_vars.VLLM_CPU_KVCACHE_SPACE"
# Of memory, as measured: see needed_memory.
_ACTOR_COPIES = 4
_ENGINE_COPIES = 2
_LOGITS_COPIES = 4
_BASE_BYTES = 13 * _GIB // 2


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What a model's files tell of it.

    Attributes:
        parameters: how many it has.
        largest: name of its largest weight.
        largest_parameters: parameters of that.
        vocabulary: tokens that it chooses from.
        context: longest sequence that it was made for, ``None`` where its configuration does not say so in a number.
    """

    parameters: int
    largest: str
    largest_parameters: int
    vocabulary: int
    context: int | None


def check_capacity(config: DictConfig, settings: AgenticSettings, store: Store) -> list[str]:
    """Check what a run is about to start with.

    Args:
        config: the configuration.
        settings: its node ``agentic``.
        store: holds the tasks.

    Returns:
        What the user should know, a line each.

    Raises:
        UserInputError: something cannot fit; it names the key and the figure that is needed.
    """
    folder = Path(str(config.actor_rollout_ref.model.path)).expanduser()
    if not folder.is_dir():
        return []
    lines = []
    shape = read_shape(folder)
    if shape is not None:
        check_context(config, shape)
        if settings.accelerators == 0:
            check_bucket(config, shape)
            if settings.register == "natural":
                check_memory(config, shape, total_memory())
    if settings.model != "starter" or settings.register != "micro":
        lines += check_prompts(config, settings, folder, some_tasks(store))
    return lines


def read_shape(folder: Path) -> ModelShape | None:
    """The shape of the model in a folder of Hugging Face form, from the headers of its safetensors files.

    ``None`` where there are none, or they cannot be read.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        sizes = {name: size for file in folder.glob("*.safetensors") for name, size in _weights(file).items()}
    except (OSError, ValueError, KeyError, struct.error):
        return None
    if not sizes:
        return None
    text = config.get("text_config") or config
    # How far scaled positions reach is the engine's to say.
    scaled = (text.get("rope_scaling") or text.get("rope_parameters") or {}).get("factor")
    largest = max(sizes, key=lambda name: sizes[name])
    return ModelShape(
        sum(sizes.values()),
        largest,
        sizes[largest],
        int(text.get("vocab_size") or 0),
        None if scaled else text.get("max_position_embeddings"),
    )


def _weights(file: Path) -> dict[str, int]:
    """Parameters of each weight in a safetensors file."""
    with file.open("rb") as opened:
        (length,) = struct.unpack("<Q", opened.read(8))
        header = json.loads(opened.read(length))
    return {name: math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}


def check_context(config: DictConfig, shape: ModelShape) -> None:
    """Prompt and response together must not be longer than what the model was made for, as it stands in its folder."""
    data = config.data
    if {"max_position_embeddings", "rope_scaling", "rope_parameters"} & {
        *config.actor_rollout_ref.model.override_config
    }:
        return
    longest = config.actor_rollout_ref.rollout.max_model_len or data.max_prompt_length + data.max_response_length
    if shape.context and longest > shape.context:
        raise UserInputError(
            f"actor_rollout_ref.rollout.max_model_len ({longest}) is more than the {shape.context} tokens that the "
            f"model was made for; lower data.max_prompt_length ({data.max_prompt_length}) or "
            f"data.max_response_length ({data.max_response_length}), and it with them"
        )


def check_bucket(config: DictConfig, shape: ModelShape) -> None:
    """Without an accelerator, the largest weight must fit the bucket that weights are sent in."""
    rollout = config.actor_rollout_ref.rollout
    bucket, needed = rollout.checkpoint_engine.update_weights_bucket_megabytes, shape.largest_parameters * _FP32
    if rollout.checkpoint_engine.backend == "naive" and needed > bucket * _MIB:
        raise UserInputError(
            f"{_BUCKET} ({bucket}) must be at least {math.ceil(needed / _MIB)}: the weight {shape.largest} takes so "
            "many MiB in fp32"
        )


def needed_memory(config: DictConfig, shape: ModelShape) -> int:
    """Bytes that a run without an accelerator takes at its peak, all processes together.

    An estimate: with the lengths that there were, it was within a tenth of what runs of 135M and 187M parameters took.

    Weights, gradients and the two moments of AdamW in the actor; weights, a packed copy of them and the cache in the
    rollout engine; logits of the longest sequences; and what Ray, verl and vLLM take whatever the model.
    """
    actor, data = config.actor_rollout_ref.actor, config.data
    weights = shape.parameters * _FP32
    bucket = min(config.actor_rollout_ref.rollout.checkpoint_engine.update_weights_bucket_megabytes * _MIB, weights)
    micro = actor.ppo_micro_batch_size_per_gpu or actor.ppo_mini_batch_size
    logits = micro * (data.max_prompt_length + data.max_response_length) * shape.vocabulary * _FP32
    copies = _ACTOR_COPIES + _ENGINE_COPIES
    return int(copies * weights + 2 * bucket + _LOGITS_COPIES * logits + _cache(config) + _BASE_BYTES)


def check_memory(config: DictConfig, shape: ModelShape, total: int) -> None:
    """A run must fit the machine.

    Args:
        config: the configuration.
        shape: the policy.
        total: bytes of memory that there are.
    """
    needed = needed_memory(config, shape)
    if needed > total:
        raise UserInputError(
            f"profile={config.agentic.profile}: a policy of {shape.parameters / 1e6:.0f}M parameters takes about "
            f"{needed / _GIB:.1f} GiB, this machine has {total / _GIB:.1f}; lower {_MICRO} "
            f"({config.actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu}), data.max_prompt_length "
            f"({config.data.max_prompt_length}), data.max_response_length ({config.data.max_response_length}) or "
            f"{_CACHE} ({_cache(config) // _GIB}), or take a smaller model"
        )


def _cache(config: DictConfig) -> int:
    given = OmegaConf.select(config, _CACHE)
    return int(float(given or 0) * _GIB)


def total_memory() -> int:
    """Bytes of memory of this machine, or of the container that this is."""
    total = int(psutil.virtual_memory().total)
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            total = min(total, int(Path(name).read_text()))
    return total


def some_tasks(store: Store) -> list[Task]:
    """Tasks of every split, as many of each at equal distances."""
    ids: list[str] = []
    for split in SPLITS:
        known = [entry.id for entry in store.pool(split)]
        ids += known[:: max(1, math.ceil(len(known) / PROMPTS))]
    return list(store.tasks_by_id(ids).values())


def check_prompts(config: DictConfig, settings: AgenticSettings, folder: Path, tasks: Sequence[Task]) -> list[str]:
    """Prompts must fit the room that they have, by the policy's own tokenizer and chat template.

    A task whose environment brings the tools is measured without them.

    Returns:
        A line where some do not fit.

    Raises:
        UserInputError: so many do not that a run makes no sense.
    """
    room, limits = config.data.max_prompt_length, settings.rollout.limits
    lengths = prompt_lengths(config, folder, tasks, limits)
    late = [length for length in lengths if length > room]
    if not late:
        return []
    found = f"{len(late)} of {len(lengths)} prompts have more tokens, up to {max(late)}"
    if len(late) <= SHARE_LOST * len(lengths):
        return [f"data.max_prompt_length is {room}: {found}; their tasks are left out"]
    response = config.data.max_response_length
    raise UserInputError(
        f"data.max_prompt_length ({room}): {found}; set data.max_prompt_length={max(late)} and "
        f"actor_rollout_ref.rollout.max_model_len={max(late) + response} or more, or take shorter tasks, e.g. "
        "+agentic.family_options.domain={sizes: {small: 1}}"
    )


def prompt_lengths(config: DictConfig, folder: Path, tasks: Sequence[Task], limits: DialogueLimits) -> list[int]:
    """Tokens of the prompts of tasks.

    Raises:
        UserInputError: the tokenizer cannot be read, or its chat template cannot tell such a prompt.
    """
    from transformers import AutoTokenizer

    model = config.actor_rollout_ref.model
    kwargs: Any = OmegaConf.to_container(config.data.get("apply_chat_template_kwargs") or OmegaConf.create())
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            model.get("tokenizer_path") or folder, trust_remote_code=bool(model.get("trust_remote_code"))
        )
        return [
            len(
                tokenizer.apply_chat_template(
                    opening_messages(task, limits),
                    tools=protocol_tools(task, limits, task.tools) or None,
                    add_generation_prompt=True,
                    tokenize=True,
                    return_dict=True,
                    **kwargs,
                )["input_ids"]
            )
            for task in tasks
        ]
    except Exception as error:
        raise UserInputError(
            f"actor_rollout_ref.model.path={folder}: its tokenizer cannot make a prompt: {' '.join(str(error).split())}"
        ) from error
