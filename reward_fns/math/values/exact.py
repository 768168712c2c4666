"""Values of expressions as fractions, where they are rational, under a bound on their size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

from verl_agentic.reward_fns.math.grammar.nodes import Applied, Constant, LimitError, Node, Number, Symbol

MAX_BITS = 20_000


class NotRationalError(ArithmeticError):
    """The value is irrational, or this module cannot tell that it is not."""


def exact_value(node: Node, variables: Mapping[str, Fraction]) -> Fraction:
    """Value of a scalar.

    Raises:
        NotRationalError: see there.
        LimitError: a number in between has more than ``MAX_BITS`` bits.
        ZeroDivisionError: the value is undefined.
    """
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Symbol):
        return variables[node.name]
    if isinstance(node, Constant) or not isinstance(node, Applied):
        raise NotRationalError
    args = [exact_value(arg, variables) for arg in node.args]
    return _bounded(_apply(node.name, args))


def _apply(name: str, args: list[Fraction]) -> Fraction:
    first = args[0]
    if name == "+":
        for arg in args[1:]:
            first = _bounded(first + arg)
        return first
    if name == "*":
        for arg in args[1:]:
            first = _bounded(first * arg)
        return first
    if name in ("/", ":") and len(args) == 2:
        return first / args[1]
    if name == "neg":
        return -first
    if name == "^":
        return _power(first, args[1])
    if name == "root":
        return _root(first, args[1])
    if name == "abs":
        return abs(first)
    if name == "base":
        return args[1]
    if name in ("floor", "ceil"):
        return Fraction(math.floor(first) if name == "floor" else math.ceil(first))
    if name == "fact":
        return Fraction(math.factorial(bounded_count(first)))
    if name == "binom":
        return _binomial(first, args[1])
    if name in ("gcd", "lcm", "max", "min"):
        return _of_many(name, args)
    raise NotRationalError


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise LimitError("a number is too large")
    return value


def bounded_count(value: Fraction) -> int:
    """The argument of a factorial.

    Raises:
        NotRationalError: it is no natural number.
        LimitError: it is too large.
    """
    if value.denominator != 1 or value < 0:
        raise NotRationalError
    if value > 2000:
        raise LimitError("factorial of a number over 2000")
    return value.numerator


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        return _power(_root(base, Fraction(exponent.denominator)), Fraction(exponent.numerator))
    times = exponent.numerator
    if base in (0, 1) and times > 0:
        return base
    bits = max(abs(base.numerator).bit_length() - 1, base.denominator.bit_length() - 1)
    if bits * abs(times) > MAX_BITS:
        raise LimitError("a power is too large")
    if base == -1:
        return Fraction(-1 if times % 2 else 1)
    if base == 0 and times <= 0:
        raise ZeroDivisionError
    return base**times


def _root(radicand: Fraction, degree: Fraction) -> Fraction:
    if degree.denominator != 1 or not 2 <= degree <= 64 or radicand < 0:
        raise NotRationalError
    top = _integer_root(radicand.numerator, degree.numerator)
    return Fraction(top, _integer_root(radicand.denominator, degree.numerator))


def _integer_root(value: int, degree: int) -> int:
    if degree == 2:
        root = math.isqrt(value)
    elif value.bit_length() > 900:
        raise NotRationalError  # floats end here
    else:
        root = round(value ** (1 / degree))
    if root**degree != value:
        raise NotRationalError
    return root


def _binomial(upper: Fraction, lower: Fraction) -> Fraction:
    if upper.denominator != 1 or lower.denominator != 1 or upper < 0 or lower < 0:
        raise NotRationalError
    count = min(lower.numerator, abs(upper.numerator - lower.numerator))
    if count > 1000 or upper.numerator.bit_length() * count > 4 * MAX_BITS:
        raise LimitError("binomial is too large")
    return Fraction(math.comb(upper.numerator, lower.numerator))


def _of_many(name: str, args: list[Fraction]) -> Fraction:
    if name in ("max", "min"):
        return max(args) if name == "max" else min(args)
    if any(arg.denominator != 1 for arg in args):
        raise NotRationalError
    function = math.gcd if name == "gcd" else math.lcm
    return Fraction(function(*(arg.numerator for arg in args)))
