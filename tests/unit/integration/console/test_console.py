"""What a process prints goes to its log, whatever prints it; the terminal gets what is meant for the user."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

START = """
import os, subprocess, sys, time
from pathlib import Path
from verl_agentic.core import UserInputError
from verl_agentic.integration.console import open_console
from verl_agentic.integration.console.console import Console
console = open_console(Path.cwd())
print("(WorkerDict pid=1) noise")
os.write(1, b"C++ speaks\\n"); os.write(2, b"C++ warns\\n")
subprocess.run(["echo", "a child speaks"], check=True)
print("(TaskRunnerV1 pid=1) verl-agentic: epoch 1/1: reward 0.5")
"""
NOISE = ("(WorkerDict pid=1) noise", "C++ speaks", "C++ warns", "a child speaks")


def run(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", START + code], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_terminal_gets_the_users_lines_and_the_log_all(tmp_path: Path) -> None:
    done = run(tmp_path, "console.rich().print('table')\nconsole.end()\nprint('verl-agentic: PATH')\nprint('Ray ends')")
    assert done.returncode == 0
    assert done.stdout.splitlines() == ["verl-agentic: epoch 1/1: reward 0.5", "table", "verl-agentic: PATH"]
    assert done.stderr == ""
    logged = (tmp_path / "train.log").read_text().splitlines()
    said = ["(TaskRunnerV1 pid=1) verl-agentic: epoch 1/1: reward 0.5", "verl-agentic: PATH"]
    assert logged[2:] == [*NOISE, *said, "Ray ends"]
    assert (tmp_path / "train.log").stat().st_mode & 0o077 == 0


def test_a_later_run_appends_and_quotes_its_own_lines(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text("of the first run\n")
    done = run(tmp_path, "console.end(ValueError('no such tensor'))\nsys.exit(1)")
    assert done.returncode == 1
    said = done.stderr.splitlines()
    assert said[0] == "verl-agentic: the log ends with:"
    assert [line.strip() for line in said[1:]][-2] == "ValueError: no such tensor"
    assert said[-1] == f"verl-agentic: the run failed; all of its output: {tmp_path / 'train.log'}"
    assert "of the first run" not in done.stderr
    assert (tmp_path / "train.log").read_text().startswith("of the first run\n")


def test_of_a_long_log_the_last_lines_are_quoted(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        "for i in range(5000): print('line', i, 'x' * 1000)\n"
        "print('10%\\r50%\\r100%\\n\\x1b[31mred\\x1b[0m')\nraise RuntimeError('lost')",
    )
    said = done.stderr.splitlines()
    assert done.returncode == 1
    assert len(said) == 32
    assert said[-2] == "  RuntimeError: lost"
    assert "  100%" in said and "  red" in said
    assert max(map(len, said)) < 500


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, "console.end(UserInputError('agentic.kinds: unknown'))\nsys.exit(1)")
    assert done.stderr == f"verl-agentic: agentic.kinds: unknown\nverl-agentic: log: {tmp_path / 'train.log'}\n"


def test_a_console_that_is_closed_gives_the_output_back(tmp_path: Path) -> None:
    done = run(tmp_path, "console.close()\nprint('on the terminal')\nraise SystemExit(2)")
    assert done.returncode == 2
    assert done.stdout.splitlines() == ["verl-agentic: epoch 1/1: reward 0.5", "on the terminal"]
    assert done.stderr == ""


@pytest.mark.parametrize("there", ["a folder", "a full disk"])
def test_without_a_log_everything_goes_to_the_terminal(tmp_path: Path, there: str) -> None:
    if there == "a folder":
        (tmp_path / "train.log").mkdir()
    else:
        (tmp_path / "train.log").symlink_to("/dev/full")
    done = run(tmp_path, "assert console is None\nraise RuntimeError('lost')")
    assert done.stderr.count("train.log cannot be written to (") == 1
    assert all(part in done.stdout + done.stderr for part in NOISE)
    assert done.stderr.endswith("RuntimeError: lost\n")


def test_a_disk_that_fills_up_gives_the_terminal_everything_again(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        "console.close()\nconsole = Console(Path('train.log'), least_free_bytes=2**62)\n"
        "time.sleep(1)\nprint('later noise')\nconsole.end()",
    )
    assert "later noise" in done.stdout
    assert done.stderr == f"verl-agentic: the disk is full, {tmp_path / 'train.log'} ends here: all output follows\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_a_signal_ends_it_as_before_and_nothing_is_lost(tmp_path: Path, number: signal.Signals) -> None:
    code = START + "signal_me = Path('ready').touch()\ntime.sleep(60)"
    with subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "-c", code],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "ready").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
    assert process.returncode == -number
    assert all(part in (tmp_path / "train.log").read_text() for part in NOISE)
    if number == signal.SIGINT:
        assert error.splitlines() == [
            f"verl-agentic: interrupted; the same command goes on at the last checkpoint. Log: {tmp_path / 'train.log'}"
        ]


def test_a_terminal_is_live(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    code = START + "print('verl-agentic: step 1/2: reward 0.5')\ntime.sleep(2.5)\nconsole.end()"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, stdout=theirs, timeout=60, check=False)
    shown = os.read(ours, 10000).decode()
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 0
    assert "\r\x1b[2K0:00 step 1/2: reward 0.5\r\x1b[2K0:01 step 1/2" in shown
    assert shown.endswith("\r\x1b[2K")
