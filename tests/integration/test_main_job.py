"""The main job for real: verl, Ray, FSDP2, TransferQueue and vLLM on the CPU, killed once and resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

pytest.importorskip("verl", reason="needs verl: pip install 'verl-agentic[cpu]'")

from verl_agentic.starter import StarterSettings
from verl_agentic.store import Store, store_url

pytestmark = pytest.mark.integration

MARK = "VERL_AGENTIC_TEST_RUN"
START_SECONDS = 420
END_SECONDS = 180


@pytest.fixture(scope="module")
def micro_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from verl_agentic.starter.build import build_starter

    folder = tmp_path_factory.mktemp("micro")
    build_starter(StarterSettings(demonstrations=90, max_steps=1, probe_tasks=1), folder)
    return folder


class Job:
    """One run of main_ppo in a folder, and what it left running."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder = folder
        self.run_dir = folder / "outputs" / "agenticqwen" / "job"
        self.mark = uuid.uuid4().hex
        self.log = folder / f"{self.mark}.log"
        overrides = [
            "+recipe=agenticqwen",
            f"model={model}",
            "trainer.experiment_name=job",
            "trainer.total_epochs=2",
            "trainer.save_freq=1",
            "data.train_batch_size=4",
            "agentic.curriculum.epoch_size=8",
            "agentic.curriculum.initial_tasks=24",
            "agentic.curriculum.held_out_tasks=6",
            "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=8",
            "actor_rollout_ref.rollout.n=2",
            "actor_rollout_ref.rollout.val_kwargs.n=1",
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "verl.trainer.main_ppo", *overrides],
                cwd=folder,
                env={**os.environ, MARK: self.mark},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def saved_step(self) -> int:
        latest = self.run_dir / "checkpoints" / "latest_checkpointed_iteration.txt"
        return int(latest.read_text() or 0) if latest.exists() else 0

    def wait_for_step(self, step: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self.saved_step() < step:
            assert self.process.poll() is None, f"ended early:\n{self.tail()}"
            assert time.monotonic() < deadline, f"step {step} not reached:\n{self.tail()}"
            time.sleep(0.5)

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

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-20000:]


@pytest.fixture
def jobs() -> Iterator[list[Job]]:
    started: list[Job] = []
    yield started
    for job in started:
        job.kill()


@pytest.mark.timeout(1500)
def test_killed_worker_then_resume_then_report(tmp_path: Path, micro_model: Path, jobs: list[Job]) -> None:
    first = Job(tmp_path, micro_model)
    jobs.append(first)
    first.wait_for_step(1)
    victims = first.processes("ray::AgentLoopWorker")
    assert victims, "no agent loop worker found"
    victims[0].send_signal(signal.SIGKILL)
    assert first.wait(END_SECONDS) != 0
    assert "the run ended early" in first.tail() or "cannot go on" in first.tail(), first.tail()
    first.assert_nothing_left()
    with Store(store_url(first.run_dir), create=False) as store:
        before = {task.id for task in store.tasks(round=0)}
        drawn = store.draw(0)
    assert drawn is not None and len(drawn) == 8

    second = Job(tmp_path, micro_model)
    jobs.append(second)
    assert second.wait(START_SECONDS) == 0, second.tail()
    second.assert_nothing_left()

    with Store(store_url(second.run_dir), create=False) as store:
        assert {task.id for task in store.tasks(round=0)} == before
        assert store.draw(0) == drawn
        groups = [group for epoch in (0, 1) for group in store.groups(epoch)]
        assert {group.step for group in groups} == {1, 2, 3, 4}
        assert {len(group.outcomes) for group in groups} == {2}
        assert len(groups) == 4 * 4
        assert [record.epoch for record in store.rounds()] == [1, 2]
        assert store.evaluation_steps("held_out")[-1] == 4

    report = json.loads((second.run_dir / "report.json").read_text())
    for side in ("before", "after"):
        assert set(report["held_out"][side]) == {"math", "sql", "service", "mean"}
    assert report["peak_memory_bytes"] > 0
    assert {"startup", "training", "evaluation", "total"} <= set(report["seconds"])
    assert (second.run_dir / "report.html").stat().st_size > 10_000

    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(report["checkpoint"])
    assert len(AutoTokenizer.from_pretrained(report["checkpoint"])) <= model.config.vocab_size


@pytest.mark.timeout(900)
def test_interrupt_leaves_nothing_behind(tmp_path: Path, micro_model: Path, jobs: list[Job]) -> None:
    job = Job(tmp_path, micro_model)
    jobs.append(job)
    job.wait_for_step(1)
    job.process.send_signal(signal.SIGINT)
    assert job.wait(END_SECONDS) != 0
    job.assert_nothing_left()
