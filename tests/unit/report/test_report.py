"""The report: right numbers, no external resources, nothing a model wrote comes alive, partial runs welcome."""

from __future__ import annotations

import argparse
import io
import json
import math
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from verl_agentic.cli import report as command
from verl_agentic.core import End, FailureKind, Outcome, Task, Trajectory, Turn, UserInputError
from verl_agentic.report import build_report, print_summary, render_html, write_report
from verl_agentic.report.success import compare, wilson
from verl_agentic.store import Evaluation, Failure, StatusChange, Store, TaskStatus, Yield, store_url
from verl_agentic.store.statistics import zero_variance_shares

ROUND = {"added": 1}
YIELDS = {"one_more": Yield(1, Counter(near_duplicate=3))}
ATTACK = "</pre><script>alert(1)</script><img src=http://evil.example/x onerror=alert(1)>"


def make_task(number: int, kind: str, **fields: object) -> Task:
    messages = [{"role": "user", "content": f"Task {number} & more"}]
    return Task(kind, messages, [], "replay", {}, "math", number, structure="s", **fields)  # type: ignore[arg-type]


def trajectory(task_id: str, text: str) -> str:
    return Trajectory(task_id, turns=[Turn("assistant", text)], answer=text, end=End.ANSWER).to_json()


def evaluate(store: Store, step: int, successes: dict[str, list[list[int]]], split: str = "held_out") -> None:
    """Evaluate with the given successes: by kind, then task, then sample."""
    first = 1000 if split == "held_out" else 2000
    for kind, tasks in successes.items():
        store.add_tasks([make_task(first + number, kind) for number in range(len(tasks))], split=split)
    store.record_evaluations(
        [
            Evaluation(
                split,
                step,
                (task_id := make_task(first + number, kind).id),
                kind,
                session,
                float(acc),
                acc - 0.1,
                FailureKind.NONE if acc else FailureKind.WRONG_ANSWER,
                trajectory(task_id, ATTACK if acc else "I do not know \ud800"),
            )
            for kind, tasks in successes.items()
            for number, samples in enumerate(tasks)
            for session, acc in enumerate(samples)
        ]
    )


def train(store: Store, epoch: int, steps: list[int], tasks: list[Task], reward: float) -> None:
    store.record_outcomes(
        [
            Outcome(
                task.id,
                session,
                step,
                epoch,
                reward,
                float(session == 0),
                FailureKind.NONE if session == 0 else FailureKind.LIMIT,
                2,
                trajectory(task.id, "4"),
            )
            for step in steps
            for task in tasks
            for session in range(4)
        ],
        "u",
    )


@pytest.fixture
def finished(tmp_path: Path) -> Store:
    """A finished run of two epochs."""
    store = Store(store_url(tmp_path))
    math_task, sql_task = make_task(1, "math"), make_task(2, "sql")
    grown = make_task(3, "math", depth=2, parent=math_task.id, operator="one_more")
    store.add_tasks([math_task, sql_task])
    evaluate(store, 0, {"math": [[0, 0], [0, 1]], "sql": [[0, 0], [0, 0]]})
    train(store, 0, [1, 2], [math_task, sql_task], 0.2)
    store.commit_round(1, [grown], {sql_task.id: StatusChange(TaskStatus.MASTERED, "solved")}, ROUND, YIELDS)
    train(store, 1, [3, 4], [math_task, grown], 0.6)
    evaluate(store, 4, {"math": [[1, 1], [0, 1]], "sql": [[0, 1], [0, 1]]})
    evaluate(store, 2, {"math": [[0, 1], [0, 1]]}, split="validation")
    store.record_failure(Failure(3, "timeout", f"tool server {ATTACK}", grown.id))
    store.set_info(stages=[["reasoning", 1], ["mixed", 1]])
    store.set_info(profile="cpu", seed=7, peak_memory_bytes=3 * 2**30)
    for phase, seconds in {"total": 3725.0, "training": 3000.0, "startup": 41.5}.items():
        store.add_seconds(phase, seconds)
    model = tmp_path / "checkpoints" / "hf"
    model.mkdir(parents=True)
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"")
    return store


def test_success_before_and_after(finished: Store, tmp_path: Path) -> None:
    held_out = build_report(finished, tmp_path)["held_out"]
    assert held_out["before"] == {"math": 0.25, "sql": 0.0, "mean": 0.125}
    assert held_out["after"] == {"math": 0.75, "sql": 0.5, "mean": 0.625}
    assert held_out["delta"] == 0.5
    assert (held_out["before_step"], held_out["after_step"]) == (0, 4)
    assert (held_out["tasks"], held_out["samples_per_task"]) == (4, 2)
    # Paired differences: math 1.0 and 0.0, sql 0.5 and 0.5.
    spread = 1.959964 * math.sqrt(0.5 / 2) / 2
    assert held_out["ci95"]["delta"] == pytest.approx([0.5 - spread, 0.5 + spread])
    assert held_out["ci95"]["after"]["math"] == pytest.approx(wilson(0.75, 2))


def test_wilson_agrees_with_a_published_value() -> None:
    # Brown, Cai and DasGupta (2001): no success in n trials reaches up to z^2 / (n + z^2).
    low, high = wilson(0.0, 10)
    assert low == 0.0
    assert high == pytest.approx(3.841459 / 13.841459, abs=1e-5)
    assert wilson(0.5, 100) == pytest.approx((0.40383, 0.59617), abs=1e-4)


def test_epochs_tell_of_pool_and_rewards(finished: Store, tmp_path: Path) -> None:
    report = build_report(finished, tmp_path)
    first, second = report["epochs"]
    assert first["reward_mean"] == pytest.approx(0.2)
    assert second["reward_mean"] == pytest.approx(0.6)
    assert first["success_by_kind"] == {"math": 0.25, "sql": 0.25}
    assert first["pool"] == {
        "status": {"active": 2, "mastered": 0, "quarantined": 0},
        "kind": {"math": 1, "sql": 1},
        "depth": {1: 2},
        "operator": {"initial": 2},
    }
    assert second["pool"] == {
        "status": {"active": 2, "mastered": 1, "quarantined": 0},
        "kind": {"math": 2},
        "depth": {1: 1, 2: 1},
        "operator": {"initial": 1, "one_more": 1},
    }
    assert (second["new_tasks"], second["mastered"], second["round"]) == (1, 1, ROUND)
    assert (first["stage"], second["stage"]) == ("reasoning", "mixed")
    assert second["success_by_depth"] == {1: 0.25, 2: 0.25} and first["success_by_depth"] == {1: 0.25}
    assert first["zero_variance_groups"] == 1.0
    assert second["failure_kinds"] == {"limit": 12}
    assert [one["step"] for one in report["reward_per_step"]] == [1, 2, 3, 4]


@pytest.mark.slow
def test_operators_tell_what_became_of_their_candidates(finished: Store, tmp_path: Path) -> None:
    report = build_report(finished, tmp_path)
    told = {"one_more": {"made": 4, "accepted": 1, "rejected": {"near_duplicate": 3}}}
    assert report["operators"] == report["epochs"][1]["operators"] == told
    assert report["epochs"][0]["operators"] == {}
    parser = Links()
    parser.feed(render_html(report))
    assert "25.0 %near duplicate 3" in parser.text and "Success by depth of the task" in parser.text


def test_groups_without_variance_are_counted(tmp_path: Path) -> None:
    store = Store(store_url(tmp_path))
    task = make_task(1, "math")
    outcomes = [
        Outcome(task.id, n, step, step // 3, float(n * (step == 1)), 0.0, FailureKind.LIMIT, 1, "")
        for step in (1, 2, 3)
        for n in range(2)
    ]
    store.record_outcomes(outcomes, "u")
    assert zero_variance_shares(store) == {0: 0.5, 1: 1.0}


def test_facts_of_the_run(finished: Store, tmp_path: Path) -> None:
    report = build_report(finished, tmp_path)
    assert (report["profile"], report["seed"], report["peak_memory_bytes"]) == ("cpu", 7, 3 * 2**30)
    assert list(report["seconds"].items()) == [("startup", 41.5), ("training", 3000.0), ("total", 3725.0)]
    assert report["checkpoint"] == str(tmp_path / "checkpoints" / "hf")
    assert report["infrastructure_failures"]["by_kind"] == {"timeout": 1}
    assert report["missing"] == []
    assert report["validation"]["before"] == {"math": 0.5, "mean": 0.5}
    assert report["validation"]["after"] is None


def test_samples_show_a_success_and_a_failure_of_each_kind(finished: Store, tmp_path: Path) -> None:
    samples = build_report(finished, tmp_path)["samples"]
    assert [(one["kind"], one["success"]) for one in samples] == [
        ("math", True),
        ("math", False),
        ("sql", True),
        ("sql", False),
    ]
    assert {(one["source"], one["step"]) for one in samples} == {("held_out", 4)}
    assert [message["role"] for message in samples[0]["messages"]] == ["user", "assistant"]


def test_reasons_of_failures_are_counted_over_tasks(tmp_path: Path) -> None:
    reasons = ("order 17 must be refunded", "order 4 must be refunded", "said 'no' to \"x\"", f"saw {ATTACK}")
    tasks = [make_task(number, "service") for number in range(len(reasons))]

    def rolled(task: Task, reason: str) -> str:
        turns = [Turn("assistant", "17 * 3 = 41")]
        return Trajectory(task.id, turns=turns, answer="41", end=End.ANSWER, reward={"reason": reason}).to_json()

    with Store(store_url(tmp_path)) as store:
        store.add_tasks(tasks)
        assert build_report(store, tmp_path)["failure_reasons"] is None
        outcomes = [
            Outcome(task.id, 0, step, 0, 0.0, acc, FailureKind.WRONG_STATE, 1, rolled(task, reason))
            for step, acc in ((1, 0.0), (2, 0.0), (3, 1.0))
            for task, reason in zip(tasks, reasons, strict=True)
        ]
        store.record_outcomes([*outcomes, replace(outcomes[0], step=4, trajectory="none")], "u")
        report = build_report(store, tmp_path)
    why = report["failure_reasons"]
    assert (why["epoch"], why["failures"], why["looked_at"]) == (0, 9, 9)
    first, *others = why["reasons"]
    assert (first["reason"], first["count"], first["step"]) == ("order … must be refunded", 4, 2)
    assert (first["diagnosis"], first["evidence"]) == ("arithmetic_slip", "wrote 17 * 3 = 41")
    assert {"said … to …", ""} < {one["reason"] for one in others} and sum(one["count"] for one in others) == 5
    [sample] = [one for one in report["samples"] if not one["success"]]
    assert sample["reason"] in reasons and sample["diagnosis"] == "arithmetic_slip: wrote 17 * 3 = 41"
    assert sample["blame"] == "policy"
    parser = Links()
    parser.feed(render_html(report))
    assert (
        "order … must be refunded" in parser.text
        and "Why: " in parser.text
        and "to blame: policy" in parser.text
        and parser.loads == []
    )


class Links(HTMLParser):
    """Collects tags, and every attribute that could load or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.loads: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            local = (value or "").startswith("#")
            if (name in ("src", "href", "xlink:href", "data", "action") and not local) or name.startswith("on"):
                self.loads.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.slow
def test_the_page_loads_nothing_and_runs_nothing_and_its_ids_are_unambiguous(finished: Store, tmp_path: Path) -> None:
    finished.add_tasks([make_task(9, ATTACK)])
    page = render_html(build_report(finished, tmp_path))
    parser = Links()
    parser.feed(page)
    assert not parser.tags & {"script", "img", "iframe", "link", "object", "embed"}
    assert parser.loads == []
    assert "url(http" not in page and "@import" not in page
    assert "<script>alert(1)</script>" in parser.text, "what the model wrote is shown as text"
    targets = re.findall(r'(?:href="|url\()#([\w-]+)', page)
    assert targets
    for target in set(targets):
        assert page.count(f'id="{target}"') == 1, target


@pytest.mark.slow
def test_files_are_valid_and_the_same_each_time(finished: Store, tmp_path: Path) -> None:
    data, page = write_report(build_report(finished, tmp_path), tmp_path / "out")
    loaded = json.loads(data.read_text(encoding="utf-8"))
    assert loaded["held_out"]["delta"] == 0.5
    first = page.read_bytes()
    write_report(build_report(finished, tmp_path), tmp_path / "out")
    assert page.read_bytes() == first
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.html", "report.json"]


@pytest.mark.slow
def test_an_interrupted_run_says_what_is_missing(tmp_path: Path) -> None:
    store = Store(store_url(tmp_path))
    empty = build_report(store, tmp_path)
    assert "held-out evaluation before training" in empty["missing"]
    assert "training outcomes" in empty["missing"]
    assert "Not recorded (yet)" in render_html(empty)
    task = make_task(1, "math")
    store.add_tasks([task])
    evaluate(store, 0, {"math": [[0], [1]]})
    train(store, 0, [1], [task], 0.3)
    partial = build_report(store, tmp_path)
    assert "held-out evaluation before training" not in partial["missing"]
    assert "held-out evaluation after training" in partial["missing"]
    assert partial["held_out"]["after"] is None
    assert "Held-out success" in render_html(partial)
    print_summary(partial, Console(file=io.StringIO()))


def test_one_task_per_kind_has_no_paired_interval(tmp_path: Path) -> None:
    store = Store(store_url(tmp_path))
    evaluate(store, 0, {"math": [[0]]})
    evaluate(store, 1, {"math": [[1]]})
    comparison = compare(store, "held_out")
    assert comparison is not None
    assert (comparison["delta"], comparison["ci95"]["delta"]) == (1.0, None)


@pytest.mark.slow
def test_the_command_writes_and_summarises(finished: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.run(parser.parse_args([str(tmp_path)])) == 0
    shown = capsys.readouterr().out
    assert "62.5 %" in shown and "+50.0" in shown and "1 h 02 min" in shown
    assert (tmp_path / "report.html").exists() and (tmp_path / "report.json").exists()
    with pytest.raises(UserInputError, match="there is no store"):
        command.run(parser.parse_args([str(tmp_path / "checkpoints")]))


def test_brackets_in_names_are_no_terminal_markup(finished: Store, tmp_path: Path) -> None:
    report = build_report(finished, tmp_path)
    report["held_out"]["before"]["[bold]odd[/]"] = 0.5
    out = io.StringIO()
    print_summary(report, Console(file=out, width=120))
    assert "[bold]odd[/]" in out.getvalue()
