"""The blocks of all pages do what they say. Those for verl's trainer are composed in the integration tests."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from verl_agentic.cli.main import main
from verl_agentic.core import FailureKind, Outcome, Task
from verl_agentic.reward_fns.math import answers_equal
from verl_agentic.rollout import play
from verl_agentic.store import Store, store_url
from verl_agentic.synthesis.rows import write_jsonl, write_parquet


def loaded(name: str) -> Any:
    """A file beside this one."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", Path(__file__).parent / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


pages, small_run = loaded("pages"), loaded("small_run")
ROOT: Path = pages.ROOT
COMMANDS = [(block, words) for block, words in pages.commands() if words[0] == "verl-agentic"]
# These ask a language model for texts that only a large one can write; what they ask for is tested with scripted ones.
WRITTEN_BY_MODEL = ("invent", "--operator llm")
# Looks at the whole machine; it has tests of its own.
MACHINE = ("doctor",)


def only(text: str) -> Any:
    """The one Python block that holds a text."""
    (block,) = (block for block in pages.blocks("python") if text in block.text)
    return block


def test_every_language_of_a_block_is_run_by_a_test_and_every_exception_says_why() -> None:
    for block in pages.blocks():
        assert block.language in {"bash", "console", "json", "python", "text", "yaml"}, str(block)
        assert not block.not_run or len(block.not_run) > 10, str(block)


@pytest.mark.parametrize("block", pages.blocks("python"), ids=str)
def test_python_runs(block: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(block.text, str(block), "exec"), {"__name__": "page"})


@pytest.mark.parametrize("block", pages.blocks("json"), ids=str)
def test_json_parses_and_a_task_is_one(block: Any) -> None:
    data = json.loads(block.text)
    if "messages" in data:
        assert Task.from_dict(data).id


@pytest.mark.parametrize("block", pages.blocks("yaml"), ids=str)
def test_yaml_parses_and_a_tree_passes_its_check(
    block: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "nodes" in yaml.safe_load(block.text):
        (tmp_path / "tree.yaml").write_text(block.text)
        assert main(["tree", "check", str(tmp_path / "tree.yaml")]) == 0


async def test_an_environment_of_ones_own_is_one_small_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page_till.py").write_text(only("class Till(Environment)").text)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    said = [f'<tool_call>{{"name": "pay", "arguments": {{"cents": {cents}}}}}</tool_call>' for cents in (30, 80)]
    lines = iter([*said, "<answer>done</answer>"])
    task = Task("till", [{"role": "user", "content": "Pay."}], [], "page_till:Till", {"cents": 100}, "math", "1")
    dialogue = await play(task, lambda messages, tools: next(lines))
    assert [call.result for call in dialogue.trajectory.calls] == [
        "paid; 70 cents are left",
        "Error: only 70 cents are left",
    ]
    assert dialogue.trajectory.state == {"cents": 70}


async def test_a_user_of_ones_own_answers_and_counts() -> None:
    names: dict[str, Any] = {}
    exec(compile(only("class Impatient(User)").text, "users.md", "exec"), names)
    lines = iter(["Which order?", "And which colour?"])
    asked: Any = [{"role": "user", "content": "Hi."}]
    task = Task("till", asked, [], "calculator", {}, "math", "1", user={"facts": ["Order 4."]})
    trajectory = (await play(task, lambda messages, tools: next(lines), user=names["Impatient"]())).trajectory
    heard = [turn.content for turn in trajectory.turns if turn.role == "user"]
    assert heard == ["Order 4.", "I have no time for this."]
    assert trajectory.user == {"asked": 2}


def test_a_task_of_ones_own_passes_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(only('write_parquet([task], "train.parquet"').text, "tasks.md", "exec"), {})
    assert main(["tasks", "check", "train.parquet"]) == 0
    assert "math: 1 of 1 opened" in capsys.readouterr().out


def test_a_reward_of_ones_own_judges_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "my_reward.py").write_text(only("def score(data_source").text)
    row = {"data_source": "mine", "solution_str": "yes", "ground_truth": "no"}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
    assert main(["score", "--reward", f"{tmp_path}/my_reward.py:score", f"{tmp_path}/rows.jsonl"]) == 0
    assert json.loads(capsys.readouterr().out)["acc"] == 1.0


def parts_of(session: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a console session, each with the lines that it prints."""
    for part in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
        command, *output = part.splitlines()
        yield command, output


def shown(text: str) -> list[str]:
    """Lines as a page shows them: rules are short, nothing stands behind a line."""
    return [re.sub(r"^─{4,}( .* |)─{4,}$", r"────\1────", line.rstrip()) for line in text.splitlines()]


@pytest.mark.parametrize("block", pages.blocks("console"), ids=str)
def test_console_sessions_print_what_they_show(
    block: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    if "RUN_DIR" in block.text:
        small_run.make_run(tmp_path / "RUN_DIR")
        capsys.readouterr()
    for command, output in parts_of(block.text):
        words = command.split()
        if words[0] == "cat":
            Path(words[1]).write_text("\n".join(output) + "\n")
        else:
            assert words[0] == "verl-agentic", f"{block}: nobody runs {command!r}"
            assert main(words[1:]) == 0
            assert shown(capsys.readouterr().out) == output, f"{block}: {command}"


def test_the_table_of_equal_answers_is_true() -> None:
    rows = re.findall(r"^\| `(.*?)` \| `(.*?)` \| (yes|no) \|$", pages.PAGES["docs/math-equality.md"], re.MULTILINE)
    assert len(rows) > 20
    assert [row for row in rows if answers_equal(row[0], row[1]) != (row[2] == "yes")] == []


def test_commands_of_other_programs_name_what_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for block, words in pages.commands():
        text = " ".join(words).removeprefix(".venv/bin/")
        if text.startswith(("verl-agentic ", pages.TRAINER, "pip install ")):
            continue
        if words[0] == "make":
            assert set(word for word in words[1:] if "=" not in word) <= targets, f"{block}: {text}"
        elif text.startswith("python -m benchmarks."):
            assert (ROOT / "benchmarks" / f"{text.split()[2].split('.')[1]}.py").is_file(), f"{block}: {text}"
        elif text.startswith(("python -m pytest ", "pytest ", "python tests/")):
            missing = [word for word in words if word.startswith("tests/") and not (ROOT / word).exists()]
            assert missing == [], f"{block}: {text}"
        else:
            pytest.fail(f"{block}: nobody runs {text!r}; test it, or say before it why it is not run")


def test_extras_exist() -> None:
    extras = set(re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE))
    for page, text in pages.PAGES.items():
        assert set(re.findall(r"verl-agentic\[(\w+)\]", text)) <= extras, page


def test_hooks_before_a_commit_are_the_linters_of_make() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (repo,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repo["repo"] == "local"
    for hook in repo["hooks"]:
        program = hook["entry"].split()[0]
        assert f"\t{program.replace('.venv/bin', '$(BIN)')}" in makefile, program


@pytest.fixture
def a_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: Any) -> Path:
    """A folder in which everything lies that the pages' commands name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", endpoint.key)
    asked: Any = [{"role": "user", "content": "How much is 40 + 2?"}]
    task = Task("math", asked, [], "calculator", {}, "math", {"answer": "42"})
    run = tmp_path / "RUN_DIR"
    run.mkdir()
    with Store(store_url(run)) as store:
        store.add_tasks([task])
        store.record_outcomes([Outcome(task.id, 0, 1, 0, 1.0, 1.0, FailureKind.NONE, 1, play_once(task), 1)], "u")
    write_parquet([task], "held_out.parquet", "held_out")
    write_jsonl([Task("math", asked, [], "calculator", {}, "math", "42")], Path("tasks.jsonl"), "train")
    answer = {"data_source": "sums", "solution_str": "<answer>42</answer>", "ground_truth": "42"}
    Path("answers.jsonl").write_text(json.dumps(answer) + "\n")
    (tmp_path / "my_tree.yaml").write_text(
        (ROOT / "verl_agentic/synthesis/trees/seeds/refunds.yaml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    (tmp_path / "TASK_ID").write_text(task.id)
    return tmp_path


def play_once(task: Task) -> str:
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
    ("block", "words"), COMMANDS, ids=[f"{' '.join(words[1:4])} {block}" for block, words in COMMANDS]
)
def test_commands_work(
    block: Any, words: list[str], a_place: Path, endpoint: Any, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    text = " ".join(words)
    if words[1] in MACHINE or any(name in text for name in WRITTEN_BY_MODEL):
        parse(words[1:])
        return
    if "--model outputs/" in text:
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
