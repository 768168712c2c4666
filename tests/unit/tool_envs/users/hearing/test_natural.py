"""What a user of the natural register says, one message after the other."""

from __future__ import annotations

from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, Task
from verl_agentic.tool_envs.users.base import UserReply
from verl_agentic.tool_envs.users.scripted import ScriptedUser

OPENING = "I want to return order A1094."
SCRIPT: dict[str, Any] = {
    "hearing": "natural",
    "facts": [
        {"name": "order", "ask": ["order number"], "say": ["It is A1094.", "A1094, as I said."], "known": True},
        {"name": "name", "ask": ["name"], "say": "I am Ann Lee.", "value": "Ann Lee"},
        {"name": "refund", "ask": ["refunded", "store credit"], "say": "To my card.", "value": "card"},
    ],
    "confirm": "Yes, please.",
    "push": ["Please!", "It is a gift."],
    "gives_up": "What a pity.",
    "done": "Great.",
}
RESTART = {
    "name": "restart",
    "ask": [["restart"], ["router"]],
    "call": {"name": "restart_router", "arguments": {"wait": 3}},
    "say": "I did. {result}",
}


def user(**script: Any) -> ScriptedUser:
    opened = ScriptedUser()
    messages: Any = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": OPENING}]
    opened.open(Task("t", messages, [], "world", {}, "state", {}, {**SCRIPT, **script}), 0)
    return opened


def talk(opened: ScriptedUser, *messages: str) -> list[str]:
    """What is said; what ends the dialogue ends with a full stop of its own, ``//``."""
    said = []
    for message in messages:
        reply = opened.reply(message)
        assert reply is not None
        said.append(f"{reply.content} //" if reply.stop else reply.content)
    return said


def test_all_facts_of_a_message_are_told_in_one_reply() -> None:
    assert talk(user(), "What is your name, and how would you like to be refunded?") == ["I am Ann Lee. To my card."]


def test_a_fact_that_is_asked_for_again_is_worded_anew() -> None:
    assert talk(user(), *["Your order number, please."] * 3) == [
        "It is A1094.",
        "A1094, as I said.",
        "A1094, as I said.",
    ]


def test_refusals_are_argued_against_and_taken_then() -> None:
    ann = user()
    assert talk(ann, *["I'm afraid that's not possible."] * 3) == ["Please!", "It is a gift.", "What a pity. //"]
    assert ann.counts() == {"replies": 3, "arguments": 2}
    assert talk(user(push=[], gives_up=None), "I cannot do that.") == [" //"]


def test_a_change_of_mind_comes_once_and_holds() -> None:
    change = {"say": "No wait, I want store credit.", "facts": [{**SCRIPT["facts"][2], "say": "C.", "value": "credit"}]}
    ann = user(change=change)
    messages = ("Shall I go ahead?", "Shall I go ahead?", "Store credit, then?")
    assert talk(ann, *messages)[:2] == ["No wait, I want store credit.", "Yes, please."]
    assert ann.counts()["changes"] == 1


def test_what_is_restated_wrongly_is_corrected_and_not_confirmed() -> None:
    ann = user()
    assert talk(ann, "So it is order A1049, right?") == ["No, that is not right. It is A1094."]
    assert ann.counts() == {"replies": 1, "corrections": 1}


MISTAKEN = {
    "name": "plate",
    "ask": ["plate"],
    "say": "I misread it: RV18 KOL.",
    "value": "RV18 KOL",
    "mistaken": {"say": "RV18 KLO.", "value": "RV18 KLO"},
}


@pytest.mark.parametrize(
    "doubt",
    ["I cannot find RV18 KLO.", "Could you repeat the plate?", "Is RV18 KLO right?", "That number does not exist."],
)
def test_a_mistake_is_owned_up_to_once_it_is_doubted(doubt: str) -> None:
    assert talk(user(facts=[{**MISTAKEN, "known": True}]), doubt) == ["I misread it: RV18 KOL."]
    assert talk(user(facts=[MISTAKEN]), "Which plate?", doubt) == ["RV18 KLO.", "I misread it: RV18 KOL."]


def test_a_mistake_is_agreed_to_until_then_and_not_afterwards() -> None:
    ann = user(facts=[{**MISTAKEN, "known": True}])
    question = "Shall I issue it for RV18 KLO?"
    assert talk(ann, question, "I cannot find it, could you check the plate?", question) == [
        "Yes, please.",
        "I misread it: RV18 KOL.",
        "I misread it: RV18 KOL.",
    ]


def test_what_is_untold_is_told_before_it_is_agreed_to() -> None:
    assert talk(user(), "Shall I give you store credit?", "Shall I refund it to your card?") == [
        "To my card.",
        "Yes, please.",
    ]


def test_further_requests_follow_before_the_user_leaves() -> None:
    later = [
        {"say": "And a bag?", "facts": [{"name": "bag", "ask": ["which bag"], "say": "The red one."}], "push": ["Oh!"]},
        {"say": "And a hat?", "confirm": "Yes, a hat."},
    ]
    ann = user(next=later, push=[])
    messages = ("It's done.", "Which bag?", "No, that's impossible.", "I can't.", "Shall I?", "Done. Anything else?")
    assert talk(ann, *messages) == ["And a bag?", "The red one.", "Oh!", "And a hat?", "Yes, a hat.", "Great. //"]
    assert ann.counts() == {"replies": 6, "requests": 2, "arguments": 1}
    assert talk(user(next=later, push=[]), "That is not allowed.") == ["What a pity. And a bag?"]


def test_what_it_is_told_to_do_is_done_by_the_environment() -> None:
    ann = user(actions=[RESTART])
    reply = ann.reply("Please restart the router, and what is your name?")
    assert reply is not None and [call.name for call in reply.calls] == ["restart_router"]
    assert reply.calls[0].arguments == {"wait": 3}
    told = reply.calls[0].told('{"result": "It blinks."}')
    assert reply.filled([told]) == UserReply("I did. It blinks. I am Ann Lee.")
    assert ann.counts() == {"replies": 1, "actions": 1}


def test_it_waits_and_asks_what_is_meant_twice() -> None:
    lines = {"wait": ["Fine.", "Yes?"], "unclear": ["And now?"], "unknown": ["No idea."], "out_of_patience": ["Bye."]}
    ann = user(lines=lines)
    messages = ("One moment.", "I'm transferring you.", "Let me check.", "What colour is it?")
    assert talk(ann, *messages) == ["Fine.", "Yes?", "Fine.", "No idea."]
    assert talk(ann, "Trains are nice.", "Trains are nice.", "Trains are nice.") == ["And now?", "And now?", "Bye. //"]
    assert ann.counts() == {"replies": 7, "denials": 1, "unclear": 2, "patience": 1}


def test_who_asks_what_it_is_about_hears_it_again() -> None:
    assert talk(user(), "Hello! How can I help you today?") == [OPENING]


def test_a_goodbye_before_anything_was_said_is_no_end() -> None:
    ann = user()
    messages = ("Thank you for contacting us!", "Goodbye!", "Goodbye!")
    assert talk(ann, *messages) == [OPENING, "So is that done now?", "Forget it. //"]
    assert talk(user(), "Goodbye!", "Yes, it is. Is there anything else?") == [OPENING, "Great. //"]


@pytest.mark.parametrize(
    "message",
    [
        "Hello, what can I do for you today",
        "Welcome to Acme! How may I be of service",
        "Hi there! 😊 I'd be happy to help you with your return today!",
        "Thank you for reaching out. I'm here to help.",
    ],
)
def test_an_opening_without_a_result_ends_nothing(message: str) -> None:
    assert talk(user(), message, message, message) == [OPENING, OPENING, "Forget it. //"]


def test_a_goodbye_without_a_result_is_asked_about() -> None:
    messages = ("What's your name?", "Is there anything else?", "Your return has been registered.")
    assert talk(user(), *messages) == ["I am Ann Lee.", "So is that done now?", "Great. //"]


def test_a_doubtful_no_is_asked_about_before_it_gives_up() -> None:
    messages = ("There are rules for that, I'm sorry.", "That is not possible.")
    assert talk(user(push=[]), *messages) == ["So is that done now?", "What a pity. //"]


def test_an_offer_in_place_of_what_it_wants_is_a_no() -> None:
    assert talk(user(), "We also offer a newsletter. Would you like to get it?") == [
        "No, thank you. So is that done now?"
    ]
    assert talk(user(), "A return is impossible. Would you like a discount?") == ["Please!"]
    assert talk(user(), "That is impossible.", "I can offer you a discount. Shall I?") == ["Please!", "It is a gift."]
    assert talk(user(), "A return is impossible. Would you like store credit?") == ["To my card."]
    assert talk(user(), "That is impossible.", "Sorry, I was wrong. Shall I return it?") == ["Please!", "Yes, please."]


def test_what_the_agent_does_next_is_waited_for() -> None:
    messages = ("I'll look that up now.", "One moment, please! 🙏", "Checking your order...", "Let me see")
    assert talk(user(), *messages) == ["Okay, I will wait."] * 4


def test_patience_ends_it() -> None:
    ann = user(patience=2)
    assert talk(ann, *["One moment."] * 3) == ["Okay, I will wait.", "Okay, I will wait.", "Forget it. //"]
    assert ann.counts() == {"replies": 3, "patience": 1}


def test_it_begins_anew_with_the_next_task() -> None:
    ann = user()
    assert talk(ann, "I cannot do that.", "All done!") == ["Please!", "Great. //"]
    ann.open(Task("t", [], [], "world", {}, "state", {}, SCRIPT), 0)
    assert talk(ann, "I cannot do that.") == ["Please!"] and ann.counts() == {"replies": 1, "arguments": 1}
    ann.open(Task("t", [], [], "world", {}, "state", {}, {"facts": []}), 0)
    assert talk(ann, "Hello.") == ["Thanks. //"]


def test_a_script_that_is_none_is_the_tasks_fault() -> None:
    with pytest.raises(BrokenTaskError, match=r"user.facts\[3\].name is 'order' again"):
        user(facts=[*SCRIPT["facts"], SCRIPT["facts"][0]])


def test_an_offer_is_answered_when_it_is_made() -> None:
    facts = [*SCRIPT["facts"], {"name": "voucher", "ask": ["decision about a voucher"], "say": ["No, no voucher."]}]
    facts[-1]["offer"] = False
    ann = user(facts=facts)
    assert talk(ann, "I can offer you 20 euros instead. Would you like that?") == ["No, no voucher."]


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("Sadly, the red one is sold out. Shall I let you know once there are more?", "No, no voucher."),
        ("Returns are not possible any more. The most I can do is half of it. What do you say?", "No, no voucher."),
        ("That is taken, but the blue one is still there. Would that work for you?", "No, no voucher."),
        ("I can give you 4 weeks. Is that okay?", "No, no voucher."),
        ("I'm sorry, that is not possible at this stage. Anything else?", "Please!"),
        ("It's done, you get it back at the latest on Friday. Anything else?", "Great. //"),
    ],
)
def test_what_is_wanted_is_told_from_what_is_offered_in_its_place(message: str, said: str) -> None:
    weeks = {
        "name": "weeks",
        "ask": ["how many weeks"],
        "say": ["It was 6 weeks ago."],
        "value": "6 weeks",
        "known": True,
    }
    voucher = {"name": "v", "ask": ["decision about a voucher"], "say": ["No, no voucher."], "offer": False}
    assert talk(user(facts=[SCRIPT["facts"][0], weeks, voucher]), message) == [said]


def test_whoever_has_declined_wants_nothing_any_more() -> None:
    ann = user(confirm="No, leave it.", declines=True, done="That was all.")
    assert talk(ann, "Shall I cancel it?", "Would you like store credit, or your money back?") == [
        "No, leave it.",
        "That was all. //",
    ]


def test_whoever_will_decline_an_offer_agrees_to_nothing_before() -> None:
    voucher = {"name": "v", "ask": ["decision about a voucher"], "say": ["Hm, a voucher it is."], "offer": False}
    facts = [*SCRIPT["facts"], voucher]
    question = "The first free day is Saturday, 31 October; the fee is 45. Shall I book that one?"
    refused = user(facts=facts, outcome="deny")
    assert talk(refused, "Shall I look it up?", question) == ["Hm, a voucher it is."] * 2
    voucher["offer"] = True
    assert talk(user(facts=facts), "Shall I go ahead?") == ["Yes, please."]


REFUSED_AND_REPORTED = (
    "Your test has been reported, but the doctor has not released it yet, so I cannot tell you the result."
)


@pytest.mark.parametrize(
    ("outcome", "messages", "said"),
    [
        ("deny", [REFUSED_AND_REPORTED], ["Please!"]),
        ("deny", ["I cannot do that.", "Still not possible.", "You're welcome. Anything else?"], None),
        ("allow", ["I've changed your address. I cannot change it for orders that are on their way."], ["Great. //"]),
        ("deny", ["I've cancelled your order, all done."], ["Great. //"]),
        ("deny", ["I have to refuse that. With what we have just booked you have reached the most."], ["Please!"]),
    ],
)
def test_of_two_answers_the_user_takes_the_one_that_there_is(
    outcome: str, messages: list[str], said: list[str] | None
) -> None:
    found = talk(user(outcome=outcome), *messages)
    assert found == (said or ["Please!", "It is a gift.", "What a pity. //"])


def test_a_question_and_a_request_to_agree_are_both_answered() -> None:
    assert talk(user(), "What is your name? And shall I go ahead with the return?") == ["I am Ann Lee. Yes, please."]
    assert talk(user(declines=True), "What is your name? And shall I go ahead with the return?") == ["I am Ann Lee."]
    assert talk(user(), "Shall I refund it to your card, or would you like store credit?") == ["To my card."]


@pytest.mark.parametrize(
    "message",
    [
        "Your excess comes to 2,400.00 in all: 2,100.00 for the class, plus 300.00.",
        "You owe 2400 in total, and there is no way to pay less.",
        "It would be 2,400.00.",
    ],
)
def test_whoever_only_asked_is_content_with_the_answer(message: str) -> None:
    assert talk(user(question=True, outcome="allow", expects=["2400"]), message) == ["Great. //"]
