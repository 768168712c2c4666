"""Two ways to the answer of a word problem: one calculation after another, and one equation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from verl_agentic.core import BrokenTaskError
from verl_agentic.synthesis.math.problem import OPERATIONS
from verl_agentic.synthesis.math.story import Story
from verl_agentic.tool_envs.base import ToolError
from verl_agentic.tool_envs.calculator import evaluate


@dataclass(frozen=True, slots=True)
class _Inverse:
    """How an operation is taken back.

    Attributes:
        value: what a calculator is asked for the count before it, from the count after it and the operand.
        operand: what it is asked for the operand, from the counts before and after it.
    """

    value: Callable[[str, int], str]
    operand: Callable[[str, str], str]


_TIMES = _Inverse(lambda after, n: f"{after}/{n}", lambda before, after: f"{after}/{before}")
_OVER = _Inverse(lambda after, n: f"{after}*{n}", lambda before, after: f"{before}/{after}")
_INVERSES: dict[str, _Inverse] = {
    "boxes": _TIMES,
    "mul": _TIMES,
    "double": _TIMES,
    "div": _OVER,
    "half": _OVER,
    "add": _Inverse(lambda after, n: f"{after}-{n}", lambda before, after: f"{after}-{before}"),
    "sub": _Inverse(lambda after, n: f"{after}+{n}", lambda before, after: f"{before}-{after}"),
    "percent": _Inverse(lambda after, n: f"{after}*100/{n}", lambda before, after: f"{after}*100/{before}"),
}
# Written apart from the operations' own calculations, so that a slip in one of them shows.
_ALGEBRA: dict[str, Callable[[Any, Any], Any]] = {
    "boxes": lambda v, n: v * n,
    "add": lambda v, n: v + n,
    "sub": lambda v, n: v - n,
    "mul": lambda v, n: v * n,
    "div": lambda v, n: v / n,
    "double": lambda v, n: v + v,
    "half": lambda v, n: v / 2,
    "percent": lambda v, n: v * n / 100,
}


def next_expression(story: Story, results: Sequence[str]) -> str | None:
    """What to calculate after ``results``; ``None`` when there is nothing left, and the last of them is the answer.

    Before an unknown operand the calculation goes forwards, after it backwards from the result.
    """
    unknown = story.unknown
    ahead = story.steps if unknown is None else story.steps[: max(unknown - 1, 0)]
    back = () if unknown is None else story.steps[unknown:][::-1]
    done = len(results)
    if done < len(ahead):
        name, operand = ahead[done]
        return OPERATIONS[name].expression(results[-1] if done else str(story.start), _known(operand))
    done -= len(ahead)
    if done < len(back):
        name, operand = back[done]
        return _INVERSES[name].value(results[-1] if done else str(story.result), _known(operand))
    if unknown and done == len(back):
        before = results[len(ahead) - 1] if ahead else str(story.start)
        after = results[-1] if back else str(story.result)
        return _INVERSES[story.steps[unknown - 1][0]].operand(before, after)
    return None


def calculated(story: Story) -> Fraction:
    """The answer by the calculations of :func:`next_expression`.

    Raises:
        BrokenTaskError: one of them has no value.
    """
    results: list[str] = []
    while expression := next_expression(story, results):
        try:
            results.append(str(evaluate(expression)))
        except ToolError as error:
            raise BrokenTaskError(f"{expression}: {error}") from error
    return Fraction(results[-1] if results else str(story.start))


def solved(story: Story) -> Fraction:
    """The answer as the one root of the story's equation.

    Raises:
        BrokenTaskError: the equation has no root, or more than one.
    """
    from sympy import QQ, field  # slow to import, and not needed to solve tasks

    rationals, x = field("x", QQ)
    value = x if story.start is None else rationals(story.start)
    for name, operand in story.steps:
        try:
            # Back into the field: its zero leaves the arithmetic as a plain 0.
            value = rationals(_ALGEBRA[name](value, x if operand is None else operand))
        except ZeroDivisionError as error:
            raise BrokenTaskError("division by zero") from error
    if story.unknown is None:
        return _fraction(value.numer, value.denom)
    equation = rationals(value - story.result).numer
    if equation.degree() != 1:
        raise BrokenTaskError(f"{'no' if equation else 'any'} number solves {equation} = 0")
    return -_fraction(equation.coeff(1), equation.coeff(x.numer))


def _fraction(above: Any, below: Any) -> Fraction:
    if below == 0:
        raise BrokenTaskError("division by zero")
    ratio = above / below if not hasattr(above, "LC") else above.LC / below.LC
    return Fraction(int(ratio.numerator), int(ratio.denominator))


def _known(operand: int | None) -> int:
    assert operand is not None, "an unknown is not calculated with"
    return operand
