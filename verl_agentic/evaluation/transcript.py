"""A dialogue as a chat endpoint wants it told: each result after its call, each call with a name and an id."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from verl_agentic.core import Message
from verl_agentic.core.chat import ChatReply
from verl_agentic.core.messages.action import parse_assistant
from verl_agentic.core.messages.calls import RequestedCall, typed
from verl_agentic.core.openai_form import call_arguments, text_of_reply, tool_response, without_calls
from verl_agentic.core.untrusted.control_tokens import ControlTokens

_CONTROL = ControlTokens()
_NOT_EXECUTED = "Error: this call was not executed"
_NAMELESS = "unknown"
_NO_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST_NAME = 64


class Transcript:
    """What a server is sent of one dialogue.

    Strict servers refuse a result that answers no call, a call without a name, and arguments that are no JSON object.
    So:

    * A message with native calls goes back as the server gave it: text, thoughts, ids and arguments. Only what it would
      refuse is mended, an empty name or one with odd characters, an id that is missing or was used, malformed
      arguments (the result says what was wrong).
    * Calls that were read from the text become native ones. Where one of them is malformed, which no native call can
      be, or where the dialogue has no tools, the text stays as it was written, and results follow in a message of the
      user as the templates of Hermes and Qwen write them.
    * Calls that were never executed have results that say so.

    Args:
        tools: schemas of the dialogue's tools.
    """

    def __init__(self, tools: Sequence[Mapping[str, Any]]) -> None:
        functions = [tool.get("function", {}) for tool in tools]
        self._schemas = {str(one.get("name")): one.get("parameters") or {} for one in functions}
        self._given: dict[int, ChatReply] = {}
        self._prompt_length = 0

    def heard(self, place: int, reply: ChatReply) -> None:
        """Remember the server's reply, which is the dialogue's message at ``place``."""
        self._given[place] = reply

    def told(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        """The messages as the server wants them; what others say holds no control token."""
        self._prompt_length = self._prompt_length or len(messages)
        told: list[dict[str, Any]] = []
        ids = _Ids()
        place = 0
        while place < len(messages):
            end = place + 1
            while end < len(messages) and messages[end]["role"] == "tool":
                end += 1
            role, content = messages[place]["role"], messages[place]["content"]
            results = [_CONTROL.broken_up(one["content"]) for one in messages[place + 1 : end]]
            if role == "assistant":
                told += self._said(place, content, results, ids)
            elif role == "tool":  # of a prompt that begins with one
                told.append(_as_user([_CONTROL.broken_up(content), *results]))
            else:
                told.append({"role": role, "content": self._heard_from(role, content, place)})
                told += [_as_user(results)] if results else []
            place = end
        return told

    def _heard_from(self, role: str, content: str, place: int) -> str:
        return _CONTROL.broken_up(content) if role == "user" and place >= self._prompt_length else content

    def _said(self, place: int, text: str, results: list[str], ids: _Ids) -> list[dict[str, Any]]:
        """A message of the model and the results of its calls."""
        reply = self._given.get(place)
        thoughts = {} if reply is None else dict(reply.thoughts)
        # Thoughts that the server told apart go back apart.
        said = text if reply is None else reply.content
        calls = [] if reply is None or reply.cut else _native_calls(reply)
        content, raw = said, said
        if calls:
            assert reply is not None
            content = without_calls(said) if parse_assistant(said).calls else said
            raw = text_of_reply(said, "", reply.tool_calls)
        elif results and self._schemas:
            calls = self._calls_in(said, len(results))
            content = without_calls(said)
            content = "" if content == said else content  # it was nothing but a call
        if not calls:
            message = {"role": "assistant", "content": said, **thoughts}
            return [message, _as_user(results)] if results else [message]
        named = [self._call(call, ids) for call in calls]
        results = (results + [_NOT_EXECUTED] * len(named))[: len(named)]
        answers = [
            {"role": "tool", "tool_call_id": one["id"], "content": result}
            for one, result in zip(named, results, strict=True)
        ]
        return [
            {"role": "assistant", "content": content or None, "tool_calls": named, **thoughts, "said": raw},
            *answers,
        ]

    def _calls_in(self, text: str, count: int) -> list[dict[str, Any]]:
        """The calls of a message's text, none where they are not as many as got results, or one is malformed."""
        found = parse_assistant(text).calls[:count]
        if len(found) < count or any(call.error for call in found):
            return []
        return [{"id": "", "name": one.name, "arguments": self._arguments(one), "thoughts": {}} for one in found]

    def _arguments(self, call: RequestedCall) -> str:
        arguments = typed(call.arguments, self._schemas.get(call.name, {})) if call.untyped else call.arguments
        return json.dumps(arguments, ensure_ascii=False)

    def _call(self, call: Mapping[str, Any], ids: _Ids) -> dict[str, Any]:
        name = call["name"]
        if name not in self._schemas:
            name = _NO_NAME.sub("_", name)[:_LONGEST_NAME] or _NAMELESS
        function = {"name": name, "arguments": call["arguments"]}
        return {"id": ids.fresh(call["id"]), "type": "function", "function": function, **call["thoughts"]}


class _Ids:
    """Ids of calls, each once in a dialogue."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def fresh(self, given: str) -> str:
        """``given`` unless it is empty or was used; else nine letters and digits, which every server takes."""
        one, number = given, len(self._used)
        while not one or one in self._used:
            one, number = f"call{number:05d}", number + 1
        self._used.add(one)
        return one


def _native_calls(reply: ChatReply) -> list[dict[str, Any]]:
    return [
        {"id": one.id, "name": one.name, "arguments": _as_json(one.arguments), "thoughts": dict(one.thoughts)}
        for one in reply.tool_calls
    ]


def _as_json(text: str) -> str:
    """Arguments as the model wrote them where they are an object, else as they were understood."""
    arguments = call_arguments(text)
    if arguments is None:
        return "{}"
    return text if text.lstrip().startswith("{") else json.dumps(arguments, ensure_ascii=False)


def _as_user(results: Sequence[str]) -> dict[str, Any]:
    return {"role": "user", "content": tool_response(results)}
