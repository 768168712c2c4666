"""What a word problem says: its numbers, one of which may be unknown, and how it is read from a text."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from verl_agentic.synthesis.math.problem import (
    BOX_STARTS,
    EXTRAS,
    NAMES,
    OBJECTS,
    OPERATIONS,
    QUESTIONS,
    STARTS,
    Problem,
)

UNKNOWN = "X"
MAX_CHARS = 4000

FACTS = (
    "{They} is {a} years old.",
    "The {things} cost {a} cents each.",
    "{name} lives at number {a}.",
    "{They} also sees {a} birds.",
)
"""True and of no use: what is said besides the problem."""

RESULTS = ("Now {they} has {a} {things}.", "In the end there are {a} {things}.")
UNKNOWN_QUESTIONS = (f"What is {UNKNOWN}?", f"How much is {UNKNOWN}?")
OTHER_STARTS = ("There are {a} {things} on the table of {name}.", "We give {name} {a} {things}.")
OTHER_BOX_STARTS = ("In each of the {a} boxes of {name} are {n} {things}.",)
OTHER_SENTENCES: dict[str, tuple[str, ...]] = {
    "add": ("Then {n} more arrive.", "A friend brings {they_} another {n}."),
    "sub": ("Then {n} of them break.", "A friend takes {n} away."),
    "mul": ("After a year there are {n} times as many.",),
    "div": ("{They} shares them equally among {n} people and takes one share.",),
    "double": ("After a year there are twice as many.",),
    "half": ("Then half of them break.",),
    "percent": ("Of these, {n} percent stay.",),
}
"""Further ways to say an operation, for tasks that are told anew."""
OTHER_QUESTIONS = ("What is the number of {things} in the end?", "How many {things} remain after all this?")

_NUMBER = f"[0-9]{{1,9}}|{UNKNOWN}"
_ROLES = {
    "name": "|".join(name for names in NAMES.values() for name in names),
    "They": "She|He",
    "they": "she|he",
    "they_": "her|him",
    "things": "|".join(OBJECTS),
    "a": _NUMBER,
    "n": _NUMBER,
}
_SENTENCE = re.compile(r"[^.?]+[.?]")
_PRONOUNS = {name: they for they, names in NAMES.items() for name in names}


@dataclass(frozen=True, slots=True)
class Story:
    """A word problem as it is told.

    Attributes:
        start: the first count, ``None`` where it is asked for.
        steps: operation names with their operands, in order; an operand that is asked for is ``None``.
        result: the last count, told only where another number is asked for.
        distractors: number of sentences that are of no use.
        people: who is spoken about, in the order of their first mention.
    """

    start: int | None
    steps: tuple[tuple[str, int | None], ...]
    result: int | None = None
    distractors: int = 0
    people: tuple[str, ...] = ()

    @property
    def unknown(self) -> int | None:
        """0 where the first count is asked for, the number of the step (from 1) whose operand is, else ``None``."""
        numbers = [self.start, *(operand for _, operand in self.steps)]
        return numbers.index(None) if None in numbers else None

    @property
    def chain(self) -> tuple[str, ...]:
        """Names of the operations, in order."""
        return tuple(name for name, _ in self.steps)

    @property
    def ambiguous_people(self) -> bool:
        """Whether "she" or "he" could be two of the people."""
        pronouns = [_PRONOUNS[name] for name in dict.fromkeys(self.people)]
        return len(pronouns) != len(set(pronouns))


def read_story(text: str) -> Story:
    """Read a text back, leaving out what is of no use.

    Raises:
        ValueError: a sentence is none of this family's, or not exactly one number is asked for.
    """
    if len(text) > MAX_CHARS:
        raise ValueError(f"longer than {MAX_CHARS} characters")
    first, *later = (sentence.strip() for sentence in _SENTENCE.findall(text)) if text.strip() else ("",)
    opening = _match((*STARTS, *OTHER_STARTS), first) or _match((*BOX_STARTS, *OTHER_BOX_STARTS), first)
    if opening is None:
        raise ValueError(f"cannot read {first[:80]!r}")
    told = opening.groupdict()
    people = [told["name"]]
    steps = [("boxes", _number(told["n"]))] if "n" in told else []
    result, distractors = None, 0
    for sentence in later[:-1]:
        if result is not None:
            raise ValueError("something is told after the result")
        if step := _step(sentence):
            steps.append(step)
        elif found := _match(RESULTS, sentence):
            result = _number(found["a"])
        elif found := _match((*EXTRAS, *FACTS), sentence):
            distractors += 1
            people += [found["name"]] if "name" in found.groupdict() else []
        else:
            raise ValueError(f"cannot read {sentence[:80]!r}")
    story = Story(_number(told["a"]), tuple(steps), result, distractors, tuple(people))
    _check(story, later[-1] if later else "", text)
    return story


def read_problem(text: str) -> Problem:
    """Read a question whose last count is asked for, leaving out what is of no use.

    Raises:
        ValueError: a sentence is none of this family's, or another number is asked for.
    """
    story = read_story(text)
    steps = tuple((name, operand) for name, operand in story.steps if operand is not None)
    if story.start is None or len(steps) != len(story.steps):
        raise ValueError("another number than the last is asked for")
    return Problem(story.start, steps)


def _check(story: Story, question: str, text: str) -> None:
    reversed_ = story.unknown is not None
    if (story.result is not None) != reversed_ or text.count(UNKNOWN) != 2 * reversed_:
        raise ValueError("not exactly one number is asked for")
    if not _match(UNKNOWN_QUESTIONS if reversed_ else (*QUESTIONS, *OTHER_QUESTIONS), question):
        raise ValueError(f"cannot read {question[:80]!r}")


def _number(text: str) -> int | None:
    return None if text == UNKNOWN else int(text)


def _step(sentence: str) -> tuple[str, int | None] | None:
    for name, operation in OPERATIONS.items():
        match = _match((*operation.sentences, *OTHER_SENTENCES.get(name, ())), sentence)
        if match:
            return name, _number(match.groupdict().get("n", "2"))
    return None


def _match(templates: Sequence[str], sentence: str) -> re.Match[str] | None:
    return next((m for m in (_pattern(template).fullmatch(sentence) for template in templates) if m), None)


@functools.cache
def _pattern(template: str) -> re.Pattern[str]:
    groups = {role: f"(?P<{role}>{alternatives})" for role, alternatives in _ROLES.items()}
    return re.compile(template.replace(".", r"\.").replace("?", r"\?").format_map(groups))
