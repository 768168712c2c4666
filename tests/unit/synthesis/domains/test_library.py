"""The library of domains: every leaf of each is solved by its expert alone, and each is large enough to learn from."""

from __future__ import annotations

import difflib
import itertools

import pytest

from verl_agentic.domains import domain_folders, load_domain
from verl_agentic.synthesis.domains.check import check_domain

NAMES = list(domain_folders())


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_domain_is_fit(name: str) -> None:
    report = check_domain(load_domain(name), editions=1)
    assert report.problems == []
    counts = report.counts
    assert counts["tables"] >= 4 and counts["tools"] >= 8 and counts["workflows"] >= 5 and counts["rows"] >= 200
    assert 300 <= counts["words"] <= 1100
    assert min(counts["allow"], counts["deny"], counts["transfer"]) >= 3, "no verdict is all there is"


def test_no_domain_is_another_with_other_nouns() -> None:
    tools = {name: sorted(load_domain(name).tools) for name in NAMES}
    rules = {name: {text for rule in load_domain(name).policy.rules.values() for text in rule.say} for name in NAMES}
    for one, other in itertools.combinations(NAMES, 2):
        assert rules[one].isdisjoint(rules[other]), f"{one} and {other} share a rule word by word"
        likeness = difflib.SequenceMatcher(None, tools[one], tools[other]).ratio()
        assert likeness < 0.5, f"{one} and {other} have the same tools"
