"""Word problems: a chain of operations on one number of things."""

from __future__ import annotations

import functools
import itertools
import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from verl_agentic.core import BrokenTaskError, Message, Task
from verl_agentic.rollout import Policy
from verl_agentic.synthesis.base import Split, TaskFamily
from verl_agentic.tool_envs.calculator import CALCULATOR_TOOLS

SYSTEM = "Solve with calc."
EXTRA = "extra"
MAX_VALUE = 999
MAX_DEPTH = 4

_NAMES = {"She": ("Ann", "Eva", "Mia", "Zoe"), "He": ("Ben", "Max", "Sam", "Tom")}
_OBJECTS = ("pens", "cups", "cards", "coins", "eggs", "balls", "keys", "hats")
_ROLES = {
    "name": "|".join(name for names in _NAMES.values() for name in names),
    "They": "She|He",
    "they": "she|he",
    "things": "|".join(_OBJECTS),
    "a": "[0-9]+",
    "n": "[0-9]+",
}


@dataclass(frozen=True, slots=True)
class _Operation:
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


_OPERATIONS: dict[str, _Operation] = {
    "boxes": _Operation((), _factors, lambda v, n: v * n, lambda v, n: f"{v}*{n}"),
    "add": _Operation(
        ("{They} buys {n} more.", "{They} finds {n} more.", "{They} gets {n} more."),
        _addends,
        lambda v, n: v + n,
        lambda v, n: f"{v}+{n}",
    ),
    "sub": _Operation(
        ("{They} gives away {n}.", "{They} loses {n}.", "{They} sells {n}."),
        _subtrahends,
        lambda v, n: v - n,
        lambda v, n: f"{v}-{n}",
    ),
    "mul": _Operation(
        ("Now {they} has {n} times as many.", "The pile grows to {n} times its size."),
        _factors,
        lambda v, n: v * n,
        lambda v, n: f"{v}*{n}",
    ),
    "div": _Operation(
        ("{They} keeps one of {n} equal parts.", "{They} makes {n} equal piles and keeps one."),
        _divisors,
        lambda v, n: v // n,
        lambda v, n: f"{v}/{n}",
    ),
    "double": _Operation(
        ("The pile doubles.", "Now {they} has twice as many."),
        lambda v, large: [2] if 2 * v <= MAX_VALUE else [],
        lambda v, n: v * n,
        lambda v, n: f"{v}*2",
    ),
    "half": _Operation(
        ("{They} gives away half.", "{They} loses half.", "{They} sells half."),
        lambda v, large: [2] if v % 2 == 0 else [],
        lambda v, n: v // n,
        lambda v, n: f"{v}/2",
    ),
    "percent": _Operation(
        ("{They} keeps {n} percent.", "Only {n} percent are left."),
        _percentages,
        lambda v, n: v * n // 100,
        lambda v, n: f"{v}*{n}/100",
    ),
}
# A problem opens with a plain count, or with boxes, which are its first operation.
_FIRST = tuple(_OPERATIONS)
_LATER = _FIRST[1:]

_STARTS = ("{name} has {a} {things}.", "{name} owns {a} {things}.")
_BOX_STARTS = ("{name} has {a} boxes of {n} {things}.", "{name} owns {a} bags of {n} {things}.")
_EXTRAS = ("{name} has {a} {things}.", "{name} sells {a} {things}.")
_QUESTIONS = ("How many {things} does {they} have?", "How many {things} are left?")


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
            value = _OPERATIONS[name].apply(value, operand)
        return value

    def expression(self) -> str:
        """It as one arithmetic expression."""
        text = str(self.start)
        for name, operand in self.steps:
            text = f"({_OPERATIONS[name].expression(text, operand)})"
        return text


def read_problem(text: str) -> Problem:
    """Read a question back into its problem, leaving out what is said about other people.

    Raises:
        ValueError: a sentence is none of this family's.
    """
    first, *later = re.findall(r"[^.?]+[.?]", text)
    match = _match(_STARTS, first) or _match(_BOX_STARTS, first)
    if match is None:
        raise ValueError(f"cannot read {first!r}")
    numbers = match.groupdict()
    steps = [("boxes", int(numbers["n"]))] if "n" in numbers else []
    for sentence in later[:-1]:
        steps += _read_step(sentence.strip())
    return Problem(int(numbers["a"]), tuple(steps))


def _read_step(sentence: str) -> list[tuple[str, int]]:
    for name, operation in _OPERATIONS.items():
        match = _match(operation.sentences, sentence)
        if match:
            return [(name, int(match.groupdict().get("n", 2)))]
    if _match(_EXTRAS, sentence):
        return []
    raise ValueError(f"cannot read {sentence!r}")


def _match(templates: Sequence[str], sentence: str) -> re.Match[str] | None:
    return next((m for m in (re.fullmatch(_pattern(template), sentence) for template in templates) if m), None)


@functools.cache
def _pattern(template: str) -> str:
    groups = {role: f"(?P<{role}>{alternatives})" for role, alternatives in _ROLES.items()}
    return template.replace(".", r"\.").replace("?", r"\?").format_map(groups)


def _splits() -> dict[Split, tuple[str, ...]]:
    """Structures by split. A split is decided by the pairs of neighbouring operations a problem holds.

    Which second operation is held out is shifted by one for each first operation, so that every operation is
    held out, and is trained, at both places. Longer and distracted problems belong to train only when all their
    pairs do; the remainders below thin them out.
    """
    pairs: dict[Split, list[tuple[str, ...]]] = {"train": [], "validation": [], "held_out": []}
    for i, j in itertools.product(range(len(_FIRST)), range(len(_LATER))):
        remainder = (i + j) % len(_LATER)
        held_out = remainder == 0 or (remainder == 3 and i % 2 == 0)
        split: Split = "held_out" if held_out else "validation" if remainder == 3 else "train"
        pairs[split].append((_FIRST[i], _LATER[j]))
    chains = {split: list(found) for split, found in pairs.items()}
    chains["train"] = [(name,) for name in _FIRST] + chains["train"]
    for length in range(3, MAX_DEPTH + 1):
        for chain in itertools.product(_FIRST, *[_LATER] * (length - 1)):
            inner = set(itertools.pairwise(chain))
            code = sum(place * _FIRST.index(name) for place, name in enumerate(chain, 1))
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
            problem = read_problem(_question(task.messages))
        except ValueError:
            return None
        seed = rng.getrandbits(32)
        own = random.Random(seed)
        names, extra = _parse_structure(task.structure)
        longer = [] if extra else [(*names, name) for name in _LATER if "-".join((*names, name)) in _SPLITS["train"]]
        own.shuffle(longer)
        distracted = f"{task.structure}-{EXTRA}"
        if distracted in _SPLITS["train"] and own.random() < 0.25:
            return _make_task(distracted, problem, seed, parent=task.id, operator="add_distractor")
        for chain in longer:
            operands = _OPERATIONS[chain[-1]].operands(problem.answer(), False)
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

    def expert(self, task: Task) -> Policy:
        """One calculator call per operation, each on the result of the one before."""

        def act(messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> str:
            problem = read_problem(_question(messages))
            results = [m["content"] for m in messages if m["role"] == "tool" and m["content"].isdigit()]
            value = results[-1] if results else str(problem.start)
            if len(results) == len(problem.steps):
                return f"<answer>{value}</answer>"
            name, operand = problem.steps[len(results)]
            call = {"name": "calc", "arguments": {"expression": _OPERATIONS[name].expression(value, operand)}}
            return f"<tool_call>{json.dumps(call)}</tool_call>"

        return act


def _question(messages: Sequence[Message]) -> str:
    return next((message["content"] for message in messages if message["role"] == "user"), "")


def _parse_structure(structure: str) -> tuple[tuple[str, ...], bool]:
    names = tuple(structure.split("-"))
    extra = names[-1] == EXTRA
    names = names[:-1] if extra else names
    if not names or names[0] not in _FIRST or not set(names[1:]) <= set(_LATER):
        raise BrokenTaskError(f"unknown math structure {structure!r}")
    return names, extra


def _draw(structure: str, rng: random.Random, large: bool) -> Problem:
    """Random numbers for a structure: draw forwards, start over at a dead end."""
    names, _ = _parse_structure(structure)
    for _attempt in range(2000):
        start = rng.randint(101, MAX_VALUE) if large and names[0] != "boxes" else rng.randint(3, 99)
        start = rng.randint(2, 12) if names[0] == "boxes" and not large else start
        value, steps = start, []
        for name in names:
            operands = _OPERATIONS[name].operands(value, large)
            if not operands:
                break
            steps.append((name, rng.choice(operands)))
            value = _OPERATIONS[name].apply(value, steps[-1][1])
        if len(steps) == len(names):
            return Problem(start, tuple(steps))
    raise BrokenTaskError(f"no numbers fit math structure {structure!r}")


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
    text = _tell(problem, extra, random.Random(seed))
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


def _tell(problem: Problem, extra: bool, rng: random.Random) -> str:
    they = rng.choice(("She", "He"))
    things, other_things = rng.sample(_OBJECTS, 2)
    words = {"name": rng.choice(_NAMES[they]), "They": they, "they": they.lower(), "things": things}
    steps = list(problem.steps)
    if steps[0][0] == "boxes":
        first = rng.choice(_BOX_STARTS).format(**words, a=problem.start, n=steps.pop(0)[1])
    else:
        first = rng.choice(_STARTS).format(**words, a=problem.start)
    later = [rng.choice(_OPERATIONS[name].sentences).format(**words, n=operand) for name, operand in steps]
    if extra:
        # Somebody of the other pronoun, so that "she" and "he" stay unambiguous.
        other = rng.choice(_NAMES["He" if they == "She" else "She"])
        sentence = rng.choice(_EXTRAS).format(name=other, a=rng.randint(3, 99), things=other_things)
        later.insert(rng.randint(0, len(later)), sentence)
    return " ".join([first, *later, rng.choice(_QUESTIONS).format(**words)])


def _check(text: str, problem: Problem, answer: int) -> None:
    """Derive the answer a second way: from the text as told, by sympy."""
    import sympy  # slow to import, and not needed to solve tasks

    told = read_problem(text)
    if told != problem or sympy.parse_expr(told.expression()) != answer:
        raise BrokenTaskError(f"text and answer {answer} disagree: {text}")
