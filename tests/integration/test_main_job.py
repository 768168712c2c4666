"""The main job for real: verl, Ray, FSDP2, TransferQueue and vLLM on the CPU, in each mode of the trainer, killed and
resumed."""

from __future__ import annotations

import importlib.util
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("verl", reason="needs verl: pip install 'verl-agentic[cpu]'")

from verl_agentic.integration.trainer.checkpoints import saved_step
from verl_agentic.store import Store, store_url
from verl_agentic.training.epochs import EpochPlanner
from verl_agentic.training.settings import AgenticSettings, read_settings

pytestmark = pytest.mark.integration

spec = importlib.util.spec_from_file_location("jobs_of_main_ppo", Path(__file__).with_name("jobs_of_main_ppo.py"))
assert spec is not None and spec.loader is not None
jobs_of_main_ppo = importlib.util.module_from_spec(spec)
spec.loader.exec_module(jobs_of_main_ppo)
Job = jobs_of_main_ppo.Job
SIZES, EPOCHS, STEPS, BATCH = (getattr(jobs_of_main_ppo, name) for name in ("SIZES", "EPOCHS", "STEPS", "BATCH"))
START_SECONDS, END_SECONDS = jobs_of_main_ppo.START_SECONDS, jobs_of_main_ppo.END_SECONDS

COLOCATE_ASYNC = ["trainer.v1.trainer_mode=agentic_colocate_async"]
SEPARATE_ASYNC = [
    "trainer.v1.trainer_mode=agentic_separate_async",
    "trainer.v1.separate_async.parameter_sync_step=1",
    # One logical device to train on, one to generate on.
    "ray_kwargs.ray_init.num_gpus=2",
    "actor_rollout_ref.hybrid_engine=False",
    "actor_rollout_ref.rollout.nnodes=1",
    "actor_rollout_ref.rollout.checkpoint_engine.backend=gloo",
]


@pytest.fixture
def settings(compose: Callable[..., Any], tmp_path: Path, micro_model: Path) -> AgenticSettings:
    """Those of a job."""
    return read_settings(compose(f"model={micro_model}", f"agentic.run_dir={tmp_path}", *SIZES))


def draws(store: Store) -> list[object]:
    """What each epoch trained on, what the rounds did, and what they made of the pool."""
    pool = [(entry.id, entry.round, entry.status, entry.last_success) for entry in store.pool()]
    return [[store.draw(epoch) for epoch in range(EPOCHS)], store.rounds(), pool]


def drawn_again(store: Store, settings: AgenticSettings, lag: int, folder: Path) -> list[object]:
    """The same of a run that nothing disturbs, and whose outcomes are those that the store holds."""
    with Store(store_url(folder)) as twin:
        for split in ("held_out", "train"):
            twin.add_tasks(store.tasks(round=0, split=split), split=split)
        planner = EpochPlanner(twin, settings, STEPS, BATCH, lag)
        for epoch in range(EPOCHS):
            planner.epoch_tasks(epoch)
            for group in store.groups(epoch):
                twin.record_outcomes(group.outcomes, group.uid)
            planner.end_epoch(epoch + 1)
        planner.finish_round()
        return draws(twin)


@pytest.mark.timeout(1500)
def test_killed_worker_then_resume_then_report(
    tmp_path: Path, micro_model: Path, jobs: list[Job], settings: AgenticSettings
) -> None:
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
        assert draws(store) == drawn_again(store, settings, 0, tmp_path)

    report = json.loads((second.run_dir / "report.json").read_text())
    for side in ("before", "after"):
        assert set(report["held_out"][side]) == {"math", "sql", "service", "mean"}
    assert report["peak_memory_bytes"] > 0
    assert {"startup", "training", "evaluation", "total"} <= set(report["seconds"])
    assert (second.run_dir / "report.html").stat().st_size > 10_000

    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(report["checkpoint"])
    assert len(AutoTokenizer.from_pretrained(report["checkpoint"])) <= model.config.vocab_size


@pytest.mark.timeout(1500)
def test_rollouts_that_are_cut_off_for_an_update_and_a_kill_of_everything_within_a_save(
    tmp_path: Path, micro_model: Path, jobs: list[Job], settings: AgenticSettings
) -> None:
    first = Job(tmp_path, micro_model, *COLOCATE_ASYNC)
    jobs.append(first)
    first.wait_for((first.checkpoints / "global_step_2").exists, "save of step 2")
    first.kill()
    first.wait(END_SECONDS)
    first.assert_nothing_left()
    done = saved_step(first.checkpoints)
    assert done in (1, 2)
    with Store(store_url(first.run_dir), create=False) as store:
        # Epoch 1 begins to be generated at the last step of epoch 0.
        before = [store.draw(epoch) for epoch in range(EPOCHS)]
        trained = store.groups(0)
    assert all(before)
    stream = json.loads((first.checkpoints / f"global_step_{done}" / "prompt_stream.json").read_text())
    assert stream == {1: {"epoch": 0, "position": 8}, 2: {"epoch": 1, "position": 4}}[done]

    second = Job(tmp_path, micro_model, *COLOCATE_ASYNC)
    jobs.append(second)
    assert second.wait(START_SECONDS) == 0, second.tail()
    second.assert_nothing_left()
    with Store(store_url(second.run_dir), create=False) as store:
        assert [store.draw(epoch) for epoch in range(EPOCHS)] == before
        groups = [group for epoch in range(EPOCHS) for group in store.groups(epoch)]
        # What the checkpoint holds is not done again; of each task that was drawn, one group is trained on.
        assert [group for group in groups if group.step <= done] == [one for one in trained if one.step <= done]
        assert [len([one for one in groups if one.step == step]) for step in range(1, 5)] == [BATCH] * 4
        assert {group.task_id for group in groups} <= {task_id for drawn in before if drawn for task_id in drawn}
        # Round 1 would have nothing to read: each reads the epoch before the last.
        assert [record.epoch for record in store.rounds()] == [2, 3]
        assert draws(store) == drawn_again(store, settings, 1, tmp_path)


@pytest.mark.timeout(900)
def test_an_engine_that_dies_during_a_run_ends_it_with_its_reason(
    tmp_path: Path, micro_model: Path, jobs: list[Job]
) -> None:
    job = Job(tmp_path, micro_model, "trainer.total_epochs=500")
    jobs.append(job)
    job.wait_for_step(1)
    victims = job.processes("VLLM::EngineCore")
    assert victims, "no engine found"
    victims[0].send_signal(signal.SIGKILL)
    assert job.wait(END_SECONDS) != 0
    assert "the run cannot go on: rollout server 0: its engine died" in job.console, job.tail()
    job.assert_nothing_left()


@pytest.mark.timeout(900)
def test_interrupt_of_a_run_with_an_engine_of_its_own_leaves_nothing_behind(
    tmp_path: Path, micro_model: Path, jobs: list[Job]
) -> None:
    # Too long to end by itself before the interrupt arrives.
    job = Job(tmp_path, micro_model, *SEPARATE_ASYNC, "trainer.total_epochs=500")
    jobs.append(job)
    job.wait_for_step(1)
    job.process.send_signal(signal.SIGINT)
    assert job.wait(END_SECONDS) != 0
    job.assert_nothing_left()
