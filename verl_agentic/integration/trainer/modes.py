"""Our trainers, one for each mode of verl's; registered when this module is imported."""

from __future__ import annotations

import contextlib
import logging
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from verl.trainer.ppo.v1 import trainer_separate_async
from verl.trainer.ppo.v1.trainer_base import register_trainer
from verl.trainer.ppo.v1.trainer_colocate_async import PPOTrainerColocateAsync
from verl.trainer.ppo.v1.trainer_separate_async import PPOTrainerSeparateAsync
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

from verl_agentic.integration.trainer.pool import PoolTrainer
from verl_agentic.training.prompt_stream import PromptStream


@register_trainer("agentic_sync")
class AgenticTrainerSync(PoolTrainer, PPOTrainerSync):  # type: ignore[misc]
    """``trainer.v1.trainer_mode=agentic_sync``: which tasks a step trains on follows from the step alone."""

    verl_mode = "sync"

    def _next_task_ids(self, num_prompts: int | None) -> list[str]:
        index = self.global_steps - 1
        if num_prompts is None:
            self._refills = 0
            return self.planner.step_tasks(index)
        # Stand-ins for groups that the infrastructure lost.
        self._count_refills(num_prompts)
        rng = random.Random(f"{self.settings.seed}/refill/{index}/{self._refills}")
        return rng.choices(self.planner.epoch_tasks(index // self.steps_per_epoch), k=num_prompts)


class AheadTrainer(PoolTrainer):
    """A trainer that generates ahead of the steps it trains: its prompts come from a stream, kept with checkpoints."""

    lag = 1

    def _init_dataloader(self) -> None:
        super()._init_dataloader()
        self.stream = PromptStream(self.planner.epoch_tasks)
        self._warming_up = False

    def _next_task_ids(self, num_prompts: int | None) -> list[str]:
        if num_prompts is None:
            self._refills = 0
        elif not self._warming_up:
            self._count_lost(num_prompts)
        lead = 0 if self._warming_up else self._lead()
        # Prompts fetched ahead of the last step belong to the last epoch.
        epoch = min(self.planner.epoch_of(self.global_steps, lead), self.config.trainer.total_epochs - 1)
        return self.stream.take(epoch, self.config.data.train_batch_size if num_prompts is None else num_prompts)

    def _lead(self) -> int:
        """Whole batches that are generated ahead."""
        return math.floor(float(self.config.trainer.v1[self.verl_mode].num_warmup_batches))

    def _count_lost(self, number: int) -> None:
        # Groups are also replaced because they have grown stale, which is no failure.
        before = self.recorder.incidents
        self._take_incidents()
        if self.recorder.incidents > before:
            self._count_refills(number)

    def on_train_begin(self) -> None:
        self._warming_up = True
        super().on_train_begin()
        self._warming_up = False

    def _save_checkpoint(self) -> None:
        self.stream.save(Path(self.config.trainer.default_local_dir) / f"global_step_{self.global_steps}")
        super()._save_checkpoint()

    def _load_checkpoint(self) -> None:
        super()._load_checkpoint()
        trainer = self.config.trainer
        if trainer.resume_mode == "resume_path":
            self.stream.load(Path(trainer.resume_from_path))
        elif self.global_steps:
            self.stream.load(Path(trainer.default_local_dir) / f"global_step_{self.global_steps}")


@register_trainer("agentic_colocate_async")
class AgenticTrainerColocateAsync(AheadTrainer, PPOTrainerColocateAsync):  # type: ignore[misc]
    """``trainer.v1.trainer_mode=agentic_colocate_async``: rollouts are cut off for an update and go on after it."""

    verl_mode = "colocate_async"


@register_trainer("agentic_separate_async")
class AgenticTrainerSeparateAsync(AheadTrainer, PPOTrainerSeparateAsync):  # type: ignore[misc]
    """``trainer.v1.trainer_mode=agentic_separate_async``: rollouts have devices of their own and never stop."""

    verl_mode = "separate_async"

    def _setup(self) -> None:
        with _without_infos(trainer_separate_async.logger):
            super()._setup()

    def _replicas(self) -> list[Any]:
        return [*super()._replicas(), *self.standalone_checkpoint_manager.replicas]


@contextlib.contextmanager
def _without_infos(logger: logging.Logger) -> Iterator[None]:
    """verl 0.9 raises where it logs ``actor_rollout_ref.hybrid_engine=False``: it takes the logger for ``print``."""
    level = logger.level
    logger.setLevel(max(level, logging.WARNING))
    try:
        yield
    finally:
        logger.setLevel(level)
