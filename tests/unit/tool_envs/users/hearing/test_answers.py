"""What the user is told of its matter."""

from __future__ import annotations

import pytest

from verl_agentic.tool_envs.users.hearing.acts import Answer
from verl_agentic.tool_envs.users.hearing.answers import Answers
from verl_agentic.tool_envs.users.hearing.lines import heard_lines
from verl_agentic.tool_envs.users.hearing.values import Value

ANSWERS = Answers([Value("VLV-6548", ()), Value("5323", ())], ["72.50", "2026-08-27", "5323"])


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("The balance is 72.50.", Answer.EXPECTED),
        ("It's valid until 27 August.", Answer.EXPECTED),
        ("Your balance is 40.", Answer.SOME),
        ("Your voucher is VLV-6548, with the PIN 5323.", Answer.NONE),
        ("Is your balance 72.50?", Answer.NONE),
        ("Let me check if your balance is 72.50.", Answer.NONE),
        ("We have 120 restaurants.", Answer.NONE),
    ],
)
def test_what_is_new_is_an_answer(message: str, answer: Answer) -> None:
    assert ANSWERS.told_in(heard_lines(message)) is answer
