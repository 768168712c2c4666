"""A real HTTP server that speaks chat completions, well or badly as a test wants it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from verl_agentic.llm.endpoint import forget_endpoints

KEY = "sk-unit-0123456789abcdefghij"
Handler = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]


class ScriptedEndpoint:
    """Plays ``script`` one request at a time, then answers each with ``content(body)``."""

    key = KEY

    def __init__(self) -> None:
        self.script: list[Handler] = []
        self.content: Callable[[dict[str, Any]], str] = lambda body: "ok"
        self.usage: dict[str, Any] | None = {
            "prompt_tokens": 100,
            "completion_tokens": 10,
            "prompt_tokens_details": {"cached_tokens": 40},
        }
        self.delay = 0.0
        self.models = ["judge-1"]
        self.bodies: list[dict[str, Any]] = []
        self.authorizations: list[str] = []
        self.in_flight = self.most_in_flight = 0
        self.arrived = threading.Event()
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(10)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._wind_up(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _wind_up(self) -> None:
        await self._runner.cleanup()
        # Those that hang on purpose.
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _serve(self) -> None:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/v1/chat/completions", self._handle)
        app.router.add_get("/v1/models", self._list_models)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"

    async def _list_models(self, request: web.Request) -> web.StreamResponse:
        self.authorizations.append(request.headers.get("Authorization", ""))
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "x"} for name in self.models]
        return web.json_response({"object": "list", "data": listed})

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.bodies.append(body)
        self.arrived.set()
        self.authorizations.append(request.headers.get("Authorization", ""))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self.script:
                return await self.script.pop(0)(request, body)
            await asyncio.sleep(self.delay)
            return web.json_response(self.completion(self.content(body)))
        finally:
            self.in_flight -= 1

    def completion(self, content: str | None, finish: str = "stop", **message: Any) -> dict[str, Any]:
        choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
        reply: dict[str, Any] = {"id": "1", "object": "chat.completion", "choices": [choice]}
        return {**reply, "usage": self.usage} if self.usage else reply

    # What a script is made of.

    def say(self, content: str | None, finish: str = "stop", **message: Any) -> Handler:
        return self.send(json.dumps(self.completion(content, finish, **message)).encode())

    def send(self, data: bytes) -> Handler:
        async def handler(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
            return web.Response(body=data, content_type="application/json")

        return handler

    def fail(self, status: int, message: str = "no", headers: dict[str, str] | None = None, **error: Any) -> Handler:
        async def handler(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
            data = {"error": {"message": message, **error}}
            return web.json_response(data, status=status, headers=headers)

        return handler

    async def hang(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError("nobody hung up")

    async def reset(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def reset_midway(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"choices": ')
        assert request.transport is not None
        request.transport.abort()
        return response

    async def drip(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b" ")
            await asyncio.sleep(0.02)
        return response


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedEndpoint]:
    """A running endpoint; ``UNIT_TEST_KEY`` holds its key, and retries come soon."""
    # Ports come round again, and an earlier test's bound is not this one's.
    forget_endpoints()
    monkeypatch.setenv("UNIT_TEST_KEY", KEY)
    monkeypatch.setattr("verl_agentic.llm.model._FIRST_DELAY", 0.02)
    server = ScriptedEndpoint()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def llm(endpoint: ScriptedEndpoint, tmp_path: Path) -> dict[str, Any]:
    """``agentic.llm`` for the endpoint."""
    return {
        "base_url": endpoint.url,
        "model": "judge-1",
        "api_key_env": "UNIT_TEST_KEY",
        "request_seconds": 20.0,
        "budget_seconds": 40.0,
        "prices": {"prompt": 2.0, "completion": 10.0, "cached": 0.5},
        "ledger": str(tmp_path / "usage.db"),
        "cache": str(tmp_path / "llm" / "replies.db"),
    }
