"""Data that was made for verl alone, read as it stands."""

from __future__ import annotations

import datetime
import decimal
import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from verl_agentic.core import End, Task, UserInputError
from verl_agentic.core.plain_row import origin
from verl_agentic.reward_fns.registry import judge_now
from verl_agentic.rollout.play import play
from verl_agentic.synthesis.plain_rows import plain_task
from verl_agentic.synthesis.rows import read_rows, read_tasks, task_of_row, to_row, write_jsonl, write_parquet


def gsm8k_row(index: int = 0, **changes: Any) -> dict[str, Any]:
    """A row in the form of verl's example for GSM8K."""
    question = f"Ann has {index} apples and buys 3 more. How many has she?"
    asked = f'{question} Let\'s think step by step and output the final answer after "####".'
    row = {
        "data_source": "openai/gsm8k",
        "prompt": [{"role": "user", "content": asked}],
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": str(index + 3)},
        "extra_info": {"split": "train", "index": index, "answer": f"She has {index + 3}.", "question": question},
    }
    return row | changes


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_verls_example(tmp_path: Path) -> None:
    first, second = read_rows(write(tmp_path / "gsm8k.parquet", [gsm8k_row(0), gsm8k_row(1)]))
    task = first.task
    assert (task.kind, task.env, task.reward, task.ground_truth) == ("openai/gsm8k", "none", "", "3")
    assert (task.tools, task.env_args, task.user, first.split) == ([], {}, None, "train")
    assert task.messages == gsm8k_row()["prompt"]
    kept = origin(task)
    assert kept is not None and kept.ability == "math"
    assert (kept.reward_model, kept.extra_info) == (gsm8k_row()["reward_model"], gsm8k_row()["extra_info"])
    assert task.id.startswith("openai/gsm8k-") and task.id != second.task.id


@pytest.mark.parametrize("split", ["train", "validation", "held_out"])
def test_rows_that_are_written_again_keep_their_source_and_text(tmp_path: Path, split: Any) -> None:
    tasks = read_tasks(write(tmp_path / "gsm8k.parquet", [gsm8k_row(0)]))
    row = to_row(tasks[0], 5, split)
    assert (row["data_source"], row["ability"]) == ("openai/gsm8k", "math")
    assert row["reward_model"] == {"style": "rule", "ground_truth": "3"}
    for writing, name in ((write_parquet, "again.parquet"), (write_jsonl, "again.jsonl")):
        writing(tasks, tmp_path / name, split)
        assert read_tasks(tmp_path / name) == tasks


def test_the_id_follows_from_the_content(tmp_path: Path) -> None:
    """Neither from ``index``, which several rows may share, nor from what else a row tells."""
    rows = [
        gsm8k_row(1),
        gsm8k_row(1, extra_info={"index": 7}),
        gsm8k_row(1, extra_info=None, ability=None),
        gsm8k_row(2, extra_info={"index": 1}),
        gsm8k_row(1, reward_model={"style": "rule", "ground_truth": "5"}),
    ]
    ids = [task.id for task in read_tasks(write(tmp_path / "rows.parquet", rows))]
    assert ids[0] == ids[1] == ids[2] and len(set(ids)) == 3


@pytest.mark.parametrize(
    ("written", "read", "handed_on"),
    [
        ("72", "72", "72"),
        (72, 72, 72),
        (0.5, 0.5, 0.5),
        (["a", "b"], ["a", "b"], ["a", "b"]),
        ({"target": ["Paris", "paris"]}, {"target": ["Paris", "paris"]}, {"target": ["Paris", "paris"]}),
        ('{"target": ["Paris"]}', {"target": ["Paris"]}, '{"target": ["Paris"]}'),
        ("[1, 2)", "[1, 2)", "[1, 2)"),
        (decimal.Decimal("7.50"), "7.50", "7.50"),
        (datetime.date(2024, 2, 29), "2024-02-29", "2024-02-29"),
        (True, True, True),
    ],
)
def test_references_of_every_form(tmp_path: Path, written: Any, read: Any, handed_on: Any) -> None:
    path = write(tmp_path / "rows.parquet", [gsm8k_row(reward_model={"ground_truth": written})])
    (task,) = read_tasks(path)
    kept = origin(Task.from_json(task.to_json()))
    assert task.ground_truth == read and kept is not None
    assert kept.reward_model["ground_truth"] == handed_on


def test_what_numpy_holds_is_plain_data() -> None:
    row = gsm8k_row(
        prompt=np.array([{"role": "user", "content": "2 + 3?"}], dtype=object),
        reward_model={"style": "rule", "ground_truth": {"target": np.array(["5", "five"], dtype=object)}},
        extra_info={"index": np.int64(4), "split": "train", "scores": np.array([0.5, 1.0])},
    )
    task = plain_task(row, "row")
    assert task.messages == [{"role": "user", "content": "2 + 3?"}]
    assert task.ground_truth == {"target": ["5", "five"]}
    kept = origin(Task.from_json(task.to_json()))
    assert kept is not None and kept.extra_info == {"index": 4, "split": "train", "scores": [0.5, 1.0]}
    assert plain_task(gsm8k_row(reward_model={"ground_truth": np.float32(2.0)}), "row").ground_truth == 2.0


def test_prompts_of_every_form(tmp_path: Path) -> None:
    system, user = {"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 3?"}
    earlier = [user, {"role": "assistant", "content": "5"}, {"role": "user", "content": "And 1 more?"}]
    # A parquet file gives every message the keys that any has.
    padded = [{**message, "name": None, "tool_calls": None} for message in (system, user)]
    rows = [gsm8k_row(prompt=prompt) for prompt in ([user], [system, user], earlier, padded)]
    found = [task.messages for task in read_tasks(write(tmp_path / "rows.parquet", rows))]
    assert found == [[user], [system, user], earlier, [system, user]]


def test_another_prompt_key(tmp_path: Path) -> None:
    row = gsm8k_row()
    row["messages"] = row.pop("prompt")
    path = write(tmp_path / "rows.parquet", [row])
    assert read_tasks(path, "messages") == read_tasks(write(tmp_path / "usual.parquet", [gsm8k_row()]))
    with pytest.raises(UserInputError, match=r"row 0: field 'prompt' is missing; .* data\.prompt_key .*, messages, "):
        read_tasks(path)


def test_a_word_of_other_peoples_in_our_field(tmp_path: Path) -> None:
    (task,) = read_tasks(write(tmp_path / "rows.parquet", [gsm8k_row(extra_info={"task": "arithmetic"})]))
    assert task.kind == "openai/gsm8k"
    with pytest.raises(UserInputError, match=r"extra_info\.task"):
        task_of_row({**gsm8k_row(extra_info={"task": "{broken"}), "agent_name": "agentic"}, "row")


def test_tools_of_verls_own_loop(tmp_path: Path) -> None:
    create = {"create_kwargs": {"ground_truth": "3"}}
    rows = [
        gsm8k_row(extra_info={"need_tools_kwargs": True, "tools_kwargs": {"check": create, "look_up": None}}),
        gsm8k_row(extra_info={"need_tools_kwargs": False, "tools_kwargs": {"check": None, "look_up": create}}),
    ]
    tasks = read_tasks(write(tmp_path / "rows.parquet", rows))
    assert [task.env_args for task in tasks] == [
        {"tools_kwargs": {"check": create}},
        {"tools_kwargs": {"look_up": create}},
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"data_source": None}, r"field 'data_source' is missing"),
        ({"reward_model": None}, r"field 'reward_model\.ground_truth' is missing"),
        ({"reward_model": {"ground_truth": float("nan")}}, r"field 'reward_model\.ground_truth' is missing"),
        ({"reward_model": {"ground_truth": b"\xff"}}, r"'reward_model\.ground_truth' holds bytes"),
        ({"reward_model": "72"}, r"field 'reward_model' must be a struct, got str"),
        ({"prompt": "How many?"}, r"field 'prompt' must be a list of messages.* got str"),
        ({"prompt": []}, r"'messages' is empty; prompt must be"),
        ({"prompt": [{"role": "user", "content": None}]}, r"'messages'\[0\] needs a 'role' and a text 'content'"),
        ({"prompt": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}, r"'messages'\[0\] needs .* text"),
        (
            {"prompt": [{"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]}]},
            r"'prompt\[0\]' has tool_cal",
        ),
        ({"images": [b"\x89PNG"]}, r"field 'images' holds images; agentic rollouts are text only"),
        ({"extra_info": {"env": 5}}, r"field 'extra_info\.env' is not text"),
        ({"extra_info": {"reward": 0.5}}, r"field 'extra_info\.reward' is not text"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = write(tmp_path / "rows.parquet", [gsm8k_row(**change)])
    with pytest.raises(UserInputError, match=rf"rows\.parquet: row 0: .*{said}"):
        read_tasks(path)


@pytest.mark.parametrize(
    ("said", "answer", "acc"),
    [
        ("4 + 3 is seven.\n#### 7", "7", 1.0),
        ("So it is \\boxed{7}.", "7", 1.0),
        ("<answer>7</answer>", "7", 1.0),
        ("<think>\n#### 7\n</think>\nHm.", None, 0.0),
        ("#### Step 1\nFour and three.", None, 0.0),
        ("It is\n#### 8", "8", 0.0),
        ("```\n7\n```", "```\n7\n```", 0.0),
    ],
)
async def test_one_turn_without_tools_or_user(said: str, answer: str | None, acc: float) -> None:
    task = plain_task(gsm8k_row(4, extra_info={"reward": "math"}), "row")
    dialogue = await play(task, lambda messages, tools: said)
    kept = dialogue.trajectory
    assert (kept.answer, kept.end) == (answer, End.NO_USER if answer is None else End.ANSWER)
    assert len(kept.turns) == 1
    if "```" not in said:
        assert judge_now(task, kept)["acc"] == acc


async def test_a_query_in_a_block_of_code_is_an_answer_too() -> None:
    truth = {"sql": "SELECT 7", "schema": ["CREATE TABLE t (a)"], "rows": {"t": [[1]]}}
    task = plain_task(gsm8k_row(reward_model={"ground_truth": json.dumps(truth)}, extra_info={"reward": "sql"}), "row")
    text = "First:\n```sql\nSELECT 6\n```\nNo:\n```sql\nSELECT 7\n```\nThat is it."
    dialogue = await play(task, lambda messages, tools: text)
    assert dialogue.trajectory.answer == "```sql\nSELECT 7\n```"


async def test_rewards_are_handed_the_row_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "echo_reward.py").write_text(
        "seen = []\n\n\ndef score(data_source, solution_str, ground_truth, extra_info=None):\n"
        "    seen.append((data_source, solution_str, ground_truth, extra_info))\n    return 1.0\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    truth = {"target": ["7", "seven"]}
    extra_info = {"reward": "echo_reward:score", "question": "4 + 3?", "index": 9}
    task = plain_task(gsm8k_row(reward_model={"ground_truth": truth}, extra_info=extra_info), "row")
    dialogue = await play(task, lambda messages, tools: "Seven it is.")
    assert judge_now(Task.from_json(task.to_json()), dialogue.trajectory)["acc"] == 1.0
    (handed,) = importlib.import_module("echo_reward").seen
    assert handed[:3] == ("openai/gsm8k", "Seven it is.", truth)
    assert {key: handed[3][key] for key in extra_info} == extra_info


async def test_other_tasks_keep_their_form() -> None:
    asked: Any = {"role": "user", "content": "4 + 3? Write <answer>NUMBER</answer>."}
    dialogue = await play(Task("math", [asked], [], "none", {}, "math", "7"), lambda messages, tools: "\\boxed{7}")
    assert (dialogue.trajectory.end, dialogue.trajectory.answer) == (End.NO_USER, None)


async def test_tools_that_nothing_plays_are_refused() -> None:
    tool = {"type": "function", "function": {"name": "calc", "parameters": {"type": "object"}}}
    task = plain_task(gsm8k_row(extra_info={"tools": json.dumps([tool])}), "row")
    with pytest.raises(UserInputError, match=r"set tool_env=NAME .* extra_info\.env"):
        await play(task, lambda messages, tools: "7")
