"""The quiet console of the main job: what the terminal gets, and what is in the log instead."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("verl", reason="needs verl: pip install 'verl-agentic[cpu]'")

from verl_agentic.store import Store

pytestmark = pytest.mark.integration

spec = importlib.util.spec_from_file_location("jobs_of_main_ppo", Path(__file__).with_name("jobs_of_main_ppo.py"))
assert spec is not None and spec.loader is not None
jobs_of_main_ppo = importlib.util.module_from_spec(spec)
spec.loader.exec_module(jobs_of_main_ppo)
Job, SECONDS = jobs_of_main_ppo.Job, jobs_of_main_ppo.START_SECONDS

# One line of each: Ray's start, verl's configuration, which a worker prints, and verl's metrics of a step.
OF_WORKERS = ("ray init kwargs", "'actor_rollout_ref': {")
OF_STEPS = "training/global_step:"


@pytest.mark.timeout(900)
def test_a_good_run_is_quiet_and_a_failed_one_names_and_quotes_its_log(
    tmp_path: Path, micro_model: Path, jobs: list[Any]
) -> None:
    good = Job(tmp_path, micro_model)
    jobs.append(good)
    assert good.wait(SECONDS) == 0, good.tail()
    said, logged = good.console, good.train_log.read_text()
    assert len(said.splitlines()) <= 60, said
    assert "WARNING" not in said and "Deprecat" not in said
    for part in (*OF_WORKERS, OF_STEPS):
        assert part not in said
        assert part in logged
    for part in (
        "verl-agentic: profile cpu",
        str(good.train_log),
        "verl-agentic: held-out success at step 0: math",
        "verl-agentic: step 3/4: ",
        "verl-agentic: flywheel round 1 in",
        "verl-agentic: epoch 2/2: reward",
        "held-out success   ",
        "report.html",
    ):
        assert said.count(part) == 1, (part, said)
    assert good.train_log.stat().st_mode & 0o077 == 0

    # Its first evaluation takes longer than it may, which ends the trainer's process.
    failed = Job(tmp_path, micro_model, "trainer.total_epochs=3", "agentic.limits.step_seconds=1")
    jobs.append(failed)
    assert failed.wait(SECONDS) == 1, failed.tail()
    said = failed.console
    assert len(said.splitlines()) <= 80, said
    assert "verl-agentic: the run ended early: " in said
    quoted = said.split("verl-agentic: the log ends with:\n")[1].splitlines()
    assert quoted[-1] == f"verl-agentic: the run failed; all of its output: {failed.train_log}"
    assert 5 < len(quoted) <= 31
    assert quoted[-2].strip() in failed.train_log.read_text()
    # Appended to, not overwritten.
    assert failed.train_log.read_text().startswith(logged[:1000])


@pytest.mark.timeout(900)
@pytest.mark.parametrize("console", ["quiet", "full"])
def test_an_error_of_a_worker_that_the_user_can_mend(
    tmp_path: Path, micro_model: Path, jobs: list[Any], console: str
) -> None:
    url = f"sqlite:///{tmp_path}/taken.db"
    with Store(url) as taken:
        taken.acquire()
        job = Job(
            tmp_path,
            micro_model,
            f"agentic.console={console}",
            f"agentic.store.url={url}",
            "agentic.store.wait_seconds=0",
        )
        jobs.append(job)
        assert job.wait(SECONDS) == 1, job.tail()
    said = job.console
    if console == "quiet":
        assert said.splitlines()[-2].startswith(f"verl-agentic: store {url} is in use by ")
        assert said.splitlines()[-1] == f"verl-agentic: log: {job.train_log}"
        assert "Traceback" not in said
        assert "Traceback" in job.train_log.read_text()
    else:
        assert all(part in said for part in (*OF_WORKERS, "Traceback"))
        assert not job.train_log.exists()
