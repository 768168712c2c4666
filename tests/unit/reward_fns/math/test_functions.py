"""Functions: equal for every draw of the test points, or for none."""

import subprocess
import sys
import time

import pytest

from verl_agentic.reward_fns.math.compare import Comparison
from verl_agentic.reward_fns.math.decide import Decision, decide
from verl_agentic.reward_fns.math.grammar.nodes import symbols
from verl_agentic.reward_fns.math.grammar.parser import parse
from verl_agentic.reward_fns.math.values import points
from verl_agentic.reward_fns.math.values.scalars import EXACT

EQUAL = [
    (r"\ln(ab)", r"\ln a+\ln b"),
    (r"\ln(xy)", r"\ln x+\ln y"),
    (r"\sqrt{pq}", r"\sqrt{p}\sqrt{q}"),
    (r"\frac{1}{\sqrt{n}}", r"\sqrt{1/n}"),
    (r"\frac{2\pi}{(k/m)^{1/2}}", r"2\pi(m/k)^{1/2}"),
    (r"\sqrt{x^2}", r"|x|"),
    (r"\sqrt[3]{x}", r"x^{1/3}"),
    (r"\max(x,y)", r"\frac{x+y+|x-y|}{2}"),
    (r"\frac{x^{a+1}}{x^a}", r"x"),
    (r"\frac{x^{n+1}}{x^n}", r"x"),
    (r"\binom{n}{k}", r"\frac{n!}{k!(n-k)!}"),
    (r"\sqrt{x-500}\sqrt{x-500}\sqrt{x-500}", r"(x-500)^{3/2}"),
    (r"\sqrt{-x^2-1}", r"\sqrt{-(x^2+1)}"),
    (r"e^{x^2}e^{x}", r"e^{x^2+x}"),
    (r"|a b c d|", r"|a||b||c||d|"),
]
UNEQUAL = [
    (r"\lfloor |x|/5\rfloor", "0"),
    (r"\min(x,5)", "x"),
    (r"\min(x,1000)", "x"),
    (r"\max(x,-1000)", "x"),
    (r"x+|x-30|-30+x", r"x+|x-20|-20+x"),
    (r"x+(x-1)(x-2)(x-3)(x-4)", "x"),
    (r"n!+\prod_{k=1}^{24}(n-k)", "n!"),
    (r"|x|", "x"),
    (r"\ln|x|", r"\ln x"),
    (r"\sqrt{|x|}", r"\sqrt{x}"),
    (r"(\sqrt{x})^2", "x"),
    (r"\sqrt{x^2}", "x"),
    (r"\sqrt{(x-100)^2}", "x-100"),
    (r"\sqrt{a^2b^2c^2}", "abc"),
    (r"\min(x,40)+y", "x+y"),
]


@pytest.mark.parametrize("secret", range(25))
@pytest.mark.slow
def test_verdict_does_not_depend_on_the_draw(secret: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points, "_SECRET", secret)
    same = Comparison(EXACT).same
    assert [pair for pair in EQUAL if not same(parse(pair[0]), parse(pair[1]))] == []
    assert [pair for pair in EQUAL if not same(parse(pair[1]), parse(pair[0]))] == []
    assert [pair for pair in UNEQUAL if same(parse(pair[0]), parse(pair[1]))] == []
    assert [pair for pair in UNEQUAL if same(parse(pair[1]), parse(pair[0]))] == []


@pytest.mark.slow
def test_an_answer_cannot_make_a_number_whole() -> None:
    assert verdict(r"x+\sin(\pi x)\cdot x!/x!", "x") == "wrong"
    assert verdict(r"n+\sin(\pi n)\cdot n!/n!", "n") == "right"
    assert verdict(r"\frac{x!}{(x-1)!}", "x") == "right"


def test_points_are_others_for_each_pair_and_in_each_process() -> None:
    def first(one: str, two: str) -> str:
        pair = parse(one), parse(two)
        return str(next(iter(points.Points(*pair, symbols(*pair), (points.Traits(), points.Traits())))))

    assert first("x", "x+1") == first("x", "x+1")
    assert len({first("x", f"x+{number}") for number in range(50)}) > 45
    program = "from verl_agentic.reward_fns.math.values import points; print(points._SECRET)"
    drawn = {subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(drawn) == 2 and str(points._SECRET).encode() not in {one.strip() for one in drawn}


def test_points_reach_all_ranges_with_both_signs() -> None:
    node = parse("|x|")
    values = [point["x"] for point in points.Points(node, node, ["x"], (points.traits_of(node),) * 2)]
    for low, high in ((0, 0.02), (0.3, 4), (4, 60), (60, 4000), (4000, 10**6)):
        assert any(low < value < high for value in values) and any(low < -value < high for value in values)


def verdict(answer: str, reference: str) -> str:
    found: Decision | None = decide(answer, reference, EXACT)
    return found.verdict.value if found else "undecided"


@pytest.mark.parametrize(
    ("answer", "reference"),
    [(r"e^{e^{x}}+0\cdot|x|", r"|x|-|x|+e^{e^{x}}"), (r"|x|^{300}|x|^{300}", r"|x|^{600}"), ("x^{y}x^{y}", "x^{2y}")],
)
def test_points_at_which_values_are_too_large_are_left_out(answer: str, reference: str) -> None:
    assert verdict(answer, reference) == "right"


@pytest.mark.parametrize("reference", [r"|x|+C", "y=C_1e^x+C_2e^{-x}+C_3x+C_4", r"\sqrt{xyz}"])
@pytest.mark.parametrize(
    "answer",
    [
        "|x|" * 90 + "+C",
        "y=C_1x^{99}+C_2x^{99}+C_3|x|+C_4",
        "+".join(f"C_{number % 9}\\sqrt{{x}}" for number in range(40)),
        "x^" * 20 + "x+C",
        "+".join(["|x+y|"] * 60),
        "*".join(["x^{y}"] * 60),
        r"\sqrt{" * 20 + "x" + "}" * 20,
        "(x!)!",
    ],
)
@pytest.mark.slow
def test_hostile_functions_are_wrong_and_cheap(answer: str, reference: str) -> None:
    started = time.thread_time()
    assert verdict(answer, reference) != "right"
    assert time.thread_time() - started < 0.5


@pytest.mark.parametrize("tiny", ["10^{-30}", "10^{-60}", "10^{-90}"])
@pytest.mark.parametrize(
    "function", [r"\sin({})", r"\tan({})", r"\arctan({})", r"\ln(1+{})", r"\sinh({})", r"e^{{{}}}-1"]
)
def test_functions_of_tiny_numbers_are_not_the_numbers(function: str, tiny: str) -> None:
    assert verdict(function.format(tiny), tiny) == "wrong"
    assert verdict(function.format(tiny), function.format(f"2({tiny})/2")) == "right"


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        (r"x^2 + \text{constant}", "x^2+C", "right"),
        (r"-\frac12\cos^2x+C", r"\frac12\sin^2x+C", "right"),
        (r"-\frac12\cos^2x+x+C", r"\frac12\sin^2x+C", "wrong"),
        ("x^2+|x|-|x+1|+C", "x^2+C", "wrong"),
        (r"x^2+\lfloor|x|/50\rfloor+C", "x^2+C", "wrong"),
        ("x^2+10^{-60}x+C", "x^2+C", "wrong"),
        (r"\ln x+C", r"\ln|x|+C", "wrong"),
        (r"y=A\cosh x+B\sinh x", "y=C_1e^x+C_2e^{-x}", "right"),
        ("y=C_1e^x+C_2e^{-x}", "y=Ae^x+Be^{-x}", "right"),
        ("y=Be^x+Ae^{-x}", "y=Ae^x+Be^{-x}", "wrong"),
        ("y=Ae^x+Ae^{-x}", "y=C_1e^x+C_2e^{-x}", "wrong"),
        ("y=Ae^x+Be^{-x}+D", "y=C_1e^x+C_2e^{-x}", "wrong"),
        (r"\frac12cx^2", r"\frac12kx^2", "wrong"),
        ("CV^2", r"\frac12CV^2", "wrong"),
    ],
)
def test_constants_of_integration(answer: str, reference: str, expected: str) -> None:
    assert verdict(answer, reference) == expected


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        (r"2y=2\min(x,50)", "y=x", "wrong"),
        (r"y-\max(x,-50)=0", "y-x=0", "wrong"),
        (r"2y=2\ln|x|", r"y=\ln x", "wrong"),
        (r"2y=2\ln a+2\ln b", r"y=\ln(ab)", "right"),
        (r"y=\sqrt{2}x+10^{-20}", r"y=\sqrt{2}x", "wrong"),
        (r"2y=\sqrt{8}x+2", r"y=\sqrt{2}x+1", "right"),
        (r"2|z-i|=4", r"|z-i|=2", "right"),
    ],
)
def test_equations_are_compared_in_all_ranges(answer: str, reference: str, expected: str) -> None:
    assert verdict(answer, reference) == expected
