"""MCP tools, results and settings as the policy and the configuration see them."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("mcp")

from mcp_types import Tool

from verl_agentic.core import UserInputError
from verl_agentic.tool_envs.mcp.environment import McpEnvironment
from verl_agentic.tool_envs.mcp.mending import is_tools_failure
from verl_agentic.tool_envs.mcp.settings import ServerSettings, read_servers
from verl_agentic.tool_envs.mcp.tools import offer, readable_result, readable_tools


def tool(name: str, **schema: Any) -> Tool:
    return Tool(name=name, input_schema={"type": "object", **schema})


def test_only_tools_of_one_name_get_their_servers_prefix() -> None:
    offered = offer({"files": [tool("read"), tool("list")], "web": [tool("read"), tool("a.b/c")]})
    assert {name: (one.server, one.name) for name, one in offered.items()} == {
        "files_read": ("files", "read"),
        "list": ("files", "list"),
        "web_read": ("web", "read"),
        "a_b_c": ("web", "a.b/c"),
    }
    assert offered["a_b_c"].schema["function"]["name"] == "a_b_c"


def test_names_that_clash_even_so_are_refused() -> None:
    with pytest.raises(UserInputError, match=r"web/a\.b and web/a/b would both be 'web_a_b'"):
        offer({"web": [tool("a.b"), tool("a/b")]})


DRAFT_7 = "http://json-schema.org/draft-07/schema#"


def test_the_schema_is_kept_and_so_is_its_draft() -> None:
    given = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    function = offer({"s": [Tool(name="t", input_schema=given)]})["t"].schema["function"]
    assert function["parameters"] == given
    assert offer({"s": [tool("t")]})["t"].schema["function"]["parameters"] == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (None, {"type": "object"}),
        ({}, {"type": "object"}),
        ({"type": ["null", "object"], "required": ["a"]}, {"type": "object", "required": ["a"]}),
        ({"type": None, "properties": None, "required": None}, {"type": "object"}),
        ({"anyOf": [{"type": "object"}]}, {"type": "object", "anyOf": [{"type": "object"}]}),
        ({"$schema": DRAFT_7, "type": "object"}, {"$schema": DRAFT_7, "type": "object"}),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema"}, {"type": "object"}),
        ({"$schema": "https://example.org/other"}, {"type": "object"}),
        (
            {"type": "object", "properties": {"x": {"items": [{}]}}},
            {"$schema": DRAFT_7, "type": "object", "properties": {"x": {"items": [{}]}}},
        ),
        (
            {"properties": {"x": {"maximum": 1, "exclusiveMaximum": True}}},
            {
                "$schema": "http://json-schema.org/draft-04/schema#",
                "type": "object",
                "properties": {"x": {"maximum": 1, "exclusiveMaximum": True}},
            },
        ),
    ],
)
def test_schemas_are_read_as_far_as_they_can_be(given: Any, read: dict[str, Any]) -> None:
    left_out: dict[str, str] = {}
    listed = {"name": "t", "description": None, "annotations": 5, **({} if given is None else {"inputSchema": given})}
    assert readable_tools([listed], left_out) == [{"name": "t", "inputSchema": read}] and not left_out


@pytest.mark.parametrize(
    ("listed", "name", "problem"),
    [
        (None, "#1", "is no object: null"),
        ({"inputSchema": {}}, "#1", "has no name"),
        (
            {"name": "t", "inputSchema": {"type": "string"}},
            "t",
            'its inputSchema is not of an object, but of type "str',
        ),
        ({"name": "t", "inputSchema": {"required": True}}, "t", "its inputSchema is no JSON schema: required: True"),
        ({"name": "t", "inputSchema": {"properties": {"x": {"$ref": "#/no"}}}}, "t", "cannot be used: $ref '#/no'"),
        ({"name": "t", "inputSchema": {"properties": {"x": {"pattern": "("}}}}, "t", "cannot be used: bad pattern '('"),
        ({"name": "t", "inputSchema": {"$ref": "#"}}, "t", "cannot be used: refers to itself without end"),
    ],
)
def test_tools_that_cannot_be_offered_are_named(listed: Any, name: str, problem: str) -> None:
    left_out: dict[str, str] = {}
    assert readable_tools([listed], left_out) == []
    assert list(left_out) == [name] and problem in left_out[name]


def text_of(**result: Any) -> str:
    return "".join(block["text"] for block in readable_result(result)["content"])


def test_results_as_text() -> None:
    blocks = [
        {"type": "text", "text": "one"},
        {"type": "image", "data": "AAAA", "mimeType": "image/png"},
        {"type": "resource", "resource": {"uri": "file:///a", "text": "two"}},
        {"type": "resource", "resource": {"uri": "file:///b", "blob": "AAAA"}},
        {"type": "resource_link", "uri": "file:///c", "name": "c"},
    ]
    said = "one\n[image: image/png]\ntwo\n[resource: file:///b]\n[resource: file:///c]"
    assert text_of(content=blocks) == said
    assert text_of(content=[], structuredContent={"a": "é"}) == '{"a": "é"}'
    assert text_of(content=[{"type": "text", "text": "a"}], structuredContent={"a": 1}) == "a"
    assert text_of(content=[]) == ""
    odd = [{"type": "hologram"}, {"type": "text"}, {"type": "audio"}, {"type": 5}, None, 7, "plain"]
    expected = "[hologram content] [text content] [audio content] [unknown content] [null content] [unknown content]"
    assert text_of(content=odd) == expected.replace("] ", "]\n") + "\nplain"


def test_results_that_are_none_stay_as_they_are() -> None:
    for result in ({}, {"content": "text"}, {"resultType": "input_required", "inputRequests": {}}):
        assert readable_result(result) == result


@pytest.mark.parametrize("code", [-32603, -32602, -32002, -32000, -32050, 0, 1, 404])
def test_errors_about_a_call_are_the_tools(code: int) -> None:
    assert is_tools_failure(code, "no such file")


@pytest.mark.parametrize("code", [-32700, -32600, -32601, -32001, -32042, -32090, -32091, -32092])
def test_errors_about_the_exchange_are_ours(code: int) -> None:
    assert not is_tools_failure(code, "no such file")


BOUNDS = {"start_seconds": 1, "check_seconds": 1, "max_message_bytes": 1000}


def test_secrets_are_named_and_never_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_TOKEN", "hidden")
    files, web = read_servers(
        {
            "files": {"command": ["serve"], "env": {"TOKEN": "OUR_TOKEN"}, "tools": ["read"]},
            "web": {"url": "https://example.org/mcp", "headers_env": {"Authorization": "OUR_TOKEN"}},
        },
        **BOUNDS,
    )
    assert files.environment()["TOKEN"] == "hidden"
    assert web.headers() == {"Authorization": "hidden"}
    assert "hidden" not in repr((files, web))
    assert files == ServerSettings("files", ("serve",), (("TOKEN", "OUR_TOKEN"),), tools=("read",), **BOUNDS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"mcp\.servers must name at least one server"),
        ({"servers": {"a": {}}}, r"servers\.a needs either a 'command' or a 'url'"),
        ({"servers": {"a": {"command": ["x"], "url": "http://x"}}}, r"servers\.a needs either"),
        ({"servers": {"a": {"command": "x y"}}}, r"servers\.a\.command must be a list of texts"),
        ({"servers": {"a": {"command": []}}}, r"servers\.a\.command must be a list: program"),
        ({"servers": {"a": {"command": ["x"], "args": []}}}, r"servers\.a\.args is unknown; known: command, cwd, env"),
        ({"servers": {"a": {"url": "example.org"}}}, r"servers\.a\.url must start with http"),
        ({"servers": {"a": {"url": "http://x", "headers_env": {"A": 1}}}}, r"servers\.a\.headers_env must give"),
        ({"servers": {"a": {"command": ["x"], "env": {"A": "UNSET_"}}}}, r"a\.env: environment variable UNSET_ is not"),
        ({"servers": {"a": {"command": ["x"]}}, "share": "all"}, r"mcp\.share must be process or session"),
        (
            {"servers": {"a": {"command": ["x"]}}, "start_seconds": 0},
            r"mcp\.start_seconds must be a number above 0, got 0",
        ),
    ],
)
def test_options_that_cannot_be_used_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserInputError, match=message):
        McpEnvironment(**options)
