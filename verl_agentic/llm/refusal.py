"""Which part of a request a server does not take: a parameter that can be left out, or one task's tools."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from verl_agentic.core.chat import THOUGHT_FIELDS

AUTO_CHOICE = "tool_choice=auto"
"""Refused by servers without a parser of calls, which show the tools all the same and leave calls in the text."""
WITHOUT = "messages without "
"""Before the name of a field of thoughts: servers refuse messages of the model that lack it."""

# What an endpoint may refuse, and the words by which its complaint is known.
_REFUSABLE: dict[str, re.Pattern[str]] = {
    "tool_choice": re.compile(r"tool[ _-]?choice|tool-call-parser"),
    "parallel_tool_calls": re.compile(r"parallel[ _-]?(?:tool[ _-]?calls|function[ _-]?calling)"),
    "response_format": re.compile(r"response_format|json_schema|guided|structured output|grammar"),
    "max_tokens": re.compile(r"max_tokens"),
    "temperature": re.compile(r"\btemperature\b"),
    "seed": re.compile(r"\bseed\b"),
}
_PARSER = re.compile(r"tool-call-parser|enable-auto|tool parser|only named tools")
# That it has no tools at all.
_NO_TOOLS = re.compile(
    r"(?:support|allow|accept|permit|enabl|cannot use|can't use)\w* (?:for )?(?:the )?(?:param\w*\W{1,4})?\W?"
    r"(?:tools\b(?!\W{1,3}\d)|tool[ _-]?(?:use|call)|function[ _-]?call)"
    r"|(?:\btools|tool[ _-]?(?:use|calling|calls)|function[ _-]?calling)\W{0,2} (?:param\w* |field |argument )?"
    r"(?:is |are )?(?:not |un|requires?|needs?|disabled|never)"
    r"|(?:unknown|unrecogni[sz]ed|unsupported|unexpected|extra|additional)[^.]{0,50}?\Wtools\b(?!\W{1,3}\d)"
    r"|\btools\W{0,3} ?(?:extra inputs|unexpected|was unexpected)"
)
_ONE_TOOL = (
    re.compile(r"function_?declarations\W{1,2}(\d+)"),
    re.compile(r"\btools\W{1,6}(\d+)\b"),
    re.compile(r"\bfunctions\W{1,6}(\d+)\b"),
)
_TOOL_PARTS = re.compile(
    r"\btools\b.*(?:unique|duplicate|too (?:long|many)|maximum|at most|invalid|must|unmarshal|parse)"
    r"|(?:unique|duplicate|too many|maximum|at most|invalid|unmarshal|parse).*\btools\b"
    r"|(?:function|tool)\W?(?:name|definition|declaration|schema|description)|input_schema|function\.\w"
    r"|schema for function"
)
# What is said in the dialogue is no matter of the tools.
_TRANSCRIPT = re.compile(r"\bmessages?\b|tool_call|\brole\b")
_MISSING = re.compile(
    r"must be|missing|required|should be|not (?:found|provided|present)|passed back|needs?\b|expected"
)
_UNWANTED = re.compile(
    r"unsupported|not supported|not allowed|not permitted|unknown|unrecogni[sz]ed|unexpected|extra|additional|forbidden"
    r"|should not|must not|cannot|remove"
)


def refused_parameter(sent: Mapping[str, Any], complaint: str, named: str = "") -> str | None:
    """Which of the things that were sent a 4xx is about, ``None`` for another one or for what one task brings.

    Args:
        sent: the body that was refused.
        complaint: the server's words, with its codes.
        named: the parameter it names, if it does.

    Returns:
        A parameter to leave out; ``tools``, to be told in words; :data:`AUTO_CHOICE`; the name of a field of thoughts
        to leave out; :data:`WITHOUT` and the name of one that every message of the model must have.
    """
    text = f"{named} {complaint}".lower()
    if thought := _thought_field(sent, text):
        return thought
    if "tools" in sent and (_REFUSABLE["tool_choice"].search(text) or _PARSER.search(text)):
        if _PARSER.search(text) or "tool_choice" not in sent:
            return AUTO_CHOICE
        return "tool_choice"
    for parameter, words in _REFUSABLE.items():
        if parameter in sent and words.search(text):
            return parameter
    if "tools" in sent and (_NO_TOOLS.search(text) or re.search(r"\btools\b", text)):
        return "tools" if _NO_TOOLS.search(text) or not refused_tools(sent, complaint, named) else None
    return None


def refused_tools(sent: Mapping[str, Any], complaint: str, named: str = "") -> str | None:
    """Which tools of the request a complaint is about, in words; ``None`` where it is about none.

    A name or a schema that a server does not take is a matter of the task that brings the tool.
    """
    text = f"{named} {complaint}".lower()
    names = [str(one.get("function", {}).get("name", "")) for one in sent.get("tools", [])]
    for pattern in _ONE_TOOL:
        if (found := pattern.search(text)) and len(found[1]) < 5 and int(found[1]) < len(names):
            return f"tool {names[int(found[1])]!r}"
    if not _TOOL_PARTS.search(text) or _TRANSCRIPT.search(text):
        return None
    quoted = set(re.findall(r"['\"`]([^'\"`]{1,128})['\"`]", text))
    for name in names:
        if name.lower() in quoted:
            return f"tool {name!r}"
    return f"one of the tools {', '.join(map(repr, names[:16]))}" if names else None


def _thought_field(sent: Mapping[str, Any], text: str) -> str | None:
    """A field of thoughts that is not taken, or that is missing somewhere."""
    for name in THOUGHT_FIELDS:
        # Some are everyday words.
        if not re.search(rf"\b{name}\b" if "_" in name else rf"[`'\".\]]{name}\b|\b{name}[`'\"]|: {name}$", text):
            continue
        messages = [one for one in sent["messages"] if one["role"] == "assistant"]
        having = [one for one in messages if _has(one, name)]
        if len(having) < len(messages) and _MISSING.search(text) and not _UNWANTED.search(text):
            return WITHOUT + name
        if having and not (_MISSING.search(text) and not _UNWANTED.search(text)):
            return name
    return None


def _has(message: Mapping[str, Any], name: str) -> bool:
    return name in message or any(name in call for call in message.get("tool_calls", []))
