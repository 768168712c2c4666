"""The order of constant real expressions."""

from __future__ import annotations

from verl_agentic.reward_fns.math.grammar.nodes import Node, UnreadableError
from verl_agentic.reward_fns.math.values.exact import NotRationalError, exact_value
from verl_agentic.reward_fns.math.values.numeric import UndefinedError, is_real, numeric_value
from verl_agentic.reward_fns.math.values.scalars import InconclusiveError, infinite, same_scalar

_DIGITS = 60


def compare(left: Node, right: Node) -> int:
    """-1, 0 or 1 as ``left`` is less than, equal to or greater than ``right``; either may be infinite.

    Raises:
        InconclusiveError: one of them is no real number.
        LimitError: one is beyond the bounds on magnitude.
    """
    if infinite(left) or infinite(right):
        return (infinite(left) > infinite(right)) - (infinite(left) < infinite(right))
    if left == right:
        return 0
    try:
        one, two = exact_value(left, {}), exact_value(right, {})
        return (one > two) - (one < two)
    except NotRationalError:
        pass
    except ZeroDivisionError as error:
        raise InconclusiveError("a bound is undefined") from error
    try:
        first, second = numeric_value(left, {}, _DIGITS), numeric_value(right, {}, _DIGITS)
    except (UndefinedError, UnreadableError) as error:
        raise InconclusiveError("a bound is undefined") from error
    if not is_real(first, _DIGITS) or not is_real(second, _DIGITS):
        raise InconclusiveError("a bound is not real")
    if same_scalar(left, right):
        return 0
    return 1 if first.real > second.real else -1
