import asyncio
import time
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, End, InfrastructureError, ToolCall, Trajectory, UserInputError
from verl_agentic.core.messages.answers import answer_in_text
from verl_agentic.isolation.pool import (
    WorkerCrashedError,
    WorkerError,
    WorkerMemoryError,
    WorkerPoolError,
    WorkerTimeoutError,
)
from verl_agentic.reward_fns.math import MAX_CHARS, acompute_score, check_kwargs, compute_score, statistics
from verl_agentic.reward_fns.math.judge import Judge

KEYS = {"score": float, "acc": float, "verdict": str, "failure": str, "reason": str}


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
        ("<answer>37</answer> again, <answer> 37 </answer>", "37"),
        ("<answer>1</answer> no, <answer> 37 </answer>", "1, 37"),
        ("<answer>37</answer> I put it in <answer> as asked.", "37"),
        ("I use <answer>...</answer> as asked: <answer>37</answer>", "37"),
        ("<answer>37", "37"),
        (r"\boxed{1} so \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"<answer>\boxed{37}</answer>", r"\boxed{37}"),
        ("<think><answer>1</answer></think> hm", None),
        ("<answer>2</answer><think>", "2"),
        ("<answer>1</answer> or 2?\n</think>\n<answer>37</answer>", "37"),
        ("<Thinking>\n<answer>1</answer>\n</THINKING>\n<answer>37</answer>", "37"),
        ("<think><think>\\boxed{1}</think>\\boxed{2}</think>\n\\boxed{37}", "37"),
        ("<think>so far \\boxed{37}", None),
        ("<reasoning>\\boxed{37}</think>", None),
        (r"\boxed{37", None),
        ("37", None),
        ("", None),
    ],
)
def test_answer_in_plain_text(text: str, answer: str | None) -> None:
    assert answer_in_text(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The solutions are\n\n\\[\n\\boxed{(1, 2)}, \\boxed{(2, 1)}\n\\]", "(1, 2), (2, 1)"),
        ("\\boxed{6}\n\\boxed{5}\n", "6, 5"),
        ("1. \\boxed{6}\n2. \\boxed{5}\n", "6, 5"),
        ("- $x = \\boxed{6}$\n- $y = \\boxed{5}$", "6, 5"),
        ("\\boxed{1} papers and \\boxed{2} bins", "1, 2"),
        ("It is \\boxed{6}.\n\nOr maybe it is \\boxed{5}.", "6 or 5"),
        ("(a) It is \\boxed{6}.\n(b) So it is \\boxed{5}.", "6, 5"),
        ("Step 1: the half is \\boxed{6}.\nStep 2: the whole is \\boxed{12}.", "12"),
        ("We have\n\\boxed{6}\nand then, by the lemma,\n\nthe sum is \\boxed{12}.", "12"),
        ("It is \\boxed{5}. Let me check: 2 + 3 = 5.\n\n**Final Answer**\n\\boxed{5}", "5"),
        ("\\boxed{6} \\Rightarrow \\boxed{5}", "5"),
        ("the area = \\boxed{6} and the height = \\boxed{5}", "6, 5"),
        ("\\boxed{1}, \\boxed{", "1"),
        ("\\boxed{\\left\\{ 1 \\right.}", "\\left\\{ 1 \\right."),
        ("\\boxed -3", "-3"),
        ("\\boxed x", "x"),
        ("\\boxed it", None),
        ("\\boxed{...}", None),
    ],
)
def test_boxes_of_one_statement_are_a_list(text: str, answer: str | None) -> None:
    assert answer_in_text(text) == answer


def test_long_hostile_text_is_read_in_linear_time() -> None:
    started = time.process_time()
    for piece in ("<think>", "<answer>", "\\boxed{", "</think>", "\\boxed{1} so ", "\\boxed", "<reasoning><"):
        answer_in_text(piece * 50_000)
    for gap in ("x", "x ", " ", "x =", "part ", "$", "(a", "a."):
        answer_in_text("\\boxed{1}" + gap * 50_000 + "\\boxed{2}")
    assert time.process_time() - started < 3.0


@pytest.mark.parametrize("truth", [{"answer": "{1, 2}"}, '{"answer": "{1, 2}"}', "{1, 2}", " {2, 1} ", r"\{1,2\}"])
def test_forms_of_the_reference(truth: object) -> None:
    assert compute_score("math", "<answer>{1, 2}</answer>", truth)["acc"] == 1.0
    assert compute_score("math", "<answer>{1, 3}</answer>", truth)["failure"] == "wrong_answer"


@pytest.mark.parametrize("truth", [37, 37.0, {"answer": 37}, '{"answer": 37}', "37"])
def test_reference_may_be_a_number(truth: object) -> None:
    assert compute_score("math", "<answer>37</answer>", truth)["acc"] == 1.0
    assert compute_score("math", "<answer>36</answer>", truth)["acc"] == 0.0


@pytest.mark.parametrize(
    "truth", [None, True, [], {}, "", " ", {"answer": ""}, float("nan"), {"answer": None}, "1" * (MAX_CHARS + 1)]
)
def test_bad_reference_is_a_broken_task(truth: object) -> None:
    with pytest.raises(BrokenTaskError):
        compute_score("math", "<answer>37</answer>", truth)


@pytest.mark.parametrize("truth", ["\x00", "\\frac{", "))((", "\ud800", "9^9^9^9", "(" * 900])
def test_unreadable_reference_equals_itself(truth: str) -> None:
    assert compute_score("math", f"<answer>{truth}</answer>", {"answer": truth})["verdict"] == "right"
    assert compute_score("math", "<answer>5</answer>", {"answer": truth})["verdict"] == "wrong"


def test_bad_trajectory_is_not_a_reward() -> None:
    with pytest.raises(InfrastructureError):
        compute_score("math", "<answer>37</answer>", {"answer": "37"}, {"trajectory": '{"turns": 3}'})


@pytest.mark.parametrize(
    ("answer", "kwargs", "acc"),
    [
        ("3.14", {}, 0.0),
        ("3.14", {"abs_tol": 0.002}, 1.0),
        ("3.14", {"abs_tol": 0.001}, 0.0),
        ("3.14", {"rel_tol": 0.001}, 1.0),
        (r"\frac{22}{7}", {"abs_tol": 0.002}, 1.0),
        ("3", {"rel_tol": 0.01}, 0.0),
    ],
)
def test_tolerance(answer: str, kwargs: dict[str, float], acc: float) -> None:
    assert compute_score("math", f"<answer>{answer}</answer>", r"\pi", **kwargs)["acc"] == acc
    pair = compute_score("math", f"<answer>({answer}, 1)</answer>", r"(\pi, 1)", **kwargs)
    assert pair["acc"] == acc


def test_rounding_of_a_decimal_reference_is_opt_in() -> None:
    assert compute_score("math", r"<answer>\pi</answer>", "3.14")["acc"] == 0.0
    assert compute_score("math", r"<answer>\pi</answer>", "3.14", abs_tol=0.005)["acc"] == 1.0


@pytest.mark.parametrize(
    "kwargs",
    [{"rel_tol": -1}, {"rel_tol": 2}, {"abs_tol": "x"}, {"abs_tol": float("nan")}, {"seconds": 0}, {"seconds": 1e9},
     {"seconds": True}, {"on_undecided": "ignore"}],
)  # fmt: skip
def test_bad_keywords_are_named(kwargs: dict[str, Any]) -> None:
    with pytest.raises(UserInputError, match=next(iter(kwargs))):
        check_kwargs(kwargs)
    with pytest.raises(UserInputError, match=next(iter(kwargs))):
        compute_score("math", "<answer>1</answer>", "1", **kwargs)


SLOW = r"\int x^{1000} e^{x^{50}} \sin^{50} x dx"


def test_want_of_time_is_no_wrong_answer() -> None:
    first = compute_score("math", r"<answer>\int_0^{10} 2\pi x dx</answer>", r"100\pi")  # starts a worker
    assert first["verdict"] == "right"
    before = statistics()
    started = time.monotonic()
    result = compute_score("math", f"<answer>{SLOW}</answer>", r"55\pi", seconds=0.3)
    assert (result["verdict"], result["score"], result["failure"]) == ("undecided", 0.0, "undecided")
    assert "time" in result["reason"]
    assert time.monotonic() - started < 5
    after = statistics()
    assert after["timeouts"] == before.get("timeouts", 0) + 1
    assert after["undecided"] == before.get("undecided", 0) + 1
    with pytest.raises(InfrastructureError, match="undecided"):
        compute_score("math", f"<answer>{SLOW}</answer>", r"55\pi", seconds=0.3, on_undecided="drop")


async def test_async_verdicts() -> None:
    answers = [rf"{number}\pi" for number in range(30)] + [r"\int_0^2 5\pi x dx", r"\int_0^3 5\pi x dx"]
    results = await asyncio.gather(
        *(acompute_score("math", f"<answer>{answer}</answer>", r"10\pi") for answer in answers)
    )
    assert [answer for answer, result in zip(answers, results, strict=True) if result["acc"]] == [
        r"10\pi",
        r"\int_0^2 5\pi x dx",
    ]


@pytest.mark.parametrize(
    "answer", [r"17\times 23", r"\int_0^{391} dx", "400-9", r"\sum_{k=1}^{2} 195.5", r"\gcd(391,782)"]
)
def test_a_calculation_is_no_number_and_is_told_apart(answer: str) -> None:
    result = compute_score("math", f"<answer>{answer}</answer>", "391")
    assert (result["acc"], result["failure"], result["reason"]) == (0.0, "wrong_answer", "not evaluated")
    assert compute_score("math", f"<answer>{answer} = 391</answer>", "391")["acc"] == 1.0


def test_same_pair_is_judged_once() -> None:
    before = statistics().get("cache_hits", 0)
    for _ in range(3):
        compute_score("math", r"<answer>\frac{12}{34567}</answer>", "12/34567")
    assert statistics()["cache_hits"] == before + 2


def test_answer_over_the_limits_is_wrong_and_says_so() -> None:
    result = compute_score("math", f"<answer>{'9' * 2000}</answer>", "9")
    assert (result["verdict"], result["failure"]) == ("wrong", "limit")
    assert str(MAX_CHARS) in result["reason"] and result["reason"].startswith("over the limits: ")


@pytest.mark.parametrize("on_undecided", ["zero", "drop"])
@pytest.mark.parametrize(
    "answer",
    ["(" * 400 + "9" + ")" * 400, "9^{9^{9^{9}}}", "9" * 990],
)
def test_no_answer_is_dropped_for_its_own_size(answer: str, on_undecided: Any) -> None:
    result = compute_score("math", f"<answer>{answer}</answer>", "9", seconds=20.0, on_undecided=on_undecided)
    assert (result["verdict"], result["failure"]) == ("wrong", "limit")
    assert result["reason"].startswith("over the limits: ")


@pytest.mark.parametrize(
    ("error", "verdict", "failure"),
    [
        (WorkerMemoryError("worker ran out of memory"), "wrong", "limit"),
        (WorkerError("RecursionError: maximum recursion depth exceeded"), "wrong", "limit"),
        (WorkerError("ValueError: Exceeds the limit (4300 digits) for integer string conversion"), "wrong", "limit"),
        (WorkerError("TypeError: cannot determine truth value"), "undecided", "undecided"),
        (WorkerTimeoutError("out of time"), "undecided", "undecided"),
        (WorkerCrashedError("worker died"), "undecided", "undecided"),
    ],
)
def test_a_worker_that_fails_for_an_answers_size_decides(error: WorkerPoolError, verdict: str, failure: str) -> None:
    decision = Judge()._from_failure(error)
    assert (decision.verdict.value, decision.failure.value) == (verdict, failure)
