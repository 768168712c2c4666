"""What the policy must have seen, whichever tool showed it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, End, ToolCall, Trajectory, Turn
from verl_agentic.reward_fns.state.evidence import SeenRecords
from verl_agentic.reward_fns.state.tables import RowComparison
from verl_agentic.reward_fns.state.verdict import StateResult, compute_score
from verl_agentic.rollout.limits import shortened

ORDER = {
    "id": "O1",
    "status": "paid",
    "day": "2026-03-01",
    "total": 40,
    "gift": 1,
    "coupon": None,
    "customer": {"id": "C1", "name": 'Ada "L" \\'},
    "lines": [{"sku": "S1", "count": 2, "product": {"title": "Mug, {big}"}}, {"sku": "S2", "count": 1}],
}


def seen(fact: dict[str, Any], *replies: Any, tolerance: float = 0.0) -> bool:
    records = SeenRecords(RowComparison(tolerance=tolerance))
    for reply in replies:
        records.see(reply if isinstance(reply, str) else json.dumps(reply))
    return records.holds(fact)


@pytest.mark.parametrize(
    "fact",
    [
        {"id": "O1", "status": "paid"},
        {"id": "O1", "total": 40.0, "day": "2026-03-01"},
        {"id": "O1", "gift": True, "coupon": None},
        {"id": "O1", "sku": "S2", "count": 1},
        {"sku": "S1", "title": "Mug, {big}", "status": "paid"},
        {"id": "C1", "name": 'Ada "L" \\', "total": 40},
    ],
)
def test_facts_that_were_shown(fact: dict[str, Any]) -> None:
    for reply in (ORDER, [ORDER], {"results": [{"id": "O0"}, ORDER], "total": 2}, {"a": [[{"b": ORDER}]]}):
        assert seen(fact, reply)
        assert seen(fact, "ok", "no JSON {", json.dumps(reply) + "; 2 more calls were ignored")


def test_what_was_asked_for_by_id_belongs_to_the_reply() -> None:
    records = SeenRecords(RowComparison())
    records.see(json.dumps([{"loan": "L1", "missed": 0}]), {"person_id": "B9", "status": "open"})
    assert records.holds({"person_id": "B9", "loan": "L1", "missed": 0})
    assert not records.holds({"loan": "L1", "status": "open"}), "a filter is no field"


@pytest.mark.parametrize(
    "fact",
    [
        {"id": "O2"},
        {"id": "O1", "status": "Paid"},
        {"id": "O1", "total": "40"},
        {"id": "O1", "day": "2026-3-1"},
        {"id": "O1", "coupon": 0},
        {"id": "O1", "name": 'Ada "L" \\'},  # the customer has an id of its own
        {"sku": "S1", "count": 1},  # of two lines
        {"sku": "S2", "title": "Mug, {big}"},
        {"id": "O1", "lines": None},
        {"nothing": None},
    ],
)
def test_facts_that_were_not(fact: dict[str, Any]) -> None:
    assert not seen(fact, ORDER)


def test_a_fact_is_in_one_reply() -> None:
    assert not seen({"id": "O1", "status": "paid"}, {"id": "O1"}, {"status": "paid"})
    assert seen({"total": 40.004}, ORDER, tolerance=0.005) and not seen({"total": 40.004}, ORDER)


def test_what_stood_before_a_cut_counts() -> None:
    rows = [{**ORDER, "id": f"O{number}", "note": '\\"]},{[' * 5} for number in range(60)]
    text = json.dumps({"owner": "me", "results": rows, "total": 60})
    for limit in range(300, 3000, 61):
        cut = shortened(text, limit)
        shown = [n for n in range(60) if f'"id": "O{n}", "status": "paid", "day"' in cut.partition("\n[...")[0]]
        for number in shown:
            assert seen({"id": f"O{number}", "status": "paid", "owner": "me"}, cut), (limit, number)
        assert not seen({"id": "O30"}, cut)
    assert not seen({"id": "O1"}, "[" * 50_000, "{" * 50_000, '{"a":' * 5000 + "\n[... 1 characters left out ...]\n")


FACT = {"id": "O1", "status": "paid"}
SHOWN = json.dumps(ORDER)


def rolled(*events: tuple[str, str] | str) -> Trajectory:
    """Calls with their replies; a text is a message of the policy."""
    done = Trajectory("t", end=End.ANSWER, state={"tables": {}, "changes": []})
    for event in events:
        if isinstance(event, str):
            done.turns.append(Turn("assistant", event))
        else:
            done.calls.append(ToolCall(event[0], {}, event[1], "rejected" if event[1].startswith("Error") else None))
            done.turns.append(Turn("tool", event[1]))
    return done


def score(trajectory: Trajectory, **truth: Any) -> StateResult:
    whole = {"changes": [], "end": ["answer"], **truth}
    return compute_score("shop", "", whole, {"trajectory": trajectory.to_json()}, partial=True)


@pytest.mark.parametrize("tool", ["get_order", "find_orders", "history"])
def test_any_tool_will_do(tool: str) -> None:
    assert score(rolled("", (tool, SHOWN)), required_evidence=[FACT])["acc"] == 1.0


def test_what_was_not_seen_is_a_missing_call() -> None:
    unseen = {"sku": "S9"}
    for trajectory in (rolled(), rolled("", ("get_order", f"Error: {SHOWN}")), rolled(f"I guess {SHOWN}")):
        result = score(trajectory, required_evidence=[FACT])
        assert (result["failure"], result["score"]) == ("missing_call", 0.0)
        assert result["reason"] == 'no tool showed the policy {"id": "O1", "status": "paid"}'
    result = score(rolled("", ("get_order", SHOWN)), required_evidence=[FACT, unseen])
    assert result["reason"] == 'no tool showed the policy {"sku": "S9"}'
    assert result["subgoals"] == pytest.approx(1 / 3)


def test_evidence_before_a_call() -> None:
    condition = {"call": {"name": "refund"}, "evidence": [FACT, {"sku": "S1"}]}
    for events, allowed in (
        (("", ("get", SHOWN), "", ("refund", "ok")), True),
        (("", ("refund", "ok"), "", ("get", SHOWN)), False),
        # In one message: the policy had not seen the reply when it wrote the second call.
        (("", ("get", SHOWN), ("refund", "ok")), False),
        (("", ("get", '{"id": "O1", "status": "paid"}'), "", ("refund", "ok")), False),
        (("", ("get", SHOWN), "", ("refund", "Error: no")), True),
        (("", ("refund", "Error: no")), True),
    ):
        result = score(rolled(*events), preconditions=[condition])
        assert (result["failure"] == "none") is allowed, events
        if not allowed:
            assert result["failure"] == "forbidden_call"
            assert result["reason"].startswith("refund before a tool showed {")


@pytest.mark.parametrize("facts", ["x", {"id": 1}, [[]], [{}], [{"id": ["a"]}], [{"id": {}}], ["id"]])
def test_broken_evidence_is_a_broken_task(facts: Any) -> None:
    for truth, where in (
        ({"required_evidence": facts}, "required_evidence"),
        ({"preconditions": [{"call": {"name": "x"}, "evidence": facts}]}, "preconditions: 'evidence'"),
    ):
        with pytest.raises(BrokenTaskError, match=where):
            score(rolled(), **truth)
