"""The shapes that a service dialogue can take, and which of them belong to which split."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from verl_agentic.core import BrokenTaskError
from verl_agentic.synthesis.base import SPLITS, Split
from verl_agentic.synthesis.service.domain import Domain, Intent
from verl_agentic.synthesis.service.domains import DOMAINS

ALLOW, DECLINE = "allow", "decline"
"""The request is allowed; on ``decline`` the user then says no to the confirmation."""
MAX_PUSHES = 2


@dataclass(frozen=True, slots=True)
class Structure:
    """One shape of a dialogue.

    Attributes:
        domain: name of the domain.
        intent: name of the intent.
        branch: ``allow``, ``decline``, or the branch of the rule that fails (``deny-days``, ``transfer-price``).
        missing: the user does not say at first which record it is about.
        mistake: the user first names a record that does not exist.
        confirm: the policy asks for the user's confirmation before a change.
        pushes: number of times the user insists after a refusal.
    """

    domain: str
    intent: str
    branch: str
    missing: bool = False
    mistake: bool = False
    confirm: bool = False
    pushes: int = 0

    @property
    def name(self) -> str:
        """The signature, e.g. ``orders/refund/deny-days/missing+push1``."""
        flags = ["missing"] * self.missing + ["mistake"] * self.mistake + ["confirm"] * self.confirm
        flags += [f"push{self.pushes}"] * (self.pushes > 0)
        return f"{self.domain}/{self.intent}/{self.branch}/{'+'.join(flags) or 'plain'}"

    @property
    def depth(self) -> int:
        """1 plus the number of complications: information to ask for, a mistake, a confirmation, each insistence."""
        return 1 + self.missing + self.mistake + self.confirm + self.pushes

    @property
    def denied(self) -> bool:
        return self.branch.startswith("deny-")


def find_domain(name: str) -> Domain:
    return next(domain for domain in DOMAINS if domain.name == name)


def find_intent(domain: Domain, name: str) -> Intent:
    return next(intent for intent in domain.intents if intent.name == name)


def branches(intent: Intent) -> tuple[str, ...]:
    """Every branch that a request of this intent can take."""
    return (ALLOW, DECLINE, *(rule.branch for rule in intent.rules))


@cache
def by_split() -> dict[Split, dict[str, Structure]]:
    """Structures by name in each split, the shallowest first.

    Going through intents, branches and complications in step deals every eighth combination to validation and two of
    eight to held-out, evenly over all three. The simplest form of each branch is always trained on.
    """
    requests = [(domain.name, intent) for domain in DOMAINS for intent in domain.intents]
    dealt: dict[Split, list[Structure]] = {split: [] for split in SPLITS}
    for position, (domain, intent) in enumerate(requests):
        for index, branch in enumerate(branches(intent)):
            forms = _forms(domain, intent.name, branch)
            for number, structure in enumerate(forms):
                share = (position + 3 * index + number) % 8
                split: Split = "held_out" if share in (0, 5) else "validation" if share == 2 else "train"
                dealt["train" if number == 0 else split].append(structure)
    return {split: {s.name: s for s in sorted(found, key=lambda s: s.depth)} for split, found in dealt.items()}


def parse_structure(name: str) -> Structure:
    """The structure with this signature.

    Raises:
        BrokenTaskError: there is none.
    """
    for structures in by_split().values():
        if name in structures:
            return structures[name]
    raise BrokenTaskError(f"unknown service structure {name!r}")


def _forms(domain: str, intent: str, branch: str) -> list[Structure]:
    """The forms of one branch, the simplest first."""
    # To decline is to answer a confirmation, and only who was refused insists.
    confirms = (True,) if branch == DECLINE else (False, True)
    either = (False, True)
    forms = [Structure(domain, intent, branch, m, w, c) for m in either for w in either for c in confirms]
    if forms[0].denied:
        # Insistence adds to at most one other complication, lest to refuse be right in most structures.
        single = [form for form in forms if form.depth <= 2]
        forms = [replace(form, pushes=pushes) for form in single for pushes in range(MAX_PUSHES + 1)]
    return sorted(forms, key=lambda form: form.depth)
