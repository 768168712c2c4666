# ruff: noqa: E501, RUF001
"""Hostile answers: decided in this process, in bounded time, and never right."""

import gc
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from verl_agentic.reward_fns.math import compute_score, statistics

REFERENCES = ("7", "x+1", r"\{1,2\}", "y=2x+1", r"\sqrt{2}")
PATTERNS = [
    lambda n: "9" + "^9" * n,
    lambda n: "9" + "^{9" * n + "}" * n,
    lambda n: "2" + "^{64}" * n,
    lambda n: "(" * n + "1" + ")" * n,
    lambda n: "(" * n,
    lambda n: "{" * n + "1" + "}" * n,
    lambda n: r"\{" * n + "5" + r"\}" * n,
    lambda n: r"\{\{1\}," * n + "5" + r"\}" * n,
    lambda n: r"\sqrt{" * n + "3" + "}" * n,
    lambda n: "√" * n + "5",
    lambda n: r"\frac{1}{" * n + "2" + "}" * n,
    lambda n: r"\binom{" * n + "5",
    lambda n: "5" + "!" * n,
    lambda n: "(5!)" + "!" * n,
    lambda n: "-" * n + "5",
    lambda n: "5" + "%" * n,
    lambda n: "|" * n + "5" + "|" * n,
    lambda n: r"\lfloor " * n + "5" + r"\rfloor" * n,
    lambda n: "1/" * n + "1",
    lambda n: "1+" * (n + 8) + "1",
    lambda n: "2*" * n + "1",
    lambda n: "1:" * n + "5",
    lambda n: "1,2" + ",3" * n,
    lambda n: "x" * (n + 1),
    lambda n: "x" + "^x" * n,
    lambda n: "x_" * n + "1",
    lambda n: "(x+y)^{99}*" * n + "1",
    lambda n: r"\sin " * n + "x",
    lambda n: r"\sin(" * n + "x" + ")" * n,
    lambda n: r"e^{" * n + "x" + "}" * n,
    lambda n: r"\log_" * n + "2",
    lambda n: r"1\pm " * n + "5",
    lambda n: r"(0,1)\cup" * n + "(2,3)",
    lambda n: "1<x<" * n + "3",
    lambda n: "x=" * n + "5",
    lambda n: "5 or " * n + "5",
    lambda n: r"\boxed{" * n,
    lambda n: r"\text{" * n + "5" + "}" * n,
    lambda n: r"\begin{pmatrix}" * n + "1",
    lambda n: "²" * n,
    lambda n: "5 apples " * n,
    lambda n: "[" * n + "1,2" + "]" * n,
    lambda n: "3 " + "m" * n + " s" * n + "^{-1",
    lambda n: "3 h " + "4 min " * n,
    lambda n: r"n\in\mathbb{Z} n" * n + r"\in\mathbb{Z}",
    lambda n: "3 " + "mod " * n + "4",
    lambda n: "3n " * n + "integer n integer",
    lambda n: "all reals except " + "3 and " * n,
    lambda n: "Ann and " * n + "Bob",
    lambda n: r"\sum_{k=1}^{256}k^{99}x+" * n + "1",
    lambda n: r"\prod_{k=1}^{256}(k!)^{" + "9" * (n // 4 + 1) + "}",
    lambda n: r"\dot{3}" * n,
    lambda n: "F" * n + "_{16}",
    lambda n: "(a) 3 (b) 4 " * n,
    lambda n: r"\begin{cases}" + r"1&x>0\\" * n + r"\end{cases}",
    lambda n: r"p\land " * n + "q",
    lambda n: r"\neg " * n + "p",
    lambda n: r"A\cup(" * n + "B" + ")" * n,
    lambda n: "AB" * n,
    lambda n: "(A+B)^{9}" * n,
    lambda n: "A^T" * n,
    lambda n: r"u\times " * n + "v",
    lambda n: "f(" * n + "x" + ")" * n,
    lambda n: "AB=" * n + "5",
    lambda n: r"\name{" * n + "5" + "}" * n,
    lambda n: r"\angle " * n + "A = 5",
    lambda n: "x=1, y=2, " * n,
    lambda n: "one hundred and " * n + "five",
    lambda n: "two and a half " * n,
    lambda n: "1'000" * n,
    lambda n: "1_000" * n,
    lambda n: "1.000" * n + ",5",
    lambda n: "0." + "12" * n + "...",
    lambda n: "5'6\"" * n,
    lambda n: "12:30 " * n,
    lambda n: "march 5 " * n,
    lambda n: "the sum of " * n + "all is 5",
    lambda n: "5 (not " * n + ")" * n,
    lambda n: "5" + "!!" * n,
    lambda n: "5" + r"\\" * n + "6",
    lambda n: r"{}_{5}C_{2}" * n,
    lambda n: r"3 \text{kg}\cdot" * n + r"\text{m}",
    lambda n: "3 " + "apples " * n,
    lambda n: r"\text{if }" * n + "5",
    lambda n: r"|\vec{v}" * n + "|=5",
    lambda n: r"x\in\mathbb{Z}\mid " * n + "1<x<5",
    lambda n: r"\{x\in\mathbb{Z}\mid 1<x<" + "9" * n + r"\}",
    lambda n: r"(\pm 1," * n + "2" + ")" * n,
    lambda n: "Na" * n + "1" * n + "!",
]
SINGLE = [
    "10^{10^{10}}", "2^{100000}", "7^{7^7}", "1e4000", "1e999999999", "10^{-100000}", "200000!", "2000!", "1999!-1998!",
    "(2000!)^{10}", r"\binom{1000000}{500000}", r"\binom{10^{300}}{999}", r"\sin(10^{1000})", r"\sin(10^{70})",
    r"e^{e^{e^{e}}}", r"e^{100000}", r"\ln(10^{100000})", r"\cosh(10^6)", r"\arctan(10^{2000})", r"\sqrt[1000000]{2}",
    r"\sqrt[0]{2}", "0^{0}", "0^{-1}", r"\log_1 5", r"\ln 0", r"\tan(\pi/2)", "(-8)^{1/3}", "1/0", "0/0",
    r"\text{__import__('os').system('touch pwned')}", "__import__('os').system('touch pwned')", r"\input{/etc/passwd}",
    r"\write18{touch pwned}", r"\boxed{__import__('os')}", "exec(7)", "lambda:7", "'7'", "7#", "7//1", "[7][0]", "int(7)",
    "Symbol('x')", "x.__class__", "7\x00", "\x007", "\x00" * 500, "7\ud800", "\udfff", "Ⅶ±", "7̶", "7\u0301x",
    "\\", "\\\\", "{", "}", "$", "$$", "^", "_", "&", "#", "~", "%", "'", "|", "||", r"\left", r"\right", r"\frac",
    r"\frac{", r"\frac{1}", r"\sqrt", r"\sqrt[", r"\boxed", r"\boxed{", r"\begin{pmatrix}", r"\end{pmatrix}", r"\text{",
    "(", ")", "[", "]", "=", "<", "<>", "7=", "x=", "7+", "+", "-", "*", "/", "7/", "*7", "7^", "7_", "!7", "1,,7", ",7",
    ";", ":", "7:", "7" * 1000, "7" * 1_000_000, "(" * 1_000_000, r"\boxed{" * 100_000, "9^" * 500_000, "1" * 999 + "!",
    "*".join(f"(x_{index}+1)" for index in range(90)), "*".join(f"(x-{index})" for index in range(90)),
    r"\cdot".join([r"\sin x"] * 90), "+".join([r"\sqrt{2}"] * 80), r"(\pi^{60})^{60}*(\pi^{-60})^{60}",
    r"\sqrt{2}+10^{-300}", r"\sqrt{2}+10^{-4000}", r"7+10^{-3900}", r"7+\pi\cdot10^{-3900}", r"7+e^{-9000}", "7+0*9^9^9^9",
    "1.41421356237309504880168872420969807856967187537694807317667973799073247846210703885038753432764157",
    "7 or 8", "7, 8", "not 7", "6 7", "7 (or 8)", r"\text{7 or 8}", r"7 \text{ or } 8", "6.99999999999999999999999999",
]  # fmt: skip
HOSTILE = SINGLE + [pattern(count) for pattern in PATTERNS for count in (3, 30, 400)]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_there_are_enough() -> None:
    assert len(set(HOSTILE)) >= 200


@pytest.mark.slow
def test_hostile_answers_are_wrong_and_cheap(tmp_path: Path) -> None:
    before = statistics().get("worker_verdicts", 0)
    passed, slow = [], []
    # Collecting the garbage of a long test run is no part of a verdict.
    gc.disable()
    for answer in HOSTILE:
        for reference in REFERENCES:
            started = time.thread_time()
            result = compute_score("math", f"<answer>{answer}</answer>", reference)
            if time.thread_time() - started > 0.5:
                slow.append((answer[:60], reference))
            if result["verdict"] != "wrong":
                passed.append((answer[:60], reference, result["verdict"]))
    gc.enable()
    assert passed == []
    assert slow == []
    assert statistics().get("worker_verdicts", 0) - before < len(HOSTILE) * len(REFERENCES) / 20
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
def test_hostile_references_are_cheap() -> None:
    started = time.thread_time()
    for reference in HOSTILE[::3]:
        if reference.strip() and len(reference) <= 1000:
            compute_score("math", "<answer>7</answer>", {"answer": reference}, seconds=0.1)
    assert time.thread_time() - started < 5


def test_verdicts_from_many_threads_agree() -> None:
    pairs = [
        (rf"{left}\sqrt{{{right}}}\pi", rf"\pi\sqrt{{{left * left * right}}}")
        for left in range(2, 8)
        for right in (2, 3, 5)
    ]
    wrong = [(answer, reference + "+1") for answer, reference in pairs]
    gate = threading.Barrier(8)

    def judge(number: int) -> list[float]:
        gate.wait()
        order = pairs + wrong if number % 2 else wrong + pairs
        verdicts = {pair: compute_score("math", f"<answer>{pair[0]}</answer>", pair[1])["acc"] for pair in order}
        return [verdicts[pair] for pair in pairs + wrong]

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(judge, range(8)))
    assert all(result == [1.0] * len(pairs) + [0.0] * len(wrong) for result in results)


MATHEMATICAL = st.text(alphabet="0123456789xyzie+-*/^_(){}[]|,.;:=<>!%$&\\ '√²½π∞≤±°×", max_size=30)
PIECES = st.lists(
    st.sampled_from([r"\frac", r"\sqrt", "{", "}", "(", ")", "1", "2", "x", "+", "-", "^", r"\pi", ",", "=", "<", r"\pm", r"\cup",
                     r"\{", r"\}", r"\text{cm}", "%", "!", r"\left(", r"\right)", r"\sin", r"\log_2", "|", "[", "]", r"\infty",
                     " or ", r"\begin{pmatrix}", r"\end{pmatrix}", "&", r"\\", "°", "e", "i", "0", r"\binom", r"\in"]),
    max_size=14,
).map("".join)  # fmt: skip
QUICK = settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(st.one_of(MATHEMATICAL, PIECES, st.text(max_size=40)), st.sampled_from(REFERENCES))
def test_any_text_gets_a_verdict_in_time(answer: str, reference: str) -> None:
    started = time.thread_time()
    result = compute_score("math", f"<answer>{answer}</answer>", reference)
    assert result["verdict"] in ("right", "wrong")
    assert time.thread_time() - started < 0.5


@QUICK
@given(st.one_of(MATHEMATICAL, PIECES, st.text(min_size=1, max_size=40)))
def test_any_reference_equals_itself(text: str) -> None:
    if text.strip().strip(" \n.\u2026") and "<answer>" not in text:  # dots alone are no answer
        extra = {"answer": text}
        assert compute_score("math", f"<answer>{text}</answer>", extra)["verdict"] == "right"


@QUICK
@given(st.fractions(max_denominator=99), st.fractions(max_denominator=99))
@pytest.mark.slow
def test_fractions_in_any_notation(left: object, right: object) -> None:
    def latex(value: object) -> str:
        top, _, bottom = str(value).partition("/")
        return rf"\frac{{{top}}}{{{bottom or 1}}}"

    verdict = compute_score("math", rf"\boxed{{{latex(left)}}}", str(right))["verdict"]
    assert (verdict == "right") == (left == right)


@QUICK
@given(st.lists(st.integers(-9, 9), min_size=1, max_size=4), st.lists(st.integers(-9, 9), min_size=1, max_size=4))
@pytest.mark.slow
def test_polynomials_by_their_coefficients(left: list[int], right: list[int]) -> None:
    def horner(coefficients: list[int]) -> str:
        text = "0"
        for coefficient in coefficients:
            text = f"({text})x+({coefficient})"
        return text

    def powers(coefficients: list[int]) -> str:
        return "+".join(f"({one})x^{{{power}}}" for power, one in enumerate(reversed(coefficients)))

    def trimmed(coefficients: list[int]) -> list[int]:
        start = next((index for index, one in enumerate(coefficients) if one), len(coefficients))
        return coefficients[start:]

    verdict = compute_score("math", rf"\boxed{{{horner(left)}}}", powers(right))["verdict"]
    assert (verdict == "right") == (trimmed(left) == trimmed(right))


TERMS = st.recursive(
    st.one_of(st.integers(-9, 9).map(lambda number: f"({number})"), st.sampled_from(["x", "y", r"\pi", "n", r"\sqrt{2}", "i"])),
    lambda inner: st.builds("{}{}{}".format, inner, st.sampled_from(["+", "-", r"\cdot "]), inner)
    | st.builds(r"\frac{{{}}}{{{}}}".format, inner, inner)
    | st.builds("{}^2".format, inner.map("({})".format)),
    max_leaves=4,
)  # fmt: skip
ANSWERS = st.one_of(
    TERMS,
    st.lists(TERMS, min_size=1, max_size=3).map(lambda items: r"\{" + ",".join(items) + r"\}"),
    st.lists(TERMS, min_size=2, max_size=3).map(lambda items: "(" + ",".join(items) + ")"),
    st.lists(TERMS, min_size=2, max_size=3).map(", ".join),
    st.builds("x{}{}".format, st.sampled_from(["=", "<", r"\le ", ">"]), st.integers(-5, 5)),
    st.builds(r"\{{\{{{}\}},{}\}}".format, TERMS, TERMS),
)


@QUICK
@given(ANSWERS, ANSWERS)
@pytest.mark.slow
def test_equality_is_symmetric(left: str, right: str) -> None:
    one, two = (
        compute_score("math", f"<answer>{a}</answer>", {"answer": b}) for a, b in ((left, right), (right, left))
    )
    if "not evaluated" not in (one["reason"], two["reason"]):  # the result is right where its calculation is asked for
        assert one["verdict"] == two["verdict"] != "undecided"


@QUICK
@given(st.sets(st.integers(-20, 20), min_size=1, max_size=6), st.randoms(use_true_random=False))
@pytest.mark.slow
def test_order_of_a_set_does_not_count(numbers: set[int], random: object) -> None:
    shuffled = sorted(numbers, key=lambda number: hash((number, str(random))))
    answer = ", ".join(map(str, shuffled))
    reference = r"\{" + ",".join(map(str, sorted(numbers))) + r"\}"
    assert compute_score("math", rf"\boxed{{\{{{answer}\}}}}", reference)["verdict"] == "right"
    more = rf"\boxed{{\{{{answer}, 99\}}}}"
    assert compute_score("math", more, reference)["verdict"] == "wrong"
