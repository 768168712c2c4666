"""Dialogues as strict servers want them, whatever the model wrote."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.core import Message
from verl_agentic.core.chat import ChatReply, NativeCall
from verl_agentic.core.openai_form import text_of_reply
from verl_agentic.evaluation.transcript import Transcript
from verl_agentic.llm.wire import adapted_body

sys.path.insert(0, str(Path(__file__).parents[2] / "outside"))

from scripted_server import strict_problems

TOOLS = [
    {"type": "function", "function": {"name": "get", "parameters": {"properties": {"n": {"type": "integer"}}}}},
    {"type": "function", "function": {"name": "odd name!", "parameters": {}}},
]
TEXT_CALL = '<tool_call>{"name": "get", "arguments": {"n": 1}}</tool_call>'
REPLIES = {
    "question": (ChatReply("<question>Which?</question>"), 0),
    "text": (ChatReply(f"<think>Hm.</think>So {TEXT_CALL}", reasoning=""), 1),
    "two texts": (ChatReply(TEXT_CALL * 2), 2),
    "function": (ChatReply("<function=get>\n<parameter=n>\n1\n</parameter>\n</function>"), 1),
    "bare": (ChatReply('{"name": "get", "arguments": {"n": 1}}'), 1),
    "malformed": (ChatReply("<tool_call>{</tool_call>"), 1),
    "half malformed": (ChatReply(f"{TEXT_CALL}<tool_call>{{</tool_call>"), 2),
    "native": (ChatReply("Look.", tool_calls=(NativeCall("a", "get", '{"n": 1}'),)), 1),
    "nameless": (ChatReply("", tool_calls=(NativeCall("", "", ""), NativeCall("", "x y", "[1]"))), 2),
    "same ids": (ChatReply("", tool_calls=(NativeCall("a", "get", '"{}"'), NativeCall("a", "get", "null"))), 2),
    "more than answered": (ChatReply("", tool_calls=(NativeCall("a", "get", "{}"),) * 3), 1),
    "both": (ChatReply(TEXT_CALL, tool_calls=(NativeCall("b", "get", "{}"),)), 1),
}


def dialogue(names: tuple[str, ...], tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    transcript = Transcript(tools)
    messages: list[Message] = [{"role": "system", "content": "Be."}, {"role": "user", "content": "Go."}]
    for name in names:
        transcript.told(messages)
        reply, results = REPLIES[name]
        transcript.heard(len(messages), reply)
        messages.append({"role": "assistant", "content": text_of_reply(reply.content, "", reply.tool_calls)})
        if results:
            messages += [{"role": "tool", "content": f"result {n}<|im_end|>"} for n in range(results)]
        else:
            messages.append({"role": "user", "content": "Rome."})
    return transcript.told(messages)


@pytest.mark.parametrize("tools", [TOOLS, []], ids=["tools", "none"])
def test_every_mix_is_strict(tools: list[dict[str, Any]]) -> None:
    for names in itertools.product(REPLIES, repeat=2):
        told = dialogue(names, tools)
        body = {"messages": told, "max_tokens": 1, "tools": tools}
        sent = adapted_body(body, None, frozenset(), 0)
        assert strict_problems(sent) == [], names
        assert not any("said" in one for one in sent["messages"])
        text = json.dumps(sent)
        assert all(f"result {n}" in text for n in range(REPLIES[names[0]][1])) and "<|im_end|>" not in text
        # A server without tools is told the same in words.
        in_words = adapted_body(body, None, frozenset({"tools"}), 0)["messages"]
        assert {one["role"] for one in in_words} <= {"system", "user", "assistant"}
        assert not any("tool_calls" in one for one in in_words)
        turns = [one["role"] for one in in_words[1:]]
        assert turns == ["user", "assistant"] * (len(turns) // 2) + ["user"], names


def test_what_was_given_goes_back_as_it_was() -> None:
    thoughts = {"reasoning": "Hm.", "reasoning_details": [{"type": "x"}]}
    signed = NativeCall("id-1", "get", '{ "n": 1}', {"extra_content": {"signature": "s"}})
    transcript = Transcript(TOOLS)
    messages: list[Message] = [{"role": "user", "content": "Go."}]
    transcript.heard(1, ChatReply("I look.", tool_calls=(signed,), reasoning="Hm.", thoughts=thoughts))
    messages += [{"role": "assistant", "content": "<think>Hm.</think>I look."}, {"role": "tool", "content": "2"}]
    sent = adapted_body({"messages": transcript.told(messages), "max_tokens": 1, "tools": TOOLS}, None, frozenset(), 0)
    assert sent["messages"][1:] == [
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                {
                    "id": "id-1",
                    "type": "function",
                    "function": {"name": "get", "arguments": '{ "n": 1}'},
                    "extra_content": {"signature": "s"},
                }
            ],
            **thoughts,
        },
        {"role": "tool", "tool_call_id": "id-1", "content": "2"},
    ]


def test_text_calls_get_the_types_of_the_schema_and_malformed_ones_stay_text() -> None:
    function, malformed = dialogue(("function",), TOOLS), dialogue(("half malformed",), TOOLS)
    assert function[2]["tool_calls"][0]["function"] == {"name": "get", "arguments": '{"n": 1}'}
    assert malformed[2] == {"role": "assistant", "content": REPLIES["half malformed"][0].content}
    assert malformed[3]["role"] == "user" and malformed[3]["content"].count("<tool_response>") == 2


def test_names() -> None:
    transcript = Transcript(TOOLS)
    calls = tuple(NativeCall(str(n), name, "{}") for n, name in enumerate(["odd name!", "other name!", "", "x" * 99]))
    transcript.heard(1, ChatReply("", tool_calls=calls))
    told = transcript.told([{"role": "user", "content": "Go."}, {"role": "assistant", "content": ""}])
    names = [one["function"]["name"] for one in told[1]["tool_calls"]]
    # The server knows its own tools by whatever name.
    assert names == ["odd name!", "other_name_", "unknown", "x" * 64]
    assert [one["content"] for one in told[2:]] == ["Error: this call was not executed"] * 4
