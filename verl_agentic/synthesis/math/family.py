"""Word problems: a chain of operations on one number of things."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from verl_agentic.core import BrokenTaskError, Message, Task
from verl_agentic.rollout import Policy
from verl_agentic.synthesis.base import Split, TaskFamily
from verl_agentic.synthesis.math.natural import natural_problem
from verl_agentic.synthesis.math.problem import (
    FIRST,
    LATER,
    OPERATIONS,
    Problem,
    draw_problem,
)
from verl_agentic.synthesis.math.solve import next_expression, solved
from verl_agentic.synthesis.math.story import read_problem, read_story
from verl_agentic.synthesis.math.tell import tell_story
from verl_agentic.synthesis.question import question_of
from verl_agentic.tool_envs.calculator import CALCULATOR_TOOLS

SYSTEM = "Solve with calc."
EXTRA = "extra"
MAX_DEPTH = 4


def _splits() -> dict[Split, tuple[str, ...]]:
    """Structures by split. A split is decided by the pairs of neighbouring operations a problem holds.

    Which second operation is held out is shifted by one for each first operation, so that every operation is
    held out, and is trained, at both places. Longer and distracted problems belong to train only when all their
    pairs do; the remainders below thin them out.
    """
    pairs: dict[Split, list[tuple[str, ...]]] = {"train": [], "validation": [], "held_out": []}
    for i, j in itertools.product(range(len(FIRST)), range(len(LATER))):
        remainder = (i + j) % len(LATER)
        held_out = remainder == 0 or (remainder == 3 and i % 2 == 0)
        split: Split = "held_out" if held_out else "validation" if remainder == 3 else "train"
        pairs[split].append((FIRST[i], LATER[j]))
    chains = {split: list(found) for split, found in pairs.items()}
    chains["train"] = [(name,) for name in FIRST] + chains["train"]
    for length in range(3, MAX_DEPTH + 1):
        for chain in itertools.product(FIRST, *[LATER] * (length - 1)):
            inner = set(itertools.pairwise(chain))
            code = sum(place * FIRST.index(name) for place, name in enumerate(chain, 1))
            if inner <= set(pairs["train"]):
                if code % (3 if length == 3 else 29) == 0:
                    chains["train"].append(chain)
            elif length == 3 and code % 29 == 5:
                if inner <= {*pairs["train"], *pairs["held_out"]}:
                    chains["held_out"].append(chain)
                elif inner <= {*pairs["train"], *pairs["validation"]}:
                    chains["validation"].append(chain)
    result: dict[Split, tuple[str, ...]] = {}
    for split, found in chains.items():
        short = [chain for chain in found if len(chain) <= 2 and (len(chain) == 1 or found.index(chain) % 3 == 0)]
        extra = [(*chain, EXTRA) for chain in short]
        # Lengths count the distractor: ("add", "extra") reads as much as ("add", "sub").
        result[split] = tuple("-".join(chain) for chain in sorted([*found, *extra], key=len))
    return result


_SPLITS = _splits()


class MathFamily(TaskFamily):
    """Word problems whose answer is a whole number.

    A structure names the operations in order, such as ``boxes-sub-half``, with ``-extra`` at the end when one
    sentence is about somebody else. Depth is the number of operations.
    """

    kind: ClassVar[str] = "math"

    def structures(self, split: Split) -> tuple[str, ...]:
        return _SPLITS[split]

    def generate(self, structure: str, rng: random.Random) -> Task:
        """One task of the given structure.

        Raises:
            BrokenTaskError: there is no problem of this structure.
        """
        seed = rng.getrandbits(32)
        return _make_task(structure, _draw(structure, random.Random(seed), large=False), seed)

    def harder(self, task: Task, rng: random.Random) -> Task | None:
        """One more operation or a distractor, else numbers of three digits."""
        if task.kind != self.kind or task.structure not in _SPLITS["train"]:
            return None
        try:
            problem = read_problem(question_of(task.messages))
        except ValueError:
            return None
        seed = rng.getrandbits(32)
        own = random.Random(seed)
        names, extra = _parse_structure(task.structure)
        longer = [] if extra else [(*names, name) for name in LATER if "-".join((*names, name)) in _SPLITS["train"]]
        own.shuffle(longer)
        distracted = f"{task.structure}-{EXTRA}"
        if distracted in _SPLITS["train"] and own.random() < 0.25:
            return _make_task(distracted, problem, seed, parent=task.id, operator="add_distractor")
        for chain in longer:
            operands = OPERATIONS[chain[-1]].operands(problem.answer(), False)
            if operands:
                grown = Problem(problem.start, (*problem.steps, (chain[-1], own.choice(operands))))
                return _make_task("-".join(chain), grown, seed, parent=task.id, operator="add_operation")
        if task.meta.get("large"):
            return None
        try:
            enlarged = _draw(task.structure, own, large=True)
        except BrokenTaskError:
            return None
        return _make_task(task.structure, enlarged, seed, large=True, parent=task.id, operator="enlarge_numbers")

    def natural(self, task: Task) -> Task:
        return task if task.register == "natural" else natural_problem(task)

    def expert(self, task: Task) -> Policy:
        """One calculator call per operation, each on the result of the one before."""
        return partial(_calculate, left_out=0)

    def careless(self, task: Task) -> Policy:
        """The expert, but for the last calculation, which is left out."""
        return partial(_calculate, left_out=1)


def _calculate(messages: Sequence[Message], tools: Sequence[dict[str, Any]], left_out: int) -> str:
    story = read_story(question_of(messages))
    results = [m["content"] for m in messages if m["role"] == "tool" and m["content"].isdigit()]
    expression = next_expression(story, results)
    if expression is None or len(results) + left_out >= len(story.steps):
        return f"<answer>{results[-1] if results else story.start}</answer>"
    call = {"name": "calc", "arguments": {"expression": expression}}
    return f"<tool_call>{json.dumps(call)}</tool_call>"


def _parse_structure(structure: str) -> tuple[tuple[str, ...], bool]:
    names = tuple(structure.split("-"))
    extra = names[-1] == EXTRA
    names = names[:-1] if extra else names
    if not names or names[0] not in FIRST or not set(names[1:]) <= set(LATER):
        raise BrokenTaskError(f"unknown math structure {structure!r}")
    return names, extra


def _draw(structure: str, rng: random.Random, large: bool) -> Problem:
    names, _ = _parse_structure(structure)
    return draw_problem(names, rng, large)


def _make_task(
    structure: str,
    problem: Problem,
    seed: int,
    *,
    large: bool = False,
    parent: str | None = None,
    operator: str | None = None,
) -> Task:
    names, extra = _parse_structure(structure)
    text = tell_story(problem, random.Random(seed), distractors=int(extra))
    answer = problem.answer()
    _check(text, problem, answer)
    return Task(
        kind="math",
        messages=[{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}],
        tools=CALCULATOR_TOOLS,
        env="calculator",
        env_args={},
        reward="math",
        ground_truth={"answer": str(answer)},
        structure=structure,
        depth=len(names),
        seed=seed,
        parent=parent,
        operator=operator,
        meta={"large": large},
    )


def _check(text: str, problem: Problem, answer: int) -> None:
    """Derive the answer a second way: from the text as told, by its equation."""
    if read_problem(text) != problem or solved(read_story(text)) != answer:
        raise BrokenTaskError(f"text and answer {answer} disagree: {text}")
