"""What the user is told of its matter."""

from __future__ import annotations

import pytest

from verl_agentic.tool_envs.users.hearing.acts import Answering
from verl_agentic.tool_envs.users.hearing.answers import Answers
from verl_agentic.tool_envs.users.hearing.lines import heard_lines
from verl_agentic.tool_envs.users.hearing.words.values import Value

ANSWERS = Answers([Value("VLV-6548", ()), Value("5323", ())], ["72.50", "2026-08-27", "5323"])


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("The balance is 72.50.", Answering.EXPECTED),
        ("It's valid until 27 August.", Answering.EXPECTED),
        ("Your balance is 40.", Answering.SOME),
        ("Your voucher is VLV-6548, with the PIN 5323.", Answering.NONE),
        ("Is your balance 72.50?", Answering.NONE),
        ("Let me check if your balance is 72.50.", Answering.NONE),
        ("We have 120 restaurants.", Answering.NONE),
    ],
)
def test_what_is_new_is_an_answer(message: str, answer: Answering) -> None:
    assert ANSWERS.told_in(heard_lines(message)) is answer
