"""Tools of real MCP servers, in processes and over HTTP, that work, refuse, hang, die and talk nonsense."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")

from aiohttp import web
from mcp import Client, MCPError

from verl_agentic.core import BrokenTaskError, InfrastructureError, Task
from verl_agentic.core.chat import ChatUsage
from verl_agentic.evaluation.model import ModelMessage
from verl_agentic.evaluation.plan import PlayPlan
from verl_agentic.evaluation.run import roll_out_one
from verl_agentic.rollout import SessionPlan
from verl_agentic.tool_envs import ToolError
from verl_agentic.tool_envs.mcp.connection import close_shared_connections
from verl_agentic.tool_envs.mcp.environment import McpEnvironment
from verl_agentic.tool_envs.mcp.http import http_transport

pytestmark = pytest.mark.integration

SERVERS = Path(__file__).parent / "mcp_servers"
WORLD = [sys.executable, str(SERVERS / "world.py")]


def make_task(**env_args: Any) -> Task:
    return Task("t", [{"role": "user", "content": "Hi."}], [], "mcp", env_args, "state", {})


@contextlib.asynccontextmanager
async def session(server: Any, env_args: dict[str, Any] | None = None, **options: Any) -> AsyncIterator[McpEnvironment]:
    servers = {"w": server} if {"url", "command"} & set(server) else server
    env = McpEnvironment(servers=servers, **{"check_seconds": 1.0, **options})
    try:
        await env.open(make_task(**(env_args or {})), 0)
        yield env
    finally:
        await env.close()


@pytest.fixture(autouse=True)
async def ended() -> AsyncIterator[None]:
    yield
    await close_shared_connections()


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie, whose parent looks away, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def dead_within(seconds: float, *pids: int) -> bool:
    end = time.monotonic() + seconds
    while any(alive(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(alive(pid) for pid in pids)


@pytest.fixture(params=["sse", "json"])
def http_world(request: pytest.FixtureRequest) -> Iterator[tuple[dict[str, str], subprocess.Popen[bytes]]]:
    """A server on loopback: its settings and its process."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    process = subprocess.Popen([*WORLD, "http", str(port), request.param], stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
                break
            time.sleep(0.05)
        yield {"url": f"http://127.0.0.1:{port}/mcp"}, process
    finally:
        process.kill()
        process.wait()


async def check_behaviour(env: McpEnvironment, tmp_path: Path, hears_cancel: bool = True) -> None:
    """What every server's tools do, however it is reached; one that replies in JSON does not hear of a cancel."""
    assert await env.call("add", {"a": 1, "b": 2}) == "3"
    with pytest.raises(ToolError, match="no such record"):
        await env.call("fail", {})
    with pytest.raises(ToolError, match="valid integer"):
        await env.call("add", {"a": "one", "b": 2})
    assert len(await env.call("long", {"chars": 100_000})) == 100_000
    with pytest.raises(ToolError, match="longer than 1048576 bytes"):
        await env.call("long", {"chars": 1_200_000})
    sums = await asyncio.gather(*(env.call("add", {"a": n, "b": n}) for n in range(50)))
    assert sums == [str(2 * n) for n in range(50)]
    mark = tmp_path / "mark"
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(env.call("hang", {"path": str(mark)}), 1.0)
    for _ in range(100 * hears_cancel):
        if mark.read_text() == "cancelled":
            break
        await asyncio.sleep(0.05)
    assert mark.read_text() == ("cancelled" if hears_cancel else "begun")
    assert await env.call("add", {"a": 1, "b": 2}) == "3"


async def test_tools_of_a_process(tmp_path: Path) -> None:
    async with session({"command": WORLD}) as env:
        function = env.tools()[0]["function"]
        assert (function["name"], function["description"]) == ("add", "Add two numbers.")
        assert function["parameters"]["required"] == ["a", "b"]
        await check_behaviour(env, tmp_path)


async def test_tools_over_http(http_world: Any, tmp_path: Path) -> None:
    settings, process = http_world
    async with session(settings) as env:
        await check_behaviour(env, tmp_path, hears_cancel="json" not in process.args)


async def test_a_result_that_is_too_long_for_a_stream_of_events_is_refused(http_world: Any) -> None:
    """Servers of before 2026 reply with events; the connection lives on."""
    url = http_world[0]["url"]
    async with Client(http_transport(url, {}, max_message_bytes=10_000), mode="legacy") as client:
        with pytest.raises(MCPError, match=r"byte limit|longer than 10000 bytes"):
            await client.call_tool("long", {"chars": 20_000})
        assert (await client.call_tool("add", {"a": 1, "b": 2})).structured_content == {"result": 3}


async def test_a_server_over_http_that_goes_away_fails_the_calls_and_only_them(http_world: Any) -> None:
    settings, process = http_world
    async with session(settings) as env:
        process.send_signal(signal.SIGSTOP)
        waiting = asyncio.create_task(env.call("add", {"a": 1, "b": 2}))
        await asyncio.sleep(0.2)
        process.kill()
        with pytest.raises(InfrastructureError, match="MCP server 'w'"):
            await asyncio.wait_for(waiting, 10)
        with pytest.raises(InfrastructureError, match="MCP server 'w'"):
            await env.call("add", {"a": 1, "b": 2})
    with pytest.raises(InfrastructureError, match="MCP server 'w'"):
        async with session(settings, start_seconds=5):
            pass


async def test_sessions_share_a_server_or_have_their_own() -> None:
    async with session({"command": WORLD}) as one, session({"command": WORLD}) as two:
        assert await one.call("pid", {}) == await two.call("pid", {})
    async with session({"command": WORLD}, share="session") as one, session({"command": WORLD}, share="session") as two:
        pids = [int(await env.call("pid", {})) for env in (one, two)]
        assert pids[0] != pids[1]
        await one.call("note", {"text": "mine"})
        assert await two.call("note", {"text": "yours"}) == "yours"
    assert dead_within(5, *pids)


async def test_a_server_that_dies_fails_its_sessions_and_is_there_for_the_next() -> None:
    async with session({"command": WORLD}) as env, session({"command": WORLD}) as other:
        waiting = asyncio.create_task(other.call("hang", {"path": os.devnull}))
        assert [await env.call("count", {}) for _ in range(2)] == ["1", "2"]
        with pytest.raises(InfrastructureError, match=r"MCP server 'w' ended with status 7; .*out of cheese"):
            await env.call("count", {})
        with pytest.raises(InfrastructureError, match="ended with status 7"):
            await waiting
        with pytest.raises(InfrastructureError, match="ended with status 7"):
            await env.call("add", {"a": 1, "b": 2})
    async with session({"command": WORLD}) as env:
        assert await env.call("count", {}) == "1"


class Scripted:
    """A model that says its lines; the same ones in every dialogue."""

    name, priced = "scripted", False

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        self.dialogues = 0

    def speaker(self, tools: Any, seed: int) -> Any:
        self.dialogues += 1
        return _Lines(iter(self.lines))


class _Lines:
    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines

    async def say(self, messages: Any, room: int) -> ModelMessage:
        return ModelMessage(next(self._lines), ChatUsage(1, 0, 1), 0.0)


async def test_a_server_that_dies_half_way_ends_its_trajectory_with_a_named_outcome() -> None:
    server = {"command": WORLD}
    options = {"mcp": {"servers": {"w": server}, "check_seconds": 1.0}}
    plan = PlayPlan(SessionPlan(simulator="none", env_options=options, attempts=2))
    call = '<tool_call>{"name": "%s", "arguments": {}}</tool_call>'
    dies = Scripted(call % "pid", call % "count", call % "count", call % "count", "<answer>never</answer>")
    record = await roll_out_one(make_task(), 0, dies, plan, "run")
    assert (record.status, record.success, dies.dialogues) == ("infrastructure", None, 2)
    assert "MCP server 'w' ended with status 7" in record.error
    lives = Scripted(call % "pid", "<answer>5</answer>")
    record = await roll_out_one(
        dataclasses.replace(make_task(), reward="math", ground_truth="5"), 0, lives, plan, "run"
    )
    assert (record.status, record.success, record.attempts) == ("judged", 1.0, 1)
    pid = int(record.trajectory["calls"][0]["result"])
    await close_shared_connections()
    assert await asyncio.to_thread(dead_within, 5, pid)


async def test_a_server_that_hangs_is_found_out_and_replaced() -> None:
    async with session({"command": WORLD}) as env, session({"command": WORLD}) as other:
        pid = int(await env.call("pid", {}))
        waiting = asyncio.create_task(other.call("freeze", {}))
        started = time.monotonic()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(env.call("freeze", {}), 0.5)
        with pytest.raises(InfrastructureError, match="MCP server 'w' hangs"):
            await waiting
        assert time.monotonic() - started < 15
    async with session({"command": WORLD}) as env:
        assert await env.call("add", {"a": 1, "b": 2}) == "3"
    assert await asyncio.to_thread(dead_within, 15, pid)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("garbage", "MCP server 'w' malformed message"),
        ("shape", "MCP server 'w': ValidationError"),
        ("closed", r"MCP server 'w': Connection closed \(-32000\)"),
    ],
)
async def test_a_server_that_breaks_the_protocol_is_no_fault_of_the_policy(how: str, message: str) -> None:
    async with session({"command": [sys.executable, str(SERVERS / "rude.py"), how]}) as env:
        assert [tool["function"]["name"] for tool in env.tools()] == ["tool0", "tool1", "tool2"]
        with pytest.raises(InfrastructureError, match=message):
            await asyncio.wait_for(env.call("tool1", {}), 10)


async def test_an_error_reply_to_a_call_is_the_tools_and_told_to_the_policy() -> None:
    async with session({"command": [sys.executable, str(SERVERS / "rude.py"), "error"]}) as env:
        with pytest.raises(ToolError, match=r"^database is locked$"):
            await asyncio.wait_for(env.call("tool1", {}), 10)


async def test_http_that_is_not_mcp_is_named_with_its_url(http_world: Any) -> None:
    url = http_world[0]["url"]
    with pytest.raises(InfrastructureError, match=rf"'w' at {url}x answered with HTTP 404.*check the path of its url"):
        async with session({"url": f"{url}x?key=secret"}):
            pass
    with pytest.raises(InfrastructureError) as failure:
        async with session({"url": "http://user:secret@127.0.0.1:9/mcp?key=secret"}):
            pass
    assert "'w' at http://127.0.0.1:9/mcp cannot be reached" in str(failure.value)
    assert "check that it runs" in str(failure.value) and "secret" not in str(failure.value)


@contextlib.asynccontextmanager
async def raw_http(status: int, reply: str, *, events: bool = False) -> AsyncIterator[dict[str, str]]:
    """A server of before 2026 that answers each call of its tool with ``reply``, in which ``@ID`` is the request's."""

    async def answer(request: web.Request) -> web.StreamResponse:
        message = await request.json()
        if "id" not in message:
            return web.Response(status=202)
        results = {
            "initialize": {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "serverInfo": {"name": "r", "version": ""},
            },
            "tools/list": {"tools": [{"name": "t"}]},
        }
        if message["method"] != "tools/call":
            found = results.get(message["method"])
            body = {"result": found} if found else {"error": {"code": -32601, "message": "no"}}
            return web.json_response({"jsonrpc": "2.0", "id": message["id"], **body})
        text = reply.replace("@ID", str(message["id"]))
        kind = "text/event-stream" if events else "application/json"
        return web.Response(status=status, body=f"data: {text}\n\n" if events else text, content_type=kind)

    app = web.Application()
    app.router.add_post("/mcp", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield {"url": f"http://127.0.0.1:{runner.addresses[0][1]}/mcp"}
    finally:
        await close_shared_connections()
        await runner.cleanup()


@pytest.mark.parametrize("events", [False, True])
async def test_halves_of_surrogate_pairs_are_replaced_over_http(events: bool) -> None:
    text = r"a \ud83d b \ud83d\ude00 c \\ud83d"
    reply = f'{{"jsonrpc":"2.0","id":@ID,"result":{{"content":[{{"type":"text","text":"{text}"}}]}}}}'
    async with raw_http(200, reply, events=events) as settings, session(settings) as env:
        for _ in range(2):
            assert await env.call("t", {}) == "a \ufffd b \U0001f600 c \\ud83d"


@pytest.mark.parametrize(
    ("status", "reply", "kind", "said"),
    [
        (200, '{"jsonrpc":"2.0","id":@ID,"error":{"code":-32603,"message":"no row"}}', ToolError, "^no row$"),
        (400, '{"jsonrpc":"2.0","id":@ID,"error":{"code":-32602,"message":"too short"}}', ToolError, "^too short$"),
        (
            400,
            '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"No valid session"}}',
            InfrastructureError,
            r"/mcp answered with HTTP 400 Bad Request \(No valid session\)",
        ),
        (404, "gone", InfrastructureError, r"HTTP 404 Not Found \(gone\); check the path of its url"),
        (401, "", InfrastructureError, "HTTP 401 Unauthorized; check headers_env"),
        (503, "<html>busy</html>", InfrastructureError, "HTTP 503 Service Unavailable$"),
        (200, "no JSON", InfrastructureError, "Failed to parse"),
    ],
)
async def test_errors_over_http_are_the_tools_or_ours(status: int, reply: str, kind: Any, said: str) -> None:
    async with raw_http(status, reply) as settings, session(settings) as env:
        for _ in range(2):
            with pytest.raises(kind, match=said):
                await env.call("t", {})


@pytest.mark.parametrize(
    ("command", "seconds", "message"),
    [
        (["/nowhere/server"], 20.0, "ended with status 127; it last wrote: cannot run /nowhere/server"),
        (
            [sys.executable, "-c", "raise SystemExit('no licence')"],
            20.0,
            "ended with status 1; it last wrote: no licence",
        ),
        ([sys.executable, str(SERVERS / "rude.py"), "mute"], 1.0, "did not start within 1 s"),
    ],
)
async def test_a_server_that_does_not_start_is_named(command: list[str], seconds: float, message: str) -> None:
    with pytest.raises(InfrastructureError, match=message):
        async with session({"command": command}, start_seconds=seconds):
            pass


async def test_names_that_two_servers_share_get_their_prefix_and_tasks_choose() -> None:
    servers = {"a": {"command": WORLD, "tools": ["add", "pid"]}, "b": {"command": WORLD, "tools": ["pid", "note"]}}
    async with session(servers) as env:
        assert [tool["function"]["name"] for tool in env.tools()] == ["add", "a_pid", "b_pid", "note"]
        assert await env.call("a_pid", {}) != await env.call("b_pid", {})
    async with session(servers, {"tools": ["b_pid"]}) as env:
        assert [tool["function"]["name"] for tool in env.tools()] == ["b_pid"]
    with pytest.raises(BrokenTaskError, match=r"env_args\.tools names 'pid'"):
        async with session(servers, {"tools": ["pid"]}):
            pass


async def test_a_server_sees_the_variables_that_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_TOKEN", "t-1")
    monkeypatch.setenv("NOT_NAMED", "x")
    async with session({"command": WORLD, "env": {"TOKEN": "OUR_TOKEN"}}) as env:
        assert await env.call("secret", {}) == "t-1 none"


PARENT = """
import asyncio, sys
from verl_agentic.core import Task
from verl_agentic.tool_envs.mcp.environment import McpEnvironment

async def main():
    env = McpEnvironment(servers={"w": {"command": [sys.executable, sys.argv[1]]}})
    await env.open(Task("t", [{"role": "user", "content": "Hi."}], [], "mcp", {}, "state", {}), 0)
    print(await env.call("pid", {}), await env.call("child", {}), flush=True)
    if sys.argv[2] == "wait":
        await env.call("freeze", {})

asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["end", "kill"])
def test_no_process_outlives_its_parent_however_that_ends(how: str) -> None:
    """Not even a frozen server, nor what it started in a session of its own."""
    command = [sys.executable, "-c", PARENT, WORLD[1], "wait" if how == "kill" else "end"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2
        if how == "kill":
            assert alive(pids[0])
            parent.kill()
        assert parent.wait(20) == (0 if how == "end" else -signal.SIGKILL)
    assert dead_within(10, *pids)
