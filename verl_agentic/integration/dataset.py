"""Rows for verl's dataloaders and agent loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, ListConfig
from torch.utils.data import Dataset

from verl_agentic.core import Task
from verl_agentic.core.plain_row import origin
from verl_agentic.rollout import DialogueLimits
from verl_agentic.rollout.limits import stored_limits
from verl_agentic.rollout.protocol import opening_messages
from verl_agentic.synthesis.base import SPLITS, Split
from verl_agentic.synthesis.plain_rows import PROMPT_KEY
from verl_agentic.synthesis.rows import read_tasks, to_row


def split_of(path: str, default: Split) -> Split:
    """The split that a file holds: by its name where that is a split's, else ``default``."""
    return next((split for split in SPLITS if split == Path(path).stem), default)


def prompt_row(task: Task, index: int, split: Split, limits: DialogueLimits) -> dict[str, Any]:
    """One item as verl's ``RLHFDataset`` gives it: the parquet row, plus what its agent loop looks for.

    A task that was made of a plain verl row has that row's ``reward_model`` and ``extra_info``, as they were.

    Args:
        task, index, split: as for :func:`verl_agentic.synthesis.rows.to_row`.
        limits: that it is played within, of which its prompt may tell.
    """
    row = to_row(task, index, split)
    if (plain := origin(task)) is not None:
        row["reward_model"] = plain.reward_model
        row["extra_info"] = {**row["extra_info"], **plain.extra_info}
    row["raw_prompt"] = [{"role": one["role"], "content": one["content"]} for one in opening_messages(task, limits)]
    # verl drops batches without any tensor.
    row["dummy_tensor"] = torch.tensor([0], dtype=torch.uint8)
    row["index"] = index
    row["tools_kwargs"] = {}
    row["interaction_kwargs"] = {}
    return row


class PoolDataset(Dataset[dict[str, Any]]):
    """Tasks from parquet or JSONL files.

    For training its length is the epoch's (``data.agentic.epoch_size``), whatever the files hold: which tasks an
    epoch consists of is drawn from the pool by the trainer. Other trainers of verl get the files' tasks in turn.

    Raises:
        UserInputError: a row lacks a field or has a wrong one; names file, row and field.
    """

    def __init__(
        self,
        data_files: str | list[str],
        tokenizer: Any,
        config: DictConfig,
        processor: Any = None,
        max_samples: int = -1,
    ) -> None:
        files = list(data_files) if isinstance(data_files, list | ListConfig) else [data_files]
        is_train = files == as_list(config.get("train_files"))
        prompt_key = config.get("prompt_key") or PROMPT_KEY
        self.tasks = [
            (task, split_of(path, "train" if is_train else "validation"))
            for path in files
            for task in read_tasks(path, prompt_key)
        ]
        if max_samples > 0:
            self.tasks = self.tasks[:max_samples]
        node = config.get("agentic") or {}
        self.limits = stored_limits(node.get("rollout"))
        epoch_size = node.get("epoch_size")
        self.length: int = int(epoch_size) if is_train and epoch_size else len(self.tasks)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Any]:
        task, split = self.tasks[index % len(self.tasks)]
        return prompt_row(task, index, split, self.limits)


def as_list(value: Any) -> list[str]:
    return list(value) if isinstance(value, list | ListConfig) else [value]
