"""The scripted user: what it answers to what, and that it always ends."""

from __future__ import annotations

from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, Task, UserInputError
from verl_agentic.tool_envs import NoUser, UserReply
from verl_agentic.tool_envs.users.registry import make_user
from verl_agentic.tool_envs.users.scripted import DO_NOT_KNOW, OUT_OF_PATIENCE, WAITING, ScriptedUser

ORDER = {"ask": ["order", "number", "id"], "say": "Order 417."}
NAME = {"ask": ["name"], "say": "I am Ann."}


def user(**script: Any) -> ScriptedUser:
    opened = ScriptedUser()
    messages: Any = [{"role": "user", "content": "I want a refund."}]
    opened.open(Task("service", messages, [], "service", {}, "state", {}, {"facts": [ORDER, NAME], **script}), seed=0)
    return opened


def say(opened: ScriptedUser, message: str) -> UserReply:
    reply = opened.reply(message)
    assert reply is not None
    return reply


def test_tells_one_fact_at_a_time_and_repeats_it_on_request() -> None:
    ann = user()
    assert say(ann, "Which order?") == UserReply("Order 417.")
    assert say(ann, "And what is your name?") == UserReply("I am Ann.")
    assert say(ann, "Which order was it?") == UserReply("Order 417.")
    assert say(ann, "What is your favourite colour?") == UserReply(DO_NOT_KNOW)


def test_a_question_that_names_nothing_gets_the_next_untold_fact() -> None:
    ann = user(facts=[{**ORDER, "known": True}, NAME])
    assert say(ann, "What do you mean?").content == "I am Ann."
    assert say(ann, "What do you mean?").content == DO_NOT_KNOW


def test_the_fact_with_most_matching_words_wins() -> None:
    date = {"ask": ["order", "date", "placed"], "say": "On Monday."}
    assert say(user(facts=[ORDER, date]), "On what date was the order placed?").content == "On Monday."


@pytest.mark.parametrize(
    ("message", "content"),
    [
        ("I'd be happy to help. **Could you please provide** your order ID so that I can proceed", "Order 417."),
        ("Before I go ahead I need your order number, to confirm it in our records.", "Order 417."),
        ("To proceed, let me know the numbers of your orders.", "Order 417."),
        ("Sorry, I cannot find you. What is your name?", "I am Ann."),
        ("I looked for your order. Could you tell me your name?", "I am Ann."),
        ("Please provide a few details.\n1. The name\n2. The date", "I am Ann."),
        ("Did you consider this idea?", "Order 417."),
    ],
)
def test_long_free_text_questions(message: str, content: str) -> None:
    assert say(user(confirm="Yes."), message).content == content


@pytest.mark.parametrize("answer", ["Yes.", "No."])
def test_confirms_as_scripted(answer: str) -> None:
    known = [{**ORDER, "known": True}]
    for message in ("Confirm?", "Please confirm the refund of order 417.", "Are you sure?", "Shall I go ahead?"):
        assert say(user(facts=known, confirm=answer), message) == UserReply(answer)
    assert say(user(facts=known), "Confirm?").content == DO_NOT_KNOW


def test_a_report_of_success_is_no_request_to_confirm() -> None:
    for message in ("I can confirm that your refund is done.", "Sorry for the delay, it has been processed."):
        assert say(user(confirm="Yes."), message) == UserReply("Thanks.", stop=True)


def test_pushes_then_leaves_without_a_word() -> None:
    ann = user(push=["Please make an exception.", "It is only 3 days old."], confirm="Yes.")
    assert say(ann, "Sorry, that is not allowed.") == UserReply("Please make an exception.")
    assert say(ann, "I\u2019m afraid we can\u2019t. Would you like me to cancel instead?").content.startswith(
        "It is only"
    )
    assert say(ann, "This is against our policy.") == UserReply("", stop=True)


@pytest.mark.parametrize(
    "message",
    [
        "I am unable to do that.",
        "Your request was denied.",
        "Unfortunately the order is too old.",
        "We do not allow returns after 30 days.",
        "This order is not eligible for a refund.",
        "That is against the store's return policy.",
        "Your order won't be refunded. Is there anything else?",
    ],
)
def test_refusals(message: str) -> None:
    assert say(user(push=["Please."]), message) == UserReply("Please.")


def test_any_other_statement_contents_the_user() -> None:
    assert say(user(done="Great!"), "Your refund is on its way.") == UserReply("Great!", stop=True)
    assert say(user(), "Refunded. Is there anything else I can help with?") == UserReply("Thanks.", stop=True)


def test_it_waits_for_what_is_under_way_within_its_patience() -> None:
    ann = user(confirm="Yes.", patience=4)
    assert say(ann, "Shall I cancel it?") == UserReply("Yes.")
    for message in ("One moment, please.", "I am now cancelling your order.", ""):
        assert say(ann, message) == UserReply(WAITING)
    assert say(ann, "Please give me a minute.") == UserReply(OUT_OF_PATIENCE, stop=True)
    assert say(user(), "It has been cancelled. I will send you a mail.") == UserReply("Thanks.", stop=True)


def test_patience_bounds_the_dialogue() -> None:
    ann = user(facts=[], patience=3)
    assert [say(ann, "Why?").content for _ in range(4)] == [DO_NOT_KNOW] * 3 + [OUT_OF_PATIENCE]
    assert say(ann, "Why?").stop


def test_reads_the_end_of_a_huge_message_quickly() -> None:
    assert say(user(), "order " * 500_000 + " What is your name?").content == "Order 417."
    assert say(user(), "x" * 3_000_000 + " What is your name?").content == "I am Ann."


def test_opening_again_forgets_the_last_dialogue() -> None:
    ann = user(push=["Please."])
    first = [say(ann, "Not allowed.") for _ in range(2)]
    messages: Any = [{"role": "user", "content": "x"}]
    script = {"facts": [ORDER], "push": ["Please."]}
    ann.open(Task("service", messages, [], "service", {}, "state", {}, script), seed=1)
    assert [say(ann, "Not allowed.") for _ in range(2)] == first


def test_without_a_script_nobody_answers() -> None:
    nobody = ScriptedUser()
    nobody.open(Task("math", [{"role": "user", "content": "1+1"}], [], "calculator", {}, "math", "2"), seed=0)
    assert nobody.reply("Which order?") is None


@pytest.mark.parametrize(
    ("script", "field"),
    [
        ({"facts": None}, "user.facts"),
        ({"facts": ["Order 417."]}, r"user.facts\[0\].ask"),
        ({"facts": [{"ask": [], "say": "x"}]}, r"user.facts\[0\].ask"),
        ({"facts": [{"ask": ["x"]}]}, r"user.facts\[0\].say"),
        ({"push": "Please."}, "user.push"),
        ({"patience": 0}, "user.patience"),
        ({"confirm": True}, "user.confirm"),
    ],
)
def test_a_broken_script_names_its_field(script: dict[str, Any], field: str) -> None:
    with pytest.raises(BrokenTaskError, match=field):
        user(**script)


def test_make_user() -> None:
    assert type(make_user("scripted")) is ScriptedUser
    assert type(make_user("none")) is NoUser
    assert type(make_user("verl_agentic.tool_envs.users.base:NoUser")) is NoUser
    for name, problem in (
        ("human", "unknown user 'human'; known: llm, none, scripted"),
        ("verl_agentic.tool_envs.users.base:Nobody", "cannot be imported"),
        ("verl_agentic.core:Task", "not a subclass"),
    ):
        with pytest.raises(UserInputError, match=problem):
            make_user(name)


def test_it_counts_what_became_of_it() -> None:
    assert ScriptedUser().counts() == {}
    ann = user(push=["Please."], patience=3)
    say(ann, "What is your favourite colour? And your order, your name?")
    for message in ("Your name?", "What is your favourite colour?", "I cannot do that."):
        last = say(ann, message)
    assert last == UserReply(OUT_OF_PATIENCE, stop=True)
    assert ann.counts() == {"replies": 4, "denials": 1, "arguments": 1, "patience": 1}
