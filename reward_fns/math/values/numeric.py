"""Values of expressions as complex numbers of high precision, under bounds on size, so that each takes bounded time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import mpmath
from mpmath.ctx_mp import MPContext

from verl_agentic.reward_fns.math.grammar.nodes import (
    Applied,
    Constant,
    LimitError,
    Node,
    Number,
    Symbol,
    UnreadableError,
    walk,
)
from verl_agentic.reward_fns.math.values.exact import NotRationalError, exact_value

MAX_DIGITS = 1200
MAX_LOG2 = 1e5
"""Largest binary logarithm of a value."""

# One context of our own, used under a lock: mpmath's precision belongs to the context, its caches to the process.
_context: Any = MPContext()
_lock = threading.Lock()
_FUNCTIONS = {
    "sin": "sin", "cos": "cos", "tan": "tan", "cot": "cot", "sec": "sec", "csc": "csc", "arcsin": "asin",
    "arccos": "acos", "arctan": "atan", "arccot": "acot", "arcsec": "asec", "arccsc": "acsc", "sinh": "sinh",
    "cosh": "cosh", "tanh": "tanh", "coth": "coth", "sech": "sech", "csch": "csch", "arcsinh": "asinh",
    "arccosh": "acosh", "arctanh": "atanh", "abs": "fabs",
}  # fmt: skip
# Powers of a tiny argument beyond the first in which functions of it are told apart.
_ORDERS = 3
_GROWING = frozenset(("sinh", "cosh", "tanh", "coth", "sech", "csch"))


class UndefinedError(ArithmeticError):
    """The expression has no value here: division by zero, logarithm of zero."""


class NotRealError(ArithmeticError):
    """A root, a logarithm or a broken power has no real value here."""


def digits_needed(node: Node, variables: Mapping[str, Fraction], *, real: bool = False) -> int:
    """Decimal digits at which no expression like this one agrees with another by chance or by design.

    Enough for its digits as written, and for its smallest term beside its largest. Functions of tiny arguments differ
    in the powers of these, the first few of which are within the digits, too.

    Raises:
        LimitError: more than ``MAX_DIGITS``, or a number in between is too large.
        UndefinedError, NotRealError, UnreadableError: see :func:`numeric_value`.
    """
    bits = 0
    for part in walk(node):
        if isinstance(part, Number):
            bits += part.value.numerator.bit_length() + part.value.denominator.bit_length()
        else:
            bits += 4
    _, lowest, highest = _evaluated(node, variables, 15, real)
    digits = 50 + int((bits + highest - lowest) * 0.302)
    if digits > MAX_DIGITS:
        raise LimitError("too many digits")
    return min(digits - int(_ORDERS * lowest * 0.302), MAX_DIGITS)


def numeric_value(node: Node, variables: Mapping[str, Fraction], digits: int, *, real: bool = False) -> Any:
    """Value of a scalar, an ``mpf`` where it is real and else an ``mpc``, to about ``digits`` decimal places.

    Args:
        node: the scalar.
        variables: the values of its variables.
        digits: how many to calculate with.
        real: whether it is a function of real numbers, which has a value only where all in it is real; odd roots of
            negative numbers, written as powers too, are.

    Raises:
        UndefinedError: it has none.
        NotRealError: it has none but complex ones.
        LimitError: a number in between is too large.
        UnreadableError: something in it has no numeric meaning.
    """
    return _evaluated(node, variables, digits, real)[0]


def _evaluated(node: Node, variables: Mapping[str, Fraction], digits: int, real: bool) -> tuple[Any, float, float]:
    """Value, and the binary logarithms of its smallest and its largest term, beside 1."""
    with _lock, _context.workdps(digits):
        evaluation = _Evaluation(variables, real)
        try:
            return +evaluation.value(node), evaluation.lowest, evaluation.highest
        except (ZeroDivisionError, ValueError) as error:
            if isinstance(error, (LimitError, UnreadableError)):
                raise
            raise UndefinedError(str(error)) from error


class _Evaluation:
    """One evaluation, and how far its terms reach from 1."""

    def __init__(self, variables: Mapping[str, Fraction], real: bool) -> None:
        self._variables = variables
        self._real = real
        self.lowest = self.highest = 0.0

    def value(self, node: Node) -> Any:
        if isinstance(node, Number):
            return self._seen(_fraction(node.value))
        if isinstance(node, Symbol):
            return _fraction(self._variables[node.name])
        if isinstance(node, Constant):
            return _constant(node.name)
        if not isinstance(node, Applied):
            raise UnreadableError("a structure is no number")
        if node.name in ("fact", "binom", "gcd", "lcm"):
            try:
                return self._seen(_fraction(exact_value(node, self._variables)))
            except NotRationalError:
                return self._seen(_of_no_integers(node.name, [self.value(arg) for arg in node.args]))
        args = [self.value(arg) for arg in node.args]
        value = _apply(node.name, args)
        if self._real and isinstance(value, _context.mpc):
            value = self._real_value(node, args)
        return self._seen(value)

    def _real_value(self, node: Applied, args: list[Any]) -> Any:
        """The real value of what has a complex principal one."""
        if node.name not in ("^", "root", "log"):
            raise UndefinedError(f"{node.name} of a number that it takes no real value at")
        try:
            exponent = exact_value(node.args[1], self._variables) if node.name == "^" else Fraction(0)
        except (NotRationalError, ZeroDivisionError, LimitError):
            exponent = Fraction(0)
        if exponent.denominator == 1 or exponent.denominator % 2 == 0:
            raise NotRealError(f"{node.name} of a negative number")
        magnitude = _power(-args[0], args[1])
        return -magnitude if exponent.numerator % 2 else magnitude

    def _seen(self, value: Any) -> Any:
        if _bounded(value):
            self.lowest = min(self.lowest, _log2(value))
            self.highest = max(self.highest, _log2(value))
        return value


def _constant(name: str) -> Any:
    if name == "i":
        return _context.mpc(0, 1)
    if name not in ("pi", "e"):
        raise UnreadableError(f"{name} is no number")
    return +getattr(_context, name)


def _fraction(value: Fraction) -> Any:
    return _context.mpf(value.numerator) / value.denominator


def _log2(value: Any) -> float:
    return float(_context.mag(value)) if value else float("-inf")


def _bounded(value: Any) -> Any:
    if not _context.isfinite(value):
        raise ZeroDivisionError
    if _log2(value) > MAX_LOG2:
        raise LimitError("a number is too large")
    if value and _log2(value) < -MAX_LOG2:
        raise LimitError("a number is too small")
    return value


def _apply(name: str, args: list[Any]) -> Any:
    first = args[0]
    if name == "+":
        return sum(args[1:], first)
    if name == "*":
        for arg in args[1:]:
            first = _bounded(first * arg)
        return first
    if name in _OPERATIONS:
        return _OPERATIONS[name](*args)
    if name in ("max", "min"):
        if any(isinstance(arg, _context.mpc) for arg in args):
            raise UnreadableError("complex numbers have no order")
        return max(args) if name == "max" else min(args)
    function = _FUNCTIONS.get(name)
    if function is None or len(args) != 1:
        raise UnreadableError(f"{name} is no function")
    # Arguments so large cost time in proportion, and no answer needs them.
    if _log2(first) > (17 if name in _GROWING else 256):
        raise LimitError(f"argument of {name} is too large")
    return getattr(_context, function)(first)


def _power(base: Any, exponent: Any) -> Any:
    if not base:
        if _context.re(exponent) > 0:
            return base
        raise ZeroDivisionError
    if abs(_log2(exponent)) < 1e4 and abs(float(_context.log(abs(base), 2)) * float(abs(exponent))) > MAX_LOG2:
        raise LimitError("a power is too large")
    if _log2(exponent) > 256:
        raise LimitError("an exponent is too large")
    return base**exponent


def _root(radicand: Any, degree: Any) -> Any:
    if not degree or not isinstance(degree, _context.mpf):
        raise UnreadableError("degree of a root")
    if radicand and isinstance(radicand, _context.mpf) and radicand < 0 and degree % 2 == 1:
        return -((-radicand) ** (1 / degree))  # the real root
    return _context.sqrt(radicand) if degree == 2 else _power(radicand, 1 / degree)


def _logarithm(value: Any, base: Any = None) -> Any:
    if not value:
        raise ZeroDivisionError
    return _context.log(value) if base is None else _context.log(value) / _context.log(base)


def _of_no_integers(name: str, args: list[Any]) -> Any:
    if name not in ("fact", "binom"):
        raise UnreadableError(f"{name} of no integers")
    if any(_log2(arg) > 11 for arg in args):
        raise LimitError(f"{name} of a number over 2000")
    return _context.gamma(args[0] + 1) if name == "fact" else _context.binomial(*args)


def _exponential(value: Any) -> Any:
    if _log2(value) > 17:
        raise LimitError("an exponent is too large")
    return _context.exp(value)


def _ratio(first: Any, *others: Any) -> Any:
    if len(others) != 1:
        raise UnreadableError("a ratio of several")
    return first / others[0]


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "/": lambda first, second: first / second,
    ":": _ratio,
    "neg": lambda value: -value,
    "^": _power,
    "root": _root,
    "log": _logarithm,
    "exp": _exponential,
    "deg": lambda value: value * _context.pi / 180,
    "base": lambda written, value: value,
    "floor": _context.floor,
    "ceil": _context.ceil,
}


def is_real(value: Any, digits: int) -> bool:
    """Whether the imaginary part is nothing but rounding."""
    if not isinstance(value, _context.mpc):
        return True
    with _lock, _context.workdps(digits):
        return bool(abs(value.imag) <= abs(value) * _context.mpf(10) ** (25 - digits))


def distance(left: Any, right: Any, digits: int) -> tuple[Any, Any]:
    """Absolute difference and larger magnitude of two values."""
    with _lock, _context.workdps(digits):
        return abs(left - right), max(abs(left), abs(right))


@contextlib.contextmanager
def working_with(digits: int) -> Iterator[None]:
    """Arithmetic on values within has so many digits; nothing else of this module may be called there."""
    with _lock, _context.workdps(digits):
        yield


def power_of_ten(exponent: int) -> Any:
    """``10 ** exponent``, to few digits."""
    return _context.mpf(f"1e{exponent}")


def _warm() -> None:
    """Fill mpmath's caches of constants beyond any precision used here: they are not updated atomically."""
    with mpmath.workdps(2 * MAX_DIGITS + 200):
        for constant in (mpmath.pi, mpmath.e, mpmath.ln2, mpmath.ln10):
            constant(prec=mpmath.mp.prec)


_warm()
