"""MCP tools and results as the policy sees them: servers' raw lists and results, read as far as they can be."""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcp_types import Tool

from verl_agentic.core import UserInputError
from verl_agentic.core.json_schema import inner_problem, shape_problem, with_draft

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")
_MAX_NAME = 64
_EMPTY_AS_NULL = ("type", "properties", "required", "$defs", "definitions")


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
    plain = Counter(clean_name(tool.name) for tools in servers.values() for tool in tools)
    offered: dict[str, OfferedTool] = {}
    for server, tools in servers.items():
        for tool in tools:
            name = clean_name(tool.name)
            if plain[name] > 1:
                name = clean_name(f"{server}_{tool.name}")
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
    description = tool.description or tool.title or ""
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def readable_tools(listed: Sequence[Any], left_out: dict[str, str]) -> list[dict[str, Any]]:
    """Those of a server's list of tools that can be offered, with nothing but what makes them up.

    A schema that is missing takes no arguments; one whose type is a list with ``object`` in it, or that has none, is of
    an object; a null for what it requires is nothing. One that names a draft is read by it and keeps its ``$schema``
    (:func:`verl_agentic.core.json_schema.with_draft`).

    Args:
        listed: ``tools`` of a result of ``tools/list``.
        left_out: filled with what is wrong with each of the others, by its name, or its number where it has none.
    """
    tools = []
    for number, tool in enumerate(listed, start=1):
        name = tool.get("name") if isinstance(tool, dict) else None
        if not isinstance(name, str) or not name:
            left_out[f"#{number}"] = "has no name" if isinstance(tool, dict) else f"is no object: {_short(tool)}"
            continue
        given = tool.get("inputSchema")
        schema, problem = _readable_schema(json.dumps({"type": "object"} if given is None else given))
        if problem:
            left_out[name] = f"its inputSchema {problem}"
            continue
        texts = {key: tool[key] for key in ("title", "description") if isinstance(tool.get(key), str)}
        tools.append({"name": name, **texts, "inputSchema": json.loads(schema)})
    return tools


@functools.lru_cache(maxsize=1024)
def _readable_schema(text: str) -> tuple[str, str]:
    """A schema to offer, as JSON, and what is wrong with it."""
    schema = json.loads(text)
    if not isinstance(schema, dict):
        return "", f"is no object: {_short(schema)}"
    # Some languages write a list that is empty as null.
    schema = {key: value for key, value in schema.items() if value is not None or key not in _EMPTY_AS_NULL}
    kinds = schema.get("type", "object")
    if "object" not in (kinds if isinstance(kinds, list) else [kinds]):
        return "", f"is not of an object, but of type {_short(kinds)}"
    schema = with_draft({**schema, "type": "object"})
    problem = shape_problem(schema)
    if problem:
        return "", f"is no JSON schema: {problem}"
    problem = inner_problem(schema)
    return json.dumps(schema), f"cannot be used: {problem}" if problem else ""


def readable_result(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result of ``tools/call`` with its content as one text; what is no text is named with its type.

    The text is the blocks line by line, else the structured content as JSON. Whether that fits the tool's output schema
    is not asked: the policy reads what the server said. A result without any content stays as it is.
    """
    blocks, structured = result.get("content"), result.get("structuredContent")
    if blocks is None and structured is None and "isError" not in result:
        return dict(result)
    if not isinstance(blocks, list) and blocks is not None:
        return dict(result)
    text = "\n".join(_block_text(block) for block in blocks or ())
    if not blocks and structured is not None:
        text = json.dumps(structured, ensure_ascii=False)
    return text_result(text, is_error=result.get("isError") is True)


def text_result(text: str, *, is_error: bool) -> dict[str, Any]:
    """A result of ``tools/call`` that says nothing but ``text``."""
    content = [{"type": "text", "text": text}] if text else []
    return {"content": content, "isError": is_error, "resultType": "complete"}


def _block_text(block: Any) -> str:
    if isinstance(block, str):
        return block
    if not isinstance(block, dict):
        return "[null content]" if block is None else "[unknown content]"
    kind = block.get("type")
    if kind == "text" and isinstance(block.get("text"), str):
        return str(block["text"])
    if kind in ("image", "audio") and isinstance(block.get("mimeType"), str):
        return f"[{kind}: {block['mimeType'][:_MAX_NAME]}]"
    if kind == "resource_link" and isinstance(block.get("uri"), str):
        return f"[resource: {block['uri']}]"
    if kind == "resource" and isinstance(inner := block.get("resource"), dict):
        if isinstance(inner.get("text"), str):
            return str(inner["text"])
        if isinstance(inner.get("uri"), str):
            return f"[resource: {inner['uri']}]"
    return f"[{kind[:_MAX_NAME] if isinstance(kind, str) and kind else 'unknown'} content]"


def _short(value: Any) -> str:
    return json.dumps(value)[:80]


def clean_name(name: str) -> str:
    """The name that the policy uses for a tool, where no other has it."""
    return _NOT_IN_NAMES.sub("_", name)[:_MAX_NAME]
