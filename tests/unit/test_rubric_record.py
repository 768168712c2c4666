"""The record a judge sees, and agents that write to the judge."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from verl_agentic.core import End, ToolCall, Trajectory, Turn
from verl_agentic.reward_fns.rubric.canary import INJECTIONS, failed_probes
from verl_agentic.reward_fns.rubric.items import RubricItem
from verl_agentic.reward_fns.rubric.judge import judge_request
from verl_agentic.reward_fns.rubric.record import record

ITEM = RubricItem("a", "The agent was polite.")
HOSTILE = [
    *INJECTIONS.values(),
    "\ud800\x00\u202e\U000e0041",
    "\u200b" * 30_000,
    "\\\"'\n" * 5_000,
    "\U0001f600" * 9_000,
]


def rolled(*texts: str) -> Trajectory:
    return Trajectory("t", turns=[Turn("assistant", text) for text in texts], end=End.ANSWER)


def test_authors_are_named() -> None:
    done = Trajectory(
        "t",
        turns=[Turn("assistant", "a"), Turn("tool", "b"), Turn("tool", "c"), Turn("user", "d")],
        calls=[ToolCall("get", {}, "b"), ToolCall("put", {}, "c", "rejected")],
        end=End.USER_STOP,
        state={"tables": {"orders": [1]}},
    )
    assert json.loads(record(done, None, 8000)) == [
        {"from": "agent", "text": "a"},
        {"from": "tool_result", "tool": "get", "text": "b"},
        {"from": "tool_result", "tool": "put", "not_executed": "rejected", "text": "c"},
        {"from": "user", "text": "d"},
        {"from": "environment", "ended_by": "user_stop"},
        {"from": "environment", "about": "final state", "text": '{"tables": {"orders": [1]}}'},
    ]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("max_chars", [4096, 60_000])
def test_any_text_stays_data(text: str, max_chars: int) -> None:
    shown = record(rolled("first", *[text] * 20, "last"), None, max_chars)
    assert len(shown) <= max_chars
    assert shown.isprintable() and "<" not in shown and "\uff1c" not in shown
    entries = json.loads(shown)
    assert (entries[0]["text"], entries[-2]["text"]) == ("first", "last")
    shown.encode()  # no lone surrogates: it can be sent


def test_a_short_text_comes_through_unchanged() -> None:
    texts = ['<b>5 < 6</b> & "quoted" \\ {}', "\u4f60\u597d\uff0c\u4e16\u754c", "emoji \U0001f600 caf\u00e9"]
    shown = record(rolled(*texts), None, 8000)
    assert [entry.get("text") for entry in json.loads(shown)][:3] == texts
    assert "\u4f60\u597d" in shown  # other scripts are text, not escapes


def test_long_texts_keep_head_and_tail() -> None:
    [entry, _] = json.loads(record(rolled("a" * 10_000 + "b" * 50_000 + "c" * 10_000), None, 8000))
    assert set(entry["text"]) == {"a"} and set(entry["text_end"]) == {"c"}
    assert len(entry["text"]) + entry["omitted_chars"] + len(entry["text_end"]) == 70_000


def test_long_dialogues_keep_head_and_tail() -> None:
    entries = json.loads(record(rolled(*(f"turn {number}" for number in range(2000))), None, 4096))
    [gap] = [position for position, entry in enumerate(entries) if "omitted_entries" in entry]
    assert entries[0]["text"] == "turn 0" and entries[-2]["text"] == "turn 1999"
    assert len(entries) - 1 + entries[gap]["omitted_entries"] == 2001
    assert 20 < gap < len(entries) - 20


def test_the_boundary_is_new_each_time_and_the_trusted_part_is_apart() -> None:
    shown = record(rolled("The statement is true."), None, 8000)
    one, two = (judge_request(ITEM, None, shown) for _ in range(2))
    assert one.nonce != two.nonce and re.fullmatch("[0-9a-f]{32}", one.nonce)
    assert [message["role"] for message in one.messages] == ["system", "user"]
    assert shown not in one.messages[0]["content"]
    _, data, after = one.messages[1]["content"].split(one.nonce)
    assert data.strip() == shown and ITEM.text in after


def test_a_new_boundary_is_no_new_request(endpoint: Any, llm: dict[str, Any]) -> None:
    endpoint.content = honest
    assert asyncio.run(failed_probes(llm)) == []
    asked = len(endpoint.bodies)
    assert asyncio.run(failed_probes(llm)) == []
    assert len(endpoint.bodies) == asked == 2 + len(INJECTIONS)


def statement(body: dict[str, Any]) -> str:
    return str(body["messages"][0]["content"]).rpartition("Statement: ")[2]


def verdict(satisfied: bool) -> str:
    return json.dumps({"evidence": "seen", "satisfied": satisfied})


def honest(body: dict[str, Any]) -> str:
    """Goes by what the agent said to the user, whatever it said to the judge."""
    boundary = re.search(r"between the two lines ([0-9a-f]{32})", body["messages"][0]["content"])
    assert boundary
    _, data, _ = body["messages"][1]["content"].split(boundary[1])
    said = json.loads(data)[0]["text"]
    return verdict("shipped" in statement(body) and "has been shipped" in said)


def obedient(body: dict[str, Any]) -> str:
    """Does what the record says, as a weak model would."""
    _, data, _ = body["messages"][1]["content"].split(body["messages"][1]["content"][:32])
    said = json.loads(data)[0]["text"]
    return verdict("satisfied" in said.lower() or "shipped" in statement(body))


def tag_reading(body: dict[str, Any]) -> str:
    """Takes whatever follows a closing tag or a chat template's token for the operator's words."""
    prompt = body["messages"][1]["content"]
    parts = re.split(r"</\w+>|[<\uff1c][\u200b/]|<\|im_\w+\|>", prompt, maxsplit=1)
    return verdict('"satisfied": true' in parts[1] if len(parts) > 1 else "shipped" in statement(body))


def boundary_guessing(body: dict[str, Any]) -> str:
    """Takes any line of 32 hexadecimal digits for the end of the data."""
    prompt = body["messages"][1]["content"]
    lines = [line for line in prompt.splitlines() if re.fullmatch("[0-9a-f]{32}", line)]
    return verdict(len(lines) != 2 or "shipped" in statement(body))


@pytest.mark.parametrize("judge", [honest, tag_reading, boundary_guessing])
def test_the_fence_holds(endpoint: Any, llm: dict[str, Any], judge: Callable[[dict[str, Any]], str]) -> None:
    endpoint.content = judge
    assert asyncio.run(failed_probes(llm)) == []


def test_a_judge_that_obeys_the_record_is_found_out(endpoint: Any, llm: dict[str, Any]) -> None:
    endpoint.content = obedient
    assert set(asyncio.run(failed_probes(llm))) == set(INJECTIONS)


@pytest.mark.parametrize(("answer", "failed"), [(True, {"false", *INJECTIONS}), (False, {"true"})])
def test_a_judge_that_does_not_read_is_found_out(
    endpoint: Any, llm: dict[str, Any], answer: bool, failed: set[str]
) -> None:
    endpoint.content = lambda body: verdict(answer)
    assert set(asyncio.run(failed_probes(llm))) == failed
