"""Right or wrong without leaving the process: cheap and exact means first, each with bounded time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from verl_agentic.core import FailureKind
from verl_agentic.reward_fns.common import Verdict
from verl_agentic.reward_fns.math.compare import Comparison
from verl_agentic.reward_fns.math.grammar.nodes import SCALARS, LimitError, Node, Number
from verl_agentic.reward_fns.math.grammar.text import clean, unwrapped
from verl_agentic.reward_fns.math.grammar.written import names_operation, numeral, to_calculate
from verl_agentic.reward_fns.math.reading import Reading, Readings, in_base_unit, read
from verl_agentic.reward_fns.math.values.logic import same_formula
from verl_agentic.reward_fns.math.values.noncommuting import are_matrices, same_ordered, symmetric
from verl_agentic.reward_fns.math.values.scalars import InconclusiveError, Tolerance
from verl_agentic.reward_fns.math.values.solutions import same_solutions
from verl_agentic.reward_fns.math.words.dates import clock, date, same_time
from verl_agentic.reward_fns.math.words.parts import labelled, pieces
from verl_agentic.reward_fns.math.words.units import DEGREES, TEMPERATURES, Trust
from verl_agentic.reward_fns.math.words.wording import (
    canonical,
    choice,
    family,
    is_prose,
    names,
    periodic,
    progression,
    residue,
    running,
    same_phrase,
    same_words,
)

MAX_CHARS = 1000
"""Longest answer that is looked into, and longest reference."""

_NUMBER = re.compile(r"[+-]?[0-9]{1,60}(?:\.[0-9]{1,60})?(?:/0*[1-9][0-9]{0,60})?")
# What only a computer algebra system can say something about.
_BEYOND = re.compile(
    r"\\(?:sum|prod|i*o?int|lim|partial|det|begin|pmod|equiv|Gamma|max|min|gcd|cases|cdots|l?dots)(?![a-zA-Z])"
)
_SPACE = re.compile(r"(?<![0-9])(?<![0-9],)\s+|(?<=[0-9],)\s+(?![0-9]{3}(?![0-9]))|(?<=[0-9])\s+(?![0-9/\\.])")
_INTEGER = re.compile(r"-?[0-9]{1,60}")
_LOWER_CHOICE = re.compile(r"([a-e])[.)]?")
_SAID_CONSTANT = re.compile(
    r"(?:\\text\s*\{\s*)?(?:an? )?(?:arbitrary )?const(?:ant|\.)?(?: of integration)?(?![a-z])(?:\s*\})?"
)
_ANY_CONSTANT = re.compile(r"[CKABD]|[ck]_|(?<![a-zA-Z\\])[ck](?![a-zA-Z])")
_SPACED_THOUSANDS = re.compile(r"[0-9]{1,3}, ?[0-9]{3}")  # "1, 234" is two numbers
_ORDERED = re.compile(r"\\times|\^\s*\{?\s*(?:T|\\top|\\intercal)(?![a-zA-Z])")
_WEDGE = re.compile(r"\\wedge(?![a-zA-Z])")
_COMPARES = re.compile(r"[<>=]|\\(?:le|ge|ne|in)(?![a-zA-Z])")
_LIST_SIGN = re.compile(r",(?![0-9]{3})|;|(?<![a-zA-Z\\])and(?![a-zA-Z])|\\text\s*\{\s*and\s*\}")
_ANY_LETTER = re.compile("[a-zA-Z]")
_EQUATES = re.compile(r"[a-z]\s*=")
_HALF_DAY = re.compile(r"[0-9]:[0-9]+\s*[ap]\.?\s?m\b", re.IGNORECASE)
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
NOT_EVALUATED = Decision(Verdict.WRONG, FailureKind.WRONG_ANSWER, "not evaluated")
"""The reference is a number, and the answer a calculation whose result would be that number."""


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
    if _closed_up(left) == _closed_up(right) or ((any(prose) or "\\text" in left + right) and same_words(left, right)):
        return RIGHT
    if _SPACED_THOUSANDS.fullmatch(left) and _SPACED_THOUSANDS.fullmatch(right) and (" " in left) != (" " in right):
        return WRONG
    if names(left) and names(left) == names(right):
        return RIGHT
    if _closed_up(symmetric(left)) == _closed_up(symmetric(right)):
        return RIGHT
    if same_phrase(left, right):
        return RIGHT
    for means in (_by_parts, _by_pieces):
        parted = means(left, right, tolerance)
        if parted is not None:
            return parted
    timed = _by_calendar(left, right)
    if timed is not None:
        return timed
    if _WEDGE.search(left) and _WEDGE.search(right) and not _COMPARES.search(left + right):
        formulas = same_formula(left, right)
        return RIGHT if formulas else WRONG  # dx \\wedge dy is not dy \\wedge dx
    formulas = same_formula(left, right)
    if formulas is not None:
        return RIGHT if formulas else WRONG
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
    if (ours, theirs) != (right, left) or (periodic(right) and periodic(left)):
        return _by_value(running(theirs), running(ours), tolerance)
    return _by_value(left, right, tolerance)


def _by_parts(answer: str, reference: str, tolerance: Tolerance) -> Decision | None:
    """The verdict where parts have labels; a list without may stand beside them, in their order."""
    ours, theirs = labelled(reference), labelled(answer)
    if ours is None and theirs is None:
        return None
    right = ours or _listed(reference)
    left = theirs or _listed(answer)
    if left.keys() != right.keys():
        return WRONG
    found = [decide(left[label], right[label], tolerance) or WRONG for label in right]
    return next((one for one in found if one.verdict is not Verdict.RIGHT), RIGHT)


def _listed(text: str) -> dict[int, str]:
    return dict(enumerate(part.strip() for part in _LIST_SIGN.split(text)))


def _by_pieces(answer: str, reference: str, tolerance: Tolerance) -> Decision | None:
    """The verdict on functions by cases, whose lines may stand in any order."""
    ours, theirs = pieces(reference), pieces(answer)
    if not ours or not theirs:
        return None
    if len(ours) != len(theirs):
        return WRONG
    left = list(theirs)
    loose = 0
    for piece in ours:
        same = [one for one in left if _right(one.value, piece.value, tolerance)]
        fitting = [one for one in same if _right(one.condition or "else", piece.condition or "else", tolerance)]
        if not fitting and not loose:  # "otherwise" stands for one condition that is not told
            fitting = [one for one in same if not one.condition or not piece.condition]
            loose = len(fitting)
        if not fitting:
            return WRONG
        left.remove(fitting[0])
    return RIGHT


def _right(answer: str, reference: str, tolerance: Tolerance) -> bool:
    decision = decide(answer, reference, tolerance) if answer and reference else None
    return decision is not None and decision.verdict is Verdict.RIGHT


def _by_calendar(answer: str, reference: str) -> Decision | None:
    """The verdict on dates and times of the day: where the reference is a time, ``10:20`` is no ratio."""
    days = date(reference), date(answer)
    if all(days):
        return RIGHT if days[0] == days[1] else WRONG
    ours, theirs = clock(unwrapped(reference)), clock(unwrapped(answer))
    if ours and theirs:
        return RIGHT if same_time(theirs, ours) else WRONG
    if ours and ":" in reference and not _ANY_LETTER.search(answer):
        return WRONG
    if ours and _HALF_DAY.search(answer):
        return WRONG  # 4:90 PM is no time
    return WRONG if theirs and ":" in answer and ":" not in reference and not _ANY_LETTER.search(reference) else None


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
    terms = progression(answer if ours else reference) if ours or theirs else None
    if terms:  # 7k + 3 for 3 mod 7
        value, modulus = ours or theirs or ("", 0)
        same = modulus == terms[1] and _INTEGER.fullmatch(value) and (int(value) - terms[0]) % modulus == 0
        return RIGHT if same else WRONG
    if ours:
        # x = 2 says more than x is 2 mod 5.
        return WRONG if _EQUATES.match(answer) else decide(answer, _least(*ours), tolerance)
    if theirs is None:
        return None
    value, modulus = theirs
    found = decide(_least(*theirs), reference, tolerance)
    carried_out = not _INTEGER.fullmatch(value) or 0 <= int(value) < modulus
    return found if carried_out or found is None or found.verdict is not Verdict.RIGHT else NOT_EVALUATED


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
    if any(numeral(ours.node) for ours in right.found if not ours.equation) and names_operation(answer):
        return NOT_EVALUATED
    beyond = _BEYOND.search(answer) or _BEYOND.search(reference)
    return None if beyond and not is_prose(answer) and not is_prose(reference) else WRONG


def _compare(left: Readings, right: Readings, answer: str, reference: str, tolerance: Tolerance) -> Decision | None:
    comparison = Comparison(tolerance, bool(_ORDERED.search(answer) or _ORDERED.search(reference)))
    valued = any(numeral(ours.node) for ours in right.found if not ours.equation)
    if valued and names_operation(answer) and not names_operation(reference):
        return NOT_EVALUATED
    matrices = are_matrices(answer, reference)
    open_ = False
    general = _ANY_CONSTANT.search(reference) is not None
    for ours in right.found:
        for theirs in left.found:
            if ours.equation:
                continue
            try:
                same = same_ordered(theirs.node, ours.node) if matrices else _same_quantity(theirs, ours, comparison)
                if same or (general and _same_solution(theirs, ours, comparison)):
                    return NOT_EVALUATED if valued and to_calculate(theirs.node) else RIGHT
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
            degrees = DEGREES in (ours, theirs) and {ours.dimension, theirs.dimension} & set(TEMPERATURES)
            return bool(degrees) and comparison.same(answer.node, reference.node)
        if ours == theirs:
            return comparison.same(answer.node, reference.node)
        return comparison.same(in_base_unit(answer), in_base_unit(reference))
    if theirs and theirs.trust < Trust.ALWAYS:
        return False
    if ours and ours.trust < Trust.OF_REFERENCE:
        return False
    if comparison.same(answer.node, reference.node):
        return True
    unit = ours or theirs
    if unit is None or unit.dimension not in _CONVERTIBLE or not isinstance(answer.node, SCALARS):
        return False
    if unit.dimension != "angle" and _counts(reference.node if theirs else answer.node):
        return False  # 5 is not 500%
    return comparison.same(in_base_unit(answer), in_base_unit(reference))


def _counts(node: Node) -> bool:
    """Whether it is a whole number over 1, which is that many percent or cents and no hundredfold of them."""
    return isinstance(node, Number) and node.value.denominator == 1 and abs(node.value) > 1


def beyond_limits(reason: str) -> Decision:
    """The verdict on an answer that is beyond a bound."""
    return Decision(Verdict.WRONG, FailureKind.LIMIT, reason)
