"""Products whose order counts: of matrices, transposed or not, and cross products of vectors."""

from __future__ import annotations

import random
import re
from fractions import Fraction
from typing import TypeAlias

from verl_agentic.reward_fns.math.grammar.nodes import Applied, LimitError, Node, Number, Symbol, contains, walk
from verl_agentic.reward_fns.math.values.exact import exact_value

_SIZE = 3
_MAX_POWER = 12
_MAX_NODES = 400
_MATRICES = re.compile(r"(?:[ABCDMNPQSXY)](?:\s*\^\s*(?:\{\s*-?\d\s*\}|\d))?|[-+(\s\d])+")
_ADJACENT = re.compile(r"[A-Z][\^{}\d\s-]*[A-Z(]")
_BOLD = re.compile(r"(?:\\(?:mathbf|boldsymbol|bm))?\s*\{\s*([A-Z])\s*\}")
_ANGLE = re.compile(r"\\angle\s*([A-Z])\s*([A-Z])\s*([A-Z])(?![A-Z])")
_SUPERSET = re.compile(r"([A-Z])\s*\\supset\s*([A-Z])")
_EITHER_WAY = re.compile(
    r"(P\s*\(|^)\s*(\\vec\s*\{?\s*[a-z]\s*\}?|[A-Z]{1,2})\s*(\\(?:perp|parallel|cdot|cap|cup)(?![a-zA-Z]))\s*"
    r"(\\vec\s*\{?\s*[a-z]\s*\}?|[A-Z]{1,2})\s*(\)|$)"
)
Value: TypeAlias = "Fraction | list[list[Fraction]]"


class _UnfitError(Exception):
    """It has no value as an expression of matrices."""


def are_matrices(*texts: str) -> bool:
    """Whether letters are read as matrices: nothing but capitals that usually are, their powers, sums and products."""
    plain = [_BOLD.sub(r"\1", text) for text in texts]
    return all(map(_MATRICES.fullmatch, plain)) and any(map(_ADJACENT.search, plain))


def symmetric(text: str) -> str:
    """Texts that no calculation reads, with what may change places in an order of its own: angles, lines, events."""
    if not any(mark in text for mark in ("\\angle", "\\perp", "\\parallel", "\\cdot", "P(", "\\supset")):
        return text
    text = _ANGLE.sub(lambda found: f"\\angle {min(found[1], found[3])}{found[2]}{max(found[1], found[3])}", text)
    text = _SUPERSET.sub(r"\2\\subset \1", text)
    return _EITHER_WAY.sub(lambda found: "".join((found[1], *sorted((found[2], found[4])), found[3], found[5])), text)


def order_counts(*nodes: Node) -> bool:
    """Whether factors of a node do not commute for what is written: a transposed one, or a cross product."""
    return any(contains(node, "transpose", "cross") for node in nodes)


def same_ordered(answer: Node, reference: Node) -> bool:
    """Whether two expressions agree: capitals are matrices, small letters vectors if transposed, else numbers."""
    crossed = [contains(node, "cross") for node in (answer, reference)]
    answer, reference = (_without_cross(node, all(crossed)) for node in (answer, reference))
    parts = [part for node in (answer, reference) for part in walk(node)]
    if len(parts) > _MAX_NODES:
        return False
    vectors = {
        part.args[0].name
        for part in parts
        if isinstance(part, Applied) and part.name == "transpose" and isinstance(part.args[0], Symbol)
    }
    for seed in (1, 2):
        numbers = random.Random(seed)
        values: dict[str, Value] = {}
        for name in sorted({part.name for part in parts if isinstance(part, Symbol)}):
            columns = _SIZE if name[0].isupper() else 1
            if name[0].isupper() or name in vectors:
                values[name] = [[Fraction(numbers.randint(-9, 9)) for _ in range(columns)] for _ in range(_SIZE)]
            else:
                values[name] = Fraction(numbers.randint(2, 99), 7)
        try:
            if _value(answer, values) != _value(reference, values):
                return False
        except (_UnfitError, ArithmeticError, LimitError):
            return answer == reference
    return True


def _without_cross(node: Node, signed: bool) -> Node:
    """Cross products as products, which change their sign with the order of the factors if both sides have them."""
    if not isinstance(node, Applied):
        return node
    args = tuple(_without_cross(arg, signed) for arg in node.args)
    if node.name != "cross":
        return Applied(node.name, args)
    if not signed and all(isinstance(arg, Symbol) and arg.name.islower() for arg in args):
        return Applied("*", args)  # beside plain products it is one of numbers
    small = [Symbol(arg.name.lower() + ":") if isinstance(arg, Symbol) else arg for arg in args]
    if not signed:
        return Applied("*", tuple(small))
    return Applied("*", (*small, Applied("+", (small[0], Applied("neg", (small[1],))))))


def _value(node: Node, values: dict[str, Value]) -> Value:
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Symbol):
        return values[node.name]
    if not isinstance(node, Applied):
        raise _UnfitError
    args = [_value(arg, values) for arg in node.args]
    first = args[0]
    if node.name == "transpose":
        return [list(row) for row in zip(*first, strict=True)] if isinstance(first, list) else first
    if node.name == "neg":
        return _product(Fraction(-1), first)
    if node.name in ("+", "*"):
        for arg in args[1:]:
            first = _sum(first, arg) if node.name == "+" else _product(first, arg)
        return first
    if node.name == "^" and isinstance(first, list) and isinstance(args[1], Fraction):
        return _power(first, args[1])
    if node.name == "/" and isinstance(args[1], Fraction):
        return _product(first, 1 / args[1])
    if all(isinstance(arg, Fraction) for arg in args):
        return exact_value(Applied(node.name, tuple(Number(arg) for arg in args if isinstance(arg, Fraction))), {})
    raise _UnfitError


def _sum(left: Value, right: Value) -> Value:
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left + right
    if isinstance(left, Fraction) or isinstance(right, Fraction) or _shape(left) != _shape(right):
        raise _UnfitError
    return [[a + b for a, b in zip(one, two, strict=True)] for one, two in zip(left, right, strict=True)]


def _product(left: Value, right: Value) -> Value:
    if isinstance(left, Fraction):
        return left * right if isinstance(right, Fraction) else [[left * cell for cell in row] for row in right]
    if isinstance(right, Fraction):
        return _product(right, left)
    if _shape(left)[1] != _shape(right)[0]:
        raise _UnfitError
    columns = list(zip(*right, strict=True))
    found = [
        [sum((a * b for a, b in zip(row, column, strict=True)), Fraction(0)) for column in columns] for row in left
    ]
    return found[0][0] if _shape(found) == (1, 1) else found


def _power(base: list[list[Fraction]], exponent: Fraction) -> Value:
    if exponent.denominator != 1 or abs(exponent) > _MAX_POWER or not exponent or len(base) != len(base[0]):
        raise _UnfitError
    base = base if exponent > 0 else _inverse(base)
    found: Value = base
    for _ in range(abs(exponent.numerator) - 1):
        found = _product(found, base)
    return found


def _inverse(matrix: list[list[Fraction]]) -> list[list[Fraction]]:
    size = len(matrix)
    rows = [[*row, *(Fraction(index == column) for column in range(size))] for index, row in enumerate(matrix)]
    for column in range(size):
        pivot = next((index for index in range(column, size) if rows[index][column]), None)
        if pivot is None:
            raise _UnfitError
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [cell / rows[column][column] for cell in rows[column]]
        for index in range(size):
            if index != column:
                factor = rows[index][column]
                rows[index] = [cell - factor * lead for cell, lead in zip(rows[index], rows[column], strict=True)]
    return [row[size:] for row in rows]


def _shape(matrix: list[list[Fraction]]) -> tuple[int, int]:
    return len(matrix), len(matrix[0])
