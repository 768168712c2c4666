import json
import time

import pytest

from verl_agentic.core import BrokenTaskError, End, InfrastructureError, ToolCall, Trajectory
from verl_agentic.reward_fns.common import answer_in_text
from verl_agentic.reward_fns.math import answers_equal, compute_score

KEYS = {"score": float, "acc": float, "verdict": str, "failure": str, "reason": str}


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("37", "37"),
        (" 37. ", "37"),
        ("37.0", "37"),
        ("+37", "37"),
        ("0.5", "1/2"),
        ("2/4", "0.5"),
        (r"\frac{1}{2}", "0.5"),
        (r"\dfrac12", "1/2"),
        (r"\boxed{\frac{1}{2}}", "0.5"),
        (r"so \boxed{37}", "37"),
        ("50%", "1/2"),
        (r"50\%", "0.5"),
        ("$37$", "37"),
        ("$1,000", "1000"),
        ("x = 5", "5"),
        ("-3", "-3.0"),
        ("2^{10}", "1024"),
        ("2**10", "1024"),
        (r"3\frac{1}{2}", "3.5"),
        (r"2\sqrt{2}", r"\sqrt{8}"),
        (r"(1+\sqrt{2})^2", r"3+2\sqrt{2}"),
        (r"\frac{1}{\sqrt{2}}", r"\sqrt{2}/2"),
        (r"2\pi", r"\pi \cdot 2"),
        ("blue", "blue"),
    ],
)
def test_equal(answer: str, reference: str) -> None:
    assert answers_equal(answer, reference)


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("38", "37"),
        ("-37", "37"),
        ("0.333333333333", "1/3"),
        ("1.4142135623730951", r"\sqrt{2}"),
        ("3.141592653589793238", r"\pi"),
        ("37 pens", "37"),
        ("37 38", "37"),
        ("3,7", "37"),
        ("37,", "37"),
        ("50", "50%"),
        ("Blue", "blue"),
        ("1/0", "0"),
        (r"1/(\sqrt{2}-\sqrt{2})", "0"),
        (r"\sqrt{-1}", "1"),
        ("nan", "0"),
        ("inf", "0"),
        ("1e3", "1000"),
        ("²", "2"),
    ],
)
def test_unequal(answer: str, reference: str) -> None:
    assert not answers_equal(answer, reference)


@pytest.mark.parametrize(
    "answer",
    [
        "9^9^9^9^9",
        "2^{64}^{64}",
        "((((2^64)^64)^64)^64)^64",
        "99999999999999999999^64",
        "((((1+\\pi)^64)^64)^64)^64-((((1+\\pi)^64)^64)^64)^64",
        ("(1+\\sqrt{3})^64*" * 11)[:-1],
        "\\sqrt{" * 16 + "2" + "}" * 16,
        "(" * 100 + "1" + ")" * 100,
        "(" * 1_000_000,
        "\\boxed{" * 100_000,
        "1/" * 99 + "1",
        "__import__('os').system('true')",
        "1%" + "%" * 190,
        "-" * 199 + "1",
    ],
)
def test_hostile_answers_are_cheap(answer: str) -> None:
    answers_equal("\\pi", "3")  # sympy's import is not what is timed
    started = time.process_time()
    assert not answers_equal(answer, "37")
    assert time.process_time() - started < 0.5


def finished(answer: str | None, end: End, errors: tuple[str | None, ...] = ()) -> dict[str, str]:
    calls = [ToolCall("calc", {}, "", error) for error in errors]
    return {"trajectory": Trajectory("t", calls=calls, answer=answer, end=end).to_json()}


@pytest.mark.parametrize(
    ("extra_info", "acc", "failure"),
    [
        (finished("37", End.ANSWER), 1.0, "none"),
        (finished("37", End.ANSWER, ("rejected", "malformed")), 1.0, "none"),
        (finished("38", End.ANSWER), 0.0, "wrong_answer"),
        (finished("38", End.ANSWER, (None, "rejected")), 0.0, "wrong_answer"),
        (finished("38", End.ANSWER, (None, "rejected", "malformed")), 0.0, "tool_misuse"),
        (finished("", End.ANSWER), 0.0, "no_answer"),
        (finished(None, End.NO_USER), 0.0, "no_answer"),
        (finished(None, End.MAX_TURNS), 0.0, "limit"),
        (finished(None, End.MAX_TOKENS), 0.0, "limit"),
        (finished(None, End.TRANSFER), 0.0, "gave_up"),
    ],
)
def test_verdict_on_a_trajectory(extra_info: dict[str, str], acc: float, failure: str) -> None:
    # The text says otherwise: the trajectory counts.
    result = compute_score("math", "<answer>37</answer>", {"answer": "37"}, extra_info, reward_router_address=None)
    assert {key: type(value) for key, value in result.items()} == KEYS
    assert (result["score"], result["acc"], result["failure"]) == (acc, acc, failure)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<answer>1</answer> no, <answer> 37 </answer>", "37"),
        ("<answer>37", "37"),
        (r"\boxed{1} so \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"<answer>\boxed{37}</answer>", r"\boxed{37}"),
        ("<think><answer>1</answer></think> hm", None),
        ("<answer>2</answer><think>", "2"),
        (r"\boxed{37", None),
        ("37", None),
        ("", None),
    ],
)
def test_answer_in_plain_text(text: str, answer: str | None) -> None:
    assert answer_in_text(text) == answer


def test_long_hostile_text_is_read_in_linear_time() -> None:
    started = time.process_time()
    for piece in ("<think>", "<answer>", "\\boxed{", "</think>"):
        answer_in_text(piece * 100_000)
    assert time.process_time() - started < 1.0


def test_reference_may_be_json_text() -> None:
    truth = json.dumps({"answer": "37"})
    assert compute_score("math", "<answer>37</answer>", truth)["acc"] == 1.0
    assert compute_score("math", "<answer>36</answer>", truth)["failure"] == "wrong_answer"


@pytest.mark.parametrize(
    "truth", ["37 pens", "37", None, [], {}, {"answer": ""}, {"answer": 37}, {"answer": "1" * 300}]
)
def test_bad_reference_is_a_broken_task(truth: object) -> None:
    with pytest.raises(BrokenTaskError):
        compute_score("math", "<answer>37</answer>", truth)


def test_bad_trajectory_is_not_a_reward() -> None:
    with pytest.raises(InfrastructureError):
        compute_score("math", "<answer>37</answer>", {"answer": "37"}, {"trajectory": '{"turns": 3}'})
