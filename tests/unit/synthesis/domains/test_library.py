"""The library of domains: every leaf of each is solved by its expert alone, and each is large enough to learn from."""

from __future__ import annotations

import difflib
import itertools
import re
import shutil
from pathlib import Path

import pytest

from verl_agentic.domains import domain_folders, load_domain
from verl_agentic.domains.domain import read_domain
from verl_agentic.synthesis.domains.check import check_domain, check_editions
from verl_agentic.synthesis.domains.copies import copied_rules

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


def test_a_copy_of_what_is_kept_for_evaluation_is_seen(tmp_path: Path) -> None:
    original = load_domain("car_rental")
    folder = tmp_path / "my_cars"
    shutil.copytree(original.folder, folder)
    file = folder / "domain.yaml"
    file.write_text(re.sub(r"(?m)^kept_for:.*\n", "", file.read_text()))
    (problem,) = copied_rules(read_domain(folder))
    assert re.match(rf"{re.escape(str(folder))}/[\w/]+\.yaml:\d+: ", problem)
    assert "is from the domain car_rental, which is kept for held_out" in problem
    assert all(copied_rules(load_domain(name)) == [] for name in NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES[::6])
def test_every_edition_has_records(name: str) -> None:
    assert check_editions(load_domain(name)) == []
