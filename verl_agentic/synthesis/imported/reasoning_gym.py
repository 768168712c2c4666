"""Tasks of the package ``reasoning-gym`` whose one right answer can be compared as text or mathematics.

Installed with ``verl-agentic[reasoning_gym]``. A structure is ``DATASET-LEVEL``; splits are disjoint sets of datasets.
Datasets that judge answers in a way of their own are left out: some of them evaluate what the policy writes.
"""

from __future__ import annotations

import functools
import importlib
import random
from collections.abc import Sequence
from typing import Any, ClassVar

from verl_agentic.core import BrokenTaskError, Message, Task, UserInputError
from verl_agentic.rollout import Policy
from verl_agentic.synthesis.base import SPLITS, Split, TaskFamily
from verl_agentic.tool_envs.calculator import CALCULATOR_TOOLS

SYSTEM = "Solve the problem. Put nothing but the final answer into <answer>."
MAX_LEVEL = 2
MAX_CHARS = 6000

# Every one of them has a single answer and difficulty levels.
_DATASETS = (
    "base_conversion",
    "basic_arithmetic",
    "binary_alternation",
    "count_bits",
    "count_primes",
    "course_schedule",
    "gcd",
    "isomorphic_strings",
    "largest_island",
    "lcm",
    "leg_counting",
    "letter_counting",
    "number_filtering",
    "number_sequence",
    "ransom_note",
    "rotten_oranges",
    "simple_equations",
    "simple_geometry",
    "string_manipulation",
    "syllogism",
    "word_sequence_reversal",
)
_HELD_OUT = ("largest_island", "lcm", "ransom_note", "simple_geometry", "string_manipulation")
_VALIDATION = ("base_conversion", "letter_counting", "number_sequence")


class ReasoningGymFamily(TaskFamily):
    """Procedural puzzles; harder means the next level of the same dataset.

    The level of a task decides how its dataset is configured. Depth is the level plus one.

    Raises:
        UserInputError: ``reasoning-gym`` is not installed.
    """

    kind: ClassVar[str] = "reasoning_gym"

    def __init__(self) -> None:
        _gym()

    def structures(self, split: Split) -> tuple[str, ...]:
        names = _names(split)
        return tuple(f"{name}-{level}" for level in range(MAX_LEVEL + 1) for name in names)

    def generate(self, structure: str, rng: random.Random) -> Task:
        """One task of the given structure.

        Raises:
            BrokenTaskError: there is no such structure, or its dataset makes no task that fits.
        """
        return self._make(structure, rng.getrandbits(31))

    def harder(self, task: Task, rng: random.Random) -> Task | None:
        """A task of the same dataset at the next level."""
        if task.kind != self.kind or task.structure not in self.structures("train"):
            return None
        name, level = _parse(task.structure)
        if level >= MAX_LEVEL:
            return None
        return self._make(f"{name}-{level + 1}", rng.getrandbits(31), parent=task.id, operator="raise_level")

    def expert(self, task: Task) -> Policy:
        """Computes the answer anew from the task's seed, if it then reads the same question; shows no way to it."""

        def act(messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> str:
            entry = _entry(*_parse(task.structure), task.seed)
            if entry["question"] != messages[-1]["content"]:
                raise ValueError("the question is not the one that its seed makes")
            return f"<answer>{entry['answer']}</answer>"

        return act

    def _make(self, structure: str, seed: int, **lineage: Any) -> Task:
        name, level = _parse(structure)
        entry = _entry(name, level, seed)
        question, answer = entry["question"], entry["answer"]
        if not isinstance(answer, str) or not answer.strip() or len(question) > MAX_CHARS:
            raise BrokenTaskError(f"reasoning_gym {name} at level {level} makes no task that fits")
        return Task(
            kind=self.kind,
            messages=[{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}],
            tools=CALCULATOR_TOOLS,
            env="calculator",
            env_args={},
            reward="math",
            ground_truth={"answer": answer},
            structure=structure,
            depth=level + 1,
            seed=seed,
            meta={"dataset": name, "level": level},
            **lineage,
        )


def _names(split: Split) -> tuple[str, ...]:
    kept_back = {"held_out": _HELD_OUT, "validation": _VALIDATION}
    if split in kept_back:
        return kept_back[split]
    return tuple(name for name in _DATASETS if name not in (*_HELD_OUT, *_VALIDATION))


def _parse(structure: str) -> tuple[str, int]:
    name, _, level = structure.rpartition("-")
    if name not in {known for split in SPLITS for known in _names(split)} or level not in map(
        str, range(MAX_LEVEL + 1)
    ):
        raise BrokenTaskError(f"unknown reasoning_gym structure {structure!r}")
    return name, int(level)


def _entry(name: str, level: int, seed: int) -> dict[str, Any]:
    factory = _gym()
    curriculum = factory.create_curriculum(name)
    curriculum.set_global_level(level)
    config = curriculum.generate_configuration({"size": 1, "seed": seed})
    entry: dict[str, Any] = factory.DATASETS[name][0](config)[0]
    return entry


@functools.cache
def _gym() -> Any:
    try:
        return importlib.import_module("reasoning_gym.factory")
    except ImportError as error:
        raise UserInputError(
            f"family 'reasoning_gym' needs reasoning-gym ({error}); pip install 'verl-agentic[reasoning_gym]'"
        ) from error
