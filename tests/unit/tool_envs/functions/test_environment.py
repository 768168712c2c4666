"""Users' functions and classes as tools, and an environment from somebody else's package."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, InfrastructureError, Task, UserInputError
from verl_agentic.core.named import imported
from verl_agentic.isolation.threads import ThreadPool
from verl_agentic.tool_envs import ToolError, environment_class
from verl_agentic.tool_envs.functions.environment import FunctionsEnvironment

PLUGIN = Path(__file__).parents[3] / "plugins" / "acme_worlds"
TOOLS_FILE = str(PLUGIN / "acme_worlds" / "tools.py")


@pytest.fixture(autouse=True)
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PLUGIN))


def make_task(**env_args: Any) -> Task:
    return Task("shop", [{"role": "user", "content": "Hi."}], [], "functions", env_args, "state", {})


@contextlib.asynccontextmanager
async def session(*names: str, env_args: dict[str, Any] | None = None, **options: Any) -> Any:
    env = FunctionsEnvironment(tools=[f"acme_worlds.tools:{name}" for name in names], **options)
    try:
        await env.open(make_task(**(env_args or {})), 0)
        yield env
    finally:
        await env.close()


async def test_text_is_given_as_it_is_and_data_as_json() -> None:
    async with session("weather", "repeat", "nap") as env:
        assert await env.call("weather", {"city": "Köln"}) == '{"city": "Köln", "degrees": 20, "unit": "C"}'
        assert await env.call("repeat", {"word": "ab", "times": 2}) == "abab"
        assert await env.call("nap", {"name": "short", "seconds": 0}) == "rested"
        assert [tool["function"]["name"] for tool in env.tools()] == ["weather", "repeat", "nap"]


async def test_a_whole_number_written_as_a_float_is_no_error() -> None:
    async with session("repeat") as env:
        assert await env.call("repeat", {"word": "a", "times": 3.0}) == "aaa"


async def test_a_file_is_as_good_as_a_module_and_keeps_to_itself() -> None:
    env = FunctionsEnvironment(tools=[f"{TOOLS_FILE}:repeat"])
    await env.open(make_task(), 0)
    assert await env.call("repeat", {"word": "a", "times": 2}) == "aa"


async def test_a_refusal_goes_to_the_policy_and_a_failure_does_not() -> None:
    async with session("weather", "broken", "odd") as env:
        with pytest.raises(ToolError, match="no such city"):
            await env.call("weather", {"city": "Atlantis"})
        with pytest.raises(InfrastructureError, match="'broken' failed: ZeroDivisionError"):
            await env.call("broken", {})
        with pytest.raises(InfrastructureError, match="'odd' failed: TypeError"):
            await env.call("odd", {})
    async with session("broken", errors_to_policy=True) as env:
        with pytest.raises(ToolError, match="ZeroDivisionError"):
            await env.call("broken", {})


async def test_each_session_has_an_instance_of_its_own() -> None:
    from acme_worlds import tools  # type: ignore[import-not-found]

    before = len(tools.closed)
    async with session("Basket", env_args={"basket": ["milk"]}) as first, session("Basket") as second:
        assert await first.call("put", {"article": "tea"}) == '["milk", "tea"]'
        assert await second.call("put", {"article": "jam"}) == '["jam"]'
        assert await second.call("empty", {}) == "null"
        assert (first.state(), second.state()) == (
            {"Basket": {"articles": ["milk", "tea"]}},
            {"Basket": {"articles": []}},
        )
        assert {tool["function"]["name"] for tool in first.tools()} == {"put", "empty"}
        assert not first.parallel_safe
    assert [basket.closed for basket in tools.closed[before:]] == [True, True]


async def test_a_failed_teardown_is_reported_once_all_are_torn_down(tmp_path: Path) -> None:
    path = tmp_path / "pair.py"
    path.write_text(
        "log = []\n"
        "class A:\n    def a(self) -> str: return ''\n    def teardown(self): log.append('a')\n"
        "class B:\n    def b(self) -> str: return ''\n    def teardown(self): log.append('b'); raise OSError('gone')\n"
    )
    env = FunctionsEnvironment(tools=[f"{path}:A", f"{path}:B"])
    await env.open(make_task(), 0)
    with pytest.raises(InfrastructureError, match=r"B\.teardown: OSError: gone"):
        await env.close()
    assert imported("log", f"{path}:log") == ["b", "a"]


async def test_an_async_function_is_cancelled_at_the_deadline() -> None:
    from acme_worlds import tools

    async with session("nap") as env:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(env.call("nap", {"name": "late", "seconds": 60}), 0.05)
    assert "late" in tools.cancelled


@pytest.fixture
def hang() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


async def test_a_hung_thread_is_given_up_replaced_and_counted(hang: threading.Event) -> None:
    pool = ThreadPool(size=1, max_abandoned=1)
    for _ in range(2):
        assert await pool.run("quick", lambda: "done") == "done"
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(pool.run("stuck", hang.wait), 0.05)
    assert pool.abandoned == {"stuck": 2}
    with pytest.raises(InfrastructureError, match=r"stuck \(2\)"):
        await pool.run("quick", lambda: "done")
    hang.set()
    await asyncio.sleep(0.05)
    assert pool.abandoned == {}
    assert await pool.run("quick", lambda: "done") == "done"


async def test_a_call_cancelled_in_the_queue_never_runs(hang: threading.Event) -> None:
    pool = ThreadPool(size=1)
    ran: list[str] = []
    blocker = asyncio.create_task(pool.run("blocker", hang.wait))
    await asyncio.sleep(0.05)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(pool.run("queued", lambda: ran.append("x")), 0.05)
    hang.set()
    await blocker
    await pool.run("later", lambda: ran.append("later"))
    assert (ran, pool.abandoned) == (["later"], {})


async def test_threads_run_at_once_up_to_the_size() -> None:
    pool = ThreadPool(size=4)
    started = time.perf_counter()
    await asyncio.gather(*(pool.run("sleep", lambda: time.sleep(0.1)) for _ in range(8)))
    assert 0.2 <= time.perf_counter() - started < 0.7


async def test_isolated_functions_run_elsewhere_and_are_killed() -> None:
    names = ("process", "spin", "hoard", "weather", "broken", "nap")
    async with session(*names, isolate=True, isolated_seconds=1.0, isolated_processes=1) as env:
        assert int(await env.call("process", {})) != os.getpid()
        with pytest.raises(ToolError, match=r"spin takes too long \(over 1 s\)"):
            await env.call("spin", {})
        with pytest.raises(ToolError, match="no such city"):
            await env.call("weather", {"city": "Atlantis"})
        with pytest.raises(InfrastructureError, match="ZeroDivisionError"):
            await env.call("broken", {})
        with pytest.raises(ToolError, match="ran out of memory or crashed"):
            await env.call("hoard", {})
        assert await env.call("nap", {"name": "there", "seconds": 0.0}) == "rested"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"functions\.tools must be a list"),
        ({"tools": "acme_worlds.tools:weather"}, r"functions\.tools must be a list"),
        ({"tools": ["weather"]}, "neither 'package.module:Name' nor"),
        (
            {"tools": ["acme_worlds.tools:nothing"]},
            "acme_worlds.tools:nothing' cannot be imported: .* has no 'nothing'",
        ),
        ({"tools": ["acme_worlds.none:nothing"]}, "cannot be imported: No module named"),
        ({"tools": ["/nowhere/file.py:f"]}, "no such file: /nowhere/file.py"),
        ({"tools": ["acme_worlds.tools:weather", f"{TOOLS_FILE}:weather"]}, "both a tool 'weather'"),
        ({"tools": ["acme_worlds.tools:PLUGIN"]}, "cannot be imported"),
        ({"tools": ["acme_worlds.tools:Basket"], "isolate": True}, r"functions\.isolate: 'acme_worlds.tools:Basket'"),
        ({"tools": ["acme_worlds.tools:weather"], "threads": 0}, r"functions\.threads must be at least 1"),
        ({"tools": ["acme_worlds.tools:weather"], "isolated_seconds": 0}, r"functions\.isolated_seconds must be above"),
    ],
)
def test_options_that_cannot_be_used_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserInputError, match=message):
        FunctionsEnvironment(**options)


async def test_a_task_chooses_among_the_tools() -> None:
    async with session("weather", "repeat", env_args={"tools": ["repeat"]}) as env:
        assert [tool["function"]["name"] for tool in env.tools()] == ["repeat"]
    with pytest.raises(BrokenTaskError, match=r"env_args\.tools names 'fly', but there are weather"):
        async with session("weather", env_args={"tools": ["fly"]}):
            pass


async def test_somebody_elses_environment_needs_no_more_than_its_path() -> None:
    env = environment_class("acme_worlds.till:TillEnvironment")(None, currency="USD")  # type: ignore[call-arg]
    await env.open(make_task(prices={"tea": 250}), 0)
    assert await env.call("scan", {"article": "tea"}) == "2.50 USD"
    with pytest.raises(ToolError, match="no article 'jam'"):
        await env.call("scan", {"article": "jam"})
    assert env.state() == {"total": 250}
    await env.close()
