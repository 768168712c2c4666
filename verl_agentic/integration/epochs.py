"""Epochs: what each trains on, and what happens between two of them."""

from __future__ import annotations

import logging
import time

from verl_agentic.flywheel import ExpertVerifier, draw_epoch, make_hooks, protected_splits, run_round
from verl_agentic.integration.settings import AgenticSettings
from verl_agentic.reward_fns.registry import success
from verl_agentic.store import RoundRecord, Store, TaskStatus
from verl_agentic.store.statistics import pool_counts
from verl_agentic.synthesis.families import load_families
from verl_agentic.tool_envs.users import make_user

logger = logging.getLogger(__name__)


class EpochPlanner:
    """Draws epochs and runs the flywheel's rounds.

    Args:
        store: the run's store.
        settings: the run's settings.
        steps_per_epoch: as verl counts them; fixed, however the pool grows.
        batch_size: prompts per step.
    """

    def __init__(self, store: Store, settings: AgenticSettings, steps_per_epoch: int, batch_size: int) -> None:
        self.store = store
        self.settings = settings
        self.steps_per_epoch = steps_per_epoch
        self.batch_size = batch_size
        self._drawn: tuple[int, list[str]] | None = None
        families = {family.kind: family for family in load_families(settings.kinds)}
        self._hooks = make_hooks(settings.flywheel.hooks, families=families)
        rollout = settings.rollout
        self._verifier = ExpertVerifier(
            families, success, lambda task: make_user(rollout.simulator, **rollout.simulator_options), rollout.limits
        )
        self._protected = protected_splits(families.values())

    def step_tasks(self, index: int) -> list[str]:
        """Ids of the tasks of a step.

        Args:
            index: the step, from 0.
        """
        start = index % self.steps_per_epoch * self.batch_size
        return self.epoch_tasks(index)[start : start + self.batch_size]

    def epoch_tasks(self, index: int) -> list[str]:
        """Ids of all tasks of the epoch that a step belongs to; drawn when first asked for."""
        epoch = index // self.steps_per_epoch
        if self._drawn is None or self._drawn[0] != epoch:
            # A run killed between an epoch and its round makes up for the round here.
            if epoch > 0:
                self.close_epoch(epoch)
            size = self.steps_per_epoch * self.batch_size
            self._drawn = (
                epoch,
                draw_epoch(self.store, epoch, size, self.settings.seed, self.settings.curriculum.drawn()),
            )
        return self._drawn[1]

    def close_epoch(self, next_epoch: int) -> RoundRecord:
        """Run the flywheel's round that opens ``next_epoch``; a round that was run already stays as it is."""
        known = self.store.round(next_epoch)
        if known is not None:
            return known
        started = time.monotonic()
        wanted = self.settings.curriculum.new_tasks
        record = run_round(
            self.store,
            next_epoch,
            self._hooks,
            seed=self.settings.seed,
            wanted=self.steps_per_epoch * self.batch_size // 2 if wanted is None else wanted,
            verifier=self._verifier,
            protected=self._protected,
        )
        seconds = time.monotonic() - started
        self.store.add_seconds("flywheel", seconds)
        counts = ", ".join(f"{name.split('.')[-1]} {count}" for name, count in record.counts.items() if count)
        print(f"verl-agentic: flywheel round {next_epoch} in {seconds:.2f} s: {counts or 'nothing to do'}", flush=True)
        return record

    def rewind(self, step: int) -> None:
        """Forget what was recorded after the checkpoint of ``step``."""
        self._drawn = None
        self.store.rewind(step, (step - 1) // self.steps_per_epoch if step else -1)

    def pool_metrics(self) -> dict[str, float]:
        """Size of the pool by status and kind, for verl's tracking."""
        metrics: dict[str, float] = {f"agentic/pool/{status.value}": 0.0 for status in TaskStatus}
        for (status, kind), count in pool_counts(self.store).items():
            metrics[f"agentic/pool/{status.value}"] += count
            if status is TaskStatus.ACTIVE:
                metrics[f"agentic/pool/active/{kind}"] = float(count)
        return metrics
