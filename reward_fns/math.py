"""Exact equality of a final answer with the reference, decided by fractions and, for roots and pi, by sympy.

No model-written text reaches sympy's parser: a bounded parser of our own builds the sympy objects.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from verl_agentic.core import BrokenTaskError, FailureKind
from verl_agentic.reward_fns.common import (
    RewardResult,
    boxed_content,
    decided,
    decode_ground_truth,
    no_answer,
    read_submission,
    wrong_answer,
)

MAX_CHARS = 200
MAX_DIGITS = 20
MAX_NESTING = 16
MAX_EXPONENT = 64
MAX_POWER_BITS = 4096

_DECIMAL_PLACES = 60
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:/[0-9]+)?")
_TOKEN = re.compile(r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+|\\?[a-z]+|[-+*/^(){}%]")
_SHORT_FRACTION = re.compile(r"\\frac([0-9])([0-9])")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_REWRITES = (
    ("\\left", ""),
    ("\\right", ""),
    ("\\dfrac", "\\frac"),
    ("\\tfrac", "\\frac"),
    ("\\%", "%"),
    ("\\$", ""),
    ("$", ""),
    ("\\(", ""),
    ("\\)", ""),
    ("\\[", ""),
    ("\\]", ""),
    ("\\,", ""),
    ("\\!", ""),
    ("\\ ", " "),
    ("\\cdot", "*"),
    ("\\times", "*"),
    ("\\div", "/"),
    ("**", "^"),
)


class UnreadableError(ValueError):
    """Text that is no bounded arithmetic expression."""


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: dict[str, Any] | None = None,
    **kwargs: Any,
) -> RewardResult:
    """Judge a numeric final answer.

    Args:
        data_source: name of the data set, unused.
        solution_str: response text; read only without a trajectory.
        ground_truth: ``{"answer": "37"}`` or its JSON. The answer may be an integer, decimal, fraction, percentage
            (``50%`` is one half) or LaTeX with ``\\frac``, ``\\sqrt``, ``\\pi``, powers and ``\\boxed``.
        extra_info: may hold ``trajectory`` as JSON.
        kwargs: accepted for verl, unused.

    Raises:
        BrokenTaskError: there is no readable reference answer.
        InfrastructureError: the trajectory cannot be read.
    """
    reference = decode_ground_truth(ground_truth).get("answer")
    if not isinstance(reference, str) or not reference.strip():
        raise BrokenTaskError("ground_truth of a math task needs a text 'answer'")
    submission = read_submission(solution_str, extra_info)
    if not submission.answer:
        return no_answer(submission)
    if answers_equal(submission.answer, reference):
        return decided(FailureKind.NONE)
    return wrong_answer(submission, f"{submission.answer[:60]!r} is not {reference[:60]!r}")


def answers_equal(answer: str, reference: str) -> bool:
    """Whether two answers are the same number; text that is no expression equals only itself.

    Raises:
        BrokenTaskError: the reference is too long to judge by.
    """
    if len(reference) > MAX_CHARS:
        raise BrokenTaskError(f"reference answer is longer than {MAX_CHARS} characters")
    if len(answer) > MAX_CHARS:
        return False
    left, right = normalise(answer), normalise(reference)
    if left == right:
        return True
    try:
        if _NUMBER.fullmatch(left) and _NUMBER.fullmatch(right):
            return Fraction(left) == Fraction(right)
        return _equal_values(parse_value(left), parse_value(right))
    except (UnreadableError, ZeroDivisionError):
        return False


def normalise(answer: str) -> str:
    """Strip ``\\boxed``, dollar signs, spacing commands, thousands commas, a leading ``x =`` and a final period."""
    text = answer.strip()
    start = text.rfind("\\boxed{")
    text = (boxed_content(text[start:]) or "") if start >= 0 else text
    for old, new in _REWRITES:
        text = text.replace(old, new)
    text = _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", text.strip())
    text = re.sub(r"^[a-zA-Z] ?= ?", "", text).rstrip(". ").strip()
    text = text.replace(",", "") if _THOUSANDS.fullmatch(text) else text
    return text


def parse_value(text: str) -> Any:
    """Value of a normalised expression as a sympy number.

    Raises:
        UnreadableError: not an expression, or beyond the bounds on digits, nesting or powers.
    """
    return _Parser(_tokens(text)).whole()


def _equal_values(left: Any, right: Any) -> bool:
    difference = left - right
    if difference.is_Rational:
        return bool(difference == 0)
    # Numbers of at most MAX_DIGITS digits cannot imitate an irrational one to this many places.
    size = abs(difference.evalf(_DECIMAL_PLACES))
    return bool(size.is_number and size.is_finite and size < Fraction(1, 10 ** (_DECIMAL_PLACES - 15)))


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    while position < len(text):
        if text[position] == " ":
            position += 1
            continue
        match = _TOKEN.match(text, position)
        if match is None or len(match.group()) > MAX_DIGITS:
            raise UnreadableError(text[position : position + 20])
        tokens.append(match.group().removeprefix("\\"))
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent that builds sympy numbers; every recursion passes a nesting bound."""

    def __init__(self, tokens: list[str]) -> None:
        import sympy  # half a second that plain numbers do not need

        self._sympy: Any = sympy
        self._tokens = tokens
        self._position = 0
        self._nesting = 0

    def whole(self) -> Any:
        value = self._sum()
        if self._peek():
            raise UnreadableError(self._peek())
        return value

    def _peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._position += 1
        return token

    def _sum(self) -> Any:
        value = self._product()
        while self._peek() in ("+", "-"):
            value = value + self._product() if self._next() == "+" else value - self._product()
        return value

    def _product(self) -> Any:
        value = self._signed()
        while True:
            token = self._peek()
            if token == "*":
                self._next()
                value = value * self._signed()
            elif token == "/":
                self._next()
                value = self._divide(value, self._signed())
            elif token in ("sqrt", "pi", "("):
                value = value * self._power()
            elif token == "frac" and value.is_Integer and value >= 0:
                value = value + self._power()  # a mixed number such as 3\frac{1}{2}
            else:
                return value

    def _signed(self) -> Any:
        sign = 1
        while self._peek() in ("+", "-"):
            sign = -sign if self._next() == "-" else sign
        return sign * self._power()

    def _power(self) -> Any:
        value = self._atom()
        if self._peek() == "^":
            self._next()
            exponent = self._group() if self._peek() == "{" else self._atom()
            value = self._raise(value, exponent)
        while self._peek() == "%":
            self._next()
            value = value / 100
        return value

    def _atom(self) -> Any:
        token = self._next()
        if token == "(":
            return self._until(")")
        if token == "pi":
            return self._sympy.pi
        if token == "frac":
            return self._divide(self._group(), self._group())
        if token == "sqrt":
            return self._sympy.sqrt(self._until(")") if self._accept("(") else self._group())
        if token[:1].isdigit() or token[:1] == ".":
            fraction = Fraction(token)
            return self._sympy.Rational(fraction.numerator, fraction.denominator)
        raise UnreadableError(token)

    def _group(self) -> Any:
        if not self._accept("{"):
            raise UnreadableError(self._peek())
        return self._until("}")

    def _accept(self, token: str) -> bool:
        if self._peek() != token:
            return False
        self._position += 1
        return True

    def _until(self, closing: str) -> Any:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise UnreadableError("nested too deeply")
        value = self._sum()
        if not self._accept(closing):
            raise UnreadableError(self._peek())
        self._nesting -= 1
        return value

    def _divide(self, value: Any, divisor: Any) -> Any:
        if divisor.is_zero or (divisor.is_zero is None and abs(divisor.evalf(30)) < Fraction(1, 10**20)):
            raise UnreadableError("division by zero")
        return value / divisor

    def _raise(self, base: Any, exponent: Any) -> Any:
        if not exponent.is_Integer or abs(int(exponent)) > MAX_EXPONENT:
            raise UnreadableError("exponent")
        if base.is_Rational and max(int(base.p).bit_length(), int(base.q).bit_length()) * abs(int(exponent)) > (
            MAX_POWER_BITS
        ):
            raise UnreadableError("power is too large")
        if base.is_zero and exponent < 0:
            raise UnreadableError("division by zero")
        return base**exponent
