"""Values of facts, and whether a sentence holds them."""

from __future__ import annotations

import pytest

from verl_agentic.tool_envs.users.hearing.words.clean import sentences
from verl_agentic.tool_envs.users.hearing.words.values import Value, holds


@pytest.mark.parametrize(
    ("value", "text", "there"),
    [
        ("JD 4402 9917", "Tracking JD44029917.", True),
        ("11 January", "on the 11th of January", True),
        ("11 January", "January 11", True),
        ("14 August", "from 3 to 14 August", True),
        ("3 August", "from 3 to 14 August", True),
        ("11 January", "on 21 January", False),
        ("2026-01-11", "on 11 January 2026", True),
        ("14 August", "until the 14th", True),
        ("150", "It comes to 150.00.", True),
        ("1700", "up to 1,700 more", True),
        ("two", "2 days", True),
        ("12", "120 euros", False),
        ("C2", "zone c2, please", True),
        ("C2", "MC25", False),
    ],
)
def test_values_are_found_however_they_are_spelled(value: str, text: str, there: bool) -> None:
    assert any(holds(Value(value, ()), sentence) for sentence in sentences(text)) is there


@pytest.mark.parametrize(
    ("value", "code", "measure"),
    [("A1094", True, False), ("jpark3", True, False), ("500 mg", False, True), ("Hannah", False, False)],
)
def test_values_are_of_kinds(value: str, code: bool, measure: bool) -> None:
    assert (Value(value, ()).code, Value(value, ()).measure) == (code, measure)
