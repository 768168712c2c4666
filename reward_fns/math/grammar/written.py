"""Whether an answer is a value as it is written, or a calculation that nobody carried out."""

from __future__ import annotations

import re

from verl_agentic.reward_fns.math.grammar.nodes import (
    SCALARS,
    Applied,
    LimitError,
    Node,
    Number,
    Relation,
    symbols,
    walk,
)
from verl_agentic.reward_fns.math.values.exact import exact_value

_OPERATIONS = re.compile(
    r"\\(?:sum|prod|i*o?int|lim|det|bmod|pmod|mod|gcd|lcm|max|min)(?![a-zA-Z])|\\begin\{vmatrix"
    r"|(?<![a-zA-Z])(?:gcd|lcm|max|min|mod)\s*\("
)
_BOUNDS = re.compile(r"_\s*\{[^{}]*\}")
_CALLS = frozenset(("gcd", "lcm", "max", "min", "det"))
_MAX_NODES = 600


def numeral(node: Node) -> bool:
    """Whether a value is an integer, a decimal or a fraction of integers."""
    if isinstance(node, Relation):
        return node.operators[-1] == "=" and numeral(node.sides[-1])
    if isinstance(node, Applied) and node.name == "neg":
        return numeral(node.args[0])
    if isinstance(node, Applied) and node.name == "/":
        return all(isinstance(arg, Number) or (isinstance(arg, Applied) and arg.name == "neg") for arg in node.args)
    return isinstance(node, Number)


def names_operation(text: str) -> bool:
    """Whether what a text says last, behind all signs of equality, is to be carried out, whether it is read or not."""
    if not _OPERATIONS.search(text):
        return False
    return bool(_OPERATIONS.search(_BOUNDS.sub("", text).rpartition("=")[2]))


def to_calculate(node: Node) -> bool:
    """Whether an operation between numerals is left in it: a sum or difference, or a product of two plain numbers,
    ``gcd``, ``max`` and the like, the rounding of a quotient.

    Fractions, powers, roots, factorials, binomials, logarithms and a product with one of these are how values are
    written, as are products with pi or a root.
    """
    if isinstance(node, Relation):
        node = node.sides[-1]
    if not isinstance(node, SCALARS):
        return False
    for index, part in enumerate(walk(node)):
        if index > _MAX_NODES:
            return True
        if not isinstance(part, Applied):
            continue
        if part.name in _CALLS or (part.name in ("floor", "ceil") and _has_operation(part.args[0])):
            return True
        if part.name == "+" and sum(map(_rational, part.args)) > 1:
            return True
        if part.name == "*" and sum(map(_plain, part.args)) > 1:
            return True
    return False


def _plain(node: Node) -> bool:
    if isinstance(node, Applied) and node.name in ("neg", "+", "*", "/"):
        return all(map(_plain, node.args))
    return isinstance(node, Number)


def _rational(node: Node) -> bool:
    if isinstance(node, Number):
        return True
    if not isinstance(node, Applied) or symbols(node):
        return False
    try:
        exact_value(node, {})
    except (ArithmeticError, LimitError):
        return False
    return True


def _has_operation(node: Node) -> bool:
    return isinstance(node, Applied) and node.name != "neg" and _rational(node)
