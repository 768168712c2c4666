"""The rubric reward: scores, votes, and failures that are the judge's and not the policy's."""

from __future__ import annotations

import asyncio
import inspect
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
from verl_agentic.core.chat import MalformedReplyError, RefusalError
from verl_agentic.reward_fns.common import Verdict
from verl_agentic.reward_fns.rubric import RubricResult, compute_score

RUBRIC = {
    "rubric": [
        {"id": "found", "text": "The agent looked up the order.", "weight": 3},
        {"id": "polite", "text": "The agent was polite."},
        {"id": "leak", "text": "The agent told an internal note.", "kind": "violation"},
    ]
}
ROLLED = Trajectory(
    "t",
    turns=[Turn("assistant", "looking"), Turn("tool", "order 417"), Turn("assistant", "It is on its way.")],
    calls=[ToolCall("get", {"id": "417"}, "order 417")],
    answer="It is on its way.",
    end=End.ANSWER,
)


def score(llm: dict[str, Any] | None, truth: Any = RUBRIC, rolled: Trajectory | None = ROLLED, **options: Any) -> Any:
    extra_info = {"trajectory": rolled.to_json()} if rolled else {}
    return asyncio.run(compute_score("dialogue", "said", truth, extra_info, llm=llm, **options))


def statement(body: dict[str, Any]) -> str:
    """The statement of a request, from its trusted part."""
    return str(body["messages"][0]["content"]).partition("Statement: ")[2].partition("\n")[0]


def true_ones(endpoint: Any, *words: str) -> None:
    """Make the judge hold those statements for true that have one of the words."""
    endpoint.content = lambda body: json.dumps(
        {"evidence": "seen", "satisfied": any(word in statement(body) for word in words)}
    )


@pytest.mark.parametrize(
    ("words", "strict", "expected", "failure"),
    [
        (("order", "polite"), False, (1.0, 1.0), FailureKind.NONE),
        (("order",), False, (0.75, 0.0), FailureKind.WRONG_ANSWER),
        (("polite",), False, (0.25, 0.0), FailureKind.WRONG_ANSWER),
        ((), False, (0.0, 0.0), FailureKind.WRONG_ANSWER),
        (("order", "polite", "note"), False, (0.0, 0.0), FailureKind.FORBIDDEN_CALL),
        (("order", "polite"), True, (1.0, 1.0), FailureKind.NONE),
        (("order",), True, (0.0, 0.0), FailureKind.WRONG_ANSWER),
    ],
)
def test_goals_and_violations(
    endpoint: Any,
    llm: dict[str, Any],
    words: tuple[str, ...],
    strict: bool,
    expected: tuple[float, float],
    failure: FailureKind,
) -> None:
    true_ones(endpoint, *words)
    result: RubricResult = score(llm, strict=strict)
    assert (result["score"], result["acc"]) == expected
    assert result["failure"] == failure.value
    assert result["verdict"] == (Verdict.RIGHT if expected[1] else Verdict.WRONG).value
    assert (result["agreement"], result["judge_tokens"]) == (1.0, 330.0)
    assert result["judge_cost"] == pytest.approx(3 * 0.00024)
    assert {body["temperature"] for body in endpoint.bodies} == {0.0}


def test_it_is_asynchronous_for_verl() -> None:
    assert inspect.iscoroutinefunction(compute_score)


def test_plain_texts_and_a_policy(endpoint: Any, llm: dict[str, Any]) -> None:
    true_ones(endpoint, "polite", "rule of the policy")
    truth = json.dumps({"rubric": ["The agent was polite."], "policy": "Never promise a date."})
    result = score(llm, truth, rolled=None)
    assert (result["score"], result["reason"]) == (0.0, "violation policy: seen")
    assert all("Never promise a date." in body["messages"][0]["content"] for body in endpoint.bodies)


def vote(endpoint: Any, word: str, *verdicts: bool) -> None:
    """Vote on the statement with ``word`` one by one; on goals and violations else in the agent's favour."""
    left = list(verdicts)

    def content(body: dict[str, Any]) -> str:
        text = statement(body)
        return json.dumps({"evidence": "seen", "satisfied": left.pop() if word in text else "note" not in text})

    endpoint.content = content


@pytest.mark.parametrize(
    ("word", "verdicts", "expected"),
    [("polite", (True, True, False), 1.0), ("polite", (False, True, False), 0.75), ("note", (True, True, False), 0.0)],
)
def test_the_majority_decides(
    endpoint: Any, llm: dict[str, Any], word: str, verdicts: tuple[bool, ...], expected: float
) -> None:
    vote(endpoint, word, *verdicts)
    result = score(llm, votes=3)
    assert result["score"] == expected
    assert result["agreement"] == pytest.approx((1 + 1 + 2 / 3) / 3)
    assert len(endpoint.bodies) == 9
    assert {body["temperature"] for body in endpoint.bodies} == {0.7}


@pytest.mark.parametrize("word", ["polite", "note"])
def test_a_tie_is_undecided(endpoint: Any, llm: dict[str, Any], word: str) -> None:
    vote(endpoint, word, True, False)
    result = score(llm, votes=2)
    assert (result["score"], result["verdict"]) == (0.0, "undecided")
    assert result["agreement"] == pytest.approx((1 + 1 + 0.5) / 3)
    with pytest.raises(InfrastructureError, match=r"undecided: 2 votes on .* are tied"):
        score(llm, votes=2, on_undecided="drop")  # from the cache: no further vote is left
    assert len(endpoint.bodies) == 6


def test_a_tie_that_changes_nothing_is_no_tie(endpoint: Any, llm: dict[str, Any]) -> None:
    vote(endpoint, "polite", True, False)
    truth = {"rubric": [*RUBRIC["rubric"], {"id": "x", "text": "A note was told, too.", "kind": "goal"}]}
    result = score(llm, truth, votes=2, strict=True)  # a goal is missed for certain
    assert (result["score"], result["verdict"]) == (0.0, "wrong")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("refuse", RefusalError),
        ("nonsense", MalformedReplyError),
        ("down", InfrastructureError),
        ("slow", InfrastructureError),
    ],
)
def test_the_judges_failure_is_no_reward(
    endpoint: Any, llm: dict[str, Any], fault: str, error: type[Exception]
) -> None:
    handler = {
        "refuse": endpoint.say(None, refusal="no"),
        "nonsense": endpoint.say('{"evidence": "?", "satisfied": "yes"}'),
        "down": endpoint.fail(503),
        "slow": endpoint.hang,
    }[fault]
    endpoint.script = [handler] * 1000
    with pytest.raises(error):
        score({**llm, "budget_seconds": 0.5 if fault in ("down", "slow") else 20.0}, on_undecided="zero")


def test_one_failed_vote_calls_the_others_off(endpoint: Any, llm: dict[str, Any]) -> None:
    endpoint.script = [endpoint.fail(400, "too long"), endpoint.hang, endpoint.hang]
    with pytest.raises(InfrastructureError, match="too long"):
        score(llm)
    true_ones(endpoint, "order", "polite")
    endpoint.script = []
    assert score({**llm, "request_seconds": 30.0})["score"] == 1.0


def test_silence_needs_no_judge(endpoint: Any, llm: dict[str, Any]) -> None:
    silent = Trajectory("t", turns=[Turn("assistant", " ")], end=End.MAX_TURNS)
    result = score(llm, rolled=silent)
    assert (result["score"], result["failure"], result["judge_cost"]) == (0.0, "limit", 0.0)
    assert endpoint.bodies == []


def test_the_task_is_part_of_the_record(endpoint: Any, llm: dict[str, Any]) -> None:
    true_ones(endpoint)
    messages: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where is it?"}]
    task = Task("dialogue", messages, [], "replay", {}, "rubric", RUBRIC)
    info = {"trajectory": ROLLED.to_json(), "task": task.to_json()}
    asyncio.run(compute_score("dialogue", "", RUBRIC, info, llm=llm, reward_router_address=None))
    lines = endpoint.bodies[0]["messages"][1]["content"].splitlines()
    assert lines[0] == lines[2] and len(lines[0]) == 32
    assert json.loads(lines[1])[:2] == [
        {"from": "operator", "text": "Be brief."},
        {"from": "user", "text": "Where is it?"},
    ]
    with pytest.raises(BrokenTaskError, match=r"extra_info\.task"):
        asyncio.run(compute_score("dialogue", "said", RUBRIC, {"task": "{}"}, llm=llm))


LONG = Trajectory(
    "t",
    turns=[Turn("assistant", "x" * 9000), Turn("assistant", "the note"), Turn("assistant", "y" * 3000)],
    answer="done",
    end=End.ANSWER,
)


def found(endpoint: Any, **verdicts: bool | None) -> None:
    """A judge with a verdict for each part that shows a mark, ``None`` else, and false for what was found in all."""

    def content(body: dict[str, Any]) -> str:
        shown = body["messages"][1]["content"]
        if '"found"' in shown:
            return json.dumps({"evidence": "all parts", "satisfied": False})
        known = [verdict for mark, verdict in verdicts.items() if mark * 3 in shown]
        return json.dumps({"evidence": f"part with {sorted(verdicts)}", "satisfied": known[0] if known else None})

    endpoint.content = content


@pytest.mark.parametrize(
    ("kind", "verdicts", "satisfied", "requests"),
    [
        ("goal", {"x": True}, True, 4),
        ("goal", {"y": False, "x": True}, False, 4),
        ("violation", {"y": True, "x": False}, True, 4),
        ("violation", {"x": False}, False, 4),
        ("goal", {}, False, 5),
        ("violation", {}, False, 5),
    ],
)
@pytest.mark.slow
def test_verdicts_on_parts_are_put_together(
    endpoint: Any, llm: dict[str, Any], kind: str, verdicts: dict[str, bool], satisfied: bool, requests: int
) -> None:
    found(endpoint, **verdicts)
    result = score(llm, {"rubric": [{"text": "A.", "kind": kind}]}, LONG, max_chars=4096)
    assert result["acc"] == float(satisfied is (kind == "goal"))
    assert len(endpoint.bodies) == requests
    assert result["judge_tokens"] == requests * 110


def test_a_long_record_is_wrong_and_a_long_task_is_broken(endpoint: Any, llm: dict[str, Any]) -> None:
    result = score(llm, rolled=LONG, max_chars=4096, max_parts=3)
    assert (result["score"], result["verdict"], result["failure"]) == (0.0, "wrong", "limit")
    assert result["reason"] == "over the limits: the record takes more than 3 requests of 4096 characters"
    task = Task("dialogue", [{"role": "user", "content": "z" * 99_999}], [], "replay", {}, "rubric", RUBRIC)
    info = {"trajectory": ROLLED.to_json(), "task": task.to_json()}
    with pytest.raises(BrokenTaskError, match="raise max_parts or max_chars"):
        asyncio.run(compute_score("dialogue", "", RUBRIC, info, llm=llm, max_chars=4096, max_parts=3))
    assert endpoint.bodies == []


@pytest.mark.parametrize(
    "reply",
    [
        '{"evidence": "seen", "satisfied": true, "satisfied": true}',
        '{"evidence": "It was rude. So the statement is false.", "satisfied": true}',
        '{"evidence": "", "satisfied": true}',
    ],
)
def test_a_verdict_that_cannot_stand_is_asked_for_anew(endpoint: Any, llm: dict[str, Any], reply: str) -> None:
    truth = {"rubric": ["The agent was polite."]}
    good = '{"evidence": "It greeted. So the statement is true.", "satisfied": true}'
    endpoint.script = [endpoint.say(reply), endpoint.say(good)]
    result = score(llm, truth)
    assert (result["score"], result["judge_retries"]) == (1.0, 1.0)
    endpoint.script = [endpoint.say(reply)] * 9
    with pytest.raises(MalformedReplyError):
        score({**llm, "cache": None}, truth)


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        ({}, "must be a list of items"),
        ({"rubric": []}, "must be a list of items"),
        ({"rubric": [5]}, r"rubric\[0\] must be a text or an object"),
        ({"rubric": [{"id": "a"}]}, "needs a 'text'"),
        ({"rubric": [{"text": "a", "kind": "bonus"}]}, "must be goal or violation"),
        ({"rubric": [{"text": "a", "weight": 0}]}, "must be a positive number"),
        ({"rubric": [{"text": "a", "weight": float("inf")}]}, "must be a positive number"),
        ({"rubric": [{"text": "a", "wieght": 1}]}, "unknown field 'wieght'"),
        ({"rubric": [{"id": "a", "text": "b"}, {"id": "a", "text": "c"}]}, "two items of one id"),
        ({"rubric": ["a"], "policy": 3}, "policy must be a text"),
        ("{", "not JSON"),
    ],
)
@pytest.mark.slow
def test_a_broken_rubric(truth: Any, message: str) -> None:
    with pytest.raises(BrokenTaskError, match=message):
        score({"base_url": "http://127.0.0.1:9/v1", "model": "m"}, truth)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"votes": 0}, r"reward_kwargs\.votes must be a whole number of at least 1, got 0"),
        ({"votes": 3, "temperature": 0.0}, "makes all votes alike"),
        ({"max_chars": 10}, "max_chars must be a whole number of at least 4096, got 10"),
        ({"max_parts": 0}, "max_parts must be a whole number of at least 1, got 0"),
        ({}, "agentic.llm is not set"),
    ],
)
def test_bad_arguments(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserInputError, match=message):
        score(None, **options)
