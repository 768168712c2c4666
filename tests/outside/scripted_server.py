"""A chat endpoint on the loopback that plays a script for each URL, and ``verl-agentic rollout`` against it.

One server a process: each case has a path of its own, and so an endpoint of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import json
import os
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from aiohttp import web

KEY = "sk-outside-0123456789abcdefghij"
TOOLS = Path(__file__).with_name("endpoint_tools.py")
ANSWER = "<answer>done</answer>"

Body = dict[str, Any]
Answer = tuple[int, Any, dict[str, str]]
Script = Callable[[Body, int], Answer]
"""Answers the request with this body, which is the N-th from 0."""


def say(content: Any, finish: str = "stop", written: int = 5, **message: Any) -> Answer:
    """A reply of the model."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
    usage = {"prompt_tokens": 10, "completion_tokens": written, "total_tokens": 10 + written}
    return 200, {"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage}, {}


def call(
    name: str = "get", arguments: Any = '{"city": "Rome"}', one: Any = "call_a", content: Any = None, **more: Any
) -> Answer:
    """A reply with a native call."""
    calls = [{"id": one, "type": "function", "function": {"name": name, "arguments": arguments}}]
    return say(content, "tool_calls", tool_calls=calls, **more)


def fail(status: int, message: str, headers: dict[str, str] | None = None, **error: Any) -> Answer:
    """A refusal in OpenAI's form."""
    return status, {"error": {"message": message, **error}}, headers or {}


def turn(body: Body) -> int:
    """How many messages the model has said."""
    return sum(one["role"] == "assistant" for one in body["messages"])


def strict_problems(body: Body) -> list[str]:
    """What a strict server finds wrong with a request's messages."""
    problems: list[str] = []
    open_calls: list[str] = []
    seen: set[str] = set()
    for place, message in enumerate(body["messages"]):
        where = f"messages[{place}]"
        if message["role"] == "tool":
            if message.get("tool_call_id") not in open_calls:
                problems.append(f"{where}: tool message without a call")
            else:
                open_calls.remove(message["tool_call_id"])
            if not isinstance(message.get("content"), str):
                problems.append(f"{where}: tool message without text")
            continue
        if open_calls:
            problems.append(f"{where}: calls {open_calls} are not answered")
        open_calls = []
        if "tool_call_id" in message:
            problems.append(f"{where}: tool_call_id on a {message['role']} message")
        calls = message.get("tool_calls")
        if calls is None:
            if not isinstance(message.get("content"), str):
                problems.append(f"{where}: no content")
            continue
        if message["role"] != "assistant" or not calls:
            problems.append(f"{where}: empty or misplaced tool_calls")
        for one in calls:
            function = one.get("function", {})
            if one.get("type") != "function" or not one.get("id"):
                problems.append(f"{where}: call without id or type")
            if one.get("id") in seen:
                problems.append(f"{where}: id {one.get('id')!r} twice")
            seen.add(one.get("id"))
            if not function.get("name"):
                problems.append(f"{where}: call without a name")
            try:
                if not isinstance(json.loads(function.get("arguments")), dict):
                    problems.append(f"{where}: arguments are no object")
            except (TypeError, ValueError):
                problems.append(f"{where}: arguments are no JSON")
            open_calls.append(one.get("id"))
    if open_calls:
        problems.append(f"calls {open_calls} are not answered")
    return problems


@dataclass
class Rolled:
    """What ``verl-agentic rollout`` did."""

    status: int
    said: str
    bodies: list[Body]
    records: list[dict[str, Any]] = field(default_factory=list)

    @property
    def record(self) -> dict[str, Any]:
        assert self.records, f"exit {self.status}, no record: {self.said[-300:]}"
        return self.records[0]

    def ended(self, end: str, success: float | None = 1.0, **calls: int) -> None:
        """The first record ended so, by a verdict."""
        got = {name: self.record[name] for name in ("status", "end", "success", "calls", "error")}
        assert (got["status"], got["end"]) == ("judged", end), f"expected end {end}, got {got}"
        assert success is None or got["success"] == success, f"expected success {success}, got {got}"
        assert not calls or got["calls"] == calls, f"expected calls {calls}, got {got}"


class _Server:
    def __init__(self) -> None:
        self.scripts: dict[str, Script] = {}
        self.bodies: dict[str, list[Body]] = {}
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        asyncio.run_coroutine_threadsafe(self._serve(), self.loop).result(10)

    async def _serve(self) -> None:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/{name}/v1/chat/completions", self._handle)
        app.router.add_get("/{name}/v1/models", self._models)
        runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.root = f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def _models(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"object": "list", "data": [{"id": "m", "object": "model"}]})

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        body = await request.json()
        number = len(self.bodies[name])
        self.bodies[name].append(body)
        status, payload, headers = self.scripts[name](body, number)
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return web.Response(status=status, body=data, headers=headers, content_type="application/json")


@functools.cache
def server() -> _Server:
    """The process's."""
    return _Server()


def rollout(
    name: str,
    script: Script,
    *arguments: str,
    llm: dict[str, Any] | None = None,
    tools: tuple[tuple[str, ...], ...] = (("get", "now"),),
    key: str | None = None,
) -> Rolled:
    """Roll out one task for each of ``tools``, the names of those that it offers.

    Args:
        name: of the endpoint's path, unique within the process.
        script: what the endpoint answers.
        arguments: further arguments of the command.
        llm: keys of ``--llm``.
        tools: see above.
        key: the endpoint's key, ``None`` for none.
    """
    from verl_agentic.cli.main import main
    from verl_agentic.core import Task
    from verl_agentic.synthesis.rows import write_jsonl

    place = server()
    place.scripts[name], place.bodies[name] = script, []
    user = {"facts": [{"ask": ["city"], "say": "Rome."}]}
    prompt = [{"role": "user", "content": "How is the weather?"}]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        tasks = [
            Task("weather", prompt, [], "functions", {"tools": list(names)}, "calls", None, user, id=f"task-{number}")
            for number, names in enumerate(tools)
        ]
        write_jsonl(tasks, Path(folder) / "tasks.jsonl", "train")
        out = Path(folder) / "out.jsonl"
        options = {"budget_seconds": 6, "request_seconds": 5, **(llm or {})}
        command = ["rollout", "--model", f"{place.root}/{name}/v1", "--name", "m", "--concurrency", "1"]
        command += ["--tasks", f"{folder}/tasks.jsonl", "--out", str(out), "--reward", f"{TOOLS}:score"]
        command += ["--set", f"env_options.functions.tools=['{TOOLS}:get','{TOOLS}:now']", "--set", "attempts=1"]
        for option, value in options.items():
            command += ["--llm", f"{option}={json.dumps(value)}"]
        if key:
            stack.enter_context(mock.patch.dict(os.environ, {"OUTSIDE_KEY": key}))
            command += ["--api-key-env", "OUTSIDE_KEY"]
        written = io.StringIO()
        stack.enter_context(contextlib.redirect_stdout(written))
        stack.enter_context(contextlib.redirect_stderr(written))
        stack.enter_context(mock.patch("verl_agentic.llm.model._FIRST_DELAY", 0.002))
        status = main([*command, *arguments])
        records = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    return Rolled(status, written.getvalue(), place.bodies[name], records)
