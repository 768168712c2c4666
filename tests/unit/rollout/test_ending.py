"""Event loops and processes end, whatever foreign code does in them; Ctrl-C stays the user's."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.core import Task
from verl_agentic.core.exits import ExitedError, exits_contained
from verl_agentic.rollout.deadline import within
from verl_agentic.rollout.ending import run_to_the_end
from verl_agentic.synthesis.rows import write_parquet


async def stubborn(over: threading.Event) -> None:
    while not over.is_set():
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            continue


def test_the_loop_ends_without_what_was_given_up(caplog: pytest.LogCaptureFixture) -> None:
    over = threading.Event()

    async def main() -> str:
        with pytest.raises(asyncio.TimeoutError):
            await within(stubborn(over), 0.1, 0.05)
        return "done"

    assert asyncio.run(main()) == "done"
    assert [record.getMessage() for record in caplog.records] == [
        "left behind what goes on although it was cancelled: stubborn"
    ]
    over.set()


def test_the_loop_ends_without_tasks_and_threads_that_nobody_waits_for(caplog: pytest.LogCaptureFixture) -> None:
    over, cleaned = threading.Event(), threading.Event()

    async def obedient() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            cleaned.set()

    async def main() -> int:
        tasks = [asyncio.create_task(one, name=name) for one, name in ((stubborn(over), "mine"), (obedient(), "good"))]
        hung = asyncio.create_task(asyncio.to_thread(over.wait))
        assert await asyncio.gather(*(asyncio.to_thread(abs, -number) for number in range(50))) == list(range(50))
        await asyncio.sleep(0.05)
        return len([*tasks, hung])

    started = time.monotonic()
    assert run_to_the_end(main(), 0.3) == 3
    assert time.monotonic() - started < 3 and cleaned.is_set()
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "left behind what goes on although it was cancelled: mine",
        "left behind 1 calls that hang in threads",
    ]
    over.set()


def test_what_the_work_raises_is_raised() -> None:
    async def fails() -> None:
        await asyncio.to_thread(int, "x")

    with pytest.raises(ValueError, match="invalid literal"):
        run_to_the_end(fails(), 0.3)


@pytest.mark.parametrize("raised", [SystemExit(3), SystemExit(), SystemExit("words")])
def test_an_exit_is_an_error_of_its_own(raised: SystemExit) -> None:
    told = {3: r"called sys\.exit\(3\)", None: r"called sys\.exit\(\)", "words": r"called sys\.exit\('words'\)"}
    with pytest.raises(ExitedError, match=f"^{told[raised.code]}$"), exits_contained():  # type: ignore[index]
        raise raised


def in_thread(work: Callable[[], Any]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_an_interrupt_is_an_error_where_no_signal_can_have_raised_it() -> None:
    caught: list[str] = []

    def work() -> None:
        try:
            with exits_contained():
                raise KeyboardInterrupt
        except ExitedError as error:
            caught.append(str(error))

    in_thread(work)
    assert caught == ["raised KeyboardInterrupt"]


def test_what_a_signals_handler_raises_passes() -> None:
    def leave(*_: Any) -> None:
        sys.exit(9)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        with pytest.raises(SystemExit), exits_contained():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), exits_contained():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


INTERRUPTED = """
import asyncio, signal, sys, time
from verl_agentic.rollout.deadline import within
from verl_agentic.rollout.ending import run_to_the_end

# A shell's background jobs ignore it, and so do their children.
signal.signal(signal.SIGINT, signal.default_int_handler)

async def waits():
    print("ready", flush=True)
    await asyncio.sleep(60)

async def spins():
    print("ready", flush=True)
    while True:
        time.sleep(0.01)

async def main():
    await within({"waits": waits, "spins": spins}[sys.argv[1]](), 60, 0.1)

run_to_the_end(main(), 0.3)
"""


@pytest.mark.parametrize(("how", "times"), [("waits", 1), ("spins", 2)])
@pytest.mark.slow
def test_ctrl_c_ends_the_command_in_the_midst_of_a_tool(how: str, times: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, how], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout and process.stderr and process.stdout.readline() == b"ready\n"
        try:
            for _ in range(times):
                time.sleep(0.3)
                process.send_signal(signal.SIGINT)
            assert process.wait(20) == -signal.SIGINT
        finally:
            process.kill()
        assert b"KeyboardInterrupt" in process.stderr.read()


OWN = """
import asyncio, sys, threading
from verl_agentic.tool_envs import Environment

async def hang():
    while True:
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            pass

class Mine(Environment):
    def tools(self):
        parameters = {"type": "object", "properties": {}}
        return [{"type": "function", "function": {"name": "go", "description": "", "parameters": parameters}}]

    async def call(self, name, arguments):
        if "exits" in self.task.messages[-1]["content"]:
            sys.exit(5)
        if "hangs" in self.task.messages[-1]["content"]:
            await hang()
        return "went"
"""


@pytest.mark.slow
def test_the_command_ends_with_its_summary(endpoint: Any, tmp_path: Path) -> None:
    """One task's tool exits, one's goes on after its deadline, and one's is fine."""
    (tmp_path / "own_env.py").write_text(OWN)
    asked = [[{"role": "user", "content": name}] for name in ("exits", "hangs", "fine")]
    tasks = [Task("", ask, [], "own_env:Mine", {}, "math", "1") for ask in asked]
    write_parquet(tasks, tmp_path / "tasks.parquet", "train")

    def says(body: dict[str, Any]) -> str:
        called = any(message["role"] == "assistant" for message in body["messages"])
        return "<answer>1</answer>" if called else '<tool_call>{"name": "go", "arguments": {}}</tool_call>'

    endpoint.content = says
    command = [sys.executable, "-m", "verl_agentic.cli.main", "rollout", "--model", endpoint.url]
    command += ["--tasks", "tasks.parquet", "--out", "out.jsonl", "--concurrency", "1", "--simulator", "none"]
    command += ["--set", "call_seconds=0.5", "--set", "grace_seconds=0.2", "--set", "attempts=1"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1, ended.stderr
    figures = json.loads(ended.stdout.splitlines()[-1])
    assert figures["rollouts"]["judged"] == 1 and figures["rollouts"]["infrastructure"] == 2
    records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert sorted(one["error"] for one in records) == [
        "",
        "own_env:Mine: tool 'go' failed: it called sys.exit(5)",
        "own_env:Mine: tool 'go' took over 0.5 s",
    ]
    assert "left behind what goes on although it was cancelled: Mine.call" in ended.stderr
