"""The reward manager: a sample that a reward function drops is told of, and dropped all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("verl")

import numpy as np
import torch
import transfer_queue as tq
from tensordict import TensorDict
from verl import DataProto
from verl.experimental.reward_loop.reward_manager import get_reward_manager_cls

from verl_agentic.core import BrokenTaskError, End, InfrastructureError, Task, Trajectory, Turn
from verl_agentic.integration.trainer import incidents
from verl_agentic.integration.trainer.incidents import Incident
from verl_agentic.integration.trainer.reward_manager import AgenticRewardManager
from verl_agentic.reward_fns.common import UndecidedError, undecided
from verl_agentic.reward_fns.registry import judge, response_text, reward_function
from verl_agentic.synthesis.rows import to_row

pytestmark = pytest.mark.integration


class Tokenizer:
    def decode(self, ids: Any, skip_special_tokens: bool = False) -> str:
        return " ".join(str(int(token)) for token in ids)


def sample(**extra: Any) -> DataProto:
    tensors = {"responses": torch.tensor([[3, 4, 0]]), "attention_mask": torch.tensor([[1, 1, 1, 1, 0]])}
    fields = {
        "data_source": "math",
        "reward_model": {"ground_truth": "5"},
        "extra_info": {"index": 0},
        "tool_extra_fields": extra,
    }
    arrays = {}
    for key, value in fields.items():
        arrays[key] = np.empty(1, dtype=object)
        arrays[key][0] = value
    return DataProto(batch=TensorDict(tensors, batch_size=1), non_tensor_batch=arrays)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Incident]:
    """What is reported; that it gets to the trainer is a test of the agent loop."""
    found: list[Incident] = []

    async def keep(incident: Incident) -> None:
        found.append(incident)

    monkeypatch.setattr(incidents, "report", keep)
    monkeypatch.setattr(tq, "init", lambda: None)
    monkeypatch.setattr(AgenticRewardManager, "_connected", False)
    return found


def manager(function: Any) -> Any:
    return get_reward_manager_cls("agentic")(None, Tokenizer(), function)


async def test_what_is_judged_is_verls(told: list[Incident]) -> None:
    async def score(solution_str: str, **kwargs: Any) -> dict[str, Any]:
        return {"score": 0.5, "said": solution_str}

    result = await manager(score).run_single(sample())
    assert result == {"reward_score": 0.5, "reward_extra_info": {"score": 0.5, "said": "3 4"}}
    assert told == []


SEEN = """
def seen(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    handed = {key: extra_info[key] for key in ("task", "trajectory", "num_turns")}
    return {"score": 1.0, "handed": [data_source, solution_str, ground_truth, handed]}
"""


@pytest.mark.parametrize("truth", ["5", {"answer": "5"}])
async def test_a_trajectory_is_judged_in_training_as_anywhere_else(
    told: list[Incident], truth: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "seen_in_training.py").write_text(SEEN)
    monkeypatch.syspath_prepend(str(tmp_path))
    turns = [Turn("assistant", r"\boxed{6}"), Turn("user", "5?"), Turn("assistant", "<answer>5</answer>")]
    rolled = Trajectory("t", turns=turns, answer="5", end=End.ANSWER)

    class Decoded(Tokenizer):
        def decode(self, ids: Any, skip_special_tokens: bool = False) -> str:
            return response_text(rolled)

    async def trained(task: Task) -> Any:
        data = sample(trajectory=rolled.to_json())
        for key, value in to_row(task, 0, "train").items():
            if key in data.non_tensor_batch:
                data.non_tensor_batch[key][0] = value
        data.non_tensor_batch["__num_turns__"] = np.array([len(turns) + 1])
        function = reward_function(task.reward)
        found = await get_reward_manager_cls("agentic")(None, Decoded(), function).run_single(data)
        return found["reward_extra_info"]

    messages: list[Any] = [{"role": "user", "content": "2 + 3?"}]
    task = Task("gsm8k", messages, [], "calculator", {}, "math", truth)
    assert (await trained(task))["verdict"] == (await judge(task, rolled))["verdict"] == "right"
    own = Task("gsm8k", messages, [], "calculator", {}, "seen_in_training:seen", truth)
    assert (await trained(own))["handed"] == (await judge(own, rolled))["handed"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BrokenTaskError("no reference"), "broken_task"),
        (InfrastructureError("database is down"), "infrastructure"),
        (KeyError("answer"), "infrastructure"),
        (None, "undecided"),
    ],
)
async def test_what_is_raised_is_reported_and_raised(told: list[Incident], error: Exception | None, kind: str) -> None:
    def score(**kwargs: Any) -> Any:
        if error is not None:
            raise error
        return undecided("out of time", "drop")

    task = Task("math", [{"role": "user", "content": "2 + 3?"}], [], "calculator", {}, "math", "5")
    rolled = Trajectory(task.id, end=End.ANSWER)
    with pytest.raises(UndecidedError if error is None else type(error)):
        await manager(score).run_single(sample(trajectory=rolled.to_json()))
    assert [(incident.kind, incident.task_id) for incident in told] == [(kind, task.id)]


async def test_a_trainer_that_cannot_be_told_hides_nothing(
    told: list[Incident], monkeypatch: pytest.MonkeyPatch
) -> None:
    def down() -> None:
        raise RuntimeError("no queue")

    async def score(**kwargs: Any) -> Any:
        raise KeyError("answer")

    monkeypatch.setattr(tq, "init", down)
    with pytest.raises(KeyError, match="answer"):
        await manager(score).run_single(sample(trajectory="not JSON"))
    assert told == []
