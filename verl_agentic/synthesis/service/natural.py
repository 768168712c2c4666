"""Service tasks for language models: the business policy and what the user says, in plain words."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from verl_agentic.core import End, Task
from verl_agentic.synthesis.plain_words import in_plain_words, wording_rng
from verl_agentic.synthesis.service.domain import Domain
from verl_agentic.synthesis.service.scenario import Scenario, scenario_of
from verl_agentic.synthesis.service.structure import ALLOW, Structure, find_domain, parse_structure
from verl_agentic.tool_envs.users.scripted import OUT_OF_PATIENCE

CONFIRM_FIRST = (
    "Before you change anything, tell the customer what you are about to do and ask for a confirmation; do it only"
    " after a clear yes, and leave everything as it is after a no."
)


@dataclass(frozen=True, slots=True)
class _Business:
    """What a domain is to those who have never seen it.

    Attributes:
        place: where the policy works.
        shows: what the lookup shows, with the names that it goes by there.
    """

    place: str
    shows: str


_BUSINESSES = {
    "orders": _Business(
        "an online shop",
        "the order's status, how many days ago it was placed (days) and its price in dollars (price)",
    ),
    "loans": _Business(
        "a public library",
        "how often the loan has been renewed (renewals), how many days late it is (late), for how many years the"
        " borrower has been a member (years) and what the borrower owes in fines, in dollars (fines)",
    ),
    "bookings": _Business(
        "a hotel",
        "the booking's status, in how many days the guests arrive (days), for how many nights they stay (nights) and"
        " how many guests there are (guests)",
    ),
}

_OPENINGS = (
    "You work at the service desk of {place} and help customers with their {noun}s. Look up the {noun} with the tool"
    " get before you decide or do anything; it shows {shows}. Ask the customer for the number of the {noun} where you"
    " do not have it, and ask again where there is no such {noun}.",
    "You are a service agent of {place}. A customer contacts you about a {noun}. First of all get the {noun}'s number"
    " from the customer, and read its record with the tool get, which shows {shows}. If that finds nothing, the"
    " number was wrong; ask for the right one. Decide by the record, not by what the customer says about it.",
    "Customers of {place} write to you when they want something done about a {noun}. You need the number of the"
    " {noun}; if it is missing or does not exist, ask for it. The tool get reads a {noun}: it tells you {shows}. Read"
    " it before you answer a request, since your decision depends on it.",
    "You handle requests for {place}. Each is about a single {noun}, which has a number that the customer can tell"
    " you, though not always the right one at once. With the tool get you see {shows}. Always check this first. Only"
    " what you see there counts, even if the customer claims something else.",
)
_RULES = {
    ("orders", "refund"): (
        "Refund an order only if its status is {status} and it was placed at most {days} days ago. If either is not"
        " so, refuse the refund, also when the customer insists. If both are so and the price is more than {price}"
        " dollars, do not refund it yourself but hand the customer over to a human colleague. If both are so and the"
        " price is {price} dollars or less, refund the order with the tool refund."
    ),
    ("orders", "cancel"): (
        "Cancel an order only if its status is {status} and it was placed at most {days} days ago. If either is not"
        " so, refuse to cancel it, also when the customer insists. If both are so and the price is more than {price}"
        " dollars, do not cancel it yourself but hand the customer over to a human colleague. If both are so and the"
        " price is {price} dollars or less, cancel the order with the tool cancel."
    ),
    ("loans", "renew"): (
        "Renew a loan only if it has been renewed at most {renewals} times before and the borrower's fines are at"
        " most {fines} dollars. If either is not so, refuse to renew it, also when the customer insists. If both are"
        " so and the loan is more than {late} days late, do not renew it yourself but hand the customer over to a"
        " human colleague. If both are so and it is {late} days late or less, renew the loan with the tool renew."
    ),
    ("loans", "waive"): (
        "Waive the fines of a borrower only if they are at most {fines} dollars and the borrower has been a member"
        " for at least {years} years. If either is not so, refuse to waive them, also when the customer insists. If"
        " both are so and the loan is more than {late} days late, do not waive them yourself but hand the customer"
        " over to a human colleague. If both are so and it is {late} days late or less, waive the fines with the tool"
        " waive."
    ),
    ("bookings", "cancel"): (
        "Cancel a booking only if its status is {status} and the guests arrive in {days} days or later. If either is"
        " not so, refuse to cancel it, also when the customer insists. If both are so and there are more than"
        " {guests} guests, do not cancel it yourself but hand the customer over to a human colleague. If both are so"
        " and there are {guests} guests or fewer, cancel the booking with the tool cancel."
    ),
    ("bookings", "extend"): (
        "Add nights to a booking only if its status is {status} and it is for at most {nights} nights so far. If"
        " either is not so, refuse to extend it, also when the customer insists. If both are so and there are more"
        " than {guests} guests, do not extend it yourself but hand the customer over to a human colleague. If both"
        " are so and there are {guests} guests or fewer, add the nights that the customer wants with the tool extend."
    ),
}
_NOTHING_ELSE = "Do nothing that the customer has not asked for."

_REQUESTS = {
    ("orders", "refund"): (
        "Hello, I would like my money back for something that I ordered.",
        "Hi, could you please refund an order of mine?",
        "Good morning. I am not happy with what I bought, and I want a refund.",
    ),
    ("orders", "cancel"): (
        "Hello, I would like to cancel something that I ordered.",
        "Hi, could you please cancel an order for me?",
        "Good morning. I have changed my mind about an order and want to cancel it.",
    ),
    ("loans", "renew"): (
        "Hello, I would like to keep a book for longer and renew the loan.",
        "Hi, could you please renew a loan of mine?",
        "Good morning. I have not finished reading yet, and I want to renew my loan.",
    ),
    ("loans", "waive"): (
        "Hello, I would like to have my fines taken off.",
        "Hi, could you please waive the fines that I have with you?",
        "Good morning. I do not think that I should pay these fines, so please waive them.",
    ),
    ("bookings", "cancel"): (
        "Hello, I would like to cancel my stay with you.",
        "Hi, could you please cancel a booking for me?",
        "Good morning. We cannot come after all, and I want to cancel our booking.",
    ),
    ("bookings", "extend"): (
        "Hello, I would like to stay {amount} nights longer than I have booked.",
        "Hi, could you please add {amount} nights to a booking of mine?",
        "Good morning. We like it so much that we want {amount} more nights.",
    ),
}
_NAMED = ("It is {noun} {key}.", "The number of the {noun} is {key}.", "It is about {noun} number {key}.")


def natural_service(task: Task) -> Task:
    """The same case in plain words.

    A user who is content may end the dialogue where the micro register wants ``<answer>`` for it: in plain words there
    is no other end. What is done, read, confirmed and left undone is judged as it was.

    Raises:
        BrokenTaskError: the task was not built by this family.
    """
    scenario, structure = scenario_of(task), parse_structure(task.structure)
    domain = find_domain(structure.domain)
    rng = wording_rng(task, scenario.target, scenario.stray)
    system = _policy(domain, structure, scenario, rng)
    named = rng.choice(_NAMED)
    request = rng.choice(_REQUESTS[structure.domain, structure.intent]).format(amount=scenario.amount)
    if not structure.missing:
        request += f" {named.format(noun=domain.noun, key=_first_key(structure, scenario))}"
    truth: dict[str, Any] = dict(task.ground_truth)
    if structure.branch == ALLOW:
        truth["end"] = [End.ANSWER.value, End.USER_STOP.value]
        truth["forbidden_replies"] = [OUT_OF_PATIENCE]
    user = _user(task, domain, structure, scenario, named)
    return in_plain_words(task, system, request, user=user, ground_truth=truth)


def _policy(domain: Domain, structure: Structure, scenario: Scenario, rng: random.Random) -> str:
    business = _BUSINESSES[domain.name]
    parts = [
        rng.choice(_OPENINGS).format(place=business.place, noun=domain.noun, shows=business.shows),
        _RULES[structure.domain, structure.intent].format(**scenario.bounds),
        *([CONFIRM_FIRST] if structure.confirm else []),
        _NOTHING_ELSE,
    ]
    return " ".join(parts)


def _first_key(structure: Structure, scenario: Scenario) -> str:
    return scenario.stray if structure.mistake else scenario.target


def _user(task: Task, domain: Domain, structure: Structure, scenario: Scenario, named: str) -> dict[str, Any] | None:
    """The script with its facts in full sentences; what it confirms, pleads and ends with are some already."""
    if task.user is None:
        return None
    keys = [scenario.stray, scenario.target] if structure.mistake else [scenario.target]
    told = [named.format(noun=domain.noun, key=key) for key in keys]
    told += [f"I mean {scenario.amount} nights."] if scenario.amount is not None else []
    return {**task.user, "facts": [{**fact, "say": say} for fact, say in zip(task.user["facts"], told, strict=True)]}
