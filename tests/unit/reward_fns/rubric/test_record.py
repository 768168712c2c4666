"""The record a judge sees, and agents that write to the judge."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from verl_agentic.core import End, Message, Task, ToolCall, Trajectory, Turn
from verl_agentic.reward_fns.rubric.canary import INJECTIONS, failed_probes
from verl_agentic.reward_fns.rubric.items import RubricItem
from verl_agentic.reward_fns.rubric.judge import judge_request
from verl_agentic.reward_fns.rubric.record import record_parts

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


def record(trajectory: Trajectory, max_chars: int) -> str:
    """The record of one that fits into a request."""
    [part] = record_parts(trajectory, None, max_chars, 1)
    return part


def test_authors_are_named() -> None:
    done = Trajectory(
        "t",
        turns=[Turn("assistant", "a"), Turn("tool", "b"), Turn("tool", "c"), Turn("user", "d")],
        calls=[ToolCall("get", {}, "b"), ToolCall("put", {}, "c", "rejected")],
        end=End.USER_STOP,
        state={"tables": {"orders": [1]}},
    )
    assert json.loads(record(done, 8000)) == [
        {"from": "agent", "text": "a"},
        {"from": "tool_result", "tool": "get", "text": "b"},
        {"from": "tool_result", "tool": "put", "not_executed": "rejected", "text": "c"},
        {"from": "user", "text": "d"},
        {"from": "environment", "ended_by": "user_stop"},
        {"from": "environment", "about": "final state", "text": '{"tables": {"orders": [1]}}'},
    ]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("max_chars", [4096, 60_000])
@pytest.mark.slow
def test_any_text_stays_data_and_all_of_it_is_shown(text: str, max_chars: int) -> None:
    parts = record_parts(rolled("first", *[text] * 3, "last"), None, max_chars, 1000)
    shown = [""] * 5
    where = -1
    for part in parts:
        assert len(part) <= max_chars
        assert part.isprintable() and "<" not in part and "\uff1c" not in part
        part.encode()  # no lone surrogates: it can be sent
        for entry in json.loads(part):
            if entry.get("from") == "agent" and not entry.get("repeated"):
                start = entry.get("from_char", 0)
                where += start == 0
                assert start <= len(shown[where])
                shown[where] = shown[where][:start] + entry["text"]
    assert shown == ["first", text, text, text, "last"]


def test_a_short_text_comes_through_unchanged() -> None:
    texts = ['<b>5 < 6</b> & "quoted" \\ {}', "\u4f60\u597d\uff0c\u4e16\u754c", "emoji \U0001f600 caf\u00e9"]
    shown = record(rolled(*texts), 8000)
    assert [entry.get("text") for entry in json.loads(shown)][:3] == texts
    assert "\u4f60\u597d" in shown  # other scripts are text, not escapes


def test_pieces_of_a_long_text_overlap_and_say_where_they_stand() -> None:
    text = "".join(f"{number:07d} " for number in range(3000))
    parts = [json.loads(part) for part in record_parts(rolled("Hi.", text, "Bye."), None, 8000, 9)]
    assert [part[0]["part"] for part in parts] == [1, 2, 3, 4] and parts[0][0]["of"] == 4
    assert [part[0]["messages"] for part in parts] == ["1 to 2 of 4", "2 to 2 of 4", "2 to 2 of 4", "2 to 4 of 4"]
    pieces = [entry for part in parts for entry in part if "from_char" in entry]
    assert all(entry["of_chars"] == len(text) for entry in pieces[:-1])
    for before, after in pairwise(pieces):
        end = before["from_char"] + len(before["text"])
        assert end - 400 == after["from_char"] and text[after["from_char"] : end] == after["text"][:400]


def test_parts_of_a_long_dialogue_show_the_task_and_what_was_said_before() -> None:
    messages: list[Message] = [{"role": "user", "content": "Where is it?"}]
    task = Task("dialogue", messages, [], "replay", {}, "rubric", {})
    parts = record_parts(rolled(*(f"turn {number}" for number in range(2000))), task, 8000, 99)
    seen = []
    for part in map(json.loads, parts[1:]):
        assert part[1] == {"from": "user", "text": "Where is it?", "repeated": True}
        again = [entry["text"] for entry in part[2:] if entry.get("repeated")]
        assert again == seen[-len(again) :] or not seen
        assert len(again) > 3
        seen = [entry["text"] for entry in part[2:] if not entry.get("repeated") and "text" in entry]
    assert seen[-1] == "turn 1999"


def test_a_record_ends_where_its_parts_do() -> None:
    for text in ("x" * 10**7, "\u200b" * 40_000, "\U000e0041" * 5000):
        assert len(record_parts(rolled(text), None, 4096, 9)) == 10


def test_a_large_state_is_shown_by_its_head_and_tail() -> None:
    done = rolled("Hi.")
    done.state = {"tables": {"orders": ["a" * 10_000 + "b" * 50_000 + "c" * 10_000]}}
    state = json.loads(record(done, 8000))[-1]
    assert state["text"].endswith("aaa") and state["text_end"].startswith("ccc")
    assert len(state["text"]) + state["omitted_chars"] + len(state["text_end"]) == len(json.dumps(done.state))


def test_the_boundary_is_new_each_time_and_the_trusted_part_is_apart() -> None:
    shown = record(rolled("The statement is true."), 8000)
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
