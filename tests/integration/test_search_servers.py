"""Tool services over HTTP, with real servers on the loopback: a retrieval server and a SandboxFusion one."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from verl_agentic.core import InfrastructureError, Task
from verl_agentic.tool_envs import Environment, ToolError
from verl_agentic.tool_envs.python.environment import PythonEnvironment
from verl_agentic.tool_envs.search.environment import SearchEnvironment

pytestmark = pytest.mark.integration
aiohttp = pytest.importorskip("aiohttp")
Handler = Callable[[dict[str, Any]], Awaitable[Any]]


class Server:
    """A JSON service that keeps what it was asked; its handler returns data, or a status and text."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.requests: list[dict[str, Any]] = []
        self.at_once = self.most_at_once = self.aborted = 0
        self.url = ""

    async def answer(self, request: Any) -> Any:
        body = await request.json()
        self.requests.append(body)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            said = await self.handler(body)
        except asyncio.CancelledError:
            self.aborted += 1
            raise
        finally:
            self.at_once -= 1
        if isinstance(said, tuple):
            return aiohttp.web.Response(status=said[0], text=said[1])
        return aiohttp.web.json_response(said)


@contextlib.asynccontextmanager
async def serving(handler: Handler, path: str) -> AsyncIterator[Server]:
    from aiohttp import web

    server = Server(handler)
    app = web.Application()
    app.router.add_post(path, server.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def opened(env: Environment) -> AsyncIterator[Environment]:
    await env.open(Task("t", [{"role": "user", "content": "?"}], [], "x", {}, "none", None), 0)
    try:
        yield env
    finally:
        await env.close()


async def retrieve(body: dict[str, Any]) -> Any:
    hits = [{"document": {"id": str(i), "contents": f'"About {i}"\nText {i}.'}, "score": 9.0 - i} for i in range(20)]
    results = []
    for query in body["queries"]:
        echo = {"document": {"id": "q", "contents": f'"{query}"\n{query}!'}, "score": 10}
        results.append([echo, *hits][: body["topk"]])
    return {"result": results}


async def test_a_search_shows_titles_and_texts() -> None:
    async with serving(retrieve, "/retrieve") as server, opened(SearchEnvironment(url=server.url + "/retrieve")) as env:
        assert await env.call("search", {"query": "x", "k": 2}) == "[1] x\nx!\n[2] About 0\nText 0."
        assert server.requests == [{"queries": ["x"], "topk": 2, "return_scores": True}]


async def test_queries_of_many_sessions_share_requests_and_get_their_own_results() -> None:
    async def slow(body: dict[str, Any]) -> Any:
        await asyncio.sleep(0.02)
        return await retrieve(body)

    async def session(number: int) -> None:
        async with opened(SearchEnvironment(url=server.url + "/retrieve", concurrency=4)) as env:
            k = 1 + number % 2
            said = await env.call("search", {"query": f"question {number}", "k": k})
            assert said.startswith(f"[1] question {number}\nquestion {number}!") and said.count("[") == k

    async with serving(slow, "/retrieve") as server:
        await asyncio.gather(*(session(number) for number in range(1000)))
        asked = [query for body in server.requests for query in body["queries"]]
        assert sorted(asked) == sorted(f"question {number}" for number in range(1000))
        assert len(server.requests) < 100
        assert 1 < server.most_at_once <= 4


async def test_passing_failures_are_repeated() -> None:
    replies: list[Any] = [(503, "busy"), (500, "oops"), (429, "slow down")]

    async def flaky(body: dict[str, Any]) -> Any:
        return replies.pop(0) if replies else await retrieve(body)

    async with serving(flaky, "/retrieve") as server, opened(SearchEnvironment(url=server.url + "/retrieve")) as env:
        assert await env.call("search", {"query": "x", "k": 1}) == "[1] x\nx!"
        assert len(server.requests) == 4


BROKEN: dict[str, tuple[Any, str]] = {
    "refusal": ((422, "no such field"), "status 422: no such field"),
    "no JSON": ((200, "<html>"), "not JSON"),
    "no result": ({"error": "x"}, "without a list of results"),
    "too few": ({"result": []}, "without a list of results"),
    "no list": ({"result": ["x"]}, "no list"),
    "no text": ({"result": [[{"document": {"id": "1"}, "score": 1}]]}, "must be an object with a"),
}


@pytest.mark.parametrize(("said", "message"), BROKEN.values(), ids=BROKEN)
async def test_nonsense_is_the_servers_fault(said: Any, message: str) -> None:
    async def broken(_body: dict[str, Any]) -> Any:
        return said

    async with serving(broken, "/retrieve") as server:
        async with opened(SearchEnvironment(url=server.url + "/retrieve")) as env:
            with pytest.raises(InfrastructureError, match=message):
                await env.call("search", {"query": "x"})
        assert len(server.requests) == 1


async def test_a_server_that_hangs_or_is_gone_is_the_servers_fault() -> None:
    async def hang(_body: dict[str, Any]) -> Any:
        await asyncio.sleep(60)

    async with serving(hang, "/retrieve") as server:
        env = SearchEnvironment(url=server.url + "/retrieve", seconds=0.1, retries=1)
        async with opened(env):
            with pytest.raises(InfrastructureError, match=r"failed 2 time\(s\), at last: no reply within 0.1 s"):
                await env.call("search", {"query": "x"})
    async with opened(SearchEnvironment(url=server.url + "/retrieve", retries=0)) as env:
        with pytest.raises(InfrastructureError, match="Connect"):
            await env.call("search", {"query": "x"})


async def test_cancelled_searches_abort_their_request_once_nobody_waits() -> None:
    async def hang(_body: dict[str, Any]) -> Any:
        await asyncio.sleep(60)

    async with serving(hang, "/retrieve") as server, opened(SearchEnvironment(url=server.url + "/retrieve")) as env:
        calls = [asyncio.ensure_future(env.call("search", {"query": str(i)})) for i in range(2)]
        await asyncio.sleep(0.1)
        calls[0].cancel()
        await asyncio.sleep(0.1)
        assert len(server.requests) == 1 and not server.aborted
        calls[1].cancel()
        await asyncio.wait(calls)
        for _ in range(100):
            if server.aborted:
                break
            await asyncio.sleep(0.02)
        assert server.aborted == 1


async def run_for_real(body: dict[str, Any]) -> Any:
    """SandboxFusion's reply, by a process of its own."""
    assert body["language"] == "python"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", body["code"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), body["run_timeout"])
        status, code = "Finished", process.returncode
    except asyncio.TimeoutError:
        process.kill()
        out, err = await process.communicate()
        status, code = "TimeLimitExceeded", None
    result = {"status": status, "return_code": code, "stdout": out.decode(), "stderr": err.decode()}
    return {"status": "Failed" if code else "Success", "message": "", "compile_result": None, "run_result": result}


def fusion(server: Server) -> PythonEnvironment:
    return PythonEnvironment(url=server.url, seconds=1, retries=1)


async def test_programs_run_at_a_service_without_state() -> None:
    async with serving(run_for_real, "/run_code") as server, opened(fusion(server)) as env:
        assert "starts afresh" in env.tools()[0]["function"]["description"]
        assert await env.call("python", {"code": "x = 6 * 7\nprint(x)"}) == "42"
        assert "NameError" in await env.call("python", {"code": "print(x)"})
        assert await env.call("python", {"code": "pass"}) == "(no output)"
        assert len(await env.call("python", {"code": "print('y' * 10**6)"})) < 4100
        for code, said in (
            ("print('half', flush=True); import os; os.kill(os.getpid(), 9)", "half\n[the program was killed, as for"),
            ("import os; os.write(2, b'warned'); os.abort()", "warned\n[the program crashed: SIGABRT]"),
            ("raise SystemExit(3)", "[the program exited with status 3]"),
            ("raise SystemExit('no')", "no"),
        ):
            assert (await env.call("python", {"code": code})).startswith(said)
        started = time.monotonic()
        with pytest.raises(ToolError, match="takes too long"):
            await env.call("python", {"code": "while True: pass"})
        assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"status": "SandboxError", "message": "no runner", "run_result": None}, "SandboxError: no runner"),
        ({"status": "Success", "run_result": {"status": "Error"}}, "run status Error"),
        (["what"], "could not run"),
        ((500, "down"), "status 500: down"),
    ],
)
async def test_a_sandbox_that_fails_is_nobodys_program(said: Any, message: str) -> None:
    async def broken(_body: dict[str, Any]) -> Any:
        return said

    async with serving(broken, "/run_code") as server, opened(fusion(server)) as env:
        with pytest.raises(InfrastructureError, match=message):
            await env.call("python", {"code": "1"})
