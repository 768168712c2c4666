"""Commands on a file that was made for verl alone, and the pool and the draws of such tasks."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from aiohttp import web

from verl_agentic.cli.main import main
from verl_agentic.core import FailureKind, Outcome, UserInputError
from verl_agentic.flywheel import import_tasks
from verl_agentic.reward_fns import registry
from verl_agentic.store import Store, TaskStatus, store_url
from verl_agentic.synthesis.rows import read_tasks, write_jsonl
from verl_agentic.training.epochs import EpochPlanner
from verl_agentic.training.settings import AgenticSettings, CurriculumNode, FlywheelNode

SOURCE = "my/sums"


def row(number: int, split: str = "train") -> dict[str, Any]:
    return {
        "data_source": SOURCE,
        "question": [{"role": "user", "content": f"{number} + 3? Write the result after ####."}],
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": str(number + 3)},
        "extra_info": {"index": number, "split": split},
    }


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "sums.parquet", [row(number) for number in range(4)])


@pytest.fixture
def without_verl(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where verl is not installed; importing it takes seconds."""
    monkeypatch.setitem(registry._PATHS, registry.UNNAMED, "no_such_verl:compute_score")


def run(*arguments: Any) -> int:
    return main([str(argument) for argument in arguments])


def test_rollout(endpoint: Any, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One message each, judged by the reward that the command names."""

    async def adding(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        assert "tools" not in body
        number = int(body["messages"][-1]["content"].split()[0])
        # One of them is wrong.
        return web.json_response(endpoint.completion(f"I add.\n#### {number + 3 + (number == 2)}"))

    endpoint.script = [adding] * 100
    out = tmp_path / "out.jsonl"
    arguments = [
        "--model",
        endpoint.url,
        "--api-key-env",
        "UNIT_TEST_KEY",
        "--tasks",
        file,
        "--prompt-key",
        "question",
        "--out",
        out,
    ]
    assert run("rollout", *arguments, "--reward", "math") == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (figures["all"]["tasks"], figures["kinds"][SOURCE]["success"]) == (4, 0.75)
    kept = [json.loads(line)["trajectory"] for line in out.read_text().splitlines()]
    assert sorted(one["answer"] for one in kept) == ["3", "4", "6", "6"]
    assert {(one["env"], len(one["turns"])) for one in kept} == {("none", 1)}


def test_rollout_asks_for_a_reward(
    without_verl: None, endpoint: Any, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "--model",
        endpoint.url,
        "--api-key-env",
        "UNIT_TEST_KEY",
        "--tasks",
        file,
        "--out",
        tmp_path / "out.jsonl",
    ]
    assert run("rollout", *arguments) == 2
    assert "there are ability, data_source" in capsys.readouterr().err
    assert run("rollout", *arguments, "--prompt-key", "question") == 2
    said = capsys.readouterr().err
    assert "row 0 (my/sums-" in said and "so add --reward NAME, e.g. --reward math" in said


def test_check(without_verl: None, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("tasks", "check", file, "--prompt-key", "question") == 0
    said = capsys.readouterr().out
    assert "my/sums: 4 of 4 opened" in said
    assert "my/sums: 4 rows name no reward; the run's judges them (reward_fn=NAME)" in said


def test_pool_import_keeps_what_is_evaluated_out(tmp_path: Path, file: Path) -> None:
    """By its content: that plain tasks have no structure makes them none of a kind."""
    with Store(store_url(tmp_path)) as store:
        evaluated = read_tasks(write(tmp_path / "test.parquet", [row(2), row(9)]), "question")
        store.add_tasks(evaluated[1:], split="validation")
        # Twice the same row is one task.
        twice = write(tmp_path / "twice.parquet", [row(0), row(1), {**row(0), "extra_info": {"index": 5}}])
        assert import_tasks(store, twice, prompt_key="question") == (3, 2)
        store.add_tasks(evaluated[:1], split="held_out")
        with pytest.raises(UserInputError, match=r"row 2: task 'my/sums-.* is kept for evaluation"):
            import_tasks(store, file, prompt_key="question")
        other = write(tmp_path / "other.parquet", [row(20, split="test")])
        with pytest.raises(UserInputError, match="belongs to split 'test'"):
            import_tasks(store, other, prompt_key="question")
        assert len(store.tasks()) == 2


def test_pool_export(tmp_path: Path, file: Path) -> None:
    tasks = read_tasks(file, "question")
    with Store(store_url(tmp_path)) as store:
        store.add_tasks(tasks)
    out = tmp_path / "out.parquet"
    assert run("pool", "export", tmp_path, "--out", out) == 0
    assert sorted(task.id for task in read_tasks(out)) == sorted(task.id for task in tasks)
    assert set(pq.read_table(out).column("data_source").to_pylist()) == {SOURCE}
    assert write_jsonl(tasks, tmp_path / "out.jsonl", "train") == 4


def test_success_drives_the_draw(tmp_path: Path) -> None:
    """Mastered tasks leave, those that it half solves come back, those that it never solves seldom."""
    rows = [row(number) for number in range(60)]
    tasks = read_tasks(write(tmp_path / "train.parquet", rows), "question")
    settings = AgenticSettings(
        kinds=["math", "sql", "service"],
        curriculum=CurriculumNode(epoch_size=30),
        flywheel=FlywheelNode([{"name": "frontier"}]),
    )
    with Store(store_url(tmp_path)) as store:
        store.acquire()
        store.add_tasks(tasks)
        planner = EpochPlanner(store, settings, 3, 10)
        first = planner.epoch_tasks(0)
        assert len(set(first)) == 30
        solved = {task_id: (0.0, 0.5, 1.0)[place % 3] for place, task_id in enumerate(first)}
        for task_id, share in solved.items():
            outcomes = [
                Outcome(task_id, session, 1, 0, 0.0, float(session < 4 * share), FailureKind.NONE, 1, "{}")
                for session in range(4)
            ]
            store.record_outcomes(outcomes, task_id)
        planner.end_epoch(1)
        status = {entry.id: entry.status for entry in store.pool()}
        mastered = {task_id for task_id, share in solved.items() if share == 1.0}
        assert {task_id for task_id, one in status.items() if one is TaskStatus.MASTERED} == mastered
        again = Counter(solved.get(task_id) for task_id in planner.epoch_tasks(1))
        # Ten of each were tried, and thirty were not.
        assert again[0.5] == 10 and again[None] > again[0.0] > 0
        assert again[1.0] <= 2
        # No family's tasks have come to them.
        assert {task.kind for task in store.tasks()} == {SOURCE} and len(store.tasks()) == 60
