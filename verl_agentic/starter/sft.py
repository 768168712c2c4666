"""Supervised fine-tuning that stops while the policy still fails often."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from verl_agentic.starter.batches import Example, easy_first
from verl_agentic.starter.settings import StarterSettings

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import Qwen3ForCausalLM

# Dialogues that go through the network together: few enough for the caches, of like length as batches are sorted.
MICRO_BATCH = 16
# Floor of the cosine decay, as a share of the peak learning rate.
FINAL_LR = 0.1

# Between two lines on how far it is, as a bar would be drawn anew.
_TELL_SECONDS = 1.0

Probe = Callable[[], Mapping[str, float]]
"""Success of the policy as it is now, by kind of task."""

Tell = Callable[[str], None]
"""Takes a line on how far the training is."""


def schedule(step: int, settings: StarterSettings) -> float:
    """Share of the peak learning rate at optimizer step ``step`` (from 0): linear warm-up, then cosine decay."""
    if step < settings.warmup_steps:
        return (step + 1) / settings.warmup_steps
    progress = (step - settings.warmup_steps) / max(1, settings.max_steps - settings.warmup_steps)
    return FINAL_LR + (1 - FINAL_LR) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def fine_tune(
    model: Qwen3ForCausalLM,
    examples: Sequence[Example],
    settings: StarterSettings,
    probe: Probe,
    pad_id: int,
    tell: Tell | None = None,
) -> tuple[int, dict[str, float]]:
    """Train ``model`` in place until its mean probe success reaches ``settings.target`` or steps run out.

    Args:
        model: the policy.
        examples: dialogues to learn from.
        settings: how.
        probe: measures success between steps.
        pad_id: token that fills rows up.
        tell: told how far it is; without one there is a bar on standard error.

    Returns:
        Optimizer steps taken and the last probe's success by kind.
    """
    import torch
    from tqdm import tqdm

    from verl_agentic.starter.muon import Muon

    torch.set_num_threads(settings.threads or os.cpu_count() or 1)
    layers = [weight for weight in model.model.layers.parameters() if weight.dim() == 2]
    others = [weight for weight in model.parameters() if all(weight is not layer for layer in layers)]
    muon = Muon(layers, weight_decay=settings.weight_decay)
    adam = torch.optim.AdamW(others, lr=settings.lr, betas=(0.9, 0.95), weight_decay=settings.weight_decay, fused=True)
    batches = easy_first(examples, settings.batch_size, settings.easy_steps, settings.seed)
    success: dict[str, float] = {}
    progress = tqdm(total=settings.max_steps, desc="starter", unit="step", mininterval=1.0, disable=tell is not None)
    step, told = 0, 0.0
    while step < settings.max_steps:
        share = schedule(step, settings)
        for group in adam.param_groups:
            group["lr"] = share * settings.lr
        loss = _accumulate(model, next(batches), pad_id, settings.label_smoothing)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        muon.step(share * settings.matrix_lr)
        model.zero_grad(set_to_none=True)
        step += 1
        progress.update()
        shown: dict[str, Any] = {"loss": f"{loss:.3f}"}
        if step % settings.probe_every == 0 or step == settings.max_steps:
            success = dict(probe())
        if success:
            shown["success"] = " ".join(f"{kind}:{value:.0%}" for kind, value in success.items())
        progress.set_postfix(shown, refresh=False)
        if tell is not None and time.monotonic() - told >= _TELL_SECONDS:
            told = time.monotonic()
            tell(
                f"starter {step}/{settings.max_steps}: {', '.join(f'{name} {value}' for name, value in shown.items())}"
            )
        if success and sum(success.values()) / len(success) >= settings.target:
            break
    progress.close()
    return step, success


def _accumulate(model: Qwen3ForCausalLM, batch: Sequence[Example], pad_id: int, smoothing: float) -> float:
    """Add the gradient of the batch's mean loss per learned token; return that loss."""
    total = sum(sum(example.learn) for example in batch)
    loss = 0.0
    for start in range(0, len(batch), MICRO_BATCH):
        share = _summed_loss(model, batch[start : start + MICRO_BATCH], pad_id, smoothing) / total
        share.backward()  # type: ignore[no-untyped-call]
        loss += share.item()
    return loss


def _summed_loss(model: Qwen3ForCausalLM, rows: Sequence[Example], pad_id: int, smoothing: float) -> Tensor:
    """Cross-entropy summed over the learned tokens of ``rows``."""
    import torch

    width = max(len(row.ids) for row in rows)
    ids = torch.tensor([row.ids + [pad_id] * (width - len(row.ids)) for row in rows])
    learn = torch.tensor([row.learn + [False] * (width - len(row.ids)) for row in rows])
    # Padding is on the right, where causal attention lets nothing see it: no mask is needed.
    hidden = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
    targets = learn[:, 1:]
    logits = model.lm_head(hidden[targets])
    return torch.nn.functional.cross_entropy(logits, ids[:, 1:][targets], reduction="sum", label_smoothing=smoothing)
