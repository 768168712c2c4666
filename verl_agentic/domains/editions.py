"""Editions of a domain: the same business on another day, under other terms, with other people and records."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

from verl_agentic.domains.columns import Record
from verl_agentic.domains.domain import BusinessDomain
from verl_agentic.domains.library import load_domain
from verl_agentic.domains.tables import WorldDraw

EDITIONS: Mapping[str, range] = {"train": range(48), "validation": range(1000, 1016), "held_out": range(2000, 2016)}
"""Editions of a domain by split: whatever evaluation asks about happens on another day, to other people."""


@dataclass(frozen=True, slots=True)
class Edition:
    """One edition.

    Attributes:
        domain: the domain.
        number: which; all else follows from it.
        company: name of the business.
        today: its date.
        locale: of its people.
        terms: what its terms are.
        rows: the records that its world begins with, by table.
    """

    domain: BusinessDomain
    number: int
    company: str
    today: str
    locale: str
    terms: Mapping[str, Any]
    rows: Mapping[str, list[Record]]

    def draw(self, rng: random.Random) -> WorldDraw:
        """Draws further rows of this world."""
        return WorldDraw(self.domain.tables, rng, self.today, self.locale)

    @property
    def scope(self) -> dict[str, Any]:
        """What every expression sees: the terms, ``today`` and ``company``."""
        return {**self.terms, "today": self.today, "company": self.company}


@lru_cache(maxsize=256)
def edition_of(name: str, number: int) -> Edition:
    """An edition of a domain, made once per process.

    Raises:
        UserInputError: there is no such domain.
        DomainError: its files are wrong.
    """
    return make_edition(load_domain(name), number)


def make_edition(domain: BusinessDomain, number: int) -> Edition:
    """An edition of a domain.

    Raises:
        DomainError: a column cannot be drawn.
    """
    rng = random.Random(f"{domain.name}/{number}")
    first, last = domain.days
    today = (first + timedelta(days=rng.randint(0, (last - first).days))).isoformat()
    locale = rng.choice(domain.locales)
    terms = {name: rng.choice(values) for name, values in domain.policy.terms.items()}
    company = rng.choice(domain.companies)
    rows = WorldDraw(domain.tables, rng, today, locale).rows()
    return Edition(domain, number, company, today, locale, terms, rows)
