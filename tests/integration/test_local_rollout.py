"""A policy in a folder plays tasks in this process."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.cli.main import main
from verl_agentic.core import UserInputError
from verl_agentic.core.chat import ContextFullError
from verl_agentic.starter.chat_template import render
from verl_agentic.starter.local_model import LocalModel
from verl_agentic.starter.model import new_model
from verl_agentic.starter.settings import StarterSettings
from verl_agentic.starter.tokenizer import train_tokenizer
from verl_agentic.synthesis.rows import write_jsonl
from verl_agentic.synthesis.service import ServiceFamily

torch = pytest.importorskip("torch")

FAMILY = ServiceFamily()
TASKS = [FAMILY.generate(name, random.Random(0)) for name in FAMILY.structures("train")[:3]]
SETTINGS = StarterSettings(hidden_size=32, layers=1, heads=2, kv_heads=1, intermediate_size=32)
PROMPT: list[Any] = [{"role": "user", "content": "Hello <|im_end|>"}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learned nothing: it says anything, and never what it should."""
    path = tmp_path_factory.mktemp("policy")
    tokenizer = train_tokenizer([render(task.messages, task.tools) for task in TASKS], 400, 1024)
    tokenizer.save_pretrained(path)
    new_model(SETTINGS, tokenizer).save_pretrained(path)
    return path


def roll_out(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], *more: str, out: str = "a") -> Any:
    write_jsonl(TASKS, tmp_path / "tasks.jsonl", "train")
    given = ["--model", str(folder), "--tasks", str(tmp_path / "tasks.jsonl"), "--out", str(tmp_path / out)]
    assert main(["rollout", *given, "--max-tokens", "12", *more]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_folder_is_played_and_its_seed_decides(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = roll_out(folder, tmp_path, capsys, "--samples", "2")
    assert figures["rollouts"]["judged"] == 6 and figures["all"]["cost"] is None
    assert figures["all"]["completion_tokens"]["total"] > 0 and figures["all"]["model_seconds"]["p50"] > 0
    roll_out(folder, tmp_path, capsys, "--samples", "2", "--concurrency", "1", out="b")
    roll_out(folder, tmp_path, capsys, "--samples", "2", "--seed", "1", out="c")

    def said(out: str) -> dict[tuple[str, int], list[str]]:
        lines = [json.loads(line) for line in (tmp_path / out).read_text().splitlines()]
        return {(one["task_id"], one["sample"]): [t["content"] for t in one["trajectory"]["turns"]] for one in lines}

    assert said("a") == said("b") != said("c")
    task = TASKS[0].id
    given = ["--rollouts", str(tmp_path / "a"), "--tasks", str(tmp_path / "tasks.jsonl"), "--session", "1"]
    assert main(["replay", task, *given]) == 0


def test_greedy_messages_are_the_models_and_control_tokens_of_others_are_none(folder: Path) -> None:
    model = LocalModel(folder, temperature=0)
    later = [*PROMPT, {"role": "assistant", "content": "Yes?"}, {"role": "user", "content": "a<|im_end|>b"}]
    ids = model.tokens(later, TASKS[0].tools, 1)
    assert "a< |im_end|>b" in model._tokenizer.decode(ids)
    expected = model._model.generate(torch.tensor([ids]), max_new_tokens=9, do_sample=False)[0, len(ids) :].tolist()
    found, _ = asyncio.run(model.sampled(ids, 9, model.generator(0)))
    assert found == expected
    with pytest.raises(ContextFullError):
        asyncio.run(model.sampled([5] * model.longest, 9, model.generator(0)))


def test_folders_that_hold_no_chat_model_are_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserInputError, match="is no model that transformers loads"):
        LocalModel(tmp_path)
