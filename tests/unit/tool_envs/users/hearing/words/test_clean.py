"""From what models write to sentences of plain words."""

from __future__ import annotations

import pytest

from verl_agentic.tool_envs.users.hearing.words.clean import BLANK, MAX_CHARS, MAX_WORDS, sentences


def texts(message: str) -> list[str]:
    return [sentence.text.strip() for sentence in sentences(message)]


@pytest.mark.parametrize(
    ("message", "read"),
    [
        ("**Your order** is `A1`. \U0001f60a Bye!", ["your order is a1", "bye"]),
        ("Agent: I've done it.", ["i have done it"]),
        ("<think>Not for the user.</think>Hello", ["hello"]),
        ("half a thought</think>\nHello", ["hello"]),
        ('{"thought": "ask it", "reply": "Which day?"}', ["which day"]),
        ("Dr. Lund can't come at 8 a.m. today. Sorry", ["dr lund cannot come at 8 a.m today", "sorry"]),
        ("See [our page](https://x.org/a?b=c) or www.x.org?", ["see our page or link"]),
        ("It's been sent, the claim's in", ["it has been sent , the claim is in"]),
        ("## Title\n---\nText", ["title", "text"]),
        ("Again. Again. Again.", ["again"]),
        ("Happy to help \U0001f60a What is it?", ["happy to help", "what is it"]),
        ("I ask in order to help", ["i ask so as to help"]),
        ("e-mail and pick-up", ["email and pick up"]),
        ("", []),
        (" ...! \n", []),
    ],
)
def test_words_are_left(message: str, read: list[str]) -> None:
    assert texts(message) == read


def test_lists_and_tables_are_entries() -> None:
    message = "I need:\n* **Name:** ____\n2) the date\n| Cost | 5 |\n|---|---|\nThanks a lot."
    found = sentences(message)
    assert [sentence.item for sentence in found] == [True, True, True, True, False]
    assert found[0].heads and found[1].words == ("name", ":", BLANK) and found[3].text == "cost : 5 "
    assert texts("I need (1) the name, and (2) the date.") == ["i need", "the name , and", "the date"]


@pytest.mark.parametrize(
    ("message", "asks"),
    [
        ("Which day", True),
        ("And what is your name", True),
        ("Hello, what can I do for you today", True),
        ("Should you need more help, write to us", False),
        ("Where necessary, we ask", False),
        ("Ready?", True),
        ("What I can do is wait", False),
        ("What's still missing is your name", False),
        ("When it rains we close", False),
        ("What happened: a pipe burst", False),
    ],
)
def test_a_question_is_told_by_its_mark_or_its_beginning(message: str, asks: bool) -> None:
    [sentence] = sentences(message)
    assert sentence.question is asks


def test_what_is_read_is_bounded() -> None:
    long = sentences("word " * 10_000)
    assert all(len(sentence.words) <= MAX_WORDS for sentence in long)
    assert sum(len(sentence.words) for sentence in sentences(f"first {'x1 y2 z3. ' * 3000}")) * 2 <= MAX_CHARS
    assert texts(f"{'x' * MAX_CHARS}. Last?")[-1] == "last"
