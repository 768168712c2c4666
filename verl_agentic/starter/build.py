"""Make a starter policy: demonstrations, tokenizer, model, fine-tuning, files."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

from verl_agentic.core import UserInputError
from verl_agentic.starter.batches import encode_dialogue
from verl_agentic.starter.chat_template import render
from verl_agentic.starter.demonstrations import demonstrations
from verl_agentic.starter.generate import Sampling
from verl_agentic.starter.model import new_model
from verl_agentic.starter.probe import probe
from verl_agentic.starter.settings import StarterSettings
from verl_agentic.starter.sft import Tell, fine_tune
from verl_agentic.starter.tasks import balanced_tasks, shallowest_depths
from verl_agentic.starter.tokenizer import END_OF_TEXT, IM_END, token_id, train_tokenizer
from verl_agentic.synthesis.families import load_families

RECORD = "starter.json"


def build_starter(settings: StarterSettings, folder: Path, tell: Tell | None = None) -> dict[str, Any]:
    """Build the policy of ``settings`` into the existing ``folder``, in Hugging Face form.

    Args:
        settings: what to build.
        folder: where to.
        tell: see :func:`verl_agentic.starter.sft.fine_tune`.

    Returns:
        What is written to ``starter.json``: settings, steps, seconds by phase, probe success by kind, parameters,
        vocabulary size, dialogues and tokens per dialogue by kind.

    Raises:
        UserInputError: a family is unknown, or no demonstration fits into ``settings.max_tokens``.
        BrokenTaskError: an expert failed on its own task.
        InfrastructureError: an environment failed.
    """
    started = time.perf_counter()
    families = load_families(settings.families)
    emphasised = [family for family in families if family.kind in settings.emphasis]
    shown = demonstrations(
        [*families, *emphasised],
        settings.seed,
        settings.demonstrations,
        "train",
        settings.max_depth,
        settings.careless,
    )
    texts = [render(shot.messages, shot.tools) for shot in shown]
    tokenizer = train_tokenizer(texts, settings.vocab_size, settings.max_tokens)
    shallowest = shallowest_depths(shot.task for shot in shown)
    examples = [
        encode_dialogue(tokenizer, text, shot.task.depth == shallowest[shot.task.kind])
        for shot, text in zip(shown, texts, strict=True)
    ]
    lengths: dict[str, list[int]] = {}
    for shot, example in zip(shown, examples, strict=True):
        lengths.setdefault(shot.task.kind, []).append(len(example.ids))
    fitting = [example for example in examples if len(example.ids) <= settings.max_tokens]
    if not fitting:
        raise UserInputError(f"no demonstration fits into {settings.max_tokens} tokens; raise starter 'max_tokens'")
    prepared = time.perf_counter()

    model = new_model(settings, tokenizer)
    probe_size = settings.probe_tasks * len(families)
    drawn = balanced_tasks(families, settings.seed, probe_size, "train", settings.max_depth, stream="probe")
    tasks = [task for _, task in drawn]
    sampling = Sampling(
        max_new_tokens=settings.max_new_tokens,
        max_tokens=settings.max_tokens,
        stop_id=token_id(tokenizer, IM_END),
        pad_id=token_id(tokenizer, END_OF_TEXT),
        temperature=settings.temperature,
    )
    probing = 0.0

    def timed_probe() -> dict[str, float]:
        nonlocal probing
        before = time.perf_counter()
        found = probe(model, tokenizer, tasks, sampling, settings.seed)
        probing += time.perf_counter() - before
        return found

    steps, found = fine_tune(model, fitting, settings, timed_probe, sampling.pad_id, tell)
    trained = time.perf_counter()

    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    record = {
        "settings": dataclasses.asdict(settings),
        "steps": steps,
        "seconds": {
            "data": round(prepared - started, 2),
            "training": round(trained - prepared - probing, 2),
            "probing": round(probing, 2),
            "total": round(time.perf_counter() - started, 2),
        },
        "probe_success": found,
        "probe_mean": sum(found.values()) / len(found),
        "parameters": model.num_parameters(),
        "vocab_size": len(tokenizer),
        "demonstrations": len(fitting),
        "too_long": len(examples) - len(fitting),
        "tokens_per_dialogue": {
            kind: {"mean": round(sum(values) / len(values), 1), "max": max(values)} for kind, values in lengths.items()
        },
    }
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return record
