"""Epochs: what each trains on, and what happens between two of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future

from verl_agentic.core.chat import make_chat_model
from verl_agentic.flywheel import (
    AgreementVerifier,
    BudgetedHook,
    ExpertVerifier,
    HookUse,
    Verifier,
    WrittenVerifier,
    draw_epoch,
    make_hooks,
    protected_splits,
    run_round,
)
from verl_agentic.flywheel.hook import silent
from verl_agentic.reward_fns.registry import success
from verl_agentic.store import RoundRecord, Store
from verl_agentic.synthesis.base import TaskFamily
from verl_agentic.synthesis.families import load_families
from verl_agentic.tool_envs.users.registry import make_user
from verl_agentic.training.background import run_in_thread
from verl_agentic.training.memory import give_back
from verl_agentic.training.pool_metrics import pool_metrics, round_metrics
from verl_agentic.training.run import pool_register
from verl_agentic.training.settings import AgenticSettings
from verl_agentic.training.stages import Stage

# How many samples of the configured model have to solve what it wrote; most of them must agree.
_SOLVERS = 3


class EpochPlanner:
    """Draws epochs and runs the flywheel's rounds.

    A synchronous trainer waits for the round between two epochs. An asynchronous one has begun the next epoch by
    then: its rounds run in a thread of their own while training goes on, and what they make of an epoch is drawn
    from one epoch later (``lag``), so that the draws do not depend on how long a round takes.

    Args:
        store: the run's store.
        settings: the run's settings.
        steps_per_epoch: as verl counts them; fixed, however the pool grows.
        batch_size: prompts per step.
        lag: epochs between the one that a round reads and the one before the round's: 0 or 1.
        say: tells the user, in one line, how far a round is and what it did.
    """

    def __init__(
        self,
        store: Store,
        settings: AgenticSettings,
        steps_per_epoch: int,
        batch_size: int,
        lag: int = 0,
        say: Callable[[str], None] = silent,
    ) -> None:
        self.store = store
        self.settings = settings
        self.steps_per_epoch = steps_per_epoch
        self.batch_size = batch_size
        self._lag = lag
        self._say = say
        self._drawn: tuple[int, list[str]] | None = None
        self._background: Future[RoundRecord] | None = None
        self._register = pool_register(store, settings)
        families = self._families(settings.kinds)
        self._plan = settings.plan()
        self._hooks = [self._make_hooks(stage) for stage in self._plan.stages]
        self._uses: dict[str, HookUse] = {}
        self._verifier = WrittenVerifier(*_verifiers(settings, families))
        self._protected = protected_splits(families.values())

    def epoch_of(self, step: int, ahead: int = 0) -> int:
        """The epoch of a step.

        Args:
            step: the step, from 1.
            ahead: whole batches that are generated ahead of it; the epoch is the one of the last of them.
        """
        return (step - 1 + ahead) // self.steps_per_epoch

    def step_tasks(self, index: int) -> list[str]:
        """Ids of the tasks of a step.

        Args:
            index: the step, from 0.
        """
        start = index % self.steps_per_epoch * self.batch_size
        return self.epoch_tasks(index // self.steps_per_epoch)[start : start + self.batch_size]

    def epoch_tasks(self, epoch: int) -> list[str]:
        """Ids of all tasks of an epoch, in training order; drawn when first asked for."""
        if self._drawn is None or self._drawn[0] != epoch:
            # A run killed between an epoch and its round makes up for the round here.
            self.close_epoch(epoch)
            size = self.steps_per_epoch * self.batch_size
            curriculum = self._plan.at(epoch).curriculum
            seed = self.settings.seed
            ids = draw_epoch(self.store, epoch, size=size, seed=seed, settings=curriculum, lag=self._lag)
            self._drawn = (epoch, ids)
        return self._drawn[1]

    def end_epoch(self, next_epoch: int) -> None:
        """All steps before ``next_epoch`` are done: run the round that their results make possible."""
        if self._lag == 0:
            self.close_epoch(next_epoch)
            return
        # The draw goes first: the round would change the pool under it.
        self.epoch_tasks(next_epoch)
        self.finish_round()
        self._background = run_in_thread(self._run_round, next_epoch + self._lag)

    def close_epoch(self, next_epoch: int) -> RoundRecord | None:
        """Have the round that opens ``next_epoch`` done; ``None`` where there is nothing yet that it could read."""
        self.finish_round()
        return None if next_epoch <= self._lag else self._run_round(next_epoch)

    def check_round(self) -> None:
        """Raise what failed in the round in the background, if that has ended."""
        if self._background is not None and self._background.done():
            self.finish_round()

    def finish_round(self) -> None:
        """Wait for the round in the background, if there is one; what failed in it is raised here."""
        background, self._background = self._background, None
        if background is not None:
            background.result()

    def _families(self, names: Iterable[str]) -> dict[str, TaskFamily]:
        """Families by the kinds of their tasks."""
        loaded = load_families(names, self._register, self.settings.family_options)
        return {family.kind: family for family in loaded}

    def _make_hooks(self, stage: Stage) -> list[BudgetedHook]:
        families = self._families(stage.kinds)
        limits, llm = self.settings.flywheel.limits(), self.settings.llm or None
        return make_hooks(stage.hooks, key=stage.hooks_key, budget=limits, families=families, llm=llm)

    def _run_round(self, epoch: int) -> RoundRecord:
        known = self.store.round(epoch)
        if known is not None:
            return known
        started = time.monotonic()
        # Those of the stage whose results are read: what a stage ends with is its own hooks' to follow up.
        hooks = self._hooks[self._plan.index(epoch - 1 - self._lag)]
        wanted = self.settings.curriculum.new_tasks
        record = run_round(
            self.store,
            epoch,
            hooks,
            seed=self.settings.seed,
            wanted=self.steps_per_epoch * self.batch_size // 2 if wanted is None else wanted,
            verifier=self._verifier,
            protected=self._protected,
            lag=self._lag,
            say=lambda line: self._say(f"flywheel round {epoch}: {line} ..."),
        )
        self._uses = {hook.name: hook.use for hook in hooks}
        give_back()
        seconds = time.monotonic() - started
        self.store.add_seconds("flywheel", seconds)
        self._say(f"flywheel round {epoch} in {seconds:.1f} s: {record.summary}")
        return record

    def rewind(self, step: int) -> None:
        """Forget what was recorded after the checkpoint of ``step``."""
        self._drawn = None
        # A trainer that is ahead of its steps has drawn the next epoch, too.
        self.store.rewind(step, self.epoch_of(step) + self._lag if step else -1)

    def metrics(self, epoch: int) -> dict[str, float]:
        """What verl's tracking is told of the pool and the flywheel, see :mod:`verl_agentic.training.pool_metrics`.

        Args:
            epoch: the epoch that is being trained on.
        """
        metrics = {"agentic/stage": float(self._plan.index(epoch) + 1), **pool_metrics(self.store)}
        record = self.store.last_round()
        if record is not None:
            metrics.update(round_metrics(record, self._uses))
        return metrics


def _verifiers(settings: AgenticSettings, families: Mapping[str, TaskFamily]) -> tuple[ExpertVerifier, Verifier | None]:
    """Who solves a new task before it enters: its family's expert; language models where one of them wrote it."""
    rollout = settings.rollout
    expert = ExpertVerifier(
        families, success, lambda task: make_user(rollout.simulator, **rollout.simulator_options), rollout.limits
    )
    if not settings.llm:
        return expert, None
    return expert, AgreementVerifier([make_chat_model(settings.llm)] * _SOLVERS)
