"""Names of facts in a sentence."""

from __future__ import annotations

import pytest

from verl_agentic.tool_envs.users.hearing.words.clean import words_of
from verl_agentic.tool_envs.users.hearing.words.phrases import Phrases, spelled

PHRASES = Phrases(
    {
        "order": ["order number", "order"],
        "name": ["name", "full name"],
        "school": ["previous school"],
        "birth": ["date of birth"],
        "email": ["email"],
        "phone": ["mobile number"],
        "day": ["which day", "when"],
        "month": ["what month", "when would you like it"],
        "other_birth": ["when was the other born", "date of birth"],
        "home": ["where do you live", "when would you move"],
    }
)


def named(text: str) -> list[str]:
    return [one.fact for one in PHRASES.mentions(spelled(words_of(text)), [(0, 1000)])]


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("the number of your order", ["order"]),
        ("your order's number", ["order"]),
        ("DOB and e-mail address", ["birth", "email"]),
        ("your last name", ["name"]),
        ("the name of her previous school", ["school"]),
        ("telephone number", ["phone"]),
        ("provide the day", ["day"]),
        ("on the day of the visit", []),
        ("when did it arrive", ["day"]),
        ("it was late when you called", []),
        ("did you order it", []),
        ("tell me where you live and when you would move", ["home"]),
        ("reordering", []),
        ("which month do you want", ["month"]),
        ("when do you want it", ["month"]),
        ("the email address of your order", ["email", "order"]),
        ("your date of birth and the date of birth of the other", ["birth", "other_birth"]),
    ],
)
def test_facts_are_named_in_many_ways(text: str, facts: list[str]) -> None:
    assert list(dict.fromkeys(named(text))) == facts


def test_only_within_the_parts_that_are_asked_for() -> None:
    words = spelled(words_of("your order, your name"))
    assert [one.fact for one in PHRASES.mentions(words, [(12, 100)])] == ["name"]
