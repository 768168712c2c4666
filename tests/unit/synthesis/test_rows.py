"""Tasks to verl's rows and back."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from verl_agentic.core import Task, UserInputError
from verl_agentic.synthesis.rows import read_tasks, to_row, write_parquet


def make_task(number: int) -> Task:
    return Task(
        kind="sum",
        messages=[{"role": "system", "content": "Add."}, {"role": "user", "content": f"{number} + 1 = ? Ω"}],
        tools=[],
        env="calculator",
        env_args={},
        reward="math",
        ground_truth={"answer": str(number + 1)},
        seed=number,
        meta={"nested": [1, {"a": None}]},
    )


def plain_row(**changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "data_source": "gsm",
        "prompt": [{"role": "user", "content": "1 + 1?"}],
        "reward_model": {"style": "rule", "ground_truth": "2"},
        "extra_info": {"env": "calculator", "reward": "math"},
    }
    return row | changes


def write_lines(path: Path, *rows: Any) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    return path


def test_row_form() -> None:
    task = make_task(4)
    row = to_row(task, 3, "held_out")
    assert list(row) == ["data_source", "prompt", "ability", "reward_model", "agent_name", "extra_info"]
    assert (row["data_source"], row["ability"], row["agent_name"]) == ("held_out/sum", "sum", "agentic")
    assert to_row(task, 3, "train")["data_source"] == "sum"
    assert json.loads(row["reward_model"]["ground_truth"]) == {"answer": "5"}
    assert (row["extra_info"]["index"], row["extra_info"]["split"]) == (3, "held_out")
    assert Task.from_json(row["extra_info"]["task"]) == task


def test_rows_keep_the_order_of_keys() -> None:
    """The policy reads tool schemas as they lie; sorted, they would look other than in its demonstrations."""
    schema = {"type": "function", "function": {"name": "b", "description": "a", "parameters": {"z": 1, "a": 2}}}
    task = dataclasses.replace(make_task(1), tools=[schema], env_args={"y": {"q": 0, "p": 0}, "x": 1})
    again = Task.from_json(to_row(task, 0, "train")["extra_info"]["task"])
    assert json.dumps(again.tools) == json.dumps([schema])
    assert json.dumps(again.env_args) == json.dumps(task.env_args)
    assert again.content_hash() == task.content_hash()


def test_parquet_roundtrip(tmp_path: Path) -> None:
    tasks = [make_task(number) for number in range(600)]
    path = tmp_path / "new" / "train.parquet"
    write_parquet(tasks, path, "train")
    assert read_tasks(path) == tasks
    assert pq.read_table(path).column("extra_info")[7]["index"].as_py() == 7
    assert [file.name for file in path.parent.iterdir()] == ["train.parquet"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "train.parquet"
    write_parquet([make_task(1)], path, "train")

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(UserInputError, match="No space left"):
        write_parquet([make_task(2)], path, "train")
    assert read_tasks(path) == [make_task(1)]
    assert list(tmp_path.iterdir()) == [path]


def test_json_lines_of_tasks_and_of_rows(tmp_path: Path) -> None:
    task = make_task(1)
    path = write_lines(tmp_path / "t.jsonl", json.loads(task.to_json()), to_row(task, 0, "train"))
    assert read_tasks(path) == [task, task]


def test_plain_verl_rows(tmp_path: Path) -> None:
    tools = [{"type": "function", "function": {"name": "calc", "parameters": {"type": "object"}}}]
    extra_info = {"env": "calculator", "reward": "math", "tools": json.dumps(tools), "env_args": '{"precision": 2}'}
    rows = [plain_row(extra_info=extra_info), plain_row(extra_info=extra_info | {"tools": None, "env_args": None})]
    path = tmp_path / "plain.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    first, second = read_tasks(path)
    assert (first.kind, first.env, first.reward, first.ground_truth) == ("gsm", "calculator", "math", "2")
    assert (first.tools, first.env_args) == (tools, {"precision": 2})
    assert (second.tools, second.env_args) == ([], {})
    assert first.messages == [{"role": "user", "content": "1 + 1?"}]


@pytest.mark.parametrize(("truth", "held"), [("72", "72"), ({"answer": "72"}, '{"answer": "72"}'), (72, "72")])
def test_a_reference_stands_in_its_row_as_verls_data_sets_have_it(truth: Any, held: str) -> None:
    task = dataclasses.replace(make_task(1), ground_truth=truth)
    assert to_row(task, 0, "train")["reward_model"]["ground_truth"] == held


def test_structured_ground_truth_is_decoded(tmp_path: Path) -> None:
    truth = {"ground_truth": '{"required": []}'}
    assert read_tasks(write_lines(tmp_path / "t.jsonl", plain_row(reward_model=truth)))[0].ground_truth == {
        "required": []
    }


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        (plain_row(extra_info="math"), ["extra_info", "struct"]),
        (plain_row(extra_info={"env": 1, "reward": "math"}), ["extra_info.env", "calculator"]),
        (plain_row(extra_info={"env": "calculator", "reward": 1}), ["extra_info.reward"]),
        (plain_row(reward_model={}), ["reward_model.ground_truth"]),
        (plain_row(data_source=1), ["data_source"]),
        (plain_row(prompt=[]), ["messages", "prompt"]),
        (plain_row(prompt="hi"), ["messages", "prompt"]),
        (plain_row(prompt=[{"role": "user"}]), ["messages", "[0]"]),
        (plain_row(extra_info={"env": "a", "reward": "b", "tools": "["}), ["extra_info.tools", "JSON"]),
        (plain_row(extra_info={"env": "a", "reward": "b", "env_args": "[]"}), ["env_args"]),
        (plain_row(extra_info={"task": '{"kind": "x"}'}), ["extra_info.task", "messages"]),
        (plain_row(extra_info={"task": "{no"}), ["extra_info.task", "not JSON"]),
        ({"kind": "x"}, ["'task'", "messages"]),
        ([1], ["object"]),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, row: Any, parts: list[str]) -> None:
    path = write_lines(tmp_path / "bad.jsonl", plain_row(), row)
    with pytest.raises(UserInputError) as caught:
        read_tasks(path)
    for part in [str(path), "row 1", *parts]:
        assert part in str(caught.value)


def test_unreadable_files(tmp_path: Path) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 no")
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n")
    for path, message in ((broken, "parquet"), (tmp_path / "none.parquet", "no such file"), (empty, "no rows")):
        with pytest.raises(UserInputError, match=message):
            read_tasks(path)


def test_nothing_to_write(tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match="no tasks"):
        write_parquet([], tmp_path / "x.parquet", "train")
    with pytest.raises(UserInputError, match="split"):
        write_parquet([make_task(1)], tmp_path / "x.parquet", "test")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
