"""Expressions and structures of mathematical answers, as the parser builds them and the comparison reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias, Union


class UnreadableError(ValueError):
    """Text that is no expression of the grammar."""


class LimitError(ValueError):
    """An expression beyond the bounds on size, nesting or magnitude."""


@dataclass(frozen=True, slots=True)
class Number:
    """A rational number as written."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Symbol:
    """A variable, with its subscript (``x``, ``a_1``), or a word of a set (``A``)."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """``pi``, ``e``, ``i``, ``inf``, or a set: ``R``, ``Z``, ``Q``, ``N``, ``C``."""

    name: str


@dataclass(frozen=True, slots=True)
class Applied:
    """An operation or function: ``+``, ``*``, ``/``, ``^``, ``neg``, ``pm``, ``mp``, ``sqrt``, ``sin``, ..."""

    name: str
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Bracketed:
    """Several items in ``(`` or ``[`` and ``)`` or ``]``: a tuple, a vector, a list or an interval."""

    left: str
    items: tuple[Node, ...]
    right: str


@dataclass(frozen=True, slots=True)
class Collection:
    """``{a, b}`` where ``braced``, else a bare list ``a, b`` whose order counts only against a tuple.

    ``joiner`` is ``or`` unless every separator was ``and``.
    """

    items: tuple[Node, ...]
    braced: bool
    joiner: str = "or"


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of equal length."""

    rows: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """A chain such as ``1 < x <= 3``: one more side than operators of ``= < > <= >= != in``."""

    sides: tuple[Node, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetOperation:
    """``cup``, ``cap`` or ``setminus`` of sets."""

    name: str
    parts: tuple[Node, ...]


Node: TypeAlias = Union[Number, Symbol, Constant, Applied, Bracketed, Collection, Matrix, Relation, SetOperation]  # noqa: UP007 - of names that come later

SCALARS = (Number, Symbol, Constant, Applied)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below one."""
    if isinstance(node, Applied):
        return node.args
    if isinstance(node, (Bracketed, Collection)):
        return node.items
    if isinstance(node, Matrix):
        return tuple(cell for row in node.rows for cell in row)
    if isinstance(node, Relation):
        return node.sides
    return node.parts if isinstance(node, SetOperation) else ()


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(children(top))


def symbols(*nodes: Node) -> list[str]:
    """Names of the variables in nodes, sorted."""
    return sorted({part.name for node in nodes for part in walk(node) if isinstance(part, Symbol)})


def contains(node: Node, *names: str) -> bool:
    """Whether a node contains one of some operations or constants."""
    return any(isinstance(part, (Applied, Constant)) and part.name in names for part in walk(node))


def substituted(node: Node, old: Node, new: Node) -> Node:
    """A scalar node with every ``old`` become ``new``."""
    if node == old:
        return new
    if not isinstance(node, Applied):
        return node
    return Applied(node.name, tuple(substituted(arg, old, new) for arg in node.args))


def renamed(node: Node, names: Mapping[str, str]) -> Node:
    """A scalar or a relation of scalars with variables called otherwise, all at once."""
    if isinstance(node, Symbol):
        return Symbol(names.get(node.name, node.name))
    if isinstance(node, Relation):
        return Relation(tuple(renamed(side, names) for side in node.sides), node.operators)
    return Applied(node.name, tuple(renamed(arg, names) for arg in node.args)) if isinstance(node, Applied) else node


def replaced(node: Node, name: str, other: str) -> Node:
    """A scalar node with calls of ``name`` become ``other``."""
    if not isinstance(node, Applied):
        return node
    args = tuple(replaced(arg, name, other) for arg in node.args)
    return Applied(other if node.name == name else node.name, args)
