"""Several named values: ``x = 5, y = 2`` beside ``(5, 2)``, by their names and not by their places."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from verl_agentic.reward_fns.math.grammar.nodes import Bracketed, Collection, Matrix, Node, Relation, Symbol

Values = dict[str, Node]
Same = Callable[[Node, Node], bool]
_ORDERS = (("n", "k"), ("n", "r"), ("m", "b"), ("r", "theta"), ("r", "theta", "z"), ("rho", "theta", "phi"), ("h", "k"))
_MOST = 64
One = TypeVar("One")
Two = TypeVar("Two")


def assigned(node: Node) -> list[Values] | None:
    """Values by name, one dictionary for each solution; ``None`` where not every value has a name, or all the same."""
    items = node.items if isinstance(node, Collection) and not node.braced else (node,)
    found: list[Values] = []
    pattern: tuple[str, ...] = ()
    for item in items[:_MOST]:
        if isinstance(item, Bracketed) and len(item.items) == len(pattern):
            found.append(dict(zip(pattern, item.items, strict=True)))
            continue
        if not isinstance(item, Relation) or item.operators != ("=",):
            return None
        left, right = item.sides
        if isinstance(left, Symbol):
            if not found or left.name in found[-1]:
                found.append({})
            found[-1][left.name] = right
            continue
        names = [name.name for name in left.items if isinstance(name, Symbol)] if isinstance(left, Bracketed) else []
        if not isinstance(left, Bracketed) or len(set(names)) != len(left.items):
            return None
        pattern = tuple(names)
        tuples = right.items if isinstance(right, Collection) else (right,)
        for value in tuples:
            if not isinstance(value, Bracketed) or len(value.items) != len(pattern):
                return None
            found.append(dict(zip(pattern, value.items, strict=True)))
    keys = {frozenset(values) for values in found}
    return found if len(keys) == 1 and len(found[0]) > 1 and len(items) <= _MOST else None


def one_named(node: Node) -> bool:
    """Whether a list gives several values to one name, as ``x = 1, x = 2`` does, which is not ``x = 1, y = 2``."""
    items = node.items if isinstance(node, Collection) and not node.braced else ()
    told = [item.sides[0] for item in items if isinstance(item, Relation) and item.operators == ("=",)]
    return (
        1 < len(told) == len(items)
        and len({one.name for one in told if isinstance(one, Symbol)}) == 1
        and all(isinstance(one, Symbol) for one in told)
    )


def same_named(left: Sequence[Values], right: Sequence[Values], same: Same) -> bool:
    """Whether the solutions agree name by name, in whatever order they stand."""

    def agree(one: Values, two: Values) -> bool:
        return one.keys() == two.keys() and all(same(one[name], two[name]) for name in one)

    return _matched(left, right, agree)


def same_as_listed(named: Sequence[Values], bare: Node, same: Same, as_written: bool) -> bool | None:
    """Whether named values are those of tuples, or of a bare list; ``None`` where the other side is neither.

    Args:
        named: the solutions.
        bare: the other side.
        same: how values are compared.
        as_written: whether a bare list may also follow the order in which the names stand: they are the reference's.
    """
    if isinstance(bare, Matrix) and len(bare.rows[0]) == 1:
        bare = Bracketed("(", tuple(row[0] for row in bare.rows), ")")
    if isinstance(bare, Bracketed):
        bare = Collection((bare,), False)
    if not isinstance(bare, Collection) or not bare.items:
        return None
    names = _in_order(list(named[0]))
    if all(isinstance(item, Bracketed) for item in bare.items):

        def agree(one: Values, two: Node) -> bool:
            values = two.items if isinstance(two, Bracketed) else ()
            return len(values) == len(names) and all(
                same(one[name], value) for name, value in zip(names, values, strict=True)
            )

        return _matched(named, bare.items, agree)
    if len(named) > 1 or len(bare.items) != len(names):
        return False
    values = named[0]
    if bare.braced or len({re.sub(r"_.*", "", name) for name in names}) == 1:  # x_1 and x_2 are two of a kind
        return _matched(list(values.values()), bare.items, same)
    orders = [names, list(values)] if as_written else [names]
    return any(all(same(values[name], item) for name, item in zip(order, bare.items, strict=True)) for order in orders)


def _in_order(names: list[str]) -> list[str]:
    """The order in which a tuple lists them: a customary one, else that of the alphabet; longer names as they stand."""
    for order in _ORDERS:
        if set(order) == set(names):
            return list(order)
    if any(name.startswith("name:") for name in names):
        return names
    return sorted(names, key=lambda name: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)])


def _matched(left: Sequence[One], right: Sequence[Two], agree: Callable[[One, Two], bool]) -> bool:
    table = [[agree(one, two) for two in right] for one in left]
    return len(left) == len(right) and all(map(any, table)) and all(map(any, zip(*table, strict=True)))
