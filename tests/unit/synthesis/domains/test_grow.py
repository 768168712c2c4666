"""Growing tasks of domains: by every operator, towards what is harder, and never into what is kept for evaluation."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from verl_agentic.core import BrokenTaskError, FailureKind, RejectedError, Task
from verl_agentic.domains import DomainError, Edition, edition_of
from verl_agentic.synthesis.domains import DeskRequest, finish_task
from verl_agentic.synthesis.domains.catalog import DESK_OPERATORS
from verl_agentic.synthesis.domains.check import score
from verl_agentic.synthesis.domains.family import DomainFamily
from verl_agentic.synthesis.domains.grow import MOST_OPERATORS, applicable, dealt, draft_grown, grow_task
from verl_agentic.synthesis.domains.plan import calls_policy, plan_policy

NAME = "electronics_shop"
EDITION = edition_of(NAME, 2)
LEAVES = [(flow.name, leaf) for flow in EDITION.domain.workflows.values() for leaf in flow.leaves()]
# Of the leaves of the example, how many each operator fits at least: most need a certain verdict or step.
FITS = {
    "changed_mind": 2,
    "declining": 4,
    "adversary": 10,
    "missing": 10,
    "boundary": 8,
    "second": 4,
    "lookalikes": 10,
    "again": 1,
}


def grown(operator: str, workflow: str, leaf: str) -> Task | None:
    request = DeskRequest(EDITION.domain.workflows[workflow], leaf, "standard", (operator,))
    try:
        return finish_task(draft_grown(EDITION, request, random.Random(leaf), [DESK_OPERATORS.get(operator)]))
    except BrokenTaskError:
        return None


@pytest.mark.slow
@pytest.mark.parametrize("operator", list(DESK_OPERATORS))
def test_what_an_operator_makes_is_solved_by_its_expert_alone(operator: str) -> None:
    tasks = [task for one in LEAVES if (task := grown(operator, *one)) is not None]
    assert len(tasks) >= FITS.get(operator, 20)
    for task in tasks:
        assert score(task, plan_policy(task)) == (1.0, ""), task.structure
        assert score(task, calls_policy(task))[0] == 0, task.structure


def test_what_each_does_shows() -> None:
    declined = grown("declining", "cancel_order", "cancelled")
    assert declined is not None and declined.ground_truth["changes"] == []
    failing = grown("outage", "cancel_order", "cancelled")
    assert failing is not None and failing.env_args["outages"]
    ordered = grown("planted_order", "cancel_order", "too-far")
    assert ordered is not None and any("note" in one["set"] for one in ordered.env_args["patch"])
    mistaken = grown("mistaken", "cancel_order", "cancelled")
    assert mistaken is not None and any("mistaken" in fact for fact in mistaken.user["facts"])  # type: ignore[index]
    forgotten = grown("forgotten", "cancel_order", "cancelled")
    assert forgotten is not None
    order = next(fact for fact in forgotten.user["facts"] if fact["name"] == "order_id")  # type: ignore[index]
    number = forgotten.ground_truth["changes"][0]["before"]["order_id"]
    assert number not in str(order) and number in forgotten.user["expects"]  # type: ignore[index]
    alike = grown("lookalikes", "change_address", "changed")
    assert alike is not None and any("customer_id" in one["set"] for one in alike.env_args["patch"])
    plain, amended = grown("outage", "cancel_order", "too-far"), grown("amended", "cancel_order", "too-far")
    assert plain is not None and amended is not None
    ends = [text[text.rindex("## ") :] for text in (task.messages[0]["content"] for task in (plain, amended))]
    assert "cancel" in ends[1] and len(ends[1].splitlines()) == 4, "two rules stand in a last section"
    assert ends[0] != ends[1]
    pushy = grown("adversary", "cancel_order", "too-far")
    assert pushy is not None and len(pushy.user["push"]) >= 5  # type: ignore[index]


def test_a_small_document_holds_what_a_second_request_needs() -> None:
    request = DeskRequest(EDITION.domain.workflows["cancel_order"], "cancelled", "small", ("second",))
    draft = draft_grown(EDITION, request, random.Random(1), [DESK_OPERATORS.get("second")])
    later, walk = draft.later[0]
    task = finish_task(draft)
    offered = {tool["function"]["name"] for tool in task.tools}
    assert {*request.workflow.tools(), *later.tools()} <= offered
    assert [call.name for call in walk.calls] == [one["name"] for one in task.meta["normal_path"]][-len(walk.calls) :]


def test_whoever_asks_for_the_same_again_meets_the_limit() -> None:
    edition = edition_of("electricity_supplier", 1)
    granted = [
        (flow, leaf)
        for flow in edition.domain.workflows.values()
        for leaf, end in flow.leaves().items()
        if end.verdict == "allow"
    ]
    for flow, leaf in granted:
        request = DeskRequest(flow, leaf, "standard", ("again",))
        try:
            draft = draft_grown(edition, request, random.Random(leaf), [DESK_OPERATORS.get("again")])
        except BrokenTaskError:
            continue
        again, walk = draft.later[0]
        assert again is flow and walk.end is not None and walk.end.verdict == "deny"
        assert draft.truth["changes"] == draft.walk.changes, "nothing is changed the second time"
        assert score(finish_task(draft), plan_policy(finish_task(draft))) == (1.0, "")
        return
    pytest.fail("no request of the electricity supplier uses up what another one needs")


def test_a_task_grows_step_by_step() -> None:
    family = DomainFamily((NAME,))
    rng = random.Random(3)
    task = family.generate(next(one for one in family.structures("train") if one.endswith("/too-far")), rng)
    depths = [task.depth]
    while len(task.meta["operators"]) < MOST_OPERATORS:
        child = family.harder(task, rng)
        if child is None:
            break
        assert child.parent == task.id and child.operator == child.meta["operators"][-1]
        assert set(task.meta["operators"]) < set(child.meta["operators"])
        assert dealt(child.structure) == "train"
        task = child
        depths.append(task.depth)
    assert depths == list(range(1, len(depths) + 1)) and len(depths) > 2
    if len(task.meta["operators"]) == MOST_OPERATORS:
        with pytest.raises(RejectedError, match="was grown by 4 operators"):
            grow_task(task, applicable(task)[0], rng, ())


def test_small_documents_stay_small() -> None:
    small, any_size = DomainFamily((NAME,), {"small": 1, "standard": 0}), DomainFamily((NAME,))
    task = small.generate(small.structures("train")[0], random.Random(0))
    assert task.meta["size"] == "small"
    names = list(small.operators())
    assert "distraction" in {one.operator for one in any_size.growths(task, names)}
    assert "distraction" not in {one.operator for one in small.growths(task, names)}
    grown = [child for seed in range(8) if (child := small.harder(task, random.Random(seed))) is not None]
    assert grown and {child.meta["size"] for child in grown} == {"small"}


def test_an_edition_that_cannot_be_drawn_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def drawn(name: str, number: int) -> Edition:
        tried.append(number)
        if len(tried) < 3:
            raise DomainError("no value is left")
        return edition_of(name, number)

    monkeypatch.setattr("verl_agentic.synthesis.domains.family.edition_of", drawn)
    family = DomainFamily((NAME,))
    assert family.generate(family.structures("train")[0], random.Random(0)).meta["edition"] == tried[-1]
    monkeypatch.setattr("verl_agentic.synthesis.domains.family._EDITIONS_TRIED", 2)
    tried.clear()
    with pytest.raises(DomainError, match="no value is left"):
        family.generate(family.structures("train")[0], random.Random(0))


def test_the_deal_follows_from_names() -> None:
    shares: dict[str, int] = {}
    for number in range(4000):
        split = dealt(f"shop{number}/flow/seed/leaf")
        shares[split] = shares.get(split, 0) + 1
    assert 400 < shares["held_out"] < 600 and 180 < shares["validation"] < 320
    kept = next(f"s{n}/f/seed/l" for n in range(100) if dealt(f"s{n}/f/seed/l") == "held_out")
    domain = kept.split("/")[0]
    assert dealt(f"{domain}/f/missing/l") == "held_out", "what a kept leaf grows into is kept with it"
    assert dealt("electronics_shop/cancel_order/seed/cancelled") == "held_out", "a deal is never made anew"


def test_what_is_kept_is_not_grown_into() -> None:
    family = DomainFamily((NAME,))
    kept = family.structures("held_out")
    assert kept
    task = family.generate(kept[0], random.Random(0))
    with pytest.raises(RejectedError, match="is kept for evaluation"):
        grow_task(task, applicable(task)[0], random.Random(0), family.protected)


def test_operators_say_what_they_aim_at() -> None:
    aimed: Mapping[str, frozenset[FailureKind]] = {name: one.aims_at for name, one in DESK_OPERATORS.items()}
    assert all(aimed.values())
    assert {
        FailureKind.FORBIDDEN_CALL,
        FailureKind.WRONG_STATE,
        FailureKind.GAVE_UP,
        FailureKind.TOOL_MISUSE,
    } <= frozenset(kind for kinds in aimed.values() for kind in kinds)
