"""The problems of the math family: operations on one number of things, and how they are told."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from verl_agentic.core import BrokenTaskError

MAX_VALUE = 999

NAMES = {"She": ("Ann", "Eva", "Mia", "Zoe"), "He": ("Ben", "Max", "Sam", "Tom")}
OBJECTS = ("pens", "cups", "cards", "coins", "eggs", "balls", "keys", "hats")


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of a problem.

    Attributes:
        sentences: ways to say it; ``{n}`` is its operand, where it has one.
        operands: operands that keep the value a whole number from 1 to ``MAX_VALUE``; the flag asks for large ones.
        apply: the new value.
        expression: what a calculator is asked.
    """

    sentences: tuple[str, ...]
    operands: Callable[[int, bool], Sequence[int]]
    apply: Callable[[int, int], int]
    expression: Callable[[str, int], str]


def _addends(value: int, large: bool) -> Sequence[int]:
    return range(100, MAX_VALUE - value + 1) if large else range(2, min(49, MAX_VALUE - value) + 1)


def _subtrahends(value: int, large: bool) -> Sequence[int]:
    return range(100, value) if large else range(2, min(50, value))


def _factors(value: int, large: bool) -> Sequence[int]:
    return [n for n in range(3, 10) if value * n <= MAX_VALUE]


def _divisors(value: int, large: bool) -> Sequence[int]:
    return [n for n in range(3, 10) if value % n == 0 and value > n]


def _percentages(value: int, large: bool) -> Sequence[int]:
    return [n for n in (10, 20, 25, 30, 40, 60, 75, 80, 90) if value * n % 100 == 0]


OPERATIONS: dict[str, Operation] = {
    "boxes": Operation((), _factors, lambda v, n: v * n, lambda v, n: f"{v}*{n}"),
    "add": Operation(
        ("{They} buys {n} more.", "{They} finds {n} more.", "{They} gets {n} more."),
        _addends,
        lambda v, n: v + n,
        lambda v, n: f"{v}+{n}",
    ),
    "sub": Operation(
        ("{They} gives away {n}.", "{They} loses {n}.", "{They} sells {n}."),
        _subtrahends,
        lambda v, n: v - n,
        lambda v, n: f"{v}-{n}",
    ),
    "mul": Operation(
        ("Now {they} has {n} times as many.", "The pile grows to {n} times its size."),
        _factors,
        lambda v, n: v * n,
        lambda v, n: f"{v}*{n}",
    ),
    "div": Operation(
        ("{They} keeps one of {n} equal parts.", "{They} makes {n} equal piles and keeps one."),
        _divisors,
        lambda v, n: v // n,
        lambda v, n: f"{v}/{n}",
    ),
    "double": Operation(
        ("The pile doubles.", "Now {they} has twice as many."),
        lambda v, large: [2] if 2 * v <= MAX_VALUE else [],
        lambda v, n: v * n,
        lambda v, n: f"{v}*2",
    ),
    "half": Operation(
        ("{They} gives away half.", "{They} loses half.", "{They} sells half."),
        lambda v, large: [2] if v % 2 == 0 else [],
        lambda v, n: v // n,
        lambda v, n: f"{v}/2",
    ),
    "percent": Operation(
        ("{They} keeps {n} percent.", "Only {n} percent are left."),
        _percentages,
        lambda v, n: v * n // 100,
        lambda v, n: f"{v}*{n}/100",
    ),
}
# A problem opens with a plain count, or with boxes, which are its first operation.
FIRST = tuple(OPERATIONS)
LATER = FIRST[1:]

STARTS = ("{name} has {a} {things}.", "{name} owns {a} {things}.")
BOX_STARTS = ("{name} has {a} boxes of {n} {things}.", "{name} owns {a} bags of {n} {things}.")
EXTRAS = ("{name} has {a} {things}.", "{name} sells {a} {things}.")
QUESTIONS = ("How many {things} does {they} have?", "How many {things} are left?")


@dataclass(frozen=True, slots=True)
class Problem:
    """A chain of operations on a count.

    Attributes:
        start: the first count.
        steps: operation names with their operands, in order.
    """

    start: int
    steps: tuple[tuple[str, int], ...]

    def answer(self) -> int:
        """Its value by integer arithmetic."""
        value = self.start
        for name, operand in self.steps:
            value = OPERATIONS[name].apply(value, operand)
        return value

    def expression(self) -> str:
        """It as one arithmetic expression."""
        text = str(self.start)
        for name, operand in self.steps:
            text = f"({OPERATIONS[name].expression(text, operand)})"
        return text


def draw_problem(names: Sequence[str], rng: random.Random, large: bool = False) -> Problem:
    """Random numbers for a chain of operations: draw forwards, start over at a dead end.

    Args:
        names: the operations, in order.
        rng: source of all randomness.
        large: draw numbers of three digits where the operation has an operand of its own.

    Raises:
        BrokenTaskError: no numbers were found.
    """
    for _attempt in range(2000):
        start = rng.randint(101, MAX_VALUE) if large and names[0] != "boxes" else rng.randint(3, 99)
        start = rng.randint(2, 12) if names[0] == "boxes" and not large else start
        value, steps = start, []
        for name in names:
            operands = OPERATIONS[name].operands(value, large)
            if not operands:
                break
            steps.append((name, rng.choice(operands)))
            value = OPERATIONS[name].apply(value, steps[-1][1])
        if len(steps) == len(names):
            return Problem(start, tuple(steps))
    raise BrokenTaskError(f"no numbers fit the operations {'-'.join(names)!r}")
