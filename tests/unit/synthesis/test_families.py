"""Families by name: built in, of a package, of a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.core import UserInputError
from verl_agentic.synthesis.domains.family import DomainFamily
from verl_agentic.synthesis.families import family_file, load_families

ROOT = Path(__file__).resolve().parents[3]
CLOCK = f"{ROOT}/examples/my_family.py:ClockFamily"


def test_a_family_of_a_file() -> None:
    [family] = load_families([CLOCK])
    assert family.kind == "clock"
    assert family_file(CLOCK) == ROOT / "examples" / "my_family.py"


def test_a_family_of_a_package() -> None:
    name = "verl_agentic.synthesis.math.family:MathFamily"
    assert [one.kind for one in load_families([name, "math"])] == ["math", "math"]
    assert family_file(name) == family_file("math")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("clocks", "unknown family 'clocks'; known: .*or 'path/to/file.py:Name'"),
        ("nowhere/clocks.py:ClockFamily", "no such file: .*nowhere/clocks.py"),
        ("nowhere.clocks:ClockFamily", "there is no module 'nowhere.clocks'"),
    ],
)
def test_a_file_that_is_not_there(name: str, problem: str) -> None:
    with pytest.raises(UserInputError, match=problem):
        family_file(name)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("clocks", "or 'path/to/file.py:Name'"),
        (f"{ROOT}/examples/my_family.py:Clock", "has no 'Clock'"),
        (f"{ROOT}/examples/my_reward.py:compute_score", "is not a subclass of verl_agentic.synthesis.base.TaskFamily"),
    ],
)
def test_a_family_that_is_none(name: str, problem: str) -> None:
    with pytest.raises(UserInputError, match=problem):
        load_families([name])


def test_options_are_those_of_the_family_of_their_name() -> None:
    options = {"domain": {"names": ["electronics_shop"], "sizes": {"small": 1}}, "of others": {"size": 1}}
    [math, domain] = load_families(["math", "domain"], "natural", options)
    assert (math.kind, domain.kind, domain.speaks) == ("math", "domain", "natural")
    assert isinstance(domain, DomainFamily)
    assert (domain.names, domain.sizes) == (("electronics_shop",), {"small": 1})


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"size": {}}, r"^agentic\.family_options\.domain\.size is unknown; did you mean sizes\?"),
        (
            {"sizes": {"huge": 1}},
            r"^agentic\.family_options\.domain\.sizes\.huge must be one of small, standard, large",
        ),
        ({"sizes": {"small": 0}}, r"^agentic\.family_options\.domain: no size of documents has a share"),
        ({"names": ["nowhere"]}, r"^agentic\.family_options\.domain: no domain 'nowhere'"),
        ("small", r"^agentic\.family_options\.domain must be a mapping of options, got 'small'"),
    ],
)
def test_an_option_that_is_wrong_is_named(options: Any, problem: str) -> None:
    with pytest.raises(UserInputError, match=problem):
        load_families(["domain"], options={"domain": options})


@pytest.mark.slow
@pytest.mark.parametrize("module", ["math.operators", "sql.operators", "reasoning.base", "reasoning.routes"])
def test_each_module_may_be_the_first_that_is_imported(module: str) -> None:
    program = f"import verl_agentic.synthesis.{module}"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
