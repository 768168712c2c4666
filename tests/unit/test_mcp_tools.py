"""MCP tools, results and settings as the policy and the configuration see them."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("mcp")

from mcp_types import (
    BlobResourceContents,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    TextContent,
    TextResourceContents,
    Tool,
)

from verl_agentic.core import UserInputError
from verl_agentic.tool_envs.mcp_environment import McpEnvironment
from verl_agentic.tool_envs.mcp_settings import ServerSettings, read_servers
from verl_agentic.tool_envs.mcp_tools import offer, result_text


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


def test_the_schema_is_kept_but_for_its_dialect() -> None:
    given = tool("t", properties={"n": {"type": "integer"}}, required=["n"])
    given.input_schema["$schema"] = "http://json-schema.org/draft-07/schema#"
    function = offer({"s": [given]})["t"].schema["function"]
    assert function["parameters"] == {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    assert offer({"s": [tool("t")]})["t"].schema["function"]["parameters"] == {"type": "object", "properties": {}}


def test_results_as_text() -> None:
    blocks = [
        TextContent(text="one"),
        ImageContent(data="AAAA", mime_type="image/png"),
        EmbeddedResource(resource=TextResourceContents(uri="file:///a", text="two")),
        EmbeddedResource(resource=BlobResourceContents(uri="file:///b", blob="AAAA")),
    ]
    assert result_text(CallToolResult(content=blocks)) == "one\n[image: image/png]\ntwo\n[resource: file:///b]"
    assert result_text(CallToolResult(content=[], structured_content={"a": "é"})) == '{"a": "é"}'
    assert result_text(CallToolResult(content=[])) == ""


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
        ({"servers": {"a": {"command": ["x"]}}, "start_seconds": 0}, r"mcp\.start_seconds must be above 0"),
    ],
)
def test_options_that_cannot_be_used_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserInputError, match=message):
        McpEnvironment(**options)
