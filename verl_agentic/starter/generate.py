"""Sampling many continuations at once, with a key/value cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from transformers import PreTrainedModel

# Prompts that are filled in together, longest with longest.
ROWS = 64


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to sample.

    Attributes:
        max_new_tokens: longest continuation.
        max_tokens: longest prompt plus continuation.
        stop_id: token that ends a continuation, or several; it is kept.
        pad_id: token to fill up with.
        temperature: 0 takes the likeliest token.
    """

    max_new_tokens: int
    max_tokens: int
    stop_id: int | frozenset[int]
    pad_id: int
    temperature: float = 1.0


def sample(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    sampling: Sampling,
    generator: Generator | Sequence[Generator],
) -> list[list[int]]:
    """One sampled continuation per prompt, in order; empty where the prompt already fills ``max_tokens``.

    Args:
        prompts: token ids, each of any length.
        generator: the only source of randomness, on the CPU; one for all, or one for each prompt.
    """
    import torch

    continuations: list[list[int]] = [[] for _ in prompts]
    open_rows = [row for row, prompt in enumerate(prompts) if 0 < len(prompt) < sampling.max_tokens]
    open_rows.sort(key=lambda row: -len(prompts[row]))
    with torch.inference_mode():
        for start in range(0, len(open_rows), ROWS):
            rows = open_rows[start : start + ROWS]
            own = [generator[row] for row in rows] if isinstance(generator, Sequence) else generator
            sampled = _sample_rows(model, [prompts[row] for row in rows], sampling, own)
            for row, ids in zip(rows, sampled, strict=True):
                continuations[row] = ids
    return continuations


def _sample_rows(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    sampling: Sampling,
    generator: Generator | Sequence[Generator],
) -> list[list[int]]:
    import torch

    device = model.device

    width = max(len(prompt) for prompt in prompts)
    tokens = torch.tensor([[sampling.pad_id] * (width - len(prompt)) + list(prompt) for prompt in prompts]).to(device)
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]).to(device)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    continuations: list[list[int]] = [[] for _ in prompts]
    active = list(range(len(prompts)))
    cache: Any = None
    while True:
        output = model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        cache = output.past_key_values
        own = [generator[row] for row in active] if isinstance(generator, Sequence) else generator
        drawn = _drawn(output.logits[:, -1].float(), sampling.temperature, own).to(device)
        for row, token in zip(active, drawn[:, 0].tolist(), strict=True):
            continuations[row].append(token)
        going = [place for place, row in enumerate(active) if not _finished(continuations[row], prompts[row], sampling)]
        if not going:
            return continuations
        if len(going) < len(active):
            # Finished rows leave the batch, so that the last long one does not pay for all.
            keep = torch.tensor(going, device=device)
            cache.batch_select_indices(keep)
            active = [active[place] for place in going]
            drawn, mask, positions = drawn[keep], mask[keep], positions[keep]
        tokens = drawn
        positions = positions[:, -1:] + 1
        mask = torch.cat([mask, torch.ones_like(drawn)], dim=1)


def _drawn(logits: Tensor, temperature: float, generator: Generator | Sequence[Generator]) -> Tensor:
    """A token for each row."""
    import torch

    if temperature == 0:
        return logits.argmax(dim=-1, keepdim=True)
    weights = torch.softmax(logits / temperature, dim=-1).cpu()
    if not isinstance(generator, Sequence):
        return torch.multinomial(weights, 1, generator=generator)
    rows = [torch.multinomial(row, 1, generator=own) for row, own in zip(weights, generator, strict=True)]
    return torch.stack(rows)


def _finished(ids: Sequence[int], prompt: Sequence[int], sampling: Sampling) -> bool:
    full = len(ids) >= sampling.max_new_tokens or len(prompt) + len(ids) >= sampling.max_tokens
    stops = sampling.stop_id
    return full or (ids[-1] == stops if isinstance(stops, int) else ids[-1] in stops)
