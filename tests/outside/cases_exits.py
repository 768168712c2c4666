"""Tools, environments and rewards that exit, or swallow their cancellation."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from outside_case import Case
from server_play import a_task, call, case, dialogue, equal, failure_of, holds, own

# G22: tools that exit

TOOLS = """
import argparse, sys

def cli(line: str) -> str:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int)
    return str(parser.parse_args(line.split()).n)

def leave(status: int) -> str:
    sys.exit(status)

def words() -> str:
    sys.exit("no licence")

def interrupt() -> str:
    raise KeyboardInterrupt

def stop() -> str:
    return next(iter([]))

async def later(status: int) -> str:
    raise SystemExit(status)

async def later_interrupt() -> str:
    raise KeyboardInterrupt

class Desk:
    def go(self) -> str:
        raise SystemExit(4)

class BadStart:
    def setup(self, task, seed):
        sys.exit(6)
    def go(self) -> str:
        return ""

class BadState:
    def go(self) -> str:
        return "went"
    def state(self):
        sys.exit(7)
"""


def exits() -> Iterator[Case]:
    yield case("G22", "fn-exit-argparse", tool_exits, "cli", "sys.exit(2)", line="--x 1")
    yield case("G22", "fn-exit-class", tool_exits, "Desk", "sys.exit(4)", tool="go")
    yield case("G22", "fn-exit-environment", environment_exits, "call", "sys.exit(5)")
    yield own("G22", "exit-status-zero", tool_exits, "leave", "sys.exit(0)", status=0)
    yield own("G22", "exit-with-words", tool_exits, "words", "no licence")
    yield own("G22", "exit-of-an-async-tool", tool_exits, "later", "sys.exit(3)", status=3)
    yield own("G22", "interrupt-of-a-tool", tool_exits, "interrupt", "KeyboardInterrupt")
    yield own("G22", "interrupt-of-an-async-tool", tool_exits, "later_interrupt", "KeyboardInterrupt")
    yield own("G22", "stop-iteration-of-a-tool", tool_exits, "stop", "StopIteration")
    yield own("G22", "exit-of-the-setup", tool_exits, "BadStart", "sys.exit(6)", tool="go")
    yield own("G22", "exit-of-the-state", state_exits)
    for where in ("open", "tools", "reply", "close", "state"):
        yield own("G22", f"exit-of-an-environments-{where}", environment_exits, where, "sys.exit(5)")
    yield own("G22", "exit-of-a-reward", reward_exits)
    yield own("G22", "exit-of-a-file", file_exits)
    yield own("G22", "exit-told-where-all-is", exit_is_told)
    yield own("G22", "argparse-that-is-right", argparse_that_is_right)


@contextlib.contextmanager
def tools_file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tools.py"
        path.write_text(TOOLS)
        yield path


def loop_lives(work: Callable[[], Any]) -> Any:
    """What it returns, run in a thread of its own: it would end the event loop and, so, the thread."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(asyncio.run(work()))
        except BaseException as error:
            found.append(AssertionError(f"event loop ended by {error!r}"))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert found, "the event loop does not end"
    if isinstance(found[0], AssertionError):
        raise found[0]
    return found[0]


def infrastructure(error: BaseException, said: str) -> None:
    from verl_agentic.core import InfrastructureError

    assert isinstance(error, InfrastructureError), f"got {error!r}"
    holds(str(error), said)


def tool_exits(name: str, said: str, tool: str | None = None, **arguments: Any) -> None:
    with tools_file() as path:

        async def work() -> Exception:
            async def one() -> None:
                async with dialogue("functions", {"tools": [f"{path}:{name}"]}) as opened:
                    await opened.said(call(tool or name, **arguments))

            return await failure_of(one())

        infrastructure(loop_lives(work), said)


def environment_exits(where: str, said: str) -> None:
    from verl_agentic.rollout import Dialogue
    from verl_agentic.tool_envs import Environment

    class Leaves(Environment):
        async def open(self, task: Any, seed: int) -> None:
            await super().open(task, seed)
            self.at("open")

        def tools(self) -> list[dict[str, Any]]:
            self.at("tools")
            function = {"name": "go", "description": "", "parameters": {"type": "object", "properties": {}}}
            return [{"type": "function", "function": function}]

        async def call(self, name: str, arguments: dict[str, Any]) -> str:
            self.at("call")
            return ""

        async def reply(self, message: str) -> Any:
            self.at("reply")
            return await super().reply(message)

        def state(self) -> dict[str, Any]:
            self.at("state")
            return {}

        async def close(self) -> None:
            self.at("close")

        def at(self, place: str) -> None:
            if place == where:
                raise SystemExit(5)

    async def work() -> Exception:
        async def one() -> None:
            async with Dialogue(a_task("leaves"), Leaves()) as played:
                await played.open()
                await played.feed(call("go"))
                await played.feed("Hello?")

        return await failure_of(one())

    infrastructure(loop_lives(work), said)


def state_exits() -> None:
    with tools_file() as path:

        async def work() -> Exception:
            async def one() -> None:
                async with dialogue("functions", {"tools": [f"{path}:BadState"]}) as opened:
                    await opened.said(call("go"))
                    await opened.said("<answer>1</answer>")

            return await failure_of(one())

        infrastructure(loop_lives(work), "sys.exit(7)")


def reward_exits() -> None:
    from verl_agentic.reward_fns.invoke import invoke

    def reward(**given: Any) -> float:
        sys.exit(8)

    infrastructure(loop_lives(lambda: failure_of(invoke(reward, "k", "s", None, {}, {}, "mine"))), "sys.exit(8)")


def file_exits() -> None:
    from verl_agentic.core import UserInputError
    from verl_agentic.tool_envs import make_environment

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.py"
        path.write_text("import sys\nsys.exit(2)\n")
        try:
            make_environment("functions", None, {"functions": {"tools": [f"{path}:go"]}})
        except UserInputError as error:
            holds(str(error), "script.py", "2")
        except SystemExit as error:
            raise AssertionError(f"got {error!r}") from None


def exit_is_told() -> None:
    with tools_file() as path:

        async def work() -> str:
            options = {"tools": [f"{path}:cli"], "errors_to_policy": True}
            async with dialogue("functions", options) as opened:
                return str(await opened.said(call("cli", line="--x 1")))

        holds(loop_lives(work), "Error: ", "sys.exit(2)")


async def argparse_that_is_right() -> None:
    with tools_file() as path:
        async with dialogue("functions", {"tools": [f"{path}:cli"]}) as opened:
            equal(await opened.said(call("cli", line="--n 3")), "3")


# G23: what swallows its cancellation


def stubborn() -> Iterator[Case]:
    yield case("G23", "fn-stubborn-environment", loop_ends, "environment")
    yield own("G23", "stubborn-tool", loop_ends, "tool")
    yield own("G23", "stubborn-when-opening", loop_ends, "open")
    yield own("G23", "stubborn-when-closing", loop_ends, "close")
    yield own("G23", "the-obedient-cleans-up", obedient_cleans_up)


def loop_ends(where: str) -> None:
    """``asyncio.run`` ends once the deadline was named, although a task goes on."""
    from verl_agentic.rollout import DeadlineError, Dialogue
    from verl_agentic.rollout.limits import DialogueLimits
    from verl_agentic.tool_envs import Environment

    over = threading.Event()

    async def hang() -> None:
        while not over.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.05)

    class Stubborn(Environment):
        async def open(self, task: Any, seed: int) -> None:
            await super().open(task, seed)
            if where == "open":
                await hang()

        def tools(self) -> list[dict[str, Any]]:
            function = {"name": "go", "description": "", "parameters": {"type": "object", "properties": {}}}
            return [{"type": "function", "function": function}]

        async def call(self, name: str, arguments: dict[str, Any]) -> str:
            if where in ("environment", "tool"):
                await hang()
            return ""

        async def close(self) -> None:
            if where == "close":
                await hang()

    limits = DialogueLimits(call_seconds=0.1, open_seconds=0.1, grace_seconds=0.05)

    async def work() -> Exception:
        async def one() -> None:
            async with Dialogue(a_task("stubborn"), Stubborn(), limits) as played:
                await played.open()
                await played.feed(call("go"))

        return await failure_of(one())

    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(work())), daemon=True)
    thread.start()
    thread.join(3)
    ended = not thread.is_alive()
    over.set()
    assert ended, "asyncio.run does not end"
    assert isinstance(found[0], DeadlineError), f"got {found[0]!r}"


async def obedient_cleans_up() -> None:
    from verl_agentic.rollout.deadline import within

    cleaned = False

    async def work() -> None:
        nonlocal cleaned
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.02)
            cleaned = True

    error = await failure_of(within(work(), 0.05, 1.0))
    assert isinstance(error, asyncio.TimeoutError), f"got {error!r}"
    assert cleaned


def cases() -> Iterator[Case]:
    yield from exits()
    yield from stubborn()
