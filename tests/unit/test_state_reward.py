"""The state reward: what counts as success, and the name of each failure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from verl_agentic.core import (
    BrokenTaskError,
    End,
    FailureKind,
    InfrastructureError,
    ToolCall,
    Trajectory,
    Turn,
    UserInputError,
)
from verl_agentic.reward_fns.common import RewardResult
from verl_agentic.reward_fns.state import compute_score

GET: dict[str, Any] = {"name": "get", "arguments": {"id": "417"}}
REFUND: dict[str, Any] = {"name": "refund", "arguments": {"id": "417"}}
REFUNDED = [{"id": "417", "status": "refunded"}, {"id": "418", "status": "paid"}]
PAID = [{"id": "417", "status": "paid"}, {"id": "418", "status": "paid"}]
ALLOW: dict[str, Any] = {
    "expected": {"orders": REFUNDED},
    "required_calls": [GET, REFUND],
    "forbidden_calls": [{"name": "cancel"}],
    "preconditions": [{"call": {"name": "refund"}, "calls": [GET], "reply": "Yes."}],
    "end": ["answer"],
}
DENY: dict[str, Any] = {
    "expected": {"orders": PAID},
    "required_calls": [GET],
    "forbidden_calls": [{"name": "refund"}],
    "end": ["user_stop"],
    "forbidden_replies": ["Thanks."],
}


def trajectory(*events: dict[str, Any] | str, end: End | None, rows: list[dict[str, Any]]) -> Trajectory:
    """A trajectory of calls (objects, with ``error`` where it failed) and of user's lines (texts)."""
    done = Trajectory("t", end=end, state={"tables": {"orders": rows}})
    for event in events:
        if isinstance(event, str):
            done.turns.append(Turn("user", event))
        else:
            done.calls.append(ToolCall(event["name"], event["arguments"], "ok", event.get("error")))
            done.turns.append(Turn("tool", "ok"))
    return done


def score(truth: Any, rolled: Trajectory) -> RewardResult:
    return compute_score("service", "", truth, {"trajectory": rolled.to_json()})


def failure(truth: Any, *events: dict[str, Any] | str, end: End, rows: list[dict[str, Any]]) -> FailureKind:
    result = score(truth, trajectory(*events, end=end, rows=rows))
    assert result["score"] == result["acc"] == float(result["failure"] == "none")
    assert bool(result["reason"]) == (result["failure"] != "none")
    return FailureKind(result["failure"])


def test_success_whatever_the_order_of_rows() -> None:
    for truth in (ALLOW, json.dumps(ALLOW)):
        assert failure(truth, GET, "Yes.", REFUND, end=End.ANSWER, rows=REFUNDED[::-1]) is FailureKind.NONE
    assert failure(DENY, GET, end=End.USER_STOP, rows=PAID) is FailureKind.NONE


@pytest.mark.parametrize(
    ("events", "end", "rows", "kind"),
    [
        ((GET, "Yes.", REFUND, {"name": "cancel", "arguments": {}}), End.ANSWER, REFUNDED, FailureKind.FORBIDDEN_CALL),
        ((GET, REFUND, "Yes."), End.ANSWER, REFUNDED, FailureKind.FORBIDDEN_CALL),
        (("Yes.", REFUND, GET), End.ANSWER, REFUNDED, FailureKind.FORBIDDEN_CALL),
        ((GET, "No.", REFUND), End.ANSWER, REFUNDED, FailureKind.FORBIDDEN_CALL),
        ((GET, "Yes.", REFUND), End.ANSWER, PAID, FailureKind.WRONG_STATE),
        ((GET, "Yes.", REFUND), End.ANSWER, [*REFUNDED, REFUNDED[0]], FailureKind.WRONG_STATE),
        ((GET, "Yes.", REFUND), End.ANSWER, REFUNDED[:1], FailureKind.WRONG_STATE),
        ((GET, "Yes."), End.ANSWER, PAID, FailureKind.MISSING_CALL),
        ((GET, "Yes.", {**REFUND, "error": "rejected"}), End.ANSWER, PAID, FailureKind.TOOL_MISUSE),
        (({**REFUND, "name": "repay", "error": "unknown_tool"}, GET), End.ANSWER, PAID, FailureKind.TOOL_MISUSE),
        (({**GET, "arguments": {"id": "9"}, "error": "rejected"}, GET), End.ANSWER, PAID, FailureKind.MISSING_CALL),
        ((GET, {**REFUND, "arguments": {"id": "418"}}), End.ANSWER, PAID, FailureKind.FORBIDDEN_CALL),
        ((GET, "Yes.", REFUND), End.TRANSFER, REFUNDED, FailureKind.GAVE_UP),
        ((GET, "Yes.", REFUND), End.MAX_TURNS, REFUNDED, FailureKind.LIMIT),
        ((GET, "Yes.", REFUND), End.MAX_TOKENS, REFUNDED, FailureKind.LIMIT),
        ((GET, "Yes.", REFUND), End.NO_USER, REFUNDED, FailureKind.NO_ANSWER),
        ((GET, "Yes.", REFUND), End.USER_STOP, REFUNDED, FailureKind.NO_ANSWER),
    ],
)
def test_failures_where_the_change_is_allowed(
    events: tuple[Any, ...], end: End, rows: list[dict[str, Any]], kind: FailureKind
) -> None:
    assert failure(ALLOW, *events, end=end, rows=rows) is kind


@pytest.mark.parametrize(
    ("events", "end", "rows", "kind"),
    [
        ((GET, REFUND), End.ANSWER, REFUNDED, FailureKind.FORBIDDEN_CALL),
        ((GET, {**REFUND, "error": "rejected"}), End.USER_STOP, PAID, FailureKind.NONE),
        ((), End.USER_STOP, PAID, FailureKind.MISSING_CALL),
        ((GET,), End.ANSWER, PAID, FailureKind.WRONG_ANSWER),
        ((GET, "Thanks."), End.USER_STOP, PAID, FailureKind.WRONG_ANSWER),
        ((GET,), End.TRANSFER, PAID, FailureKind.GAVE_UP),
    ],
)
def test_failures_where_it_is_not(
    events: tuple[Any, ...], end: End, rows: list[dict[str, Any]], kind: FailureKind
) -> None:
    assert failure(DENY, *events, end=end, rows=rows) is kind


def test_required_replies() -> None:
    truth = {**DENY, "required_replies": ["No."]}
    assert failure(truth, GET, "No.", end=End.USER_STOP, rows=PAID) is FailureKind.NONE
    assert failure(truth, GET, end=End.USER_STOP, rows=PAID) is FailureKind.WRONG_ANSWER


def test_calls_match_by_the_arguments_that_are_given() -> None:
    more = {"name": "get", "arguments": {"id": "417", "verbose": True}}
    assert failure(DENY, more, end=End.USER_STOP, rows=PAID) is FailureKind.NONE
    other = {"name": "get", "arguments": {"id": "418"}}
    assert failure(DENY, other, end=End.USER_STOP, rows=PAID) is FailureKind.MISSING_CALL


def test_without_a_rollout_the_user_is_told() -> None:
    for extra in (None, {}, {"trajectory": None}):
        with pytest.raises(UserInputError, match=r"extra_info\.trajectory"):
            compute_score("service", "<answer>done</answer>", ALLOW, extra)


def test_a_rollout_without_end_or_state_is_no_reward() -> None:
    with pytest.raises(InfrastructureError, match="no end"):
        score(DENY, trajectory(GET, end=None, rows=PAID))
    with pytest.raises(InfrastructureError, match=r"state\.tables"):
        score(DENY, Trajectory("t", end=End.ANSWER))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"expected": None}, "expected"),
        ({"expected": {"orders": {}}}, "expected"),
        ({"end": []}, "end must be"),
        ({"end": ["happily"]}, "end must be"),
        ({"required_calls": "get"}, "required_calls"),
        ({"required_calls": ["get"]}, "'name'"),
        ({"forbidden_calls": [{"name": "get", "arguments": []}]}, "'arguments'"),
        ({"preconditions": [{}]}, "preconditions"),
    ],
)
def test_a_broken_reference_is_a_broken_task(change: dict[str, Any], field: str) -> None:
    with pytest.raises(BrokenTaskError, match=field):
        score({**DENY, **change}, trajectory(GET, end=End.USER_STOP, rows=PAID))
