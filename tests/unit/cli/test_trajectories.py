"""``verl-agentic trajectories`` and ``verl-agentic replay``: what was kept, and whether it comes out so again."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.cli.main import main
from verl_agentic.core import End, FailureKind, Outcome, Task, Trajectory, Turn
from verl_agentic.report import build_report
from verl_agentic.rollout import DialogueLimits, play
from verl_agentic.rollout.protocol import opening_messages, protocol_tools
from verl_agentic.store import Evaluation, Store, store_url
from verl_agentic.synthesis.rows import write_jsonl
from verl_agentic.synthesis.service import ServiceFamily
from verl_agentic.tool_envs.users.registry import make_user

FAMILY = ServiceFamily()
STRUCTURE = next(one for one in FAMILY.structures("train") if "confirm" in one or "hide" in one)
TASK = FAMILY.generate(STRUCTURE, random.Random(5))
OTHER = Task("math", [{"role": "user", "content": "2 + 2?"}], [], "calculator", {}, "math", {"answer": "4"})


def played(**limits: Any) -> Trajectory:
    playing = play(
        TASK,
        FAMILY.expert(TASK),
        user=make_user("scripted"),
        seed=7,
        limits=DialogueLimits(**limits) if limits else None,
    )
    trajectory = asyncio.run(playing).trajectory
    trajectory.simulator = "scripted"
    return trajectory


WHOLE = played()


def outcome(task: Task, trajectory: Trajectory | None, session: int, acc: float, step: int = 1) -> Outcome:
    failure = FailureKind.NONE if acc else FailureKind.WRONG_ANSWER
    text = "" if trajectory is None else trajectory.to_json()
    return Outcome(task.id, session, step, step - 1, acc, acc, failure, 1, text, step)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    answer = Trajectory(OTHER.id, turns=[Turn("assistant", "<answer>5</answer>", 3)], answer="5", end=End.ANSWER)
    secret = Trajectory(OTHER.id, turns=[Turn("assistant", "Authorization: Bearer abcdefgh12345678")], end=End.NO_USER)
    with Store(store_url(folder)) as store:
        store.add_tasks([TASK, OTHER])
        store.record_outcomes([outcome(TASK, WHOLE, 0, 1.0), outcome(OTHER, answer, 0, 0.0)], "u")
        store.record_outcomes([outcome(OTHER, secret, 0, 0.0, step=2), outcome(TASK, None, 1, 1.0, step=2)], "v")
        row = Evaluation("held_out", 2, OTHER.id, "math", 0, 0.0, 0.0, FailureKind.WRONG_ANSWER, answer.to_json())
        store.record_evaluations([row])
    return folder


def said(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    capsys.readouterr()
    assert main([*arguments]) == status
    output = capsys.readouterr()
    return output.err if status == 2 else output.out


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], ["outcome-1", "outcome-2", "outcome-3", "evaluation-1"]),
        (["--kind", "math"], ["outcome-2", "outcome-3", "evaluation-1"]),
        (["--success"], ["outcome-1"]),
        (["--no-success", "--split", "train"], ["outcome-2", "outcome-3"]),
        (["--split", "held_out"], ["evaluation-1"]),
        (["--epoch", "0"], ["outcome-1", "outcome-2"]),
        (["--step", "2"], ["outcome-3", "evaluation-1"]),
        (["--task", OTHER.id, "--failure", "wrong_answer", "--limit", "1"], ["outcome-2"]),
    ],
)
def test_export_takes_what_was_asked_for(
    run_dir: Path, capsys: pytest.CaptureFixture[str], filters: list[str], expected: list[str]
) -> None:
    path = run_dir / "out.jsonl"
    said(capsys, "trajectories", "export", str(run_dir), "--out", str(path), *filters)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["id"] for line in lines] == expected
    listed = said(capsys, "trajectories", "ls", str(run_dir), *[one for one in filters if one not in ("--limit", "1")])
    assert all(one in listed for one in expected)
    assert "abcdefgh12345678" not in path.read_text()
    first = lines[0]
    if first["id"] == "outcome-1":
        assert first["messages"][: len(TASK.messages)] == TASK.messages
        assert first["tools"] == TASK.tools and first["policy_version"] == 1 and first["seed"] == 7
        asked = [call for m in first["messages"] for call in m.get("tool_calls", [])]
        assert [call["function"]["name"] for call in asked] == [call.name for call in WHOLE.calls]


@pytest.mark.parametrize("protocol", ["plain", "agenticqwen"])
def test_what_the_policy_was_told_is_shown_and_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], protocol: Any
) -> None:
    task, limits = FAMILY.natural(TASK), DialogueLimits(protocol=protocol, max_turns=9)
    playing = play(task, FAMILY.expert(task), user=make_user("scripted"), seed=7, limits=limits)
    trajectory = asyncio.run(playing).trajectory
    with Store(store_url(tmp_path)) as store:
        store.set_info(rollout={"protocol": protocol, "max_turns": 9, "simulator": "scripted"})
        store.add_tasks([task])
        store.record_outcomes([outcome(task, trajectory, 0, 1.0)], "u")
    said(capsys, "trajectories", "export", str(tmp_path), "--out", str(tmp_path / "out.jsonl"))
    line = json.loads((tmp_path / "out.jsonl").read_text())
    assert line["messages"][: len(task.messages)] == opening_messages(task, limits) != task.messages
    assert line["tools"] == protocol_tools(task, limits, task.tools)
    assert len(line["tools"]) == len(task.tools) + (protocol == "plain")
    told = " ".join(said(capsys, "trajectories", "show", str(tmp_path), "outcome-1", "--all").split())
    assert "9 messages" in told and ("<question>" in told.partition("assistant")[0]) is (protocol == "agenticqwen")
    assert json.loads(said(capsys, "replay", "outcome-1", "--run", str(tmp_path), "--json"))["same"]
    report = build_report_of(tmp_path)
    assert "9 messages" in report["samples"][0]["messages"][0]["content"]


def test_reminders_are_shown(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reminded = Trajectory(OTHER.id, turns=[Turn("assistant", "Well.")], reminders=1, end=End.NO_USER)
    with Store(store_url(run_dir)) as store:
        store.record_outcomes([outcome(OTHER, reminded, 4, 0.0, step=5)], "y")
    assert "reminded 1 time(s)" in said(capsys, "trajectories", "show", str(run_dir), "outcome-5")
    assert "reminded" not in said(capsys, "trajectories", "show", str(run_dir), "outcome-2")


def build_report_of(folder: Path) -> dict[str, Any]:
    with Store(store_url(folder), create=False) as store:
        return build_report(store, folder)


def test_bad_input_is_named(run_dir: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def refused(*arguments: str) -> str:
        return said(capsys, *arguments, status=2)

    export = ("trajectories", "export", str(run_dir), "--out")
    assert "must end in .jsonl" in refused(*export, "x.csv")
    assert "holds no such trajectory" in refused(*export, str(tmp_path / "x.jsonl"), "--kind", "none")
    assert not (tmp_path / "x.jsonl").exists()
    assert "no store" in refused("trajectories", "ls", str(tmp_path))
    run = ("--run", str(run_dir))
    assert "there is no trajectory 'outcome-99'" in refused("replay", "outcome-99", *run)
    assert "there is no trajectory 'service-1'" in refused("replay", "service-1", *run)
    assert "no id of a trajectory" in refused("replay", "outcome-x", *run)
    assert "was not kept in full" in refused("replay", TASK.id, "--session", "1", *run)
    assert "nowhere" in refused("replay", "outcome-1", "--tool-env", "nowhere", *run)


def test_a_world_that_is_as_it_was_gives_the_same(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert WHOLE.calls and any(turn.role == "user" for turn in WHOLE.turns)
    output = said(capsys, "replay", "outcome-1", "--run", str(run_dir))
    messages = sum(turn.role == "assistant" for turn in WHOLE.turns)
    assert f"{messages} messages played, {len(WHOLE.turns) - messages} replies compared: no difference" in output
    assert json.loads(said(capsys, "replay", TASK.id, "--session", "0", "--run", str(run_dir), "--json"))["same"]


def test_a_world_that_changed_is_shown_where_it_did(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = TASK.to_json()
    result = next(call.result for call in WHOLE.calls if not call.error)
    number = max((word for word in result.replace('"', " ").replace(",", " ").split() if word.isdecimal()), key=len)
    args = json.loads(json.dumps(TASK.env_args).replace(number, str(int(number) + 1)))
    changed = replace(TASK, env_args=args)
    assert changed.to_json() != text
    write_jsonl([changed], run_dir / "changed.jsonl", "train")
    tasks = ("--tasks", str(run_dir / "changed.jsonl"))
    output = said(capsys, "replay", TASK.id, "--session", "0", "--run", str(run_dir), *tasks, status=1)
    assert "(tool)" in output and "stored:" in output and number in output
    found = json.loads(
        said(capsys, "replay", "outcome-1", "--run", str(run_dir), "--simulator", "none", "--json", status=1)
    )
    assert not found["same"] and any(one["where"] == "end" for one in found["differences"])


def test_limits_of_the_run_do_not_count_as_differences(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short, cut = played(max_turns=1), played(max_turns=1)
    assert short.end is End.MAX_TURNS
    cut.turns, cut.calls, cut.end = cut.turns[:1], [], End.MAX_TOKENS
    with Store(store_url(run_dir)) as store:
        store.record_outcomes([outcome(TASK, one, n, 0.0, step=3) for n, one in enumerate((short, cut))], "w")
    for session in ("0", "1"):
        output = said(capsys, "replay", TASK.id, "--step", "3", "--session", session, "--run", str(run_dir))
        assert "no difference" in output


def test_what_is_given_goes_before_what_the_trajectory_says(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replaying = ("replay", "outcome-1", "--run", str(run_dir))
    short = json.loads(said(capsys, *replaying, "--set", "max_turns=1", "--json", status=1))
    assert {one["where"]: one["replayed"] for one in short["differences"]}["end"] == '"max_turns"'
    nobody = json.loads(said(capsys, *replaying, "--set", "simulator=none", "--json", status=1))
    assert any(one["replayed"] == '"no_user"' for one in nobody["differences"])
    # A language model besides the policy is given as to any command that plays.
    assert "add --helper-llm base_url=URL" in said(capsys, *replaying, "--simulator", "llm", status=2)
    assert "trajectory_second is unknown" in said(capsys, *replaying, "--set", "trajectory_second=1", status=2)


def test_one_is_shown_with_what_was_expected_and_why(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    right = said(capsys, "trajectories", "show", str(run_dir), "outcome-1")
    for text in (TASK.messages[-1]["content"], *(turn.content for turn in WHOLE.turns), "success; reward 1.000"):
        assert " ".join(text.split())[:60] in " ".join(right.split())
    assert all(f"{call.name}(" in right for call in WHOLE.calls)
    assert "the final state is as expected" in right

    wrong = said(capsys, "trajectories", "show", str(run_dir), "outcome-2")
    assert "failure: wrong_answer; reward 0.000; ended by answer" in wrong
    assert "answer: 5" in wrong and 'expected: {"answer": "4"}' in wrong and "diagnosis: " in wrong
    assert "to blame: policy" in wrong
    assert "abcdefgh12345678" not in said(capsys, "trajectories", "show", str(run_dir), "outcome-3")
    assert "was not kept in full" in said(capsys, "trajectories", "show", str(run_dir), "outcome-4", status=2)


def test_a_state_that_differs_is_shown_row_by_row(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = Trajectory.from_json(WHOLE.to_json())
    table, rows = next((name, rows) for name, rows in damaged.state["tables"].items() if rows)
    lost = rows.pop()
    rows.append({**lost, next(iter(lost)): 31415})
    damaged.reward = {"score": 0.0, "acc": 0.0, "reason": "some [bold]rows[/bold] are wrong", "subgoals": 0.5}
    with Store(store_url(run_dir)) as store:
        store.record_outcomes([outcome(TASK, damaged, 3, 0.0, step=4)], "x")
    text = said(capsys, "trajectories", "show", str(run_dir), "outcome-5")
    assert "reason: some [bold]rows[/bold] are wrong" in text and "subgoals: 0.500" in text
    assert "missing" in text and "unexpected" in text and "31415" in text
    data = json.loads(said(capsys, "trajectories", "show", str(run_dir), TASK.id, "--json"))
    (difference,) = data["difference"]
    assert (data["id"], data["reason"], difference["table"]) == ("outcome-5", damaged.reward["reason"], table)
    assert difference["missing"] == [lost] and data["diagnosis"]["kind"]
    assert data["diagnosis"]["blame"] == "policy"
    assert "some [bold]rows[/bold] are wrong" in said(capsys, "trajectories", "ls", str(run_dir), "--step", "4")


def test_changes_that_differ_are_shown_one_by_one(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = {"table": "orders", "op": "update", "key": {"id": "O1"}, "after": {"status": "refunded"}}
    truth = {"changes": [wanted], "end": ["answer"]}
    task = Task("shop", [{"role": "user", "content": "Refund O1."}], [], "world", {}, "state", truth)
    made = {"table": "notes", "op": "insert", "before": None, "after": {"text": "31415"}}
    trajectory = Trajectory(task.id, end=End.ANSWER, state={"tables": {}, "changes": [made]})
    with Store(store_url(run_dir)) as store:
        store.add_tasks([task])
        store.record_outcomes([outcome(task, trajectory, 0, 0.0, step=5)], "y")
    text = " ".join(said(capsys, "trajectories", "show", str(run_dir), "outcome-5").split())
    assert "expected: {" not in text and "31415" in text and "refunded" in text
    data = json.loads(said(capsys, "trajectories", "show", str(run_dir), "outcome-5", "--json"))
    assert data["difference"] == [
        {
            "table": "orders",
            "missing": [{"op": "update", "row": {"id": "O1"}, "after": {"status": "refunded"}}],
            "unexpected": [],
        },
        {"table": "notes", "missing": [], "unexpected": [{"op": "insert", "after": {"text": "31415"}}]},
    ]
