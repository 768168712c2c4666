"""Small runs of main_ppo in processes of their own, for the tests that start some."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from verl_agentic.integration.trainer.checkpoints import saved_step

MARK = "VERL_AGENTIC_TEST_RUN"
START_SECONDS = 420
END_SECONDS = 180
EPOCHS, STEPS, BATCH = 2, 2, 4
SIZES = [
    "tasks=micro",  # the policies are folders with a starter in them
    "trainer.experiment_name=job",
    f"trainer.total_epochs={EPOCHS}",
    "trainer.save_freq=1",
    f"data.train_batch_size={BATCH}",
    f"agentic.curriculum.epoch_size={STEPS * BATCH}",
    "agentic.curriculum.initial_tasks=24",
    "agentic.curriculum.held_out_tasks=6",
    "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=8",
    "actor_rollout_ref.rollout.n=2",
    "actor_rollout_ref.rollout.val_kwargs.n=1",
]


class Job:
    """One run of main_ppo in a folder, and what it left running.

    Args:
        folder: where it runs.
        model: its policy: a folder, or an option of the group ``model``.
        overrides: what else stands on its command line.
        sizes: how large it is.
    """

    def __init__(self, folder: Path, model: Path | str, *overrides: str, sizes: Sequence[str] = SIZES) -> None:
        self.folder = folder
        self.run_dir = folder / "outputs" / "agenticqwen" / "job"
        self.mark = uuid.uuid4().hex
        self.log = folder / f"{self.mark}.log"
        arguments = ["+recipe=agenticqwen", f"model={model}", *sizes, *overrides]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                # Tests in the background of a script ignore interrupts, and so would what they start.
                ["env", "--default-signal=INT", sys.executable, "-m", "verl.trainer.main_ppo", *arguments],
                cwd=folder,
                env={**os.environ, MARK: self.mark},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def checkpoints(self) -> Path:
        return self.run_dir / "checkpoints"

    def wait_for_step(self, step: int) -> None:
        self.wait_for(lambda: saved_step(self.checkpoints) >= step, f"checkpoint of step {step}")

    def wait_for(self, there: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not there():
            assert self.process.poll() is None, f"ended early:\n{self.tail()}"
            assert time.monotonic() < deadline, f"no {what}:\n{self.tail()}"
            time.sleep(0.05)

    def wait(self, seconds: float) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pytest.fail(f"still running after {seconds} s:\n{self.tail()}")

    def processes(self, name: str = "") -> list[psutil.Process]:
        """Living processes that carry the run's mark in their environment."""
        found = []
        for process in psutil.process_iter():
            try:
                ours = process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE
                if ours and name in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def assert_nothing_left(self) -> None:
        deadline = time.monotonic() + 60
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(1)
        assert not left, [process.cmdline() for process in left]

    def kill(self) -> None:
        for process in self.processes():
            process.kill()

    @property
    def console(self) -> str:
        """What the terminal got."""
        return self.log.read_text(errors="replace")

    @property
    def train_log(self) -> Path:
        return self.run_dir / "train.log"

    def tail(self) -> str:
        """How all of its output ends."""
        logged = self.train_log.read_text(errors="replace") if self.train_log.exists() else ""
        return f"{logged[-20000:]}\n{self.console[-20000:]}"
