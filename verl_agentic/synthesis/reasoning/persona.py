"""A persona asks the question."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import ClassVar

from verl_agentic.core import Task
from verl_agentic.core.outcome import ErrorKind
from verl_agentic.core.task import WRITTEN
from verl_agentic.synthesis.question import FRAMES, question_of
from verl_agentic.synthesis.reasoning.base import TOLD_ANEW, Operator


class Persona(Operator):
    """The same question behind a few words about who asks it.

    Args:
        personas: who may ask, see :func:`verl_agentic.synthesis.reasoning.personas.load_personas`.
    """

    name: ClassVar[str] = "persona"
    remedies = TOLD_ANEW | {ErrorKind.LIMIT, ErrorKind.TOOL_MISUSE}
    hardens = False

    def __init__(self, personas: Sequence[str]) -> None:
        self._personas = tuple(personas)

    def __call__(self, task: Task, rng: random.Random) -> Task | None:
        question = question_of(task.messages)
        if not question:
            return None
        framed = rng.choice(FRAMES).format(persona=rng.choice(self._personas)) + question
        # A few words in front do not make a language model's text one that templates read.
        generator = WRITTEN if task.generator == WRITTEN else ""
        return self.grow(task, framed[0].upper() + framed[1:], generator, seed=rng.getrandbits(32))
