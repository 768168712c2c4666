"""``verl-agentic score``: what it reads, writes, says and exits with."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.cli.main import main

FUNCTIONS = """
import threading, time
from verl_agentic.core import InfrastructureError

under_way = most = 0
lock = threading.Lock()

def nap(data_source, solution_str, ground_truth, extra_info=None):
    global under_way, most
    with lock:
        under_way += 1
        most = max(most, under_way)
    time.sleep(float(solution_str))
    with lock:
        under_way -= 1
    return {"score": ground_truth, "most": most}

async def down(data_source, solution_str, ground_truth, extra_info=None):
    if solution_str == "down":
        raise InfrastructureError("the judge is down")
    return 1.0

def crash(data_source, solution_str, ground_truth, extra_info=None):
    raise OSError("disk gone")
"""


def row(text: str, truth: Any = None, **more: Any) -> dict[str, Any]:
    return {"data_source": "x", "solution_str": text, "ground_truth": truth or {"answer": "5"}, **more}


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in rows))
    return path


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("score") / "mine.py"
    path.write_text(FUNCTIONS)
    return path


def verdicts(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_one_object_a_line_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = ["<answer>5</answer>", "<answer>6</answer>", "no idea", "\\boxed{5}"]
    file = write(tmp_path / "rows.jsonl", *map(row, answers), "")
    assert main(["score", "--reward", "math", str(file)]) == 0
    results = verdicts(capsys.readouterr().out)
    assert [result["verdict"] for result in results] == ["right", "wrong", "wrong", "right"]
    assert [result["score"] for result in results] == [1.0, 0.0, 0.0, 1.0]
    assert all(list(result)[:3] == ["score", "verdict", "reason"] for result in results)
    assert results[1]["reason"]


def test_rows_overlap_and_keep_their_order(mine: Path, tmp_path: Path) -> None:
    rows = [row("0.3" if index == 0 else "0.02", 1 + index) for index in range(32)]
    file, out = write(tmp_path / "rows.jsonl", *rows), tmp_path / "deep" / "out.jsonl"
    command = ["score", "--reward", f"{mine}:nap", str(file), "--workers", "4", "--output", str(out)]
    started = time.perf_counter()
    assert main(command) == 0
    assert time.perf_counter() - started < 0.3 + 31 * 0.02
    results = verdicts(out.read_text())
    assert [result["score"] for result in results] == list(range(1, 33))
    assert max(result["most"] for result in results) == 4


def test_keywords_are_yaml(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "rows.jsonl", row("<answer>5</answer>"))
    options = ["--set", "by_data_source={x: math}", "--set", "weights={correctness: 1, format: 0.5}"]
    assert main(["score", "--reward", "mixed", *options, str(file)]) == 0
    assert verdicts(capsys.readouterr().out)[0]["score"] == 1.5


def test_trajectories_may_be_objects(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = {"name": "get", "arguments": {"id": 7}}
    trajectory = {"task_id": "t", "turns": [], "calls": [{**call, "result": "ok"}], "end": "answer"}
    truth = {"required": [call, {"name": "put", "arguments": {}}], "forbidden": []}
    rows = [row("", truth, extra_info={"trajectory": one}) for one in (trajectory, json.dumps(trajectory))]
    file = write(tmp_path / "rows.jsonl", *rows)
    assert main(["score", "--reward", "calls", "--set", "partial=true", str(file)]) == 0
    results = verdicts(capsys.readouterr().out)
    assert results[0] == results[1]
    assert (results[0]["score"], results[0]["verdict"]) == (0.5, "wrong")


BAD_ROWS = [
    ("{", "is not JSON: Expecting property name enclosed in double quotes at column 2"),
    ("[1]", "must be an object, got list"),
    ('{"data_source": "x", "ground_truth": 1}', "field 'solution_str' is missing"),
    ('{"solution_str": "x", "ground_truth": 1}', "field 'data_source' is missing"),
    ('{"data_source": "x", "solution_str": "x"}', "field 'ground_truth' is missing"),
    (json.dumps(row("5", extra_info=[1])), "field 'extra_info' must be an object"),
    (json.dumps(row("<answer>5</answer>", {"question": "2+3"})), "answer"),
    ("[" * 100_000, "is not JSON"),
    (b'{"data_source": "\xff"}', "is not JSON"),
]


@pytest.mark.parametrize(("bad", "said"), BAD_ROWS)
def test_a_bad_row_is_named_by_its_line(
    bad: str | bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = json.dumps(row("<answer>5</answer>")).encode()
    text = bad.encode() if isinstance(bad, str) else bad
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b"\n".join([good, b"", text, good]))
    assert main(["score", "--reward", "math", str(file)]) == 2
    heard = capsys.readouterr()
    assert heard.err.startswith(f"verl-agentic: {file}: line 3: ") and said in heard.err
    assert heard.err.count("\n") == 1
    assert len(verdicts(heard.out)) == 1

    assert main(["score", "--reward", "math", "--keep-going", str(file)]) == 1
    heard = capsys.readouterr()
    results = verdicts(heard.out)
    assert [result["verdict"] for result in results] == ["right", "error", "right"]
    assert said in results[1]["reason"]
    assert heard.err == "1 bad rows\n"


def test_a_failure_of_the_infrastructure_is_undecided(
    mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "rows.jsonl", row("up"), row("down"), row("up"))
    assert main(["score", "--reward", f"{mine}:down", str(file)]) == 1
    heard = capsys.readouterr()
    assert [result["verdict"] for result in verdicts(heard.out)] == ["right", "undecided", "right"]
    assert verdicts(heard.out)[1]["reason"] == "the judge is down"
    assert heard.err == "1 rows are undecided because the infrastructure failed\n"
    assert main(["score", "--reward", f"{mine}:crash", str(file)]) == 1
    assert "disk gone" in verdicts(capsys.readouterr().out)[0]["reason"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--reward", "maths"], "--reward: unknown reward function 'maths'"),
        (["--reward", "nothing.py:f"], "--reward: reward function: no such file"),
        (["--reward", "math", "--workers", "0"], "--workers must be at least 1"),
        (["--reward", "math", "--set", "partial"], "--set 'partial': write KEY=VALUE"),
        (["--reward", "math", "--set", "a=[1"], "--set a: is not YAML"),
        (["--reward", "mixed", "--set", "weights={format: 1}"], "reward_kwargs.weights.correctness"),
        (["--reward", "compose"], "reward_kwargs.parts must be a list"),
        (["--reward", "math", "--output", "/proc/none/out"], "--output /proc/none/out: cannot be written"),
    ],
)
def test_bad_arguments(arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "rows.jsonl", row("<answer>5</answer>"))
    assert main(["score", *arguments, str(file)]) == 2
    heard = capsys.readouterr()
    assert said in heard.err and heard.err.count("\n") == 1
    assert heard.out == ""


def test_files_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "--reward", "math", str(tmp_path / "none.jsonl")]) == 2
    assert "cannot be read" in capsys.readouterr().err
    file = write(tmp_path / "rows.jsonl", row("<answer>5</answer>"))
    assert main(["score", "--reward", "math", str(file), "--output", str(file)]) == 2
    assert "is the file that is read" in capsys.readouterr().err
    assert file.read_text()


def test_a_pipe_is_answered_row_by_row() -> None:
    """The first verdict comes before the second row is written."""
    command = [sys.executable, "-m", "verl_agentic.cli.main", "score", "--reward", "math", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        for answer, verdict in (("5", "right"), ("6", "wrong")):
            process.stdin.write(f"{json.dumps(row(f'<answer>{answer}</answer>'))}\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["verdict"] == verdict
        process.stdin.close()
        assert process.wait(timeout=20) == 0
