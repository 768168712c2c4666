"""How true a user was, told from the dialogue."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from verl_agentic.core import End, Task, Trajectory, Turn
from verl_agentic.tool_envs.users.fidelity import Fidelity, fidelity

SCRIPT: dict[str, Any] = {
    "hearing": "natural",
    "facts": [
        {"name": "order", "ask": ["order number", "order"], "say": "It is A1094.", "known": True},
        {"name": "name", "ask": ["name"], "say": "I am Ann Lee.", "value": "Ann Lee"},
        {"name": "day", "ask": ["which day", "day"], "say": "On 11 January, please.", "value": "11 January"},
        {"hidden": True, "say": "I dropped it in the bath.", "value": ["bath"]},
    ],
    "confirm": "Yes.",
    "push": ["Please, my sister Eve needs it!"],
    "actions": [
        {"name": "read", "ask": [["read"], ["meter"]], "call": {"name": "read"}, "say": "It shows {reading} kWh."}
    ],
}
ASKED = "What is your name?"


def task(**script: Any) -> Task:
    messages: Any = [{"role": "user", "content": "I want to return A1094 from the shop in Leeds."}]
    return Task("t", messages, [], "world", {}, "state", {}, {**SCRIPT, **script})


def true(*turns: str, end: End = End.USER_STOP, counts: dict[str, int] | None = None, **script: Any) -> Fidelity:
    """Of a dialogue whose turns are the agent's and the user's in turn."""
    roles = [Turn(("assistant", "user")[place % 2], text) for place, text in enumerate(turns)]
    found = fidelity(task(**script), Trajectory("t", turns=roles, end=end, user=counts or {}))
    assert found is not None
    return found


@pytest.mark.parametrize(
    "turns",
    [
        (ASKED, "I am Ann Lee.", "Your return is registered.", "Thanks."),
        (ASKED, "Sure, it's Ann Lee!", "Shall I come on 11 January?", "Yes.", "It is done.", "Bye."),
        ("I'm sorry, that is not possible.", "Please, my sister Eve needs it!", "I cannot.", ""),
        ("Please read your meter.", "It shows 48213 kWh.", "Thank you, all done.", "Thanks."),
        ("Your reference is X-993. It's done.", "Great, X-993."),
        ("Which one?", "I am Ann Lee.", "All done.", "Bye."),
    ],
)
def test_a_true_user_has_no_faults(turns: tuple[str, ...]) -> None:
    assert true(*turns).faults == []


def test_what_is_part_of_what_was_asked_for_is_not_leaked() -> None:
    facts = [
        {
            "name": "email",
            "ask": ["e-mail"],
            "say": "It is ann.meyers@post.example.",
            "value": "ann.meyers@post.example",
        },
        {"name": "surname", "ask": ["surname"], "say": "Meyers.", "value": "Meyers"},
    ]
    assert true("Your e-mail?", "It is ann.meyers@post.example.", "Done!", "Bye.", facts=facts).faults == []
    assert true("Your e-mail?", "Meyers.", "Done!", "Bye.", facts=facts).leaked == ("surname",)


@pytest.mark.parametrize(
    ("turns", "fault", "names"),
    [
        ((ASKED, "Ann Lee, and come on 11 January."), "leaked", ("day",)),
        ((ASKED, "I am Ann Lee. I dropped it in the bath."), "leaked", ("fact_3",)),
        ((ASKED, "I am Ann Lee, customer 55012."), "invented", ("55012",)),
        ((ASKED, "I am Ann Lee, and my son Tom is here."), "invented", ("Tom",)),
        (("Which day suits you?", "On 12 January."), "contradicted", ("day",)),
        (("What's the order number?", "It is A1049."), "contradicted", ("order",)),
    ],
)
def test_what_was_not_to_be_said_is_named(turns: tuple[str, ...], fault: str, names: tuple[str, ...]) -> None:
    found = true(*turns, "It's done.", "Thanks.")
    assert getattr(found, fault) == names and any(names[0] in one for one in found.faults)


@pytest.mark.parametrize(
    "last", [ASKED, "Shall I go ahead?", "Let me check.", "Please read your meter.", "What can I do for you today"]
)
def test_who_leaves_while_something_is_pending_leaves_early(last: str) -> None:
    assert true(last, "Bye.").left_early
    assert not true(last, "Bye.", counts={"patience": 1}).left_early
    assert not true(last, "Hm.", end=End.MAX_TURNS).left_early


def test_who_leaves_with_a_request_unsaid_leaves_early() -> None:
    later = [{"say": "Could you also change my delivery address?"}]
    assert true("It's done.", "Thanks.", next=later).left_early
    again = ("It's done.", "Please change my delivery address, too.", "Changed it for you.", "Thanks.")
    assert not true(*again, next=later).left_early


def test_who_goes_on_when_all_is_said_never_ends() -> None:
    assert true("It's done.", "Oh, nice.", "Anything else?", "Hm.", end=End.MAX_TURNS).never_ended
    assert not true(ASKED, "Ann Lee.", end=End.MAX_TURNS).never_ended
    assert not true(
        "It's done.", "And a bag?", "Hm.", "Hm.", end=End.MAX_TURNS, next=[{"say": "And a bag?"}]
    ).never_ended


def test_only_where_there_is_a_script() -> None:
    assert fidelity(replace(task(), user=None), Trajectory("t")) is None
    assert fidelity(task(facts=[1]), Trajectory("t")) is None
