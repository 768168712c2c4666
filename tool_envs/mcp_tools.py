"""MCP tools and results as the policy sees them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcp_types import (
    AudioContent,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
    Tool,
)

from verl_agentic.core import UserInputError

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")
_MAX_NAME = 64


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """One tool: the server it is of, its name there, and its OpenAI schema with the name that the policy uses."""

    server: str
    name: str
    schema: dict[str, Any]


def offer(servers: Mapping[str, Sequence[Tool]]) -> dict[str, OfferedTool]:
    """The tools of all servers by the name that the policy uses.

    Names keep to letters, digits, ``_`` and ``-``, at most 64; those that several tools would have get the prefix
    ``SERVER_``.

    Raises:
        UserInputError: two tools have one name even so.
    """
    plain = Counter(_clean(tool.name) for tools in servers.values() for tool in tools)
    offered: dict[str, OfferedTool] = {}
    for server, tools in servers.items():
        for tool in tools:
            name = _clean(tool.name)
            if plain[name] > 1:
                name = _clean(f"{server}_{tool.name}")
            if name in offered:
                other = offered[name]
                raise UserInputError(
                    f"MCP tools {other.server}/{other.name} and {server}/{tool.name} would both be {name!r};"
                    " choose some with the servers' 'tools'"
                )
            offered[name] = OfferedTool(server, tool.name, openai_schema(name, tool))
    return offered


def openai_schema(name: str, tool: Tool) -> dict[str, Any]:
    """The tool's schema in OpenAI form."""
    parameters = {"type": "object", "properties": {}, **tool.input_schema}
    parameters.pop("$schema", None)
    description = tool.description or tool.title or ""
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def result_text(result: CallToolResult) -> str:
    """What a result says as text: its blocks line by line, else its structured content as JSON.

    What is no text is named with its type.
    """
    if not result.content and result.structured_content is not None:
        return json.dumps(result.structured_content, ensure_ascii=False)
    return "\n".join(_block_text(block) for block in result.content)


def _block_text(block: Any) -> str:
    if isinstance(block, TextContent):
        return block.text
    if isinstance(block, (ImageContent, AudioContent)):
        return f"[{block.type}: {block.mime_type}]"
    if isinstance(block, ResourceLink):
        return f"[resource: {block.uri}]"
    if isinstance(block, EmbeddedResource):
        inner = block.resource
        return inner.text if isinstance(inner, TextResourceContents) else f"[resource: {inner.uri}]"
    return f"[{getattr(block, 'type', 'unknown')}]"


def _clean(name: str) -> str:
    return _NOT_IN_NAMES.sub("_", name)[:_MAX_NAME]
