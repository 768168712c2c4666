"""A model that plays a script of the natural register: what it is told, and what it does at home."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from verl_agentic.core import Task
from verl_agentic.tool_envs import UserReply
from verl_agentic.tool_envs.users.llm import NEUTRAL_REPLY, LLMUser

SCRIPT: dict[str, Any] = {
    "hearing": "natural",
    "facts": [
        {
            "name": "plate",
            "ask": ["plate"],
            "say": "I misread it: RV18 KOL.",
            "value": "RV18 KOL",
            "known": True,
            "mistaken": {"say": "RV18 KLO.", "value": "RV18 KLO"},
        },
        {"name": "street", "ask": ["address", "street"], "say": "5 Quay Street.", "value": "Quay Street"},
        {"name": "truth", "hidden": True, "say": "I have moved.", "value": "moved"},
    ],
    "confirm": "Yes, issue it.",
    "change": {
        "say": "Wait, make it 6 months.",
        "facts": [{"name": "months", "ask": ["how long"], "say": "6 months.", "value": "6 months"}],
    },
    "push": ["My neighbour got one."],
    "next": [{"say": "Could you send me the map of zone 7714?"}],
    "actions": [
        {
            "name": "upload",
            "ask": [["upload"], ["proof"]],
            "call": {"name": "upload", "arguments": {}},
            "say": "{result}",
        }
    ],
    "persona": "A hurried nurse.",
    "lines": {"out_of_patience": ["Enough."]},
}


def user(llm: dict[str, Any], **script: Any) -> LLMUser:
    opened = LLMUser(llm=llm)
    messages: Any = [{"role": "user", "content": "I need a permit for RV18 KLO."}]
    opened.open(Task("t", messages, [], "world", {}, "state", {}, {**SCRIPT, **script}), 0)
    return opened


def say(opened: LLMUser, *messages: str) -> list[UserReply | None]:
    async def talk() -> list[UserReply | None]:
        return [await opened.reply(message) for message in messages]

    return asyncio.run(talk())


def speaks(endpoint: Any, *replies: str, stop: bool = False) -> None:
    endpoint.script = [endpoint.say(json.dumps({"reply": reply, "stop": stop})) for reply in replies]


def turns(endpoint: Any) -> list[str]:
    return [body["messages"][-1]["content"] for body in endpoint.bodies]


def test_it_is_told_what_its_script_decides(endpoint: Any, llm: dict[str, Any]) -> None:
    speaks(endpoint, "It's Quay Street 5.", "Please wait, 6 months!", "Yes.", "But my neighbour got one!", "The map?")
    ann = user(llm)
    messages = (
        "What is your address?",
        "Shall I issue it?",
        "For 6 months. Shall I?",
        "No, I'm afraid that's impossible.",
        "All right, it's done.",
    )
    replies = say(ann, *messages)
    assert [reply.stop for reply in replies if reply] == [False] * 5
    told, change, confirm, plea, following = turns(endpoint)
    assert "- 5 Quay Street." in told and "KOL" not in told and "- RV18 KLO." in told
    assert "You have just changed your mind" in change and "Wait, make it 6 months." in change
    assert "your answer is: Yes, issue it." in confirm and "- 6 months." in confirm
    assert "in your own words: My neighbour got one." in plea
    assert "You want something else now; say, in your own words: Could you send me the map of zone 7714?" in following
    assert all("moved" not in prompt for prompt in turns(endpoint))
    assert ann.counts() == {"replies": 5, "changes": 1, "arguments": 1, "requests": 1}


def test_a_mistake_is_kept_until_it_is_doubted(endpoint: Any, llm: dict[str, Any]) -> None:
    speaks(endpoint, "It is RV18 KOL.", "RV18 KLO.", "Oh, RV18 KOL!")
    replies = say(user(llm), "Hello!", "I cannot find RV18 KLO.")
    assert [reply.content for reply in replies if reply] == ["RV18 KLO.", "Oh, RV18 KOL!"]
    assert "KOL" not in turns(endpoint)[0] and "I misread it: RV18 KOL." in turns(endpoint)[-1]


def test_it_does_what_it_is_told_to_by_a_line_of_its_own(endpoint: Any, llm: dict[str, Any]) -> None:
    unasked = ["ACTION upload"] * 2
    speaks(endpoint, "One moment.\nACTION upload\n", "I will do that later.", "5 Quay Street.\nACTION fly", *unasked)
    ann = user(llm)
    first, second = say(ann, "Please upload a proof of address.", "Please upload the proof.")
    assert first is not None and [call.name for call in first.calls] == ["upload"] and first.content == "One moment."
    assert second == UserReply("I will do that later.")
    role = endpoint.bodies[0]["messages"][0]["content"]
    assert "You can do these things at home, and nobody else can: upload." in role
    assert "reply with the line ACTION upload." in turns(endpoint)[0]
    assert "ACTION upload\\nOne moment." in turns(endpoint)[1]
    third, fourth = say(ann, "What is your address?", "Hello?")
    assert third == UserReply("5 Quay Street.")
    assert fourth == UserReply(NEUTRAL_REPLY)
    counts = ann.counts()
    assert (counts["actions"], counts["missed_actions"], counts["unasked_actions"]) == (1, 1, 3)


def test_it_leaves_when_the_script_is_over(endpoint: Any, llm: dict[str, Any]) -> None:
    speaks(endpoint, "The map, please.", "Thanks!", stop=True)
    ann = user(llm)
    first, second = say(ann, "It's done.", "I've sent the map.")
    assert (first, second) == (UserReply("The map, please."), UserReply("Thanks!", stop=True))
    assert ann.counts() == {"replies": 2, "requests": 1, "kept_on": 1}


def test_patience_ends_it_in_the_scripts_words(endpoint: Any, llm: dict[str, Any]) -> None:
    speaks(endpoint, "Fine.")
    ann = user(llm, patience=1)
    assert say(ann, "One moment.", "One moment.") == [UserReply("Fine."), UserReply("Enough.", stop=True)]
    assert ann.counts() == {"replies": 1, "patience": 1}
