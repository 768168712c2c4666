"""The reward by calls made."""

from __future__ import annotations

import json
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, End, InfrastructureError, ToolCall, Trajectory, UserInputError
from verl_agentic.reward_fns.calls import compute_score

READ = {"name": "get_order", "arguments": {"order_id": "A-1", "region": "North"}, "optional": ["region"]}
WRITE = {"name": "cancel_order", "arguments": {"order_id": "A-1", "amount": 20}, "texts": ["reason"]}
TRUTH = {
    "required": [READ, WRITE],
    "forbidden": [{"name": "delete_order", "arguments": {}}, {"name": "get_order", "arguments": {"order_id": "B-2"}}],
}
GOOD_READ = ("get_order", {"order_id": "A-1", "region": "NORTH"}, None)
GOOD_WRITE = ("cancel_order", {"order_id": "A-1", "amount": "20", "reason": "asked for"}, None)

Made = tuple[str, dict[str, Any], str | None]


def judge(*made: Made, end: End = End.ANSWER, truth: Any = TRUTH, state: Any = None, **options: Any) -> dict[str, Any]:
    calls = [ToolCall(name, arguments, "", error) for name, arguments, error in made]
    trajectory = Trajectory(task_id="t", calls=calls, answer="done", end=end, state=state or {})
    result = compute_score("agenticqwen", "", truth, {"trajectory": trajectory.to_json()}, **options)
    assert set(result) == {"score", "acc", "verdict", "failure", "reason", "subgoals"}
    assert isinstance(result["score"], float) and isinstance(result["acc"], float)
    return dict(result)


def test_all_required_and_nothing_forbidden_is_right() -> None:
    result = judge(GOOD_READ, GOOD_WRITE)
    assert (result["score"], result["acc"], result["failure"]) == (1.0, 1.0, "none")
    assert (result["verdict"], result["subgoals"]) == ("right", 1.0)


def test_ground_truth_may_be_json() -> None:
    assert judge(GOOD_READ, GOOD_WRITE, truth=json.dumps(TRUTH))["acc"] == 1.0


@pytest.mark.parametrize(
    "write",
    [
        ("cancel_order", {"order_id": "A-1", "amount": 20, "reason": "  "}, None),
        ("cancel_order", {"order_id": "A-1", "amount": 20}, None),
        ("cancel_order", {"order_id": "A-1", "amount": 21, "reason": "x"}, None),
        ("cancel_order", {"order_id": "A-1", "reason": "x"}, None),
        ("cancel_order", {"order_id": "A-1", "amount": 20, "reason": "x"}, "rejected"),
    ],
)
def test_calls_that_do_not_count(write: Made) -> None:
    result = judge(GOOD_READ, write)
    assert (result["score"], result["acc"], result["failure"]) == (0.0, 0.0, "missing_call")
    assert "cancel_order" in result["reason"]


def test_partial_credit_leaves_accuracy_strict() -> None:
    result = judge(GOOD_READ, partial=True)
    assert (result["score"], result["acc"], result["subgoals"]) == (0.5, 0.0, 0.5)
    strict = judge(GOOD_READ)
    assert (strict["score"], strict["subgoals"]) == (0.0, 0.5)


@pytest.mark.parametrize(
    "violation", [("delete_order", {"order_id": "Z"}, None), ("get_order", {"order_id": "b-2"}, None)]
)
def test_a_forbidden_call_costs_everything(violation: Made) -> None:
    result = judge(GOOD_READ, GOOD_WRITE, violation, partial=True)
    assert (result["score"], result["acc"], result["failure"]) == (0.0, 0.0, "forbidden_call")
    assert result["subgoals"] == 0.0


def test_a_forbidden_call_that_never_reached_the_tools_is_no_violation() -> None:
    for error in ("malformed", "unknown_tool", "bad_arguments", "rejected"):
        assert judge(GOOD_READ, GOOD_WRITE, ("delete_order", {}, error))["acc"] == 1.0


def test_a_forbidden_call_without_recording_is_a_violation() -> None:
    call = {"name": "delete_order", "arguments": {"order_id": "Z"}, "recorded": None}
    result = judge(GOOD_READ, GOOD_WRITE, ("delete_order", {"order_id": "Z"}, "rejected"), state={"calls": [call]})
    assert result["failure"] == "forbidden_call"


def test_prose_in_a_plain_ground_truth_need_not_be_repeated() -> None:
    prose = "The customer called twice and asked that the order be cancelled at once."
    truth = {"required": [{"name": "log", "arguments": {"id": "7", "entry": prose}}], "forbidden": []}
    assert judge(("log", {"id": 7, "entry": "cancelled on request"}, None), truth=truth)["acc"] == 1.0
    assert judge(("log", {"id": 7, "entry": ""}, None), truth=truth)["acc"] == 0.0


@pytest.mark.parametrize(
    ("end", "made", "failure"),
    [
        (End.TRANSFER, [GOOD_READ], "gave_up"),
        (End.MAX_TURNS, [GOOD_READ], "limit"),
        (End.ANSWER, [], "missing_call"),
        (End.ANSWER, [("get_order", {}, "bad_arguments")], "tool_misuse"),
    ],
)
def test_why_it_failed(end: End, made: list[Made], failure: str) -> None:
    assert judge(*made, end=end)["failure"] == failure


def test_a_code_counts_in_its_own_letters() -> None:
    read = ("get_order", {"order_id": "a-1"}, None)
    assert judge(read, GOOD_WRITE)["failure"] == "missing_call"
    assert judge(("get_order", {"order_id": " #A-1"}, None), GOOD_WRITE)["acc"] == 1.0
    replayed = {"calls": [{"name": "get_order", "arguments": {"order_id": "a-1"}, "recorded": "normal"}]}
    assert judge(read, GOOD_WRITE, state=replayed)["acc"] == 1.0


def reads(count: int, error: str | None = None) -> list[Made]:
    return [("get_order", {"order_id": f"C-{number}"}, error) for number in range(count)]


@pytest.mark.parametrize(
    ("misses", "options", "right"),
    [
        (reads(5), {}, True),
        (reads(6), {}, False),
        (reads(3) * 9, {}, True),
        (reads(6, "rejected"), {}, False),
        (reads(9, "bad_arguments"), {}, True),
        ([("cancel_order", {"order_id": "C-1"}, None)], {}, True),
        ([("cancel_order", {"order_id": f"C-{number}"}, None) for number in range(2)], {}, False),
        ([("cancel_order", {"order_id": f"C-{number}"}, "rejected") for number in range(5)], {}, True),
        (reads(1), {"max_misses": 0}, False),
        (reads(8), {"max_misses": 8}, True),
        (reads(8), {"truth": {**TRUTH, "max_misses": 8}, "max_misses": 0}, True),
        (reads(9), {"truth": {**TRUTH, "required": [READ, {**READ, "arguments": {"order_id": "A-2"}}]}}, None),
    ],
)
def test_values_that_were_tried_out(misses: list[Made], options: dict[str, Any], right: bool | None) -> None:
    made = [*misses, GOOD_READ, GOOD_WRITE]
    if right is None:  # two required calls of a tool may miss twice as often
        made.append(("get_order", {"order_id": "A-2"}, None))
    result = judge(*made, **options)
    assert result["acc"] == float(right is not False)
    if right is False:
        assert (result["failure"], result["subgoals"]) == ("tool_misuse", 0.5)
        assert "was tried out" in result["reason"]


def test_a_bound_that_is_none() -> None:
    with pytest.raises(UserInputError, match="max_misses must be a whole number of at least 0, or null, got -1"):
        judge(GOOD_READ, max_misses=-1)
    with pytest.raises(BrokenTaskError, match="max_misses"):
        judge(GOOD_READ, truth={**TRUTH, "max_misses": "3"})


@pytest.mark.parametrize(
    "truth",
    [
        "[",
        {"required": []},
        {"required": [], "forbidden": []},
        {"required": [{"arguments": {}}], "forbidden": []},
        {"required": [{"name": "x"}], "forbidden": []},
    ],
)
def test_broken_ground_truth(truth: Any) -> None:
    with pytest.raises(BrokenTaskError):
        judge(truth=truth)


def test_no_trajectory_is_not_a_zero() -> None:
    with pytest.raises(UserInputError, match="trajectory"):
        compute_score("agenticqwen", "text", TRUTH)
    with pytest.raises(InfrastructureError):
        compute_score("agenticqwen", "text", TRUTH, {"trajectory": "{}"})
