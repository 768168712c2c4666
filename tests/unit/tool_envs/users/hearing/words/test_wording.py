"""Patterns of words."""

from __future__ import annotations

import pytest

from verl_agentic.tool_envs.users.hearing.words.wording import Wordings

CLASSES = {"done": "sent set_up cancelled", "who": "i we"}


def names(pattern: str, text: str) -> list[str]:
    return [text[one.start : one.end].strip() for one in Wordings({"it": pattern}, CLASSES).find(text.split(" "))]


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("<who> have <done>", "and we have set up it", ["we have set up"]),
        ("(no|not a) (very)? (good|bad) day", "not a bad day no very good day", ["not a bad day", "no very good day"]),
        ("a (b|c)* d", "a b c b d", ["a b c b d"]),
        ("please .. name", "please give me your name", ["please give me your name"]),
        ("please .. name", "please , your name", []),
        ("please ... name", "please a b c d e f g h name", ["please a b c d e f g h name"]),
        ("we !(will|can) go", "we go we will go", ["we go"]),
        ("will re* it", "will rebook it", ["will rebook it"]),
        ("*ing it", "doing it", ["doing it"]),
        ("^ check it", "please check it and we check it", ["check it"]),
        ("a (b\n    |c) d", "a c d", ["a c d"]),
    ],
)
def test_a_wording_stands_for_many(pattern: str, text: str, found: list[str]) -> None:
    assert names(pattern, text) == found


def test_the_first_wording_that_a_text_begins_with_is_told() -> None:
    wordings = Wordings({"one": "a b", "two": "a"}, {})
    assert [wordings.begin(text, 0) for text in ("a b ", "a c ", "c ")] == ["one", "two", ""]


@pytest.mark.parametrize("pattern", ["(a|b", "a) b", "a?", ".. a?", "re* me", "*ly so"])
def test_what_cannot_be_looked_up_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"read|looked up"):
        Wordings({"it": pattern}, {})
