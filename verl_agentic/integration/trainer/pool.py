"""verl's PPO trainer with a task pool that is drawn from, and grown, epoch by epoch."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig
from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer
from verl.trainer.ppo.v1.trainer_base import PPOTrainer
from verl.utils import tensordict_utils as tu
from verl.utils.dataset.rl_dataset import collate_fn

from verl_agentic.core import InfrastructureError
from verl_agentic.integration.console import tell
from verl_agentic.integration.dataset import prompt_row
from verl_agentic.integration.trainer.checkpoints import mend_tracker
from verl_agentic.integration.trainer.recorder import Recorder
from verl_agentic.integration.trainer.watchdog import Watchdog, engine_failure
from verl_agentic.report.numbers import duration
from verl_agentic.training.epochs import EpochPlanner
from verl_agentic.training.progress import RunProgress, shown_success
from verl_agentic.training.run import open_store
from verl_agentic.training.settings import read_settings


class PoolTrainer(PPOTrainer):  # type: ignore[misc]
    """What is ours in every mode of verl's trainer; goes before that mode's class among the bases.

    Each epoch is drawn from the pool in the store; each group's outcomes go back there; after each epoch the
    flywheel hooks take the epoch's outcomes and give new tasks. A resumed run sees the same tasks as one that was
    never stopped.
    """

    verl_mode: str
    """What verl calls the mode."""
    lag = 0
    """Epochs that training goes on for while a flywheel round runs."""

    def __init__(self, config: DictConfig) -> None:
        self.settings = read_settings(config)
        self.store = open_store(self.settings)
        self.store.acquire(self.settings.store.wait_seconds, self.settings.store.stale_seconds)
        self.recorder = Recorder(self.store)
        self.watchdog = Watchdog(self._on_hopeless)
        self._refills = 0
        self._phase_started = time.monotonic()
        super().__init__(config)

    # Set-up

    def _build_replay_buffer(self) -> ReplayBuffer:
        # verl compares the mode with its own names wherever behaviour depends on it, and looks its settings up
        # under them.
        self.trainer_mode = self.verl_mode
        self.parameter_sync_step = self.config.trainer.v1.get(self.verl_mode, {}).get("parameter_sync_step", 1)
        buffer = super()._build_replay_buffer()
        buffer.poll_interval = self.settings.limits.poll_seconds
        return buffer

    def init(self) -> None:
        super().init()
        self.watchdog.watch("actor worker", self.actor_rollout_wg.workers)
        self.watchdog.watch("reward worker", self.reward_loop_manager.reward_loop_worker_handles or [])
        servers = [replica.server_handle for replica in self._replicas()]
        self.watchdog.watch("rollout server", servers, engine_failure)
        self.watchdog.start()

    def _replicas(self) -> list[Any]:
        """Every rollout engine."""
        return list(self.checkpoint_manager.replicas)

    def _init_dataloader(self) -> None:
        super()._init_dataloader()
        batch_size = self.config.data.train_batch_size
        self.planner = EpochPlanner(self.store, self.settings, self.steps_per_epoch, batch_size, self.lag, tell)

    def _load_checkpoint(self) -> None:
        if self.config.trainer.resume_mode == "auto":
            mend_tracker(Path(self.config.trainer.default_local_dir))
        super()._load_checkpoint()
        # What was recorded after the checkpoint will happen again.
        self.planner.rewind(self.global_steps)

    def fit(self, agent_loop_manager: Any) -> None:
        self.watchdog.watch("agent loop worker", agent_loop_manager.agent_loop_workers)
        tell(f"workers and rollout engine are up in {duration(self._clock('startup'))}")
        try:
            super().fit(agent_loop_manager)
            with self._round_phase():
                self.planner.finish_round()
        except Exception as error:
            self._on_hopeless(str(error))
            raise
        finally:
            self._clock("training")
            self.watchdog.stop()
            self.store.close()

    # Drawing

    def _next_task_ids(self, num_prompts: int | None) -> list[str]:
        """Ids of the tasks to generate next: a step's where ``num_prompts`` is ``None``, else exactly so many."""
        raise NotImplementedError

    def _next_train_batch(self, num_prompts: int | None = None) -> Any:
        rows, limits = [], self.settings.rollout.limits
        for position, task_id in enumerate(self._next_task_ids(num_prompts)):
            task = self.store.task(task_id)
            if task is None:
                raise InfrastructureError(f"task {task_id} was drawn but is not in the store")
            rows.append({**prompt_row(task, position, "train", limits), "uid": str(uuid.uuid4())})
        batch = collate_fn(rows)
        batch["uid"] = np.array([row["uid"] for row in rows], dtype=object)
        tensors = tu.get_tensordict(batch)
        tu.assign_non_tensor_data(tensors, "global_steps", self.global_steps)
        return tensors

    def _count_refills(self, number: int) -> None:
        """Give up where too many groups of a step fail for reasons that are not the policy's."""
        self._refills += number
        self._take_incidents()
        allowed = self.settings.limits.refill_factor * self.config.data.train_batch_size
        if self._refills > allowed:
            last = self.recorder.last_incident or "no reason was reported"
            raise InfrastructureError(
                f"step {self.global_steps}: {self._refills} groups failed for reasons that are not the policy's "
                f"(allowed: {allowed:g}, agentic.limits.refill_factor); last: {last}"
            )

    # Recording

    def _step_once(self, metrics: dict[str, Any], timing_raw: dict[str, Any], sample_batch_size: int) -> Any:
        batch = super()._step_once(metrics, timing_raw, sample_batch_size)
        epoch = self.planner.epoch_of(self.global_steps)
        metrics.update(self.recorder.record_step(batch, self.global_steps, epoch))
        self._take_incidents()
        return batch

    def _take_incidents(self) -> None:
        epoch = max(0, self.planner.epoch_of(self.global_steps))
        self.recorder.record_incidents(self.global_steps, epoch)

    def _compute_metrics(self, batch: Any, metrics: dict[str, Any], timing_raw: dict[str, Any], **kwargs: Any) -> None:
        super()._compute_metrics(batch, metrics, timing_raw, **kwargs)
        metrics.update(self.recorder.incident_metrics())
        metrics.update(self.planner.metrics((self.global_steps - 1) // self.steps_per_epoch))
        self.store.record_metrics(self.global_steps, metrics)
        for line in self.progress.lines(self.global_steps, metrics):
            tell(line)

    # Hooks of verl's loop

    def on_init_end(self) -> None:
        with self.watchdog.phase("the first weight sync", self.settings.limits.weight_sync_seconds):
            super().on_init_end()

    def on_train_begin(self) -> None:
        self.progress = RunProgress(self.total_training_steps, self.steps_per_epoch)
        super().on_train_begin()

    def step(self, metrics: dict[str, Any], timing_raw: dict[str, Any]) -> Any:
        with self.watchdog.phase(f"step {self.global_steps}", self.settings.limits.step_seconds):
            return super().step(metrics, timing_raw)

    def on_step_end(self) -> None:
        with self.watchdog.phase("a weight sync", self.settings.limits.weight_sync_seconds):
            super().on_step_end()
        self.planner.check_round()
        if self.global_steps % self.steps_per_epoch == 0:
            with self._round_phase():
                self.planner.end_epoch(self.global_steps // self.steps_per_epoch)

    def _validate(self) -> dict[str, float]:
        self._clock("training")
        tell(f"evaluation at step {self.global_steps} ...")
        with self.watchdog.phase("an evaluation", self.settings.limits.step_seconds), self._recorded_evaluation():
            metrics: dict[str, float] = super()._validate()
        self._take_incidents()
        seconds = self._clock("evaluation")
        for split in ("validation", "held_out"):
            if evaluations := self.store.evaluations(split, self.global_steps):
                shown = shown_success(evaluations)
                tell(f"{split.replace('_', '-')} success at step {self.global_steps}: {shown}, {duration(seconds)}")
        return metrics

    @contextlib.contextmanager
    def _recorded_evaluation(self) -> Iterator[None]:
        """Record what verl samples for validation, which it otherwise reduces to means at once."""
        sample = self.replay_buffer.sample

        def recorded(*args: Any, **kwargs: Any) -> Any:
            batch, info = sample(*args, **kwargs)
            self.recorder.record_evaluation(batch, self.global_steps)
            return batch, info

        self.replay_buffer.sample = recorded
        try:
            yield
        finally:
            del self.replay_buffer.sample

    # Time and trouble

    def _clock(self, phase: str) -> float:
        """Book the wall time since the last call on a phase, and return it."""
        now = time.monotonic()
        seconds, self._phase_started = now - self._phase_started, now
        self.store.add_seconds(phase, seconds)
        return seconds

    def _round_phase(self) -> contextlib.AbstractContextManager[None]:
        """Bound the wait for a round of the flywheel."""
        return self.watchdog.phase("a round of the flywheel", self.settings.limits.step_seconds)

    def _on_hopeless(self, reason: str) -> None:
        self.recorder.record_hopeless(max(0, getattr(self, "global_steps", 0)), reason)
