"""Word problems made longer, larger, cluttered, turned around, or told anew."""

from __future__ import annotations

import functools
import itertools
import random
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

from verl_agentic.core import BrokenTaskError, Task
from verl_agentic.core.outcome import ErrorKind
from verl_agentic.synthesis.math.family import EXTRA, MathFamily
from verl_agentic.synthesis.math.problem import LATER, OPERATIONS, Problem, draw_problem
from verl_agentic.synthesis.math.solve import calculated
from verl_agentic.synthesis.math.story import read_story
from verl_agentic.synthesis.math.tell import tell_story
from verl_agentic.synthesis.question import question_of
from verl_agentic.synthesis.reasoning.base import TOLD_ANEW, WRONG, Operator

MAX_OPERATIONS = 6
MAX_DISTRACTORS = 3


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is told, and how.

    Attributes:
        problem: all numbers, the one asked for included.
        unknown, distractors, anew: as in :func:`verl_agentic.synthesis.math.tell.tell_story`.
        large: whether its numbers were drawn large.
    """

    problem: Problem
    unknown: int | None
    distractors: int
    large: bool
    anew: bool = False

    @property
    def chain(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.problem.steps)

    @property
    def structure(self) -> str:
        asked = [] if self.unknown is None else [f"x{self.unknown}"]
        return "-".join([*self.chain, *[EXTRA] * self.distractors, *asked])

    @property
    def answer(self) -> int:
        if self.unknown is None:
            return self.problem.answer()
        return [self.problem.start, *(operand for _, operand in self.problem.steps)][self.unknown]


@functools.cache
def trained_pairs() -> frozenset[tuple[str, str]]:
    """Pairs of neighbouring operations that may be trained on; all others are held out or validate."""
    chains = (structure.split("-") for structure in MathFamily().structures("train"))
    return frozenset((one, other) for chain in chains for one, other in itertools.pairwise(chain) if other != EXTRA)


class MathOperator(Operator):
    """An operator on word problems whose neighbouring operations may be trained on."""

    kind: ClassVar[str] = "math"

    def __call__(self, task: Task, rng: random.Random) -> Task | None:
        try:
            story = read_story(question_of(task.messages))
            answer = int(calculated(story))
        except (BrokenTaskError, ValueError):
            return None
        if not set(itertools.pairwise(story.chain)) <= trained_pairs():
            return None
        start = answer if story.start is None else story.start
        steps = tuple((name, answer if operand is None else operand) for name, operand in story.steps)
        large = bool(task.meta.get("large"))
        seed = rng.getrandbits(32)
        own = random.Random(seed)
        plan = self.change(_Plan(Problem(start, steps), story.unknown, story.distractors, large), own)
        if plan is None:
            return None
        text = tell_story(plan.problem, own, unknown=plan.unknown, distractors=plan.distractors, anew=plan.anew)
        return self.grow(
            task,
            text,
            ground_truth={"answer": str(plan.answer)},
            structure=plan.structure,
            depth=len(plan.problem.steps) + (plan.unknown is not None),
            seed=seed,
            meta={"large": plan.large},
        )

    @abstractmethod
    def change(self, plan: _Plan, rng: random.Random) -> _Plan | None:
        """The plan of the new task, ``None`` where there is none."""


class DeepenMath(MathOperator):
    """One more operation at the end."""

    name = "deepen"
    remedies = WRONG | {ErrorKind.LOOP}

    def change(self, plan: _Plan, rng: random.Random) -> _Plan | None:
        if len(plan.problem.steps) >= MAX_OPERATIONS:
            return None
        value, last = plan.problem.answer(), plan.chain[-1]
        for name in rng.sample(LATER, len(LATER)):
            operands = OPERATIONS[name].operands(value, False)
            if operands and (last, name) in trained_pairs():
                step = (name, rng.choice(operands))
                return replace(plan, problem=Problem(plan.problem.start, (*plan.problem.steps, step)))
        return None


class EnlargeMath(MathOperator):
    """The same operations on numbers of three digits."""

    name = "enlarge"
    remedies = WRONG | {ErrorKind.ARITHMETIC_SLIP, ErrorKind.TOOL_MISUSE}

    def change(self, plan: _Plan, rng: random.Random) -> _Plan | None:
        if plan.large:
            return None
        try:
            return replace(plan, problem=draw_problem(plan.chain, rng, large=True), large=True)
        except BrokenTaskError:
            return None


class DistractMath(MathOperator):
    """One or two more sentences of no use."""

    name = "distract"
    remedies = WRONG | {ErrorKind.LIMIT}

    def change(self, plan: _Plan, rng: random.Random) -> _Plan | None:
        distractors = plan.distractors + rng.randint(1, 2)
        return replace(plan, distractors=distractors) if distractors <= MAX_DISTRACTORS else None


class ReverseMath(MathOperator):
    """The result is told, and a number before it is asked for."""

    name = "reverse"
    remedies = WRONG | {ErrorKind.ARITHMETIC_SLIP, ErrorKind.LOOP}

    def change(self, plan: _Plan, rng: random.Random) -> _Plan | None:
        if plan.unknown is not None:
            return None
        # To double and to halve have no number of their own.
        places = [0, *(place for place, name in enumerate(plan.chain, 1) if name not in ("double", "half"))]
        return replace(plan, unknown=rng.choice(places))


class RephraseMath(MathOperator):
    """The same operations on other numbers, in words that generated tasks never have."""

    name = "rephrase"
    remedies = TOLD_ANEW | {ErrorKind.LOOP, ErrorKind.LIMIT, ErrorKind.TOOL_MISUSE}
    hardens = False

    def change(self, plan: _Plan, rng: random.Random) -> _Plan | None:
        try:
            problem = draw_problem(plan.chain, rng, plan.large)
        except BrokenTaskError:
            return None
        return replace(plan, problem=problem, anew=True)
