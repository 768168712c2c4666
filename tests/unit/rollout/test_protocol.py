"""How the policy of a task in plain words is told to act, and that no other policy is told anything."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from verl_agentic.core import Message, Task
from verl_agentic.core.messages.answers import final_answer
from verl_agentic.rollout import DialogueLimits
from verl_agentic.rollout.limits import stored_limits
from verl_agentic.rollout.protocol import TRANSFER_TOOL, opening_messages, protocol_tools, reminder

CALC: dict[str, Any] = {"type": "function", "function": {"name": "calc", "parameters": {}}}
PROTOCOLS: tuple[Any, ...] = ("plain", "agenticqwen")
SYSTEM: Message = {"role": "system", "content": "You sell hats."}
ASKED: Message = {"role": "user", "content": "How many?"}


def task(number: int = 0, *, user: bool = False, tools: bool = True, natural: bool = True, system: bool = True) -> Task:
    return Task(
        "hats",
        [SYSTEM, ASKED] if system else [ASKED],
        [CALC] if tools else [],
        "calculator" if tools else "none",
        {},
        "math",
        str(number),
        user={"facts": []} if user else None,
        meta={"register": "natural"} if natural else {},
    )


def told(one: Task, **limits: Any) -> str:
    """What is added to the system message."""
    return opening_messages(one, DialogueLimits(**limits))[0]["content"].removeprefix(f"{SYSTEM['content']}\n\n")


def test_a_task_in_the_micro_register_is_played_as_it_stands() -> None:
    one = task(user=True, natural=False)
    for protocol in PROTOCOLS:
        limits = DialogueLimits(protocol=protocol, reminders=3, max_repeats=2)
        assert opening_messages(one, limits) == one.messages
        tools = [CALC]
        assert protocol_tools(one, limits, tools) is tools
    assert one.register == "micro" and not one.answer_in_text


def test_what_is_told_stands_in_the_system_message_and_not_in_the_task() -> None:
    one = task()
    messages = opening_messages(one, DialogueLimits())
    assert [message["role"] for message in messages] == ["system", "user"]
    assert messages[0]["content"].startswith("You sell hats.\n\n") and messages[1] == ASKED
    assert one.messages == [SYSTEM, ASKED]
    bare = task(system=False)
    assert [message["role"] for message in opening_messages(bare, DialogueLimits())] == ["system", "user"]
    assert opening_messages(bare, DialogueLimits())[1:] == [ASKED]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("user", [False, True])
def test_texts_are_short_complete_and_of_three_wordings(protocol: str, user: bool) -> None:
    for tools, tell in itertools.product((True, False), (True, False)):
        texts = {told(task(n, user=user, tools=tools), protocol=protocol, tell_limits=tell) for n in range(40)}
        assert len(texts) >= 3
        for text in texts:
            assert 60 <= len(text.split()) <= 140, text
            assert "{" not in text and "  " not in text
            assert (TRANSFER_TOOL in text) is (user and protocol == "plain")
            assert ("###TRANSFER_TO_HUMAN" in text) is (user and protocol == "agenticqwen")
            assert ("<question>" in text) is (user and protocol == "agenticqwen")
            assert ("<answer>" in text) is (not user or protocol == "agenticqwen")
            assert ("tool call per message" in text) is tools
            assert ("15 messages" in text) is tell
            assert ("4 times in a row" in text) is (tell and tools)


def test_a_task_is_always_told_the_same() -> None:
    assert told(task(7)) == told(task(7))
    assert "at most 3 tool calls per message" in told(task(), max_parallel_calls=3)
    assert "9 messages" in told(task(), max_turns=9) and "7 times in a row" in told(task(), max_repeats=7)
    assert "in a row" not in told(task(), max_repeats=0)


def test_the_tool_that_hands_over() -> None:
    def names(one: Task, tools: list[dict[str, Any]], protocol: Any = "plain") -> list[str]:
        found = protocol_tools(one, DialogueLimits(protocol=protocol), tools)
        return [tool["function"]["name"] for tool in found]

    assert names(task(user=True), [CALC]) == ["calc", TRANSFER_TOOL]
    assert names(task(user=True), [CALC], "agenticqwen") == names(task(), [CALC]) == ["calc"]
    own = {"type": "function", "function": {"name": TRANSFER_TOOL, "parameters": {}}}
    assert protocol_tools(task(user=True), DialogueLimits(), [own]) == [own]


def test_a_reminder_asks_for_what_is_read() -> None:
    for one in (task(), task(tools=False)):
        text = reminder(one)
        assert text.startswith("[system] ") and "<answer> and </answer>" in text
        assert ("tool call" in text) is bool(one.tools)
    assert final_answer("<answer>41</answer>") == "41"


def test_repeats_go_by_the_register_unless_they_are_set() -> None:
    assert DialogueLimits().repeats_in(task()) == 4 and DialogueLimits().repeats_in(task(natural=False)) == 0
    for one in (task(), task(natural=False)):
        assert DialogueLimits(max_repeats=2).repeats_in(one) == 2
        assert DialogueLimits(max_repeats=0).repeats_in(one) == 0


def test_stored_limits_of_an_earlier_release_are_read() -> None:
    assert stored_limits(None) == DialogueLimits()
    stored = {"max_turns": 3, "simulator": "none", "env_options": {}, "trajectory_seconds": 5.0}
    assert stored_limits(stored) == replace(DialogueLimits(), max_turns=3)
    assert stored_limits({**stored, "protocol": "agenticqwen"}).protocol == "agenticqwen"
