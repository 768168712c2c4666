"""``verl-agentic pool``: what it shows, writes and refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from verl_agentic.cli.main import main
from verl_agentic.core import FailureKind, Outcome, Task
from verl_agentic.store import StatusChange, Store, TaskStatus, store_url
from verl_agentic.synthesis.rows import read_rows, read_tasks, to_row, write_jsonl, write_parquet


def make_task(number: int, kind: str = "math", structure: str = "sum", **more: object) -> Task:
    message = {"role": "user", "content": f"What is {number} + 1 [bold]now[/bold]?"}
    task = Task(kind, [message], [], "replay", {}, "math", number + 1, structure=structure, seed=number)  # type: ignore[list-item]
    return replace(task, id="", **more)  # type: ignore[arg-type]


FIRST = make_task(0)
CHILD = make_task(1, parent=FIRST.id, operator="enlarge", depth=2)
GRANDCHILD = make_task(2, parent=CHILD.id, operator="distract", depth=3)
OTHER = make_task(3, kind="sql", structure="join")
HELD_OUT = make_task(9, structure="held")


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A run of two rounds, with a mastered and a quarantined task."""
    folder = tmp_path / "run"
    folder.mkdir()
    with Store(store_url(folder)) as store:
        store.add_tasks([HELD_OUT], split="held_out")
        store.add_tasks([FIRST, OTHER])
        outcomes = [Outcome(FIRST.id, n, 1, 0, 0.0, float(n < 1), FailureKind.NONE, 1) for n in range(4)]
        store.record_outcomes(outcomes, "u")
        changes = {FIRST.id: StatusChange(TaskStatus.MASTERED, "solved [red]often[/red]")}
        store.commit_round(1, [CHILD], changes, {"added": 1})
        broken = {OTHER.id: StatusChange(TaskStatus.QUARANTINED, "no such table")}
        store.commit_round(2, [GRANDCHILD], broken, {"added": 1})
    return folder


def said(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    capsys.readouterr()
    assert main(["pool", *arguments]) == status
    output = capsys.readouterr()
    return output.err if status else output.out


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], [FIRST, OTHER, CHILD, GRANDCHILD]),
        (["--kind", "math"], [FIRST, CHILD, GRANDCHILD]),
        (["--status", "active"], [CHILD, GRANDCHILD]),
        (["--depth", "2"], [CHILD]),
        (["--operator", "distract"], [GRANDCHILD]),
        (["--generator", "frontier"], []),
        (["--kind", "math", "--status", "mastered"], [FIRST]),
    ],
)
def test_ls_lists_what_was_asked_for(
    run_dir: Path, capsys: pytest.CaptureFixture[str], filters: list[str], expected: list[Task]
) -> None:
    output = said(capsys, "ls", str(run_dir), *filters)
    assert f"{len(expected)} of {len(expected)} tasks" in output
    every = (FIRST, OTHER, CHILD, GRANDCHILD, HELD_OUT)
    assert [task for task in every if task.id in output] == expected


def test_ls_says_how_many_it_left_out(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "2 of 4 tasks" in said(capsys, "ls", str(run_dir), "--limit", "2")
    assert "--limit must be at least 1" in said(capsys, "ls", str(run_dir), "--limit", "0", status=2)


def test_show_tells_all_about_a_task(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = said(capsys, "show", str(run_dir), FIRST.id)
    for part in (FIRST.content_hash(), "mastered: solved [red]often[/red]", "25.0 %", "[bold]now[/bold]"):
        assert part in output


def test_a_task_gives_the_terminal_no_orders(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = make_task(7)
    nasty = replace(task, id="", messages=[{"role": "user", "content": "\x1b]0;owned\x07 \x9b2J"}])
    with Store(store_url(run_dir)) as store:
        store.add_tasks([nasty])
    output = said(capsys, "show", str(run_dir), nasty.id)
    assert "owned" in output
    assert not {"\x1b", "\x07", "\x9b"} & set(output)


def test_lineage_goes_up_and_down(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = said(capsys, "lineage", str(run_dir), CHILD.id).splitlines()
    positions = [next(n for n, line in enumerate(output) if task.id in line) for task in (FIRST, CHILD, GRANDCHILD)]
    assert positions == [0, 1, 2]
    assert "distract, depth 3, round 2, active" in output[2]


def test_parents_in_a_circle_end_the_lineage(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = make_task(20), make_task(21)
    with Store(store_url(run_dir)) as store:
        store.add_tasks([replace(one, parent=two.id), replace(two, parent=one.id)])
    lines = said(capsys, "lineage", str(run_dir), one.id).splitlines()
    assert [task.id in line for line, task in zip(lines, (two, one, two), strict=True)] == [True] * 3


def test_stats_count_by_status_progress_origin_and_reason(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = said(capsys, "stats", str(run_dir))
    rows = [line.replace("│", " ").split() for line in output.splitlines()]
    for row in (["math", "2", "1", "0"], ["sql", "0", "0", "1"], ["enlarge", "1"], ["no", "such", "table", "1"]):
        assert row in rows
    assert ["math", "1", "0", "0", "0", "0", "0", "1"] in rows
    assert ["math", "2", "0", "1", "0", "0", "0", "0"] in rows
    assert ["2", "committed", "added", "1"] in rows


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_what_is_exported_can_be_imported(
    run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    path = tmp_path / f"tasks.{suffix}"
    assert "3 tasks" in said(capsys, "export", str(run_dir), "--kind", "math", "--out", str(path))
    assert read_tasks(path) == [FIRST, CHILD, GRANDCHILD]
    assert {row.split for row in read_rows(path)} == {"train"}
    (tmp_path / "other").mkdir()
    Store(store_url(tmp_path / "other")).close()
    assert "3 rows, 3 new tasks" in said(capsys, "import", str(tmp_path / "other"), str(path))
    assert "3 rows, 0 new tasks" in said(capsys, "import", str(tmp_path / "other"), str(path))
    with Store(store_url(tmp_path / "other")) as store:
        assert {task.id: task.parent for task in store.tasks()} == {
            task.id: task.parent for task in (FIRST, CHILD, GRANDCHILD)
        }
        assert {entry.generator for entry in store.pool()} == {f"import:tasks.{suffix}"}
        assert {entry.round for entry in store.pool()} == {0}


def write_rows(path: Path, *rows: object) -> str:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(path)


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_tasks_that_are_stored_in_parts_are_shown_and_written_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    policy = {"role": "system", "content": "Refund what is late. " * 200}
    tasks = [make_task(number, messages=[policy, {"role": "user", "content": f"{number}?"}]) for number in range(3)]
    path = tmp_path / f"tasks.{suffix}"
    for name in ("run", "other"):
        (tmp_path / name).mkdir()
        with Store(store_url(tmp_path / name)) as store:
            store.add_tasks(tasks if name == "run" else [])
    assert "3 tasks" in said(capsys, "ls", str(tmp_path / "run"))
    assert policy["content"][:60] in said(capsys, "show", str(tmp_path / "run"), tasks[0].id)
    said(capsys, "export", str(tmp_path / "run"), "--out", str(path))
    assert sorted(read_tasks(path), key=lambda task: task.seed) == tasks
    said(capsys, "import", str(tmp_path / "other"), str(path))
    with Store(store_url(tmp_path / "other"), create=False) as store:
        found = store.tasks_by_id([task.id for task in tasks])
    assert [replace(found[task.id], generator="") for task in tasks] == tasks


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (to_row(make_task(30), 1, "held_out"), "belongs to split 'held_out'"),
        (to_row(HELD_OUT, 1, "train"), "kept for evaluation"),
        (json.loads(make_task(31, structure="held").to_json()), "kept for evaluation"),
        # The content of an evaluation task under another name and structure.
        (json.loads(replace(HELD_OUT, id="mine", structure="sum").to_json()), "kept for evaluation"),
        # A structure that only the family keeps for evaluation.
        (json.loads(make_task(32, structure="FAMILY").to_json()), "kept for evaluation"),
        ({**json.loads(make_task(33).to_json()), "depth": 2**40}, "field 'depth' must be from 1"),
        ({**json.loads(make_task(34).to_json()), "id": "x" * 300}, "field 'id' has more than 255"),
        ({**json.loads(make_task(35).to_json()), "reward": "\ud800"}, "half a surrogate pair"),
        ({"kind": "math"}, "task lacks field 'messages'"),
        ([1], "must be an object"),
    ],
)
@pytest.mark.slow
def test_import_names_the_row_and_adds_nothing(
    run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], row: object, message: str
) -> None:
    if isinstance(row, dict) and row.get("structure") == "FAMILY":
        from verl_agentic.synthesis.math.family import MathFamily

        row["structure"] = MathFamily().structures("held_out")[0]
    good = [json.loads(make_task(100 + number).to_json()) for number in range(600)]
    path = write_rows(tmp_path / "rows.jsonl", *good, row)
    error = said(capsys, "import", str(run_dir), path, status=2)
    assert f"{path}: row 600" in error
    assert message in error
    with Store(store_url(run_dir)) as store:
        assert len(store.pool()) == 4


def test_deep_nesting_is_a_bad_row(run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "deep.jsonl"
    path.write_text("[" * 200_000 + "]" * 200_000 + "\n")
    assert f"{path}: row 0 is not JSON" in said(capsys, "import", str(run_dir), str(path), status=2)


def test_a_line_separator_within_a_text_ends_no_row(tmp_path: Path) -> None:
    task = replace(make_task(1), id="", messages=[{"role": "user", "content": "a\u2028b\x85c"}])
    path = tmp_path / "odd.jsonl"
    assert write_jsonl([task, make_task(2)], path, "train") == 2
    assert read_tasks(path) == [task, make_task(2)]


def test_import_waits_for_nobody_who_writes(run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_rows(tmp_path / "rows.jsonl", json.loads(make_task(50).to_json()))
    with Store(store_url(run_dir)) as store:
        store.acquire()
        assert "in use by process" in said(capsys, "import", str(run_dir), path, status=2)
    assert "1 new" in said(capsys, "import", str(run_dir), path)


def test_rows_are_written_and_read_as_a_stream(tmp_path: Path) -> None:
    path = tmp_path / "many.parquet"
    taken = []

    def tasks() -> object:
        for number in range(9000):
            taken.append(number)
            yield make_task(number)

    assert write_parquet(tasks(), path, "train") == 9000  # type: ignore[arg-type]
    assert pq.ParquetFile(path).num_row_groups == 3
    rows = read_rows(path)
    assert [next(rows).task.seed for _ in range(3)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "{run}", "math-0"], "the store holds no task 'math-0'"),
        (["ls", "{run}/nowhere"], "does not exist"),
        (["export", "{run}", "--out", "{run}/x.csv"], "must end in .parquet or .jsonl"),
        (["export", "{run}", "--kind", "poem", "--out", "{run}/x.jsonl"], "no tasks to write"),
        (["import", "{run}", "{run}/none.jsonl"], "no such file"),
    ],
)
def test_bad_input_is_one_line(
    run_dir: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    error = said(capsys, *(argument.replace("{run}", str(run_dir)) for argument in arguments), status=2)
    assert message in error
    assert len(error.splitlines()) == 1
    assert sorted(path.name for path in run_dir.iterdir() if path.suffix in (".csv", ".jsonl")) == []
