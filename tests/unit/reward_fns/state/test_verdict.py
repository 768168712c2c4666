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
    Task,
    ToolCall,
    Trajectory,
    Turn,
    UserInputError,
)
from verl_agentic.reward_fns.state.verdict import StateResult, compute_score

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


def score(truth: Any, rolled: Trajectory, **kwargs: Any) -> StateResult:
    return compute_score("service", "", truth, {"trajectory": rolled.to_json()}, **kwargs)


def failure(truth: Any, *events: dict[str, Any] | str, end: End, rows: list[dict[str, Any]]) -> FailureKind:
    result = score(truth, trajectory(*events, end=end, rows=rows))
    assert set(result) == {"score", "acc", "verdict", "failure", "reason", "subgoals"}
    assert result["verdict"] == ("right" if result["failure"] == "none" else "wrong")
    assert (result["subgoals"] == 1.0) == (result["failure"] == "none")
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
        ({"expected": {"orders": [1]}}, "expected"),
        ({"initial": []}, "initial"),
        ({"unchanged": "others"}, "needs the initial rows"),
        ({"unchanged": ["orders"], "initial": {"orders": PAID}}, "keep one"),
        ({"unchanged": ["staff"], "initial": {"orders": PAID}}, "no initial rows"),
        ({"unchanged": 1}, "unchanged must be"),
        ({"ignore_columns": "status"}, "ignore_columns"),
        ({"tolerance": -1}, "tolerance"),
        ({"required_statements": [True]}, r"required_statements\[0\] must be a number"),
        ({"required_statements": [{"all": [{"any": ["a"]}]}]}, "turn them round"),
        ({"forbidden_statements": ["!"]}, r"forbidden_statements\[0\] must be a number"),
        ({"required_replies": [1]}, "list of texts"),
        ({"end": []}, "end must be"),
        ({"end": ["happily"]}, "end must be"),
        ({"required_calls": "get"}, "required_calls"),
        ({"required_calls": ["get"]}, "'name'"),
        ({"forbidden_calls": [{"name": "get", "arguments": []}]}, "'arguments'"),
        ({"preconditions": [{}]}, "preconditions"),
        ({"preconditions": [{"call": GET, "times": 0}]}, "'times'"),
        ({"preconditions": [{"call": GET, "reply": 1}]}, "'reply'"),
        ({"preconditions": [{"call": GET, "consent": []}]}, "'consent'"),
        ({"preconditions": [{"call": GET, "consent": ["Yes."], "reply": "Yes."}]}, "'consent'"),
        ({"max_misses": -1}, "max_misses"),
    ],
)
def test_a_broken_reference_is_a_broken_task(change: dict[str, Any], field: str) -> None:
    with pytest.raises(BrokenTaskError, match=field):
        score({**DENY, **change}, trajectory(GET, end=End.USER_STOP, rows=PAID))


def talk(*events: dict[str, Any] | str) -> Trajectory:
    """A dialogue that leaves the orders paid; texts by turns of the agent and the user."""
    done = trajectory(*(event for event in events if isinstance(event, dict)), end=End.ANSWER, rows=PAID)
    tools = iter(done.turns)
    roles = iter(["assistant", "user"] * len(events))
    done.turns = [next(tools) if isinstance(event, dict) else Turn(next(roles), event) for event in events]
    return done


@pytest.mark.parametrize(
    ("events", "allowed"),
    [
        (("Shall I refund order 417?", "Yes.", REFUND), True),
        (("Confirm?", "Yes.", GET, REFUND), True),
        (("Refund of 5 for order 417. Do you agree?", "Yes.", REFUND), True),
        (("Is it okay for you if I refund order 417?", "Yes.", REFUND), True),
        (("Is it about the shoes?", "Yes.", REFUND), False),
        (("Can you confirm your order number?", "Yes.", REFUND), False),
        (("Shall I cancel order 417?", "Yes.", REFUND), False),
        (("Shall I cancel and refund order 417?", "Yes.", REFUND), True),
        (("Confirm?", "Yes.", REFUND, {**REFUND, "arguments": {"id": "418"}}), False),
        (("Confirm?", "Yes.", REFUND, "Confirm?", "Yes.", {**REFUND, "arguments": {"id": "418"}}), True),
        (("Confirm?", "Yes.", "Really? Please confirm.", "No.", REFUND), False),
        (("Confirm?", "Yes.", "Which card?", "Visa.", REFUND), True),
    ],
)
def test_a_reply_permits_the_call_that_it_was_asked_about(events: tuple[Any, ...], allowed: bool) -> None:
    truth = {
        "expected": {},
        "end": ["answer"],
        "forbidden_calls": [{"name": "cancel"}],
        "preconditions": [{"call": {"name": "refund"}, "reply": "Yes."}],
    }
    result = score(truth, talk(*events))
    assert (result["failure"] == "none") is allowed, result["reason"]
    if not allowed:
        assert result["reason"] == "refund before the user said 'Yes.' to it"


def test_one_reply_may_permit_several_calls() -> None:
    other = {**REFUND, "arguments": {"id": "418"}}
    condition = {"call": {"name": "refund"}, "reply": "Yes.", "times": 2}
    truth = {"expected": {}, "end": ["answer"], "preconditions": [condition]}
    assert score(truth, talk("Confirm?", "Yes.", REFUND, other))["acc"] == 1.0
    assert score(truth, talk("Confirm?", "Yes.", REFUND, other, REFUND))["acc"] == 0.0


def test_looking_everything_up_is_no_looking_up() -> None:
    truth = {**DENY, "end": ["answer"]}
    lookups = [{**GET, "arguments": {"id": str(number)}} for number in range(500, 506)]
    assert score(truth, talk(*lookups[:5], GET))["acc"] == 1.0
    result = score(truth, talk(*lookups, GET))
    assert (result["acc"], result["failure"]) == (0.0, "tool_misuse")
    assert score({**truth, "max_misses": 6}, talk(*lookups, GET))["acc"] == 1.0


STAFF = [{"name": "Bo", "hours": 8}]
WORLD: dict[str, Any] = {
    "initial": {"orders": PAID, "staff": STAFF},
    "expected": {"orders": REFUNDED},
    "end": ["answer"],
}


def left(orders: list[dict[str, Any]], staff: list[dict[str, Any]] = STAFF, end: End = End.ANSWER) -> Trajectory:
    """A trajectory that left these tables."""
    return Trajectory("t", end=end, state={"tables": {"orders": orders, "staff": staff}})


def test_tables_that_nobody_named_must_keep_their_rows() -> None:
    assert score(WORLD, left(REFUNDED))["acc"] == 1.0
    for staff in ([], [*STAFF, *STAFF], [{"name": "Bo", "hours": 9}]):
        result = score(WORLD, left(REFUNDED, staff), partial=True)
        assert (result["failure"], result["score"], result["subgoals"]) == ("wrong_state", 0.0, 0.0)
        assert result["reason"].startswith("staff: ")
        assert score({**WORLD, "unchanged": []}, left(REFUNDED, staff))["acc"] == 1.0
        assert score({**WORLD, "unchanged": ["staff"]}, left(REFUNDED, staff))["acc"] == 0.0
    unknown = {**WORLD, "initial": None}
    assert score(unknown, left(REFUNDED, []))["acc"] == 1.0
    extra = Trajectory("t", end=End.ANSWER, state={"tables": {"orders": REFUNDED, "staff": STAFF, "new": [{"a": 1}]}})
    assert score(WORLD, extra)["reason"].startswith("new: unexpected")


def test_the_initial_rows_are_read_from_the_task() -> None:
    args = {
        "schema": ["CREATE TABLE orders (id TEXT, status TEXT)", "CREATE TABLE staff (name TEXT, hours INT)"],
        "rows": {"orders": [["417", "paid"], ["418", "paid"]], "staff": [["Bo", 8]]},
        "actions": {},
    }
    task = Task("service", [{"role": "user", "content": "Hi."}], [], "service", args, "state", {})
    truth = {key: value for key, value in WORLD.items() if key != "initial"}
    for staff, acc in ((STAFF, 1.0), ([], 0.0)):
        extra = {"trajectory": left(REFUNDED, staff).to_json(), "task": task.to_json()}
        assert compute_score("service", "", truth, extra)["acc"] == acc


@pytest.mark.parametrize(
    ("orders", "damage"),
    [
        (PAID, False),
        ([{"id": "417", "status": "refnded"}, PAID[1]], False),
        ([REFUNDED[0], *PAID], False),
        ([PAID[0], {"id": "418", "status": "refunded"}], True),
        ([*REFUNDED, {"id": "419", "status": "paid"}], True),
        (REFUNDED[:1], True),
        ([*REFUNDED, REFUNDED[0]], True),
    ],
)
def test_a_wrong_change_fails_and_a_change_nobody_asked_for_damages(orders: list[dict[str, Any]], damage: bool) -> None:
    get = [{"name": "get", "arguments": {"id": "417"}}]
    rolled = left(orders)
    rolled.calls = [ToolCall("get", {"id": "417"}, "ok")]
    rolled.turns = [Turn("tool", "ok")]
    result = score({**WORLD, "required_calls": get}, rolled, partial=True)
    assert (result["failure"], result["acc"]) == ("wrong_state", 0.0)
    # Sub-goals: the call, the row, and the end once both are reached.
    assert result["score"] == result["subgoals"] == pytest.approx(0.0 if damage else 1 / 3)


def test_subgoals_count_each_row_call_and_statement() -> None:
    rows = [{"id": number, "paid": 0} for number in range(4)]
    paid = [{**row, "paid": 1} for row in rows]
    truth = {
        "initial": {"orders": rows},
        "expected": {"orders": paid[:3]},
        "required_calls": [GET],
        "required_statements": ["done"],
        "end": ["answer"],
    }
    # Three changes, one deletion, one call, one statement, and the end.
    fractions = []
    for orders in (rows, [paid[0], *rows[1:]], [*paid[:3], rows[3]], paid[:3]):
        rolled = left(orders)
        rolled.state["tables"].pop("staff")
        result = score(truth, rolled, partial=True)
        assert result["acc"] == 0.0
        fractions.append(result["score"])
    assert fractions == pytest.approx([0, 1 / 7, 3 / 7, 4 / 7])


def test_to_end_a_dialogue_is_no_achievement_of_its_own() -> None:
    for end in (End.ANSWER, End.MAX_TURNS):
        assert score(WORLD, left(PAID, end=end), partial=True)["score"] == 0.0
    late = score(WORLD, left(REFUNDED, end=End.MAX_TURNS), partial=True)
    assert (late["score"], late["failure"]) == (0.5, "limit")


def test_rows_are_compared_by_type_and_value() -> None:
    def right(wanted: Any, found: Any, **options: Any) -> bool:
        truth = {"expected": {"t": [{"a": wanted, "b": "x"}]}, "end": ["answer"], **options}
        rolled = Trajectory("t", end=End.ANSWER, state={"tables": {"t": [{"a": found, "b": "x"}]}})
        return score(truth, rolled)["acc"] == 1.0

    assert right(1, 1.0) and right(True, 1) and right(0.1 + 0.2, 0.3) and right([1, {"k": 2}], [1.0, {"k": 2}])
    assert not right(1, "1") and not right(None, 0) and not right(None, "") and not right("A", "a")
    assert not right(10**12, 10**12 + 1)
    assert right(20, 20.004, tolerance=0.01) and not right(20, 20.02, tolerance=0.01)
    assert not right(20, 21, tolerance=5)
    assert right("old", "new", ignore_columns=["a"]) and right("old", "new", ignore_columns={"t": ["a"]})
    assert not right("old", "new", ignore_columns={"u": ["a"]})


def test_rows_that_are_equal_up_to_a_tolerance_are_paired_one_to_one() -> None:
    def right(wanted: list[float], found: list[float]) -> bool:
        tables = [{"t": [{"a": value} for value in values]} for values in (wanted, found)]
        truth = {"expected": tables[0], "end": ["answer"], "tolerance": 1.0}
        return score(truth, Trajectory("t", end=End.ANSWER, state={"tables": tables[1]}))["acc"] == 1.0

    # Taking the first that fits would leave 3.5 without a partner.
    assert right([2.5, 3.5, 1.5], [2.4, 1.6, 3.4])
    assert right([1.5, 2.5, 3.5], [3.25, 2.25, 4.25])
    assert not right([1.0, 1.0], [1.0, 3.5])
    assert not right([1.0], [1.0, 1.0])


def told_truth(statement: Any, *said: str, end: End = End.ANSWER, key: str = "required_statements", **more: Any) -> Any:
    truth = {"expected": {}, "end": ["answer"], key: [statement]}
    spoken = [Turn("assistant", text) for text in said]
    rolled = Trajectory("t", turns=[*more.get("turns", []), *spoken], end=end, state={"tables": {}})
    return score(truth, rolled)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (1250, "You get $1,250.00 back."),
        (1250, "<question>Is 1250 fine?</question>"),
        (-5, "It is -5 degrees."),
        (0.5, "That is 0.50"),
        ("refund of 40", "A **Refund of $40** is on its way!"),
        ("5%", "The fee is 5 %."),
        ("0417", "Order 0417 is late"),
        ({"any": ["approved", "granted"]}, "<answer>It was granted.</answer>"),
        ({"all": ["order", 417, "refunded"]}, "Good news. We refunded order 417 today."),
        ("can't be changed", "It can\u2019t be changed."),
        ("refund of 40", "Not only that: a refund of EUR 40,00 is on its way."),
        ("refund of 40", "I found no fee, so you get a refund of 40."),
        (1250, "It is 1\u202f250 EUR, or 1.250,00."),
    ],
)
def test_statements_that_the_user_was_told(statement: Any, said: str) -> None:
    assert told_truth(statement, said)["acc"] == 1.0
    assert told_truth(statement, said, key="forbidden_statements")["score"] == 0.0


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (12, "It is 123, or 1.12, or 12.5, or A12, or 1,012."),
        (417, "Order 0417."),
        ("refund of 40", "A refund. Of 40 we know nothing."),
        (40, '<tool_call>{"name": "refund", "arguments": {"amount": 40}}</tool_call>'),
        (40, "<think>I could say 40.</think>It is done."),
        (40, "<think>I could say 40."),
        (40, "###TRANSFER_TO_HUMAN 40"),
        (40, "Is it 40? <answer>No idea.</answer>"),
        ({"all": ["order", 417, "refunded"]}, "Order 417 was found. Another one was refunded."),
        ("granted", " ".join(["granted denied"] * 40)),
        (7, " ".join(f"It is {number}." for number in range(20))),
        ("refund of 40", "There is no refund of 40."),
        ("refund of 40", "I cannot, sadly, give you a refund of 40."),
        ("refund of 40", "A refund of 40 is not possible."),
    ],
)
def test_statements_that_the_user_was_not_told(statement: Any, said: str) -> None:
    result = told_truth(statement, said)
    assert (result["acc"], result["failure"]) == (0.0, "wrong_answer")
    assert "was not told" in result["reason"]


def test_numbers_that_tools_gave_are_no_guesses() -> None:
    many = [str(number) for number in range(100, 120)]
    shown = Turn("tool", " ".join(many))
    assert told_truth(107, f"Your orders: {', '.join(many)}.", turns=[shown])["acc"] == 1.0
    assert told_truth(107, f"Your orders: {', '.join(many)}.")["acc"] == 0.0


def test_what_was_cut_off_tells_nothing() -> None:
    truth = {"expected": {}, "end": ["max_tokens"], "required_statements": [40]}
    rolled = Trajectory("t", turns=[Turn("assistant", "It is 40")], end=End.MAX_TOKENS, state={"tables": {}})
    assert score(truth, rolled)["acc"] == 0.0


@pytest.mark.parametrize(
    ("events", "allowed"),
    [
        (("A voucher is what I can offer.", "Yes, the voucher.", REFUND), True),
        (("So it is order 417, and the shoes?", "The shoes. Yes, do.", REFUND), True),
        (("Shall I?", "Yes, do.", "Is there a receipt?", "There is none.", REFUND), True),
        (("Shall I?", "I would say yes, do. not", REFUND), False),
        (("Shall I?", "No.", REFUND), False),
        (("Shall I?", "Yes, do.", REFUND, {**REFUND, "arguments": {"id": "418"}}), False),
        (("Shall I refund A10418?", "Yes, do.", REFUND, {**REFUND, "arguments": {"id": "A10418"}}), False),
    ],
)
def test_a_user_who_hears_has_agreed_when_it_says_so(events: tuple[Any, ...], allowed: bool) -> None:
    truth = {
        "expected": {},
        "end": ["answer"],
        "preconditions": [{"call": {"name": "refund"}, "consent": ["Yes, do.", "Yes, the voucher."]}],
    }
    result = score(truth, talk(*events))
    assert (result["failure"] == "none") is allowed, result["reason"]
