"""Sampled success of a policy on tasks, by real play in their environments."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from verl_agentic.core import Task
from verl_agentic.reward_fns.registry import success
from verl_agentic.rollout import DialogueLimits
from verl_agentic.starter.chat_template import render
from verl_agentic.starter.generate import Sampling, sample
from verl_agentic.starter.lockstep import Request, play_lockstep

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

# Experts need five assistant turns at most; a policy that needs many more is lost.
PROBE_LIMITS = DialogueLimits(max_turns=8)


def probe(
    model: Qwen3ForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    tasks: Sequence[Task],
    sampling: Sampling,
    seed: int,
) -> dict[str, float]:
    """Play each task once with sampled messages; share of successes by kind, kinds in order of first occurrence."""
    import torch

    generator = torch.Generator().manual_seed(seed)

    def answer(requests: Sequence[Request]) -> list[str]:
        texts = [render(messages, tools, add_generation_prompt=True) for messages, tools in requests]
        prompts = [tokenizer.encode(text, add_special_tokens=False, verbose=False) for text in texts]
        continuations = sample(model, prompts, sampling, generator)
        return [str(tokenizer.decode(ids, skip_special_tokens=True)) for ids in continuations]

    model.eval()
    try:
        trajectories = asyncio.run(play_lockstep(tasks, answer, PROBE_LIMITS, seed))
    finally:
        model.train()
    judged: dict[str, list[float]] = {}
    for task, trajectory in zip(tasks, trajectories, strict=True):
        judged.setdefault(task.kind, []).append(success(task, trajectory))
    return {kind: sum(values) / len(values) for kind, values in judged.items()}
