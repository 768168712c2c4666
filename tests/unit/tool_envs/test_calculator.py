import time

import pytest

from verl_agentic.core import Task
from verl_agentic.tool_envs import ToolError, make_environment
from verl_agentic.tool_envs.calculator import CALCULATOR_TOOLS, evaluate


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("7*6", "42"),
        (" 42 - 5 ", "37"),
        ("2+3*4", "14"),
        ("(2+3)*4", "20"),
        ("10-4-3", "3"),
        ("24/4/2", "3"),
        ("7/2", "7/2"),
        ("0.1+0.2", "3/10"),
        (".5*4", "2"),
        ("-3*-(2)", "6"),
        ("1-+-1", "2"),
        ("45*40/100", "18"),
    ],
)
def test_exact_values(expression: str, value: str) -> None:
    assert str(evaluate(expression)) == value


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "ends early"),
        ("   ", "ends early"),
        ("1+", "ends early"),
        ("1 2", "unexpected '2'"),
        ("(1", "missing"),
        ("1)", "unexpected"),
        ("*1", "unexpected"),
        ("1//2", "unexpected"),
        ("2**9", "unexpected"),
        ("9^9", "cannot read '\\^'"),
        ("1/0", "division by zero"),
        ("1/(2-2)", "division by zero"),
        ("abs(1)", "cannot read 'a'"),
        ("__import__('os').system('true')", "cannot read '_'"),
        ("²", "cannot read"),
        ("٣+1", "cannot read"),
        ("1e9", "cannot read 'e'"),
        ("1" * 16, "number is too long"),
        ("(" * 17 + "1" + ")" * 17, "too many parentheses"),
        ("(" * 100_000, "expression is too long"),
        ("1+" * 200, "expression is too long"),
    ],
)
def test_refuses_what_is_no_small_expression(expression: str, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        evaluate(expression)


def test_largest_expressions_are_cheap() -> None:
    started = time.perf_counter()
    for expression in ("-" * 199 + "1", "(" * 16 + "1" + ")" * 16, "9*" * 99 + "9", "1/7+1/9+" * 20 + "1"):
        evaluate(expression)
    assert time.perf_counter() - started < 0.1


async def test_environment_answers_and_refuses() -> None:
    env = make_environment("calculator")
    task = Task("math", [{"role": "user", "content": "?"}], CALCULATOR_TOOLS, "calculator", {}, "math", {"answer": "1"})
    await env.open(task, 0)
    assert [tool["function"]["name"] for tool in env.tools()] == ["calc"]
    assert await env.call("calc", {"expression": "6*7"}) == "42"
    with pytest.raises(ToolError, match="result is too long"):
        await env.call("calc", {"expression": "99999999999*99999999999*99999999999*99999999999"})
    with pytest.raises(ToolError):
        await env.call("calc", {"expression": 5})
    await env.close()
