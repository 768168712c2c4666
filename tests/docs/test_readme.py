"""The README's blocks do what it says. Those for verl's trainer are composed in the integration tests."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.cli.main import main
from verl_agentic.core import FailureKind, Outcome, Task
from verl_agentic.rollout import play
from verl_agentic.store import Store, store_url
from verl_agentic.synthesis.rows import write_jsonl, write_parquet

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("readme_blocks", ROOT / "tests" / "docs" / "readme_blocks.py")
assert spec is not None and spec.loader is not None
readme = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = readme
spec.loader.exec_module(readme)

PYTHON = {block.line: block for block in readme.blocks("python")}
COMMANDS = [(line, words) for line, words in readme.commands() if words[0] == "verl-agentic"]
# These ask a language model for texts that only a large one can write; what they ask for is tested with scripted ones.
WRITTEN_BY_MODEL = ("invent", "--operator llm")
# Looks at the whole machine; it has tests of its own.
MACHINE = ("doctor",)


def code_after(heading: str) -> str:
    return str(next(block.text for block in PYTHON.values() if f"{heading}" in before(block.line)))


def before(line: int) -> str:
    """The paragraphs that introduce a block."""
    return "\n".join(readme.README.splitlines()[max(0, line - 6) : line])


def test_every_language_of_a_block_is_run_by_a_test() -> None:
    languages = set(re.findall(r"^```(\w+)$", readme.README, re.MULTILINE))
    assert languages <= {"bash", "console", "python", "yaml"}


async def test_an_environment_of_ones_own_is_one_small_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "readme_till.py").write_text(code_after("**Write an environment**"))
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    said = [f'<tool_call>{{"name": "pay", "arguments": {{"cents": {cents}}}}}</tool_call>' for cents in (30, 80)]
    lines = iter([*said, "<answer>done</answer>"])
    task = Task("till", [{"role": "user", "content": "Pay."}], [], "readme_till:Till", {"cents": 100}, "math", "1")
    dialogue = await play(task, lambda messages, tools: next(lines))
    assert [call.result for call in dialogue.trajectory.calls] == [
        "paid; 70 cents are left",
        "Error: only 70 cents are left",
    ]
    assert dialogue.trajectory.state == {"cents": 70}


def test_a_task_of_ones_own_passes_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code_after("**Write a task.**"), "README", "exec"), {})
    assert main(["tasks", "check", "train.parquet"]) == 0
    assert "math: 1 of 1 opened" in capsys.readouterr().out


def test_a_reward_of_ones_own_judges_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = (block for block in PYTHON.values() if "def score(" in block.text)
    (tmp_path / "my_reward.py").write_text(block.text)
    row = {"data_source": "mine", "solution_str": "yes", "ground_truth": "no"}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
    assert main(["score", "--reward", f"{tmp_path}/my_reward.py:score", f"{tmp_path}/rows.jsonl"]) == 0
    assert json.loads(capsys.readouterr().out)["acc"] == 1.0


def test_every_python_block_is_run_above() -> None:
    assert len(PYTHON) == 3


def test_the_console_session_prints_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = readme.blocks("console")
    show, judge = (f"$ {part}".splitlines() for part in block.text.split("$ ")[1:])
    assert show[0] == "$ cat answers.jsonl"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "answers.jsonl").write_text("\n".join(show[1:]) + "\n")
    assert main(judge[0].removeprefix("$ verl-agentic ").split()) == 0
    assert capsys.readouterr().out.splitlines() == judge[1:]


def test_make_targets_and_extras_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    extras = re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    for _, words in readme.commands():
        if words[0] == "make":
            assert words[1] in targets
    assert set(re.findall(r"verl-agentic\[(\w+)\]", readme.README)) <= set(extras)


@pytest.fixture
def a_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: Any) -> Path:
    """A folder in which everything lies that the README's commands name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", endpoint.key)
    asked = {"role": "user", "content": "How much is 40 + 2?"}
    task = Task("math", [asked], [], "calculator", {}, "math", {"answer": "42"})  # type: ignore[list-item]
    trajectory = play_once(task)
    run = tmp_path / "RUN_DIR"
    run.mkdir()
    with Store(store_url(run)) as store:
        store.add_tasks([task])
        outcome = Outcome(task.id, 0, 1, 0, 1.0, 1.0, FailureKind.NONE, 1, trajectory, 1)
        store.record_outcomes([outcome] * 1, "u")
    write_parquet([task], "held_out.parquet", "held_out")
    write_jsonl([Task("math", [asked], [], "calculator", {}, "math", "42")], Path("tasks.jsonl"), "train")  # type: ignore[list-item]
    (tmp_path / "my_tree.yaml").write_text(
        (ROOT / "verl_agentic/synthesis/trees/seeds/refunds.yaml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    (tmp_path / "TASK_ID").write_text(task.id)
    return tmp_path


def play_once(task: Task) -> str:
    import asyncio

    lines = iter(["<answer>42</answer>"])
    return asyncio.run(play(task, lambda messages, tools: next(lines))).trajectory.to_json()


def prepared(words: list[str], place: Path, url: str) -> list[str]:
    """The command on what the place holds: the model served here, tasks and trajectories that exist."""
    task_id = (place / "TASK_ID").read_text()
    by_word = {
        "http://127.0.0.1:8000/v1": url,
        "https://api.openai.com/v1": url,
        "gpt-4.1-mini": "judge-1",
        "TASK_ID": task_id,
        "outcome-12": "outcome-1",
        "FILE.json": os.environ.get("VERL_AGENTIC_AGENTICQWEN_DATA", "FILE.json"),
    }
    return [by_word.get(word, word) for word in words]


@pytest.mark.parametrize(
    ("line", "words"), COMMANDS, ids=[" ".join(words[1:4]) + f" L{line}" for line, words in COMMANDS]
)
def test_commands_work(
    line: int, words: list[str], a_place: Path, endpoint: Any, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    text = " ".join(words)
    if words[1] in MACHINE or any(name in text for name in WRITTEN_BY_MODEL):
        parse(words[1:])
        return
    if "--model outputs/" in text:
        pytest.importorskip("torch")
        parse(words[1:])  # a folder of a run; plays in tests/integration/test_local_rollout.py
        return
    if "FILE.json" in words and not os.environ.get("VERL_AGENTIC_AGENTICQWEN_DATA"):
        parse(words[1:])
        return
    endpoint.content = lambda body: "<answer>42</answer>"
    status = main(prepared(words[1:], a_place, endpoint.url))
    heard = capsys.readouterr()
    assert status == 0, heard.err


def parse(words: list[str]) -> argparse.Namespace:
    """Only whether the command takes these arguments."""
    from verl_agentic.cli.main import _parser

    return _parser(words).parse_args(words)
