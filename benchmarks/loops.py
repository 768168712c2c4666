"""verl's worker in one process: its configuration, a tokenizer, and an engine that answers at once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any

import hydra
from hydra import compose, initialize_config_module
from verl.experimental.agent_loop.agent_loop import DictConfigWrap, ToolListWrap, _agent_loop_registry
from verl.utils.dataset.rl_dataset import RLHFDataset
from verl.workers.rollout.replica import TokenOutput

AGENTIC = "agentic"
VERL = "tool_agent"
"""Names in verl's registry of agent loops."""


class ScriptedEngine:
    """Says the same messages in every trajectory; takes no time.

    Args:
        tokenizer: encodes them.
        messages: of each assistant turn.
    """

    def __init__(self, tokenizer: Any, messages: Sequence[str]) -> None:
        self._turns = [tokenizer.encode(f"{text}<|im_end|>", add_special_tokens=False) for text in messages]
        self._turn: dict[str, int] = {}

    async def generate(self, request_id: str, *, prompt_ids: list[int], **kwargs: Any) -> TokenOutput:
        turn = self._turn.get(request_id, 0)
        self._turn[request_id] = turn + 1
        await asyncio.sleep(0)
        ids = self._turns[turn]
        return TokenOutput(token_ids=list(ids), log_probs=[-0.5] * len(ids), stop_reason="completed")


def configuration(*overrides: str) -> Any:
    """verl's configuration with our recipe, as its worker has it."""
    os.environ.setdefault("VERL_AGENTIC_PROFILE", "cpu")
    __import__("verl")
    with initialize_config_module("verl.trainer.config", version_base=None):
        return compose("ppo_trainer", ["+recipe=agenticqwen", *overrides])


def make_loop(name: str, config: Any, tokenizer: Any, engine: Any, tools: Sequence[Any] = ()) -> Any:
    """An agent loop for one trajectory, made as verl's worker makes it."""
    return hydra.utils.instantiate(
        config=_agent_loop_registry[name],
        trainer_config=DictConfigWrap(config=config),
        server_manager=engine,
        tokenizer=tokenizer,
        processor=None,
        hf_model_type="qwen3",
        dataset_cls=RLHFDataset,
        data_config=DictConfigWrap(config.data),
        tools=ToolListWrap(list(tools)),
    )
