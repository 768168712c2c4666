"""Right or wrong without leaving the process: cheap and exact means first, each with bounded time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from verl_agentic.core import FailureKind
from verl_agentic.reward_fns.common import Verdict
from verl_agentic.reward_fns.math.compare import Comparison
from verl_agentic.reward_fns.math.nodes import SCALARS, LimitError
from verl_agentic.reward_fns.math.reading import Reading, Readings, in_base_unit, read
from verl_agentic.reward_fns.math.scalars import InconclusiveError, Tolerance
from verl_agentic.reward_fns.math.solutions import same_solutions
from verl_agentic.reward_fns.math.text import clean, words
from verl_agentic.reward_fns.math.wording import canonical, choice, family, is_prose, names, residue, running

MAX_CHARS = 1000
"""Longest answer that is looked into, and longest reference."""

_NUMBER = re.compile(r"[+-]?[0-9]{1,60}(?:\.[0-9]{1,60})?(?:/0*[1-9][0-9]{0,60})?")
# What only a computer algebra system can say something about.
_BEYOND = re.compile(
    r"\\(?:sum|prod|i*o?int|lim|partial|det|begin|pmod|equiv|Gamma|max|min|gcd|cases|cdots|l?dots)(?![a-zA-Z])"
)
_SPACE = re.compile(r"(?<![0-9])\s+|\s+(?![0-9/\\.])")
_INTEGER = re.compile(r"-?[0-9]{1,60}")
_LOWER_CHOICE = re.compile(r"([a-e])[.)]?")
_SAID_CONSTANT = re.compile(
    r"(?:\\text\s*\{\s*)?(?:an? )?(?:arbitrary )?const(?:ant|\.)?(?: of integration)?(?![a-z])(?:\s*\})?"
)
_ANY_CONSTANT = re.compile(r"[CKABD]|[ck]_|(?<![a-zA-Z\\])[ck](?![a-zA-Z])")
_CONVERTIBLE = ("percent", "angle", "money")


@dataclass(frozen=True, slots=True)
class Decision:
    """What came of comparing an answer with the reference.

    Attributes:
        verdict: right, wrong or undecided.
        failure: ``LIMIT`` where the answer is beyond a bound, ``UNDECIDED`` without a verdict.
        reason: one short sentence.
    """

    verdict: Verdict
    failure: FailureKind = FailureKind.NONE
    reason: str = ""


RIGHT = Decision(Verdict.RIGHT)
WRONG = Decision(Verdict.WRONG, FailureKind.WRONG_ANSWER)


def decide_at_once(answer: str, reference: str, tolerance: Tolerance) -> Decision | None:
    """The verdict on texts that are equal, too long, or plain numbers; ``None`` for all others."""
    if answer == reference:
        return RIGHT
    if len(answer) > MAX_CHARS:
        return beyond_limits(f"answer is longer than {MAX_CHARS} characters")
    if _NUMBER.fullmatch(answer) and _NUMBER.fullmatch(reference):
        return RIGHT if tolerance.allows(Fraction(answer), Fraction(reference)) else WRONG
    return None


def decide(answer: str, reference: str, tolerance: Tolerance) -> Decision | None:
    """The verdict; ``None`` where it takes a computer algebra system.

    Args:
        answer: what the policy answered, of any length and content.
        reference: at most ``MAX_CHARS`` characters.
        tolerance: how far a number may be off.
    """
    known = decide_at_once(answer, reference, tolerance)
    if known is not None:
        return known
    left, right = canonical(clean(answer)), canonical(clean(reference))
    if not left or not right:
        return WRONG
    prose = is_prose(left), is_prose(right)
    if _closed_up(left) == _closed_up(right) or (
        (any(prose) or "\\text" in left + right) and words(left) == words(right)
    ):
        return RIGHT
    if names(left) and names(left) == names(right):
        return RIGHT
    chosen = _by_choice(left, right, tolerance)
    if chosen is not None:
        return chosen
    if any(prose):
        return WRONG
    left, right = _with_constant(left), _with_constant(right)
    modular = _by_residue(left, right, tolerance)
    if modular is not None:
        return modular
    ours, theirs = family(right), family(left)
    if (ours, theirs) != (right, left):
        return _by_value(running(theirs), running(ours), tolerance)
    return _by_value(left, right, tolerance)


def _with_constant(text: str) -> str:
    """The text with ``C`` for ``constant``, added to something."""
    return _SAID_CONSTANT.sub("C", text) if "const" in text and "+" in text else text


def _closed_up(text: str) -> str:
    return _SPACE.sub("", text)


def _by_residue(answer: str, reference: str, tolerance: Tolerance) -> Decision | None:
    """The verdict where a side is ``7 mod 12``, a class beside another class and a number beside a number."""
    ours, theirs = residue(reference), residue(answer)
    if ours and theirs:
        if ours[1] != theirs[1]:
            return WRONG
        if not _INTEGER.fullmatch(ours[0]) or not _INTEGER.fullmatch(theirs[0]):
            return decide(theirs[0], ours[0], tolerance)
        return WRONG if (int(ours[0]) - int(theirs[0])) % ours[1] else RIGHT
    if ours:
        return decide(answer, _least(*ours), tolerance)
    return decide(_least(*theirs), reference, tolerance) if theirs else None


def _least(value: str, modulus: int) -> str:
    return str(int(value) % modulus) if _INTEGER.fullmatch(value) else value


def _by_choice(answer: str, reference: str, tolerance: Tolerance) -> Decision | None:
    """The verdict on multiple choice; ``None`` where neither side names an option."""
    ours, theirs = choice(reference), choice(answer)
    if ours and theirs:
        if ours.letter != theirs.letter:
            return WRONG
        return decide(theirs.rest, ours.rest, tolerance) if ours.rest and theirs.rest else RIGHT
    if ours and not ours.rest:
        lower = _LOWER_CHOICE.fullmatch(answer)
        return RIGHT if lower and lower.group(1).upper() == ours.letter else None
    if ours:
        return decide(answer, ours.rest, tolerance)
    return decide(theirs.rest, reference, tolerance) if theirs and theirs.rest else None


def _by_value(answer: str, reference: str, tolerance: Tolerance) -> Decision | None:
    try:
        right = read(reference)
    except LimitError:
        right = Readings((), "beyond the limits")
    try:
        left = read(answer)
        if left.found and right.found:
            return _compare(left, right, answer, reference, tolerance)
    except LimitError as error:
        return beyond_limits(f"answer: {error}")
    beyond = _BEYOND.search(answer) or _BEYOND.search(reference)
    return None if beyond and not is_prose(answer) and not is_prose(reference) else WRONG


def _compare(left: Readings, right: Readings, answer: str, reference: str, tolerance: Tolerance) -> Decision | None:
    comparison = Comparison(tolerance)
    open_ = False
    general = _ANY_CONSTANT.search(reference) is not None
    for ours in right.found:
        for theirs in left.found:
            if ours.guessed and theirs.unit is None:
                continue  # 5 is not 5m
            try:
                if _same_quantity(theirs, ours, comparison) or (general and _same_solution(theirs, ours, comparison)):
                    return RIGHT
            except InconclusiveError:
                open_ = True
    for sign in ("\\degree", "%"):
        if (sign in answer) != (sign in reference) and ("," in answer or "," in reference):  # in a list, one by one
            return decide(answer.replace(sign, ""), reference.replace(sign, ""), tolerance)
    return None if open_ else WRONG


def _same_solution(answer: Reading, reference: Reading, comparison: Comparison) -> bool:
    """Whether two answers without units are one solution with other constants of integration."""
    return not (answer.unit or reference.unit) and same_solutions(answer.node, reference.node, comparison.same)


def _same_quantity(answer: Reading, reference: Reading, comparison: Comparison) -> bool:
    """Whether two quantities are equal; a unit on one side only goes without saying on the other."""
    ours, theirs = reference.unit, answer.unit
    if ours and theirs and ours.dimension and theirs.dimension:
        if ours.dimension != theirs.dimension:
            return False
        if ours == theirs:
            return comparison.same(answer.node, reference.node)
        return comparison.same(in_base_unit(answer), in_base_unit(reference))
    if comparison.same(answer.node, reference.node):
        return True
    unit = ours or theirs
    if unit is None or unit.dimension not in _CONVERTIBLE or not isinstance(answer.node, SCALARS):
        return False
    return comparison.same(in_base_unit(answer), in_base_unit(reference))


def beyond_limits(reason: str) -> Decision:
    """The verdict on an answer that is beyond a bound."""
    return Decision(Verdict.WRONG, FailureKind.LIMIT, reason)
