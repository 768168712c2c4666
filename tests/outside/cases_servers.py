"""Tool servers and tools: MCP servers that are odd, tools that exit or hang, the interpreter, SandboxFusion."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from outside_case import Case

RAW = Path(__file__).with_name("raw_mcp.py")
ECHO = {"name": "echo", "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}}}


def case(kind: str, name: str, check: Callable[..., Any], *args: Any, sure: bool = True, **kwargs: Any) -> Case:
    """One that was reported."""
    return Case(kind, name, partial(check, *args, **kwargs), sure)


def own(kind: str, name: str, check: Callable[..., Any], *args: Any, sure: bool = True, **kwargs: Any) -> Case:
    """One around them."""
    return Case(kind, name, partial(check, *args, **kwargs), sure, own=True)


def cases() -> Iterator[Case]:
    yield from odd_tools()
    yield from errors_of_tools()
    yield from lines()
    yield from results()
    yield from probes()
    yield from types_behind_references()
    yield from exits()
    yield from stubborn()
    yield from streams()
    yield from fusion()
    yield from packages()


# What is common


def equal(got: Any, expected: Any) -> None:
    assert got == expected, f"got {got!r}, expected {expected!r}"


def holds(text: str, *parts: str) -> None:
    missing = [part for part in parts if part not in text]
    assert not missing, f"got {text!r}, expected it to hold {missing}"


def a_task(env: str, **env_args: Any) -> Any:
    from verl_agentic.core import Task

    return Task("t", [{"role": "user", "content": "Hi."}], [], env, env_args, "none", None)


def call(name: str, **arguments: Any) -> str:
    return f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


@contextlib.asynccontextmanager
async def dialogue(env: str, options: dict[str, Any], **env_args: Any) -> AsyncIterator[Any]:
    """An opened dialogue: ``said(text)`` is what the tool says to it, ``tools`` what is offered."""
    from verl_agentic.rollout import Dialogue
    from verl_agentic.rollout.limits import DialogueLimits
    from verl_agentic.tool_envs import make_environment

    class Opened:
        def __init__(self) -> None:
            self.tools: list[dict[str, Any]] = []

        async def said(self, text: str) -> str:
            return str((await one.feed(text))[-1]["content"])

    opened = Opened()
    limits = DialogueLimits(call_seconds=8, grace_seconds=0.2)
    async with Dialogue(a_task(env, **env_args), make_environment(env, None, {env: options}), limits) as one:
        opened.tools = await one.open()
        yield opened


@contextlib.asynccontextmanager
async def raw(spec: dict[str, Any], **env_args: Any) -> AsyncIterator[Any]:
    """A dialogue with the tools of a scripted server."""
    server = {"command": [sys.executable, "-I", "-S", str(RAW), json.dumps(spec)]}
    options = {"servers": {"raw": server}, "share": "session", "start_seconds": 20.0, "check_seconds": 1.0}
    async with dialogue("mcp", options, **env_args) as opened:
        yield opened


async def failure_of(work: Any) -> Exception:
    """What it raises."""
    try:
        await work
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


async def opening(spec: dict[str, Any], **env_args: Any) -> None:
    async with raw(spec, **env_args):
        pass


def names(opened: Any) -> list[str]:
    return [tool["function"]["name"] for tool in opened.tools]


@contextlib.contextmanager
def warnings() -> Iterator[list[str]]:
    """Messages that are logged as warnings or worse meanwhile."""
    found: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    keeper = Keeper(logging.WARNING)
    logging.getLogger().addHandler(keeper)
    try:
        yield found
    finally:
        logging.getLogger().removeHandler(keeper)


# G10: one odd tool


def odd(schema: Any, **more: Any) -> dict[str, Any]:
    return {"name": "odd", "inputSchema": schema, **more}


def prop(**schema: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"x": schema}}


DRAFT_7 = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    **prop(type="array", items=[{"type": "string"}, {"type": "number"}], additionalItems=False),
}


def odd_tools() -> Iterator[Case]:
    reported = {
        "mcp-schema-anyof": odd({"anyOf": [{"type": "object"}]}),
        "mcp-schema-required-true": odd(prop(type="string", required=True)),
        "mcp-schema-bad-type": odd(prop(type="text")),
        "mcp-schema-missing": {"name": "odd", "description": "d"},
        "mcp-tool-null": None,
        "mcp-schema-enum-null": odd(prop(type="string", enum=None)),
        "mcp-schema-default-type": odd({"type": ["object", "null"], "properties": {}}),
        "mcp-schema-dependencies": odd(DRAFT_7),
    }
    for name, tool in reported.items():
        yield case("G10", name, others_work, tool)
    around: dict[str, Any] = {
        "a-name-that-is-null": {"name": None, "inputSchema": {"type": "object"}},
        "no-name": {"inputSchema": {"type": "object"}},
        "an-empty-name": {"name": "", "inputSchema": {"type": "object"}},
        "a-text-for-a-tool": "odd",
        "a-list-for-a-schema": odd([]),
        "true-for-a-schema": odd(True),
        "a-schema-of-a-text": odd({"type": "string"}),
        "properties-as-a-list": odd({"type": "object", "properties": []}),
        "a-reference-to-nothing": odd(prop(**{"$ref": "#/$defs/Missing"})),
        "a-reference-elsewhere": odd(prop(**{"$ref": "https://example.com/s.json"})),
        "a-reference-to-itself": odd({"type": "object", "$ref": "#"}),
        "a-bad-pattern": odd(prop(type="string", pattern="[a-")),
        "a-bad-pattern-of-names": odd({"type": "object", "patternProperties": {"(": {"type": "string"}}}),
        "a-negative-length": odd(prop(type="string", minLength=-1)),
        "a-number-for-a-description": odd({"type": "object"}, description=5),
        "annotations-as-a-text": odd({"type": "object"}, annotations="none"),
        "an-output-schema-that-is-none": odd({"type": "object"}, outputSchema=7),
        "a-dialect-nobody-knows": odd({"$schema": "https://example.com/mine", "type": "object"}),
        "nulls-for-what-is-empty": odd({"type": "object", "properties": None, "required": None}),
        "a-name-that-is-cleaned": {"name": "od.d", "inputSchema": 5},
        "a-dialect-that-is-no-text": odd({"$schema": {}, "type": "object"}),
    }
    for name, tool in around.items():
        yield own("G10", name, others_work, tool)
    for name in ("mcp-schema-missing", "mcp-schema-default-type", "mcp-schema-anyof"):
        yield own("G10", f"read-{name}", is_read, reported[name])
    yield own("G10", "read-a-number-for-a-description", is_read, around["a-number-for-a-description"])
    yield own("G10", "read-a-draft-04-limit", is_read, odd(prop(type="number", minimum=0, exclusiveMinimum=True)))
    yield own("G10", "draft-07-is-enforced", draft_7_is_enforced)
    yield own("G10", "2019-09-is-enforced", draft_2019_is_enforced)
    yield own("G10", "2020-12-is-enforced", draft_2020_is_enforced)
    yield own("G10", "named-in-a-warning", named_in_a_warning)
    yield own("G10", "on-a-later-page", on_a_later_page)
    yield own("G10", "a-task-that-needs-it", a_task_that_needs_it)
    yield own("G10", "a-task-that-needs-it-as-offered", a_task_that_needs_it, "od.d", "od_d")
    yield own("G10", "a-list-that-is-none", a_list_that_is_none)
    yield own("G10", "good-tools-only", good_tools_only)


async def others_work(tool: Any) -> None:
    async with raw({"tools": [ECHO, tool]}) as opened:
        equal(await opened.said(call("echo", text="hi")), "echo: hi")


async def is_read(tool: Any) -> None:
    async with raw({"tools": [ECHO, tool]}) as opened:
        equal(names(opened), ["echo", "odd"])
        equal(await opened.said(call("odd")), "odd: ")


async def draft_7_is_enforced() -> None:
    async with raw({"tools": [odd(DRAFT_7)]}) as opened:
        equal(opened.tools[0]["function"]["parameters"].get("$schema"), DRAFT_7["$schema"])
        equal(await opened.said(call("odd", x=["a", 1])), "odd: ")
        holds(await opened.said(call("odd", x=["a", "b"])), "bad arguments at x.1")
        holds(await opened.said(call("odd", x=["a", 1, 2])), "bad arguments at x")


async def draft_2019_is_enforced() -> None:
    schema = {"$schema": "https://json-schema.org/draft/2019-09/schema", **prop(items=[{"type": "string"}])}
    async with raw({"tools": [odd(schema)]}) as opened:
        equal(await opened.said(call("odd", x=["a", 1])), "odd: ")
        holds(await opened.said(call("odd", x=[1])), "bad arguments at x.0")


async def draft_2020_is_enforced() -> None:
    async with raw({"tools": [odd(prop(prefixItems=[{"type": "string"}], items=False))]}) as opened:
        equal(await opened.said(call("odd", x=["a"])), "odd: ")
        holds(await opened.said(call("odd", x=["a", "b"])), "bad arguments at x")


async def named_in_a_warning() -> None:
    with warnings() as found:
        tool = {"name": "quite_odd", "inputSchema": prop(type="text")}
        for _ in range(2):
            async with raw({"tools": [ECHO, tool]}) as opened:
                equal(names(opened), ["echo"])
    about = [text for text in found if "quite_odd" in text]
    equal(len(about), 1)
    holds(about[0], "'raw'", "'text'")


async def on_a_later_page() -> None:
    async with raw({"tools": [ECHO], "pages": [[None, {"name": "last", "inputSchema": {"type": "object"}}]]}) as opened:
        equal(names(opened), ["echo", "last"])


async def a_task_that_needs_it(name: str = "odd", chosen: str = "odd") -> None:
    from verl_agentic.core import UserInputError

    tool = {"name": name, "inputSchema": prop(type="text")}
    error = await failure_of(opening({"tools": [ECHO, tool]}, tools=["echo", chosen]))
    assert isinstance(error, UserInputError), f"got {error!r}"
    holds(str(error), repr(chosen), "'raw'", "'text'")


async def a_list_that_is_none() -> None:
    from verl_agentic.core import InfrastructureError

    error = await failure_of(opening({"tools": {"echo": {}}}))
    assert isinstance(error, InfrastructureError), f"got {error!r}"
    holds(str(error), "'raw'")


async def good_tools_only() -> None:
    async with raw({"tools": [ECHO, {"name": "b", "inputSchema": {"type": "object"}}]}) as opened:
        equal(names(opened), ["echo", "b"])
        holds(await opened.said(call("echo", text=5)), "bad arguments at text")
        equal(opened.tools[1]["function"]["parameters"], {"type": "object", "properties": {}})


# G11: a tool's failure as a JSON-RPC error


def error_line(code: Any, message: Any, **more: Any) -> str:
    return f'{{"jsonrpc":"2.0","id":@ID,"error":{json.dumps({"code": code, "message": message, **more})}}}'


def errors_of_tools() -> Iterator[Case]:
    yield case("G11", "mcp-rpc-internal", told, -32603, "ENOENT: no such file or directory 'x'")
    yield case("G11", "mcp-rpc-not-found", told, -32002, "Resource not found")
    yield case("G11", "mcp-rpc-validation", told, -32603, "Invalid arguments for tool echo: at least 3 character(s)")
    yield own("G11", "server-error", told, -32000, "boom")
    yield own("G11", "invalid-params", told, -32602, "text is too short")
    yield own("G11", "a-status", told, 404, "no such page")
    yield own("G11", "code-of-one", told, 1, "failed")
    yield own("G11", "code-of-zero", told, 0, "failed")
    yield own("G11", "with-data", told, -32603, "failed", data={"trace": "x"})
    yield own("G11", "another-server-error", told, -32050, "quota of this tool is spent")
    for name, code in (("parse-error", -32700), ("invalid-request", -32600), ("no-method", -32601)):
        yield own("G11", f"ours-{name}", ours, error_line(code, "broken"), "broken")
    yield own("G11", "ours-timeout", ours, error_line(-32001, "Request timed out"), "timed out")
    yield own("G11", "ours-closed", ours, error_line(-32000, "Connection closed"), "closed")
    yield own("G11", "ours-death", ours, "exit", "ended with status 3")


async def told(code: int, message: str, **more: Any) -> None:
    async with raw({"reply": {"bad": [error_line(code, message, **more)]}}) as opened:
        equal(await opened.said(call("echo", text="bad")), f"Error: {message}")
        equal(await opened.said(call("echo", text="hi")), "echo: hi")


async def ours(reply: str, said: str) -> None:
    from verl_agentic.core import InfrastructureError

    async with raw({"reply": {"bad": reply if reply == "exit" else [reply]}}) as opened:
        error = await failure_of(opened.said(call("echo", text="bad")))
        assert isinstance(error, InfrastructureError), f"got {error!r}"
        holds(str(error), "'raw'", said)


# G12: lines that are no messages


def text_line(text: str, **more: Any) -> str:
    """A reply with that text, which is put in as it is, escapes and all."""
    return f'{{"jsonrpc":"2.0","id":@ID,"result":{{"content":[{{"type":"text","text":"{text}"}}]}}}}'


def lines() -> Iterator[Case]:
    yield case("G12", "mcp-stdout-json-log", stray, '{"level":"info","msg":"server started"}')
    yield case("G12", "mcp-surrogate-low", reads, text_line(r"snippet ends \udee0"), "snippet ends \ufffd")
    yield case(
        "G12",
        "mcp-surrogate-in-error",
        reads,
        r'{"jsonrpc":"2.0","id":@ID,"result":{"isError":true,"content":[{"type":"text","text":"bad \ud83d"}]}}',
        "Error: bad \ufffd",
    )
    yield case("G12", "mcp-shared-one-bad-reply", one_of_three, text_line(r"a\ud83d"), "a\ufffd")
    yield own("G12", "stray-text", stray, "Server listening on stdio")
    yield own("G12", "stray-list", stray, '[{"jsonrpc":"2.0"}]')
    yield own("G12", "stray-cut-json", stray, '{"level":"info","msg":"sta')
    yield own("G12", "stray-braces", stray, "{" * 50_000)
    yield own("G12", "stray-log-with-an-id", stray, '{"level":50,"id":1,"error":"none yet"}')
    yield own("G12", "stray-long-log", stray, '{"level":"info","msg":"' + "x" * 100_000 + '"}')
    yield own("G12", "a-log-between", reads, '{"level":"warn"}', "fine", text_line("fine"))
    yield own("G12", "surrogate-pair-stays", reads, text_line(r"smile \ud83d\ude00"), "smile \U0001f600")
    yield own("G12", "surrogates-reversed", reads, text_line(r"\ude00\ud83d"), "\ufffd\ufffd")
    yield own("G12", "escaped-backslash-stays", reads, text_line(r"C:\\ud83d"), r"C:\ud83d")
    yield own("G12", "escapes-after-one", reads, text_line(r"\ud83d\n\u00e9"), "\ufffd\né")
    yield own("G12", "bytes-that-are-no-utf-8", reads, text_line("caf\udce9"), "caf\ufffd")
    yield own("G12", "surrogate-in-a-description", surrogate_in_a_description)
    unreadable = '{"jsonrpc":"2.0","id":@ID,"result":7}'
    yield own("G12", "only-its-own-call", one_of_three, unreadable, "MCP server 'raw'")
    yield own(
        "G12", "only-its-own-call-cut", one_of_three, '{"jsonrpc":"2.0","id":@ID,"result":{"con', "MCP server 'raw'"
    )
    yield own(
        "G12", "an-error-that-is-a-text", reads, '{"jsonrpc":"2.0","id":@ID,"error":"no such row"}', "no such row"
    )


async def stray(line: str) -> None:
    async with raw({"start": [line]}) as opened:
        equal(await opened.said(call("echo", text="hi")), "echo: hi")


async def reads(line: str, expected: str, *more: str) -> None:
    async with raw({"reply": {"odd": [line, *more]}}) as opened:
        holds(await opened.said(call("echo", text="odd")), expected)
        equal(await opened.said(call("echo", text="hi")), "echo: hi")


async def surrogate_in_a_description() -> None:
    async with raw({"tools": [{**ECHO, "description": "ends \ud83d"}]}) as opened:
        equal(opened.tools[0]["function"]["description"], "ends \ufffd")


async def one_of_three(line: str, expected: str) -> None:
    """Three sessions share a server; one is answered with ``line`` while the others wait."""
    from verl_agentic.core import InfrastructureError
    from verl_agentic.tool_envs.mcp.connection import close_shared_connections
    from verl_agentic.tool_envs.mcp.environment import McpEnvironment

    spec = {"reply": {"wait": [], "odd": [line], "go": [text_line("go").replace("@ID", "@ID")]}}
    server = {"command": [sys.executable, "-I", "-S", str(RAW), json.dumps(spec)]}
    sessions = [McpEnvironment(servers={"raw": server}, check_seconds=1.0) for _ in range(3)]
    try:
        for session in sessions:
            await session.open(a_task("mcp"), 0)
        waiting = [asyncio.create_task(session.call("echo", {"text": "wait"})) for session in sessions[:2]]
        await asyncio.sleep(0.05)
        try:
            said = await asyncio.wait_for(sessions[2].call("echo", {"text": "odd"}), 5)
        except InfrastructureError as error:
            said = str(error)
        holds(said, expected)
        await asyncio.sleep(0.05)
        equal([task.done() for task in waiting], [False, False])
        equal(await sessions[0].call("echo", {"text": "hi"}), "echo: hi")
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    finally:
        for session in sessions:
            await session.close()
        await close_shared_connections()


# G13: results that are odd


def result_line(**result: Any) -> str:
    return f'{{"jsonrpc":"2.0","id":@ID,"result":{json.dumps(result)}}}'


OUTPUT = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def results() -> Iterator[Case]:
    text = {"type": "text", "text": "seen"}
    yield case("G13", "mcp-output-schema-unstructured", result, {"content": [text]}, "seen", sure=False)
    yield case(
        "G13",
        "mcp-unknown-block",
        result,
        {"content": [text, {"type": "hologram"}]},
        "seen\n[hologram content]",
        sure=False,
    )
    odd_one = {"content": [text], "structuredContent": {"n": "x"}}
    yield own("G13", "structured-does-not-match", result, odd_one, "seen", sure=False)
    yield own("G13", "structured-only", result, {"content": [], "structuredContent": {"n": 1}}, '{"n": 1}')
    yield own("G13", "structured-without-content", result, {"structuredContent": {"n": 1}}, '{"n": 1}', sure=False)
    yield own("G13", "structured-a-list", result, {"content": [text], "structuredContent": [1]}, "seen", sure=False)
    yield own("G13", "matches", result, {"content": [text], "structuredContent": {"n": 1}}, "seen")
    yield own("G13", "a-block-that-is-null", result, {"content": [text, None]}, "seen\n[null content]", sure=False)
    yield own(
        "G13", "a-block-without-a-type", result, {"content": [{"x": 1}, text]}, "[unknown content]\nseen", sure=False
    )
    yield own(
        "G13",
        "a-text-that-is-none",
        result,
        {"content": [{"type": "text", "text": None}, text]},
        "[text content]\nseen",
        sure=False,
    )
    yield own(
        "G13",
        "an-image",
        result,
        {"content": [{"type": "image", "data": "AA==", "mimeType": "image/png"}]},
        "[image: image/png]",
    )
    yield own(
        "G13",
        "an-image-without-a-type",
        result,
        {"content": [{"type": "image", "data": "AA=="}, text]},
        "[image content]\nseen",
        sure=False,
    )
    yield own(
        "G13", "an-odd-annotation", result, {"content": [{**text, "annotations": {"priority": 9}}]}, "seen", sure=False
    )
    yield own(
        "G13",
        "an-error-with-one",
        result,
        {"content": [text, {"type": "new"}], "isError": True},
        "Error: seen\n[new content]",
        sure=False,
    )


async def result(given: dict[str, Any], expected: str) -> None:
    tool = {**ECHO, "outputSchema": OUTPUT}
    async with raw({"tools": [tool], "reply": {"odd": [result_line(**given)]}}) as opened:
        equal(await opened.said(call("echo", text="odd")), expected)


# G13b: servers of before 2026


def probes() -> Iterator[Case]:
    yield case("G13b", "mcp-silent-unknown", starts, {"unknown": "silent"}, 3.0, sure=False)
    yield own("G13b", "ends-at-unknown", starts, {"unknown": "exit"}, 3.0, sure=False)
    yield own(
        "G13b", "silent-and-talkative", starts, {"unknown": "silent", "start": ["Listening", "{}"]}, 3.0, sure=False
    )
    yield own("G13b", "refuses-unknown", starts, {}, 1.0)
    yield own("G13b", "ends-for-good-is-named", ends_for_good)


async def starts(spec: dict[str, Any], seconds: float) -> None:
    started = time.monotonic()
    async with raw(spec) as opened:
        took = time.monotonic() - started
        equal(await opened.said(call("echo", text="hi")), "echo: hi")
    assert took < seconds + 2.0, f"took {took:.1f} s to start"  # a busy machine's share


async def ends_for_good() -> None:
    from verl_agentic.core import InfrastructureError
    from verl_agentic.tool_envs.mcp.environment import McpEnvironment

    program = "import sys; print('no licence', file=sys.stderr); sys.exit(4)"
    env = McpEnvironment(servers={"raw": {"command": [sys.executable, "-I", "-S", "-c", program]}}, share="session")
    error = await failure_of(env.open(a_task("mcp"), 0))
    await env.close()
    assert isinstance(error, InfrastructureError), f"got {error!r}"
    holds(str(error), "'raw'", "status 4", "no licence")


# G5: types behind references, of tools that servers describe so


def types_behind_references() -> Iterator[Case]:
    yield case("G5", "mcpo-v1-stdio", enum_of_texts, {"$ref": "#/$defs/Color"})
    yield case("G5", "mcpo-v2-http", enum_of_texts, {"$ref": "#/$defs/Color", "description": "of what is shipped"})
    yield own("G5", "mcpo-plain", enum_of_texts, {"enum": ["red", "1"], "type": "string"})


async def enum_of_texts(schema: dict[str, Any]) -> None:
    given = {
        "$defs": {"Color": {"enum": ["red", "1"], "title": "Color", "type": "string"}},
        "type": "object",
        "properties": {"text": schema},
        "required": ["text"],
    }
    async with raw({"tools": [{"name": "ship", "inputSchema": given}]}) as opened:
        text = "<tool_call>\n<function=ship>\n<parameter=text>\n1\n</parameter>\n</function>\n</tool_call>"
        equal(await opened.said(text), "ship: 1")


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


# G24: output through a stream of an earlier cell


def streams() -> Iterator[Case]:
    yield case(
        "G24",
        "py-logging-second-cell",
        cells,
        "import logging; logging.basicConfig(level=logging.INFO); logging.info('first')",
        "logging.info('second')",
        "INFO:root:second",
    )
    yield case(
        "G24",
        "py-print-default-file",
        cells,
        "import functools, sys; p = functools.partial(print, file=sys.stdout); p('one')",
        "p('two')",
        "two",
    )
    yield case(
        "G24",
        "py-logging-handler",
        cells,
        "import logging, sys\nl = logging.getLogger('x')\n"
        "l.addHandler(logging.StreamHandler(sys.stdout))\nl.warning('one')",
        "l.warning('two')",
        "two",
    )
    yield case(
        "G24",
        "py-from-sys-import-stdout",
        cells,
        "from sys import stdout; print('one', file=stdout)",
        "print('two', file=stdout)",
        "two",
    )
    yield case(
        "G24",
        "py-default-argument-stdout",
        cells,
        "import sys\ndef say(x, out=sys.stdout):\n    print(x, file=out)\nsay('one')",
        "say('two')",
        "two",
    )
    yield own("G24", "stderr-by-name", cells, "from sys import stderr", "stderr.write('two\\n'); None", "two")
    yield own("G24", "a-bound-write", cells, "import sys; w = sys.stdout.write", "n = w('two')", "two")
    yield own(
        "G24",
        "print-to-a-list",
        cells,
        "import sys; outs = [sys.stdout, sys.stderr]",
        "for o in outs: print('x', file=o)",
        "x\nx",
    )
    yield own(
        "G24",
        "stdout-replaced-and-not-put-back",
        cells,
        "import io, sys; sys.stdout = io.StringIO()",
        "print('two')",
        "two",
    )
    yield own("G24", "stdout-closed", cells, "import sys; sys.stdout.close()", "print('two')", "two")
    yield own(
        "G24",
        "redirected",
        cells,
        "import contextlib, io",
        "b = io.StringIO()\nwith contextlib.redirect_stdout(b): print('no')\nprint('yes')",
        "yes",
    )
    yield own("G24", "what-was-said-is-not-said-again", cells, "print('one')", "print('two')", "two")
    yield own("G24", "each-cell-has-its-own-limit", cells, "print('a' * 100000)", "print('two')", "two")
    yield own("G24", "the-limit-holds-for-old-streams", limit_holds)


async def cells(first: str, second: str, expected: str) -> None:
    async with dialogue("python", {"packages": []}) as opened:
        await opened.said(call("python", code=first))
        equal(await opened.said(call("python", code=second)), expected)


async def limit_holds() -> None:
    async with dialogue("python", {"packages": [], "max_chars": 100}) as opened:
        await opened.said(call("python", code="from sys import stdout"))
        said = await opened.said(call("python", code="print('b' * 100000, file=stdout)"))
        equal(said, "b" * 100 + "\n... [99901 more characters]")


# G25: SandboxFusion


def fusion() -> Iterator[Case]:
    yield case("G25", "fusion-rc-137", fusion_says, {"return_code": 137}, "killed")
    yield case("G25", "fusion-rc-139", fusion_says, {"return_code": -11}, "crashed")
    yield case("G25", "fusion-rc-1-silent", fusion_says, {"return_code": 1}, "status 1")
    yield case("G25", "fusion-no-memory-limit--1", no_memory_limit, -1, sure=False)
    yield case("G25", "fusion-no-memory-limit-None", no_memory_limit, None, sure=False)
    yield own("G25", "killed-by-signal", fusion_says, {"return_code": -9}, "killed")
    yield own("G25", "crashed-by-status", fusion_says, {"return_code": 139}, "crashed")
    yield own(
        "G25", "killed-after-a-warning", fusion_says, {"return_code": -9, "stderr": "warned"}, "warned\n", "killed"
    )
    yield own("G25", "another-status", fusion_says, {"return_code": 42}, "status 42")
    yield own("G25", "killed-after-output", fusion_says, {"return_code": 137, "stdout": "half\n"}, "half\n", "killed")
    yield own("G25", "fine-and-silent", fusion_says, {"return_code": 0}, "(no output)")
    yield own("G25", "no-status", fusion_says, {}, "(no output)")
    yield own("G25", "traceback-is-enough", fusion_is, {"return_code": 1, "stderr": "ValueError: x"}, "ValueError: x")
    yield own("G25", "fine-with-output", fusion_is, {"return_code": 0, "stdout": "4\n"}, "4")
    yield own("G25", "memory-limit-is-sent", memory_limit_is_sent)
    yield own("G25", "memory-limit-needed-here", memory_limit_needed_here, None)
    yield own("G25", "memory-limit-of-zero", memory_limit_needed_here, 0)


@contextlib.asynccontextmanager
async def service(result: dict[str, Any], **options: Any) -> AsyncIterator[tuple[Any, list[dict[str, Any]]]]:
    from aiohttp import web

    asked: list[dict[str, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(await request.json())
        run = {"status": "Finished", "stdout": "", "stderr": "", **result}
        return web.json_response({"status": "Success", "run_result": run})

    app = web.Application()
    app.router.add_post("/run_code", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with dialogue("python", {"url": url, **options}) as opened:
            yield opened, asked
    finally:
        await runner.cleanup()


async def fusion_says(result: dict[str, Any], *parts: str) -> None:
    async with service(result) as (opened, _):
        holds(await opened.said(call("python", code="x")), *parts)


async def fusion_is(result: dict[str, Any], expected: str) -> None:
    async with service(result) as (opened, _):
        equal(await opened.said(call("python", code="x")), expected)


async def no_memory_limit(given: Any) -> None:
    async with service({"stdout": "4"}, memory_mb=given) as (opened, asked):
        equal(await opened.said(call("python", code="x")), "4")
        assert asked[0].get("memory_limit_MB", -1) == -1, f"sent {asked[0]}"


async def memory_limit_is_sent() -> None:
    async with service({"stdout": "4"}, memory_mb=256) as (opened, asked):
        await opened.said(call("python", code="x"))
        equal(asked[0].get("memory_limit_MB"), 256)


async def memory_limit_needed_here(given: Any) -> None:
    from verl_agentic.core import UserInputError
    from verl_agentic.tool_envs import make_environment

    try:
        make_environment("python", None, {"python": {"memory_mb": given}})
    except UserInputError as error:
        holds(str(error), "env_options.python.memory_mb")
        return
    raise AssertionError("accepted")


# G28: what the interpreter can import


def packages() -> Iterator[Case]:
    yield case("G28", "py-numpy-default", imports, {}, "import numpy; int(numpy.arange(4).sum())", "6")
    yield own("G28", "sympy-default", imports, {}, "import sympy; sympy.sqrt(8)", "2*sqrt(2)")
    yield own("G28", "other-options-keep-it", imports, {"seconds": 9.0}, "import numpy; numpy.__name__", "'numpy'")
    yield own("G28", "none-where-none-are-wanted", imports, {"packages": []}, "import numpy", "ModuleNotFoundError")
    yield own("G28", "others-stay-hidden", imports, {}, "import jsonschema", "ModuleNotFoundError")


async def imports(options: dict[str, Any], code: str, expected: str) -> None:
    async with dialogue("python", options) as opened:
        holds(await opened.said(call("python", code=code)), expected)
