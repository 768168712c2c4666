"""What is offered that the user did not ask for."""

from __future__ import annotations

import pytest

from verl_agentic.tool_envs.users.hearing.lines import heard_lines
from verl_agentic.tool_envs.users.hearing.offers import Offer, Wants

WANTS = Wants(["I want to fly on another day.", "The reference is K7QX2P."], ["55.00"])


@pytest.mark.parametrize(
    ("message", "offer"),
    [
        ("The change is impossible. Would you like a voucher?", Offer.INSTEAD),
        ("I can't do that. What I can offer is a seat with more room. Shall I book it?", Offer.INSTEAD),
        ("That's not allowed. Would you like me to cancel it instead?", Offer.INSTEAD),
        ("We also offer insurance. Would you like to add it?", Offer.BESIDES),
        ("I can offer you a flight on another day. Would you like that?", None),
        ("I can offer you Thursday at 10:00. Would you like that?", None),
        ("I can offer it for 55.00. Would you like that?", None),
        ("I can't waive the fee. Would you like me to proceed?", None),
        ("The new one is on 17 June instead of 14 June, another day. Shall I go ahead?", None),
    ],
)
def test_offers_are_told_from_what_is_wanted(message: str, offer: Offer | None) -> None:
    assert WANTS.other(heard_lines(message), refused=False) is offer


def test_an_offer_after_a_no_is_in_its_place() -> None:
    lines = heard_lines("I can offer you a voucher. Shall I send it?")
    assert WANTS.other(lines, refused=True) is Offer.INSTEAD
    assert WANTS.other(heard_lines("I was wrong. Shall I change the flight?"), refused=True) is None
