"""A task of a domain: what is said in it, and what it takes to solve it."""

from __future__ import annotations

import json
import random

import pytest

from verl_agentic.core import BrokenTaskError, Task
from verl_agentic.domains import edition_of
from verl_agentic.synthesis.domains import DeskRequest, draft_task, finish_task
from verl_agentic.synthesis.domains.cases import find_case
from verl_agentic.synthesis.domains.check import score
from verl_agentic.synthesis.domains.compile import statement
from verl_agentic.synthesis.domains.document import SHAPES, policy_document
from verl_agentic.synthesis.domains.plan import calls_policy, plan_policy

NAME = "electronics_shop"
EDITION = edition_of(NAME, 1)
LEAVES = [(flow.name, leaf) for flow in EDITION.domain.workflows.values() for leaf in flow.leaves()]


def a_task(workflow: str, leaf: str, seed: int = 0) -> Task:
    request = DeskRequest(EDITION.domain.workflows[workflow], leaf)
    return finish_task(draft_task(EDITION, request, random.Random(seed)))


@pytest.mark.parametrize(("workflow", "leaf"), LEAVES)
def test_every_leaf_has_one_way_to_it(workflow: str, leaf: str) -> None:
    task = a_task(workflow, leaf)
    assert score(task, plan_policy(task)) == (1.0, "")
    assert score(task, calls_policy(task))[0] == 0
    assert task.structure == f"{NAME}/{workflow}/seed/{leaf}"


def test_the_same_seed_is_the_same_task() -> None:
    first, again, other = (
        a_task("cancel_order", "cancelled"),
        a_task("cancel_order", "cancelled"),
        a_task("cancel_order", "cancelled", 1),
    )
    assert first.to_json() == again.to_json()
    assert first.id != other.id


def test_the_world_is_not_copied_into_the_task() -> None:
    sizes = [len(json.dumps(a_task(*one).env_args)) for one in LEAVES]
    assert max(sizes) < 3000 and min(sizes) < 200


def test_documents_say_the_terms_in_every_shape() -> None:
    flows = list(EDITION.domain.workflows.values())
    seen = set()
    for number in range(24):
        edition = edition_of(NAME, number)
        text = policy_document(edition, flows, "standard")
        assert "{" not in text and edition.company in text and edition.today in text
        seen |= {
            shape
            for shape, mark in (("table", "| --- |"), ("faq", "?**"), ("bullets", "\n- "), ("numbered", "\n1.1 "))
            if mark in text
        }
        small, large = (policy_document(edition, flows[:1], size) for size in ("small", "large"))
        assert len(small) < len(text) < len(large)
        assert policy_document(edition, flows, "standard") == text
    assert len(seen) == len(SHAPES) - 1, "prose has no mark"


def test_a_case_that_cannot_be_is_named() -> None:
    flow = EDITION.domain.workflows["cancel_order"]
    with pytest.raises(BrokenTaskError, match=r"cancel_order\.yaml:\d+: none of 2 cases comes to the leaf 'gift-card'"):
        find_case(flow, EDITION, "gift-card", random.Random(5), tries=2)
    with pytest.raises(BrokenTaskError, match="has no leaf 'nowhere'"):
        find_case(flow, EDITION, "nowhere", random.Random(0))


def test_statements_take_any_common_form_of_a_date() -> None:
    assert statement(4.5) == 4.5
    found = statement("2026-03-02")["any"]
    assert {"2026-03-02", "March 2nd", "2 March", "03/02/2026", "02.03.2026"} <= set(found)
    assert statement("R123") == "R123"
