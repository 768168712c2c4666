"""MCP servers that are odd."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from outside_case import Case
from server_play import ECHO, RAW, a_task, call, case, equal, failure_of, holds, names, opening, own, raw, warnings

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


def cases() -> Iterator[Case]:
    yield from odd_tools()
    yield from errors_of_tools()
    yield from lines()
    yield from results()
    yield from probes()
    yield from types_behind_references()
