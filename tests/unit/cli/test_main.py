"""The console script: what each command writes, says and exits with."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata, util
from pathlib import Path

import pytest

from verl_agentic.cli.main import main
from verl_agentic.starter import StarterSettings
from verl_agentic.starter.cache import CACHE_VARIABLE, cache_root, starter_key
from verl_agentic.synthesis.rows import read_tasks

RECORD = {
    "id": "lamp-1",
    "prompt": [
        {
            "role": "system",
            "content": "<policy>Lamps are lent to members only.</policy>\n# Tools\n<tools>\n"
            + json.dumps(
                {
                    "type": "function",
                    "function": {
                        "name": "get_member",
                        "description": "Look up a member.",
                        "parameters": {
                            "type": "object",
                            "properties": {"member_id": {"type": "string"}},
                            "required": ["member_id"],
                        },
                    },
                }
            )
            + "\n</tools>",
        },
        {"role": "user", "content": "Lend me a lamp. I am M-4."},
    ],
    "task_background": "I'm Bo. My member ID is M-4.",
    "rubrics": "The assistant may look up the member.",
    "test_policy": "Lamps are lent to members only.",
    "user_escape_strategy": "If refused, I'll argue that I was a member last year.",
    "tool_return_expected": {
        "normal_path": [
            {"tool_name": "get_member", "input": {"member_id": "M-4"}, "expected_output": {"member": False}}
        ],
        "hack_path": [],
    },
}


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def write(path: Path, tasks: list[dict[str, object]]) -> Path:
    path.write_text("".join(f"{json.dumps(task)}\n" for task in tasks))
    return path


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tasks") / "train.jsonl"
    assert main(["tasks", "generate", "--count", "3", "--out", str(path)]) == 0
    return path


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from verl_agentic.cli.main import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as end:\n    code = end.code\n"
        "heavy = ('torch', 'verl', 'ray', 'vllm', 'sqlalchemy', 'sympy', 'matplotlib', 'pyarrow')\n"
        "print(code, [name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"
    for command in ("doctor", "report", "starter", "tasks"):
        assert f"\n    {command} " in done.stdout


def test_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out.strip() == f"verl-agentic {metadata.version('verl-agentic')}"


@pytest.mark.parametrize("arguments", [[], ["bogus"], ["tasks"], ["tasks", "generate", "--out", "x.jsonl"]])
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: verl-agentic" in capsys.readouterr().err


def test_generated_tasks_depend_on_the_seed_alone(tmp_path: Path) -> None:
    made = []
    for name, seed in (("first.jsonl", "0"), ("again.parquet", "0"), ("other.jsonl", "1")):
        arguments = ["--kinds", "math", "--count", "3", "--seed", seed, "--out", str(tmp_path / name)]
        assert main(["tasks", "generate", *arguments]) == 0
        made.append([task.id for task in read_tasks(tmp_path / name)])
    assert made[0] == made[1]
    assert not {*made[0]} & {*made[2]}


def test_tasks_in_plain_words_are_generated_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = []
    for register in ("micro", "natural"):
        path = tmp_path / f"{register}.jsonl"
        arguments = ["--count", "6", "--seed", "3", "--register", register, "--out", str(path)]
        assert main(["tasks", "generate", *arguments]) == 0
        made.append(read_tasks(path))
    assert [{task.register for task in tasks} for tasks in made] == [{"micro"}, {"natural"}]
    assert [task.structure for task in made[0]] == [task.structure for task in made[1]]
    for protocol in ("plain", "agenticqwen"):
        capsys.readouterr()
        given = ["--set", f"protocol={protocol}"]
        assert main(["tasks", "check", str(tmp_path / "natural.jsonl"), *given]) == 0
        assert "service: 2 of 2 solved by the expert" in capsys.readouterr().out
    # The experts are held to the limits that are given.
    assert main(["tasks", "check", str(tmp_path / "natural.jsonl"), "--set", "max_turns=1"]) == 1


def test_generated_kinds_and_split_are_those_asked_for(tmp_path: Path) -> None:
    train, held_out = tmp_path / "train.jsonl", tmp_path / "held_out.jsonl"
    for split, path in (("train", train), ("held_out", held_out)):
        arguments = ["--kinds", "math", "--count", "20", "--split", split, "--out", str(path)]
        assert main(["tasks", "generate", *arguments]) == 0
    structures = [{task.structure for task in read_tasks(path)} for path in (train, held_out)]
    assert {task.kind for task in read_tasks(held_out)} == {"math"}
    assert len(read_tasks(held_out)) == 20
    assert not structures[0] & structures[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--count", "0", "--out", "x.jsonl"], "--count must be at least 1"),
        (["--count", "1", "--depth", "0", "--out", "x.jsonl"], "--depth must be at least 1"),
        (["--count", "1", "--kinds", "chess", "--out", "x.jsonl"], "unknown family 'chess'"),
        (["--count", "1", "--kinds", ",", "--out", "x.jsonl"], "--kinds is empty"),
        (["--count", "1", "--kinds", "math", "--out", "x.csv"], "must end in .parquet or .jsonl"),
        (["--count", "1", "--kinds", "math", "--out", "/proc/none/x.jsonl"], "cannot be written"),
        (["--count", "1", "--kinds", "math", "--out", "/proc/none/x.parquet"], "cannot be written"),
    ],
)
def test_bad_input_is_one_line_and_exits_with_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tasks", "generate", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert error.startswith("verl-agentic: ")


def test_imported_records_can_be_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records, out = tmp_path / "records.json", tmp_path / "tasks.parquet"
    records.write_text(json.dumps([RECORD]))
    assert main(["tasks", "import-agenticqwen", str(records), "--out", str(out)]) == 0
    assert [task.env for task in read_tasks(out)] == ["replay"]
    assert main(["tasks", "check", str(out)]) == 0
    assert "agenticqwen: 1 of 1 opened" in capsys.readouterr().out


@pytest.mark.slow
def test_check_lets_the_expert_solve_each_task(generated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "check", str(generated)]) == 0
    out = capsys.readouterr().out
    for kind in ("math", "service", "sql"):
        assert f"{kind}: 1 of 1 solved by the expert" in out


def test_check_names_each_unfit_row(generated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = next(task for task in lines(generated) if task["kind"] == "math")
    tasks = [
        good,
        {**good, "id": "", "env": "moon"},
        {**good, "id": "", "reward": "applause"},
        {**good, "id": "", "ground_truth": {"answer": "123456789"}},
        good,
    ]
    assert main(["tasks", "check", str(write(tmp_path / "tasks.jsonl", tasks))]) == 1
    said = capsys.readouterr().out.splitlines()
    assert [line.split(" (")[0].rpartition("row ")[2] for line in said[:3]] == ["1", "2", "3"]
    assert "unknown environment 'moon'" in said[0]
    assert "unknown reward function 'applause'" in said[1]
    assert said[3:] == ["math: 2 of 5 solved by the expert", "1 rows repeat another row's task"]


def test_check_names_the_field_of_a_malformed_row(
    generated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = lines(generated)[0]
    path = write(tmp_path / "tasks.jsonl", [good, {key: value for key, value in good.items() if key != "reward"}])
    assert main(["tasks", "check", str(path)]) == 2
    error = capsys.readouterr().err
    assert f"{path}: row 1" in error
    assert "lacks field 'reward'" in error


def test_report_of_a_folder_without_a_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("verl-agentic: ")


@pytest.mark.skipif(util.find_spec("torch") is None, reason="the starter needs torch; pip install 'verl-agentic[cpu]'")
def test_starter_prints_the_cached_folder_of_the_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    folder = cache_root(None, "starter") / starter_key(StarterSettings(seed=3))
    folder.mkdir(parents=True)
    assert main(["starter", "--seed", "3"]) == 0
    assert capsys.readouterr().out.strip() == str(folder)
    with_trees = cache_root(None, "starter") / starter_key(StarterSettings.for_run(3, ["tree"]))
    with_trees.mkdir()
    assert main(["starter", "--seed", "3", "--kinds", "math", "tree"]) == 0
    assert capsys.readouterr().out.strip() == str(with_trees)
