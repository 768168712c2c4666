"""What the user makes of one message: the acts, the facts, the actions and the mistakes."""

from __future__ import annotations

import random
from typing import Any

import pytest

from verl_agentic.tool_envs.users.hearing.acts import Act
from verl_agentic.tool_envs.users.hearing.ears import Ears, Heard
from verl_agentic.tool_envs.users.plan import read_plan

SCRIPT: dict[str, Any] = {
    "facts": [
        {"name": "order", "ask": ["order number", "order"], "say": "It is order A1094.", "known": True},
        {"name": "name", "ask": ["name", "full name"], "say": "I am Ann Lee.", "value": "Ann Lee"},
        {"name": "day", "ask": ["which day", "day"], "say": "On 11 January, please.", "value": "11 January"},
        {"name": "refund", "ask": ["refund", "store credit"], "say": "Back to my card.", "value": "card"},
        {
            "name": "plate",
            "ask": ["plate", "registration"],
            "say": "Sorry, it is RV18 KOL.",
            "value": "RV18 KOL",
            "known": True,
            "mistaken": {"say": "RV18 KLO.", "value": "RV18 KLO"},
        },
        {"name": "secret", "hidden": True, "say": "I broke it."},
    ],
    "actions": [
        {"name": "restart", "ask": [["restart", "reboot"], ["router"]], "call": {"name": "r"}, "say": "Done."},
        {"name": "light", "ask": [["light", "lamp"], ["colour", "show"]], "call": {"name": "l"}, "say": "{colour}"},
    ],
}
PLAN = read_plan(SCRIPT)
EARS = Ears(PLAN.requests[0].facts, PLAN.actions)
TOLD = {"order", "plate"}


@pytest.mark.parametrize(
    ("message", "act"),
    [
        ("I'm unable to do that.", Act.REFUSE),
        ("We don't refund gift cards.", Act.REFUSE),
        ("There's no delivery on Sundays. I could offer Monday instead.", Act.REFUSE),
        ("I can't do that. Would you like me to send a voucher instead?", Act.REFUSE),
        ("I don't see any problem, your parcel has been sent back.", Act.DONE),
        ("All done! Anything else?", Act.DONE),
        ("Request 55 created.", Act.DONE),
        ("I bumped it to Friday.", Act.DONE),
        ("After it has been sent, we check it.", Act.UNCLEAR),
        ("I have found it. Let me check the policy.", Act.PROGRESS),
        ("One moment, please.", Act.PROGRESS),
        ("Would you mind waiting a moment?", Act.PROGRESS),
        ("", Act.PROGRESS),
        ("Shall I go ahead?", Act.CONFIRM),
        ("Reply YES to continue.", Act.CONFIRM),
        ("Once you confirm, I will send it.", Act.CONFIRM),
        ("I can't give it all back, but half of it. Would you accept that?", Act.CONFIRM),
        ("I'm transferring you to a colleague.", Act.HANDOVER),
        ("Have a great day!", Act.CLOSE),
        ("Is there anything else I can help you with?", Act.CLOSE),
        ("How can I help you today?", Act.GREET),
        ("Our shop is in the old town.", Act.UNCLEAR),
        ("What colour would you like?", Act.ASK),
        ("Let me just confirm the order number.", Act.PROGRESS),
        ("I'm sorry about that. We'll keep you informed.", Act.PROGRESS),
        ("I've sent it. We will contact you once it has arrived.", Act.DONE),
        ("We can't give refunds for that. Please note that I've cancelled it for you.", Act.DONE),
        ("Welcome! I'd be happy to help you today.", Act.GREET),
        ("Your total is 30.50 now.", Act.DONE),
        ("Can you return it? Yes, of course.", Act.UNCLEAR),
    ],
)
def test_acts(message: str, act: Act) -> None:
    assert EARS.hear(message, TOLD).act is act


@pytest.mark.parametrize(
    ("message", "asks"),
    [
        ("What's your name, and on which day shall we come?", ("name", "day")),
        ("**Needed:**\n- Full name:\n- Day: ____", ("name", "day")),
        ("I can't look anything up without knowing your name.", ("name",)),
        ("I don't need the order number, only your name.", ("name",)),
        ("Please tell me your name so that I can find the order.", ("name",)),
        ("Under which name did you order?", ("name",)),
        ("Your order number, please.", ("order",)),
        ("Monday, Tuesday or Friday?", ("day",)),
        ("I can't find A1094. Could you check it?", ("order",)),
        ("There is no car with that number.", ("plate",)),
        ("Refund or store credit?", ("refund",)),
        ("Could you tell me on which day you would like it?", ("day",)),
        ("Thank you for your order number. To go on, I need your name.", ("name",)),
        ("Once I have your name, I can look at the order.", ("name",)),
        ("To check the order, I have to ask you for your name.", ("name",)),
        ("Until which day? And your name, together with the order number.", ("day", "name", "order")),
    ],
)
def test_facts_that_are_asked_for(message: str, asks: tuple[str, ...]) -> None:
    found = EARS.hear(message, TOLD)
    assert (found.act, found.asks) == (Act.ASK, asks)


@pytest.mark.parametrize(
    ("message", "does", "asks"),
    [
        ("Please restart your router.", ("restart",), ()),
        ("Have you tried restarting the router?", ("restart",), ()),
        ("1. Reboot the router.\n2. Tell me which colour the light has.", ("restart", "light"), ()),
        ("What colour is the light? And what is your name?", ("light",), ("name",)),
    ],
)
def test_what_the_user_is_to_do(message: str, does: tuple[str, ...], asks: tuple[str, ...]) -> None:
    found = EARS.hear(message, TOLD)
    assert (found.act, found.does, found.asks) == (Act.INSTRUCT, does, asks)


@pytest.mark.parametrize("message", ["I restarted your router.", "Thank you for restarting the router."])
def test_what_was_done_is_no_instruction(message: str) -> None:
    assert EARS.hear(message, TOLD).does == ()


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        ("So you want to return order A1049, right?", ("order",)),
        ("So you want to return order A1094, right?", ()),
        ("To confirm: we come on 12 January. Is that correct?", ("day",)),
        ("We also have 12 January. Shall I book 11 January?", ()),
        ("The new order is A1095. Shall I send it with A1094?", ()),
    ],
)
def test_restated_wrongly(message: str, wrong: tuple[str, ...]) -> None:
    assert EARS.hear(message, {"order", "day"}).wrong == wrong


def test_a_number_that_the_agent_may_name_is_no_mistake() -> None:
    facts = (
        read_plan({"facts": [{"name": "days", "ask": ["days"], "say": "84 days.", "value": "84 days"}]})
        .requests[0]
        .facts
    )
    message = "So it is 42 days, right?"
    assert Ears(facts).hear(message, {"days"}).wrong == ("days",)
    assert Ears(facts, expects=["42"]).hear(message, {"days"}).wrong == ()


@pytest.mark.parametrize("told", [set(), {"order"}])
def test_another_record_than_the_users_is_corrected_whether_told_or_not(told: set[str]) -> None:
    assert EARS.hear("Is it the order B77215?", told).wrong == ("order",)
    assert EARS.hear("I found order B77215. Is it that one?", told).wrong == ("order",)
    assert EARS.hear("Is it the order A1094?", told).wrong == ()


def test_what_is_asked_beside_an_instruction_is_heard() -> None:
    heard = EARS.hear("Could you please tell me your name and restart the router?", TOLD)
    assert (heard.does, heard.asks) == (("restart",), ("name",))


def test_what_was_told_and_is_only_named_is_not_asked_for() -> None:
    assert EARS.hear("Please confirm: I cancel the order number A1094.", TOLD).act is Act.CONFIRM
    assert EARS.hear("Could you please confirm the order number?", TOLD).asks == ("order",)


@pytest.mark.parametrize(
    "message",
    [
        "I've cancelled it. A confirmation with the order number has been sent to you.",
        "Your name is needed for every return. I've entered it, all done!",
        "The change is done. What happens next:\n1. You will get a mail.\n2. Please keep your order number.",
    ],
)
def test_what_is_only_named_beside_a_result_is_not_asked_for(message: str) -> None:
    assert EARS.hear(message, TOLD) == Heard(Act.DONE)


def test_a_list_of_what_will_be_done_is_to_be_agreed_to() -> None:
    listed = "I will do the following:\n- Cancel order A1094\n- Refund to your card\n- Send a mail to Ann Lee\n\nOkay?"
    assert EARS.hear(listed, TOLD).act is Act.CONFIRM


def test_a_mistake_is_asked_about_or_only_restated() -> None:
    asked = EARS.hear("The plate is RV18 KLO, correct?", TOLD)
    stated = EARS.hear("Shall I issue the permit for RV18 KLO?", TOLD)
    assert (asked.slips, asked.checks) == (("plate",), ("plate",))
    assert (stated.slips, stated.checks) == (("plate",), ())


def test_a_request_to_confirm_touches_what_it_speaks_of() -> None:
    assert EARS.hear("Shall I give you store credit?").touches == ("refund",)
    assert EARS.hear("Shall I refund it to your card?").touches == ()


def test_nothing_that_a_model_writes_is_too_much() -> None:
    chars = "a?.\n -|*{}[]()\"'<>/\\#_,:;1\u200b\u0301\U0001f600\ud800\u3042\uff1f"
    draw = random.Random(0)
    for _ in range(300):
        assert EARS.hear("".join(draw.choice(chars) for _ in range(draw.randrange(200))), TOLD)
    for piece in ("order ", "? ", "(", "|", "please ", "has been sent ", "\n- ", "1. ", "<think>", '{"a": ', "no, "):
        assert EARS.hear(piece * 5000, TOLD)
