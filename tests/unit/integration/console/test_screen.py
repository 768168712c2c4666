"""Which lines of a run the terminal shows, and how."""

from __future__ import annotations

import io

import pytest

from verl_agentic.integration.console import tell
from verl_agentic.integration.console.screen import Screen, words_of


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("verl-agentic: step 1/4: reward 0.5", "step 1/4: reward 0.5"),
        ("\x1b[36m(TaskRunnerV1 pid=20297)\x1b[0m verl-agentic: flywheel round 1", "flywheel round 1"),
        ("(TaskRunnerV1 pid=20297, ip=10.0.0.2) verl-agentic: flywheel round 1", "flywheel round 1"),
        ("verl-agentic: sets the title \x1b]0;x\x07 and \x1b[2Jclears\r", "sets the title ]0;x and clears"),
        ("(WorkerDict pid=7) UserWarning: deprecated", None),
        # What an engine says that is taken down with the run, or before it: the watchdog tells which it was.
        ("(vLLMHttpServer pid=7) ERROR async_llm.py:599 AsyncLLM output_handler failed. EngineDeadError", None),
        ("(AgentLoopWorker pid=7) the model says verl-agentic: step 1/1", None),
        ("", None),
    ],
)
def test_lines_with_the_mark_are_for_the_user(line: str, words: str | None) -> None:
    assert words_of(line) == words


def test_a_log_gets_few_lines_of_progress_and_no_phases() -> None:
    stream = io.StringIO()
    screen = Screen(stream)
    screen.show("starting Ray ...")
    for step in range(1, 1001):
        screen.show(f"step {step}/1000: reward 0.5")
    screen.show("epoch 1/1: reward 0.5")
    lines = stream.getvalue().splitlines()
    assert "\x1b" not in stream.getvalue()
    assert lines == [
        *(f"verl-agentic: step {step}/1000: reward 0.5" for step in range(250, 1001, 250)),
        "verl-agentic: epoch 1/1: reward 0.5",
    ]


def test_a_terminal_has_a_live_line_whose_seconds_go_on() -> None:
    clock = [0.0]
    stream = io.StringIO()
    screen = Screen(stream, live=True, now=lambda: clock[0])
    screen.show("starting Ray ...")
    clock[0] = 61.5
    screen.tick()
    screen.tick()
    screen.show("up")
    screen.tick()
    screen.show("step 1/2: reward 0.5")
    screen.show("round 1 done")
    screen.clear()
    assert stream.getvalue().split("\r\x1b[2K")[1:] == [
        "0:00 starting Ray ...",
        "1:01 starting Ray ...",
        "verl-agentic: up\n",
        "0:00 step 1/2: reward 0.5",
        "verl-agentic: round 1 done\n",
        "0:00 step 1/2: reward 0.5",
        "",
    ]


def test_the_live_line_fits_its_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = io.StringIO()
    Screen(stream, live=True).show(f"step 1/2: {'x' * 100}")
    assert len(stream.getvalue().removeprefix("\r\x1b[2K")) == 39


def test_a_reader_that_is_gone_does_not_end_the_run() -> None:
    stream = io.StringIO()
    stream.close()
    Screen(stream, live=False).show("step 1/1: reward 0.5")


def test_what_is_told_has_the_mark(capsys: pytest.CaptureFixture[str]) -> None:
    tell("the engine is up")
    tell("out of memory", error=True)
    heard = capsys.readouterr()
    assert words_of(heard.out) == "the engine is up"
    assert words_of(heard.err) == "out of memory"
