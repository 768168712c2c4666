"""Data sets that were made for verl alone, in verl's own rooms: data set, agent loop, reward, and the main job."""

from __future__ import annotations

import asyncio
import random
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("verl", reason="needs verl: pip install 'verl-agentic[cpu]'")

from omegaconf import OmegaConf
from verl.experimental.agent_loop.agent_loop import DictConfigWrap
from verl.utils.dataset.rl_dataset import RLHFDataset, collate_fn
from verl.workers.rollout.replica import TokenOutput

from verl_agentic.core import End, Task, Trajectory, UserInputError
from verl_agentic.integration import verl_reward
from verl_agentic.integration.dataset import PoolDataset
from verl_agentic.integration.loop.agent_loop import AgenticLoop
from verl_agentic.reward_fns import mixed
from verl_agentic.rollout import DialogueLimits
from verl_agentic.rollout.protocol import opening_messages
from verl_agentic.starter import StarterSettings
from verl_agentic.starter.chat_template import render
from verl_agentic.starter.tokenizer import train_tokenizer
from verl_agentic.store import Store, store_url
from verl_agentic.synthesis.math.family import MathFamily
from verl_agentic.synthesis.rows import write_parquet

pytestmark = pytest.mark.integration

ASKS = 'Let\'s think step by step and output the final answer after "####".'


def gsm8k_row(index: int, split: str = "train", source: str = "openai/gsm8k") -> dict[str, Any]:
    """A row in the form of verl's example for GSM8K."""
    question = f"How much is {index} + 3?"
    return {
        "data_source": source,
        "prompt": [{"role": "user", "content": f"{question} {ASKS}"}],
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": str(index + 3)},
        "extra_info": {"split": split, "index": index, "answer": f"#### {index + 3}", "question": question},
    }


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    messages: Any = gsm8k_row(4)["prompt"]
    return train_tokenizer([render(messages, []) + "4 + 3 is 7.\n#### 7 <answer>5</answer>"] * 3, 500, 4096)


class Engine:
    """Says one text, whatever it is asked."""

    def __init__(self, tokenizer: Any, text: str) -> None:
        self.ids: list[int] = tokenizer.encode(text + "<|im_end|>", add_special_tokens=False)

    async def generate(self, request_id: str, **kwargs: Any) -> TokenOutput:
        return TokenOutput(
            token_ids=self.ids,
            log_probs=[-0.5] * len(self.ids),
            extra_fields={},
            num_preempted=0,
            stop_reason="completed",
        )


def played(tokenizer: Any, text: str, row: dict[str, Any], **rollout: Any) -> Trajectory:
    """The row as one of verl's batches has it, through the real loop."""
    config = OmegaConf.create(
        {
            "actor_rollout_ref": {"rollout": {"prompt_length": 2048, "response_length": 256}},
            "data": {},
            "agentic": {"rollout": rollout},
            "trainer": {"v1": {"trainer_mode": "agentic_sync"}},
        }
    )
    loop_arguments = {"processor": None, "dataset_cls": RLHFDataset, "hf_model_type": "qwen3", "tokenizer": tokenizer}

    async def run() -> Any:
        loop = AgenticLoop(
            trainer_config=DictConfigWrap(config),
            server_manager=Engine(tokenizer, text),
            data_config=DictConfigWrap(config.data),
            **loop_arguments,
        )
        batch = collate_fn([row])
        fields = {key: values[0] for key, values in batch.items() if isinstance(values, np.ndarray)}
        return await loop.run({"temperature": 1.0}, **fields, global_steps=1, session_id=0)

    return Trajectory.from_json(asyncio.run(run()).extra_fields["trajectory"])


def test_an_item_is_the_row_as_it_stands(tmp_path: Path, tokenizer: Any) -> None:
    path = str(write(tmp_path / "test.parquet", [gsm8k_row(4, "test"), gsm8k_row(5, "test")]))
    config = OmegaConf.create({"train_files": "other.parquet", "val_files": path})
    item = PoolDataset(path, tokenizer, config)[1]
    row = gsm8k_row(5, "test")
    assert {key: item[key] for key in ("data_source", "prompt", "ability", "reward_model")} == {
        key: row[key] for key in ("data_source", "prompt", "ability", "reward_model")
    }
    assert item["extra_info"].pop("task")
    assert item["extra_info"] == row["extra_info"]
    assert (item["raw_prompt"], item["agent_name"]) == (row["prompt"], "agentic")


def test_references_reach_the_reward_as_they_were(tmp_path: Path, tokenizer: Any) -> None:
    truths: Sequence[Any] = ({"target": ["7", "seven"]}, ["7"], 7)
    for number, truth in enumerate(truths):
        row = {**gsm8k_row(4), "reward_model": {"ground_truth": truth}, "question": "4 + 3?"}
        row["messages"] = row.pop("prompt")
        path = str(write(tmp_path / f"{number}.parquet", [row]))
        config = OmegaConf.create({"train_files": path, "prompt_key": "messages"})
        item = PoolDataset(path, tokenizer, config)[0]
        assert item["reward_model"]["ground_truth"] == truth


@pytest.mark.parametrize("simulator", ["scripted", "none"])
@pytest.mark.parametrize("by", ["pool", "verl"])
def test_one_turn_of_the_real_loop(tmp_path: Path, tokenizer: Any, by: str, simulator: str) -> None:
    """Rows of our data set, and of verl's own, which knows nothing of tasks."""
    path = str(write(tmp_path / "train.parquet", [gsm8k_row(4)]))
    node = {"train_files": path, "return_raw_chat": True, "filter_overlong_prompts": False, "cache_dir": str(tmp_path)}
    config = OmegaConf.create(node)
    row = (PoolDataset if by == "pool" else RLHFDataset)(path, tokenizer, config)[0]
    kept = played(tokenizer, "4 + 3 is 7.\n#### 7", row, simulator=simulator)
    assert (kept.answer, kept.end, kept.env, len(kept.turns)) == ("7", End.ANSWER, "none", 1)
    assert kept.task_id.startswith("openai/gsm8k-")
    extra_info = {**row["extra_info"], "trajectory": kept.to_json()}
    for truth, acc in (("7", 1.0), ("8", 0.0)):
        judged = asyncio.run(mixed.compute_score("openai/gsm8k", "ignored", truth, extra_info))
        assert judged["acc"] == acc


def test_tools_that_the_run_names_are_played(tmp_path: Path, tokenizer: Any) -> None:
    path = str(write(tmp_path / "train.parquet", [gsm8k_row(4)]))
    row = PoolDataset(path, tokenizer, OmegaConf.create({"train_files": path}))[0]
    (tmp_path / "tools.py").write_text('def add(a: int, b: int) -> int:\n    """Add."""\n    return a + b\n')
    options = {"functions": {"tools": [f"{tmp_path / 'tools.py'}:add"]}}
    call = '<tool_call>\n{"name": "add", "arguments": {"a": 4, "b": 3}}\n</tool_call>'
    kept = played(tokenizer, call, row, tool_env="functions", env_options=options, max_turns=2)
    assert (kept.env, kept.end, [call.result for call in kept.calls]) == ("functions", End.MAX_TURNS, ["7", "7"])


@pytest.mark.parametrize(
    ("source", "text", "truth", "score"),
    [
        ("openai/gsm8k", "#### 7", "7", 1.0),
        ("openai/gsm8k", "7", "7", 0.0),
        ("math_dapo", "Answer: 7", "7", 1.0),
        ("searchR1_nq", "<answer>Paris</answer><answer>Paris</answer>", {"target": ["paris"]}, 1.0),
    ],
)
def test_verls_own_rewards(source: str, text: str, truth: Any, score: float) -> None:
    found = verl_reward.compute_score(source, text, truth)
    assert (found["score"] if isinstance(found, dict) else found) == score


def test_what_a_tool_says_is_not_the_policys_answer() -> None:
    from verl_agentic.core import Turn

    turns = [Turn("assistant", "call"), Turn("tool", "#### 7"), Turn("assistant", "I do not know.")]
    extra_info = {"trajectory": Trajectory("t", turns=turns, end=End.NO_USER).to_json()}
    assert verl_reward.compute_score("openai/gsm8k", "call #### 7 I do not know.", "7", extra_info) == 0.0


def test_sources_that_verl_knows() -> None:
    for source in ("openai/gsm8k", "lighteval/MATH", "math_dapo", "aime2024", "searchR1_nq"):
        verl_reward.check_source(source)
    with pytest.raises(UserInputError, match="verl has no reward for the data source 'my/sums'"):
        verl_reward.check_source("my/sums")


def test_a_prompt_in_plain_words_tells_how_to_act(tokenizer: Any, tmp_path: Path) -> None:
    """Whatever loop of verl's reads ``raw_prompt`` gets what ours tells the policy; the row itself stays the task's."""
    tasks = [MathFamily().generate("add-mul", random.Random(0))]
    tasks.append(MathFamily().natural(tasks[0]))
    path = tmp_path / "train.parquet"
    write_parquet(tasks, path, "train")
    node = {"epoch_size": 2, "rollout": "${agentic.rollout}"}
    config = OmegaConf.create(
        {
            "agentic": {"rollout": {"max_turns": 9, "protocol": "plain", "simulator_options": {}}},
            "data": {"train_files": str(path), "agentic": node},
        }
    )
    micro, natural = (PoolDataset(str(path), tokenizer, config.data)[place] for place in (0, 1))
    assert micro["raw_prompt"] == micro["prompt"] == tasks[0].messages
    assert natural["prompt"] == tasks[1].messages
    assert natural["raw_prompt"] == opening_messages(tasks[1], DialogueLimits(max_turns=9))
    assert Task.from_json(natural["extra_info"]["task"]) == tasks[1]


@pytest.mark.timeout(1200)
def test_the_main_job_on_such_a_file(main_ppo: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    """Neither environment nor reward is named by anyone: one turn, judged by verl's own reward for the data source."""
    from verl_agentic.starter.build import build_starter

    model = tmp_path / "micro"
    build_starter(StarterSettings(demonstrations=30, max_steps=1, probe_tasks=1), model)
    train = write(tmp_path / "train.parquet", [gsm8k_row(number) for number in range(12)])
    test = write(tmp_path / "test.parquet", [gsm8k_row(number, "test") for number in range(20, 24)])
    done = main_ppo(
        "+recipe=agenticqwen",
        "data=files",
        f"data.train_files={train}",
        f"data.val_files={test}",
        f"model={model}",
        "tasks=micro",
        "trainer.experiment_name=job",
        "trainer.total_epochs=2",
        "data.train_batch_size=4",
        "agentic.curriculum.epoch_size=4",
        "actor_rollout_ref.actor.ppo_mini_batch_size=4",
        "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=8",
        "actor_rollout_ref.rollout.n=2",
        "actor_rollout_ref.rollout.val_kwargs.n=1",
        "data.max_response_length=64",
        seconds=800,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    run_dir = tmp_path / "outputs" / "agenticqwen" / "job"
    with Store(store_url(run_dir), create=False) as store:
        assert {task.kind for task in store.tasks(round=0)} == {"openai/gsm8k"}
        drawn = [store.draw(epoch) for epoch in range(2)]
        groups = [group for epoch in range(2) for group in store.groups(epoch)]
        outcomes = [one for group in groups for one in group.outcomes]
        assert sorted(group.task_id for group in groups) == sorted(task for some in drawn for task in some or ())
        assert len(outcomes) == 2 * 4 * 2
        for one in outcomes:
            kept = Trajectory.from_json(one.trajectory)
            assert (kept.env, [turn.role for turn in kept.turns]) == ("none", ["assistant"])
        assert store.failures() == []
        assert [record.epoch for record in store.rounds()] == [1, 2]
        metrics = [name for values in store.metrics().values() for name in values]
    assert any(name.startswith("val-") and "openai/gsm8k" in name for name in metrics), metrics
    assert "agentic/success/kind/openai/gsm8k" in metrics
    assert (run_dir / "report.json").is_file()
