"""Whether two answers mean the same: scalars, sets, tuples, intervals, matrices, equations and inequalities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from verl_agentic.reward_fns.math.grammar.nodes import (
    SCALARS,
    Applied,
    Bracketed,
    Collection,
    Constant,
    LimitError,
    Matrix,
    Node,
    Relation,
    SetOperation,
    Symbol,
    contains,
    replaced,
    symbols,
)
from verl_agentic.reward_fns.math.values.assignments import assigned, one_named, same_as_listed, same_named
from verl_agentic.reward_fns.math.values.noncommuting import order_counts, same_ordered
from verl_agentic.reward_fns.math.values.real_sets import real_set, same_real_set
from verl_agentic.reward_fns.math.values.relations import same_relation
from verl_agentic.reward_fns.math.values.scalars import EXACT, InconclusiveError, Tolerance, infinite, same_scalar

MAX_ITEMS = 64
MAX_COMPARISONS = 5000


@dataclass(frozen=True, slots=True)
class Comparison:
    """Compares nodes within a tolerance.

    Attributes:
        tolerance: how far a number may be off.
        ordered: whether factors of either side may be such that their order counts.
    """

    tolerance: Tolerance = EXACT
    ordered: bool = True
    _budget: Iterator[int] = field(default_factory=lambda: iter(range(MAX_COMPARISONS)), compare=False)

    def same(self, answer: Node, reference: Node) -> bool:
        """Whether an answer means what the reference means.

        Raises:
            LimitError: the answer is beyond the bounds on magnitude, digits or items, the reference is not.
            InconclusiveError: this cannot be told here.
        """
        if answer == reference:
            return True
        if next(self._budget, None) is None:
            raise LimitError("too many items to compare")
        if (one_named(answer) and assigned(reference)) or (one_named(reference) and assigned(answer)):
            return False
        answer, reference = expanded(answer), expanded(reference)
        by_name = self._by_name(answer, reference)
        if by_name is not None:
            return by_name
        if isinstance(answer, Relation) and isinstance(reference, Relation):
            return self._relations(answer, reference)
        answer, reference = value_of(answer, reference), value_of(reference, answer)
        if isinstance(answer, SCALARS) and isinstance(reference, SCALARS):
            return self._scalars(answer, reference)
        if isinstance(answer, Matrix) or isinstance(reference, Matrix):
            return self._matrices(answer, reference)
        as_sets = self._as_sets(answer, reference)
        if as_sets is not None:
            return as_sets
        if isinstance(answer, Bracketed) and isinstance(reference, Bracketed):
            return (_ends(answer) == _ends(reference) or len(answer.items) > 2) and self._in_order(
                answer.items, reference.items
            )
        if isinstance(answer, Relation) or isinstance(reference, Relation):
            return self._relation_and_value(answer, reference)
        return self._items(answer, reference)

    def _by_name(self, answer: Node, reference: Node) -> bool | None:
        """The verdict where a side names several values; ``None`` where neither does, or the other is no list."""
        if not isinstance(answer, (Relation, Collection)) and not isinstance(reference, (Relation, Collection)):
            return None
        theirs, ours = assigned(answer), assigned(reference)
        if theirs and ours:
            return same_named(theirs, ours, self._same_item)
        if ours:
            return same_as_listed(ours, answer, lambda one, two: self._same_item(two, one), as_written=True)
        return same_as_listed(theirs, reference, self._same_item, as_written=False) if theirs else None

    def _scalars(self, answer: Node, reference: Node) -> bool:
        if self.ordered and order_counts(answer, reference):
            return same_ordered(answer, reference)
        ratios = [node for node in (answer, reference) if isinstance(node, Applied) and node.name == ":"]
        if any(len(node.args) > 2 for node in ratios):
            left, right = ratios[0].args, ratios[-1].args
            return (
                len(ratios) == 2
                and len(left) == len(right)
                and all(
                    same_scalar(Applied("*", (one, right[0])), Applied("*", (two, left[0])), self.tolerance)
                    for one, two in zip(left, right, strict=True)
                )
            )
        if same_scalar(_without_base(answer), _without_base(reference), self.tolerance):
            return True
        if isinstance(reference, Applied) and reference.name == "base" and answer == _without_base(answer):
            return same_scalar(answer, reference.args[0], self.tolerance)  # the base goes without saying
        return False

    def _matrices(self, answer: Node, reference: Node) -> bool:
        left, right = rows_of(answer), rows_of(reference)
        if left is None or right is None:
            return False
        return len(left) == len(right) and all(map(self._in_order, left, right))

    def _as_sets(self, answer: Node, reference: Node) -> bool | None:
        """The verdict where one side is a set of reals that only looks different; ``None`` where neither is."""
        kinds = (SetOperation, Relation)
        if not any(
            isinstance(node, kinds) or _relations_inside(node) or node == Constant("R") for node in (answer, reference)
        ):
            return None
        left, right = real_set(answer), real_set(reference)
        if left is None or right is None:
            return None
        names = {name for _, name in (left, right) if name}
        return len(names) < 2 and same_real_set(left[0], right[0])

    def _relations(self, answer: Relation, reference: Relation) -> bool:
        if _solved(reference) and not (_solved(answer) or _distance(answer)):
            return False  # x - 5 = 0 says what x = 5 says, and is not the answer
        left, right = real_set(answer), real_set(reference)
        if left is not None and right is not None and (self.tolerance == EXACT or answer.operators != ("=",)):
            return left[1] == right[1] and same_real_set(left[0], right[0])
        same_name = is_assignment(answer) and is_assignment(reference) and answer.sides[0] == reference.sides[0]
        if same_name and self.same(answer.sides[-1], reference.sides[-1]):
            return True
        if self.ordered and order_counts(*answer.sides, *reference.sides):
            return answer.operators == reference.operators and self._in_order(answer.sides, reference.sides)
        if all(isinstance(side, SCALARS) for side in (*answer.sides, *reference.sides)):
            return same_relation(answer, reference)
        if answer.operators == reference.operators and len(answer.sides) == len(reference.sides):
            return self._in_order(answer.sides, reference.sides)
        return False

    def _relation_and_value(self, answer: Node, reference: Node) -> bool:
        relation, value = (answer, reference) if isinstance(answer, Relation) else (reference, answer)
        if isinstance(relation, Relation) and set(relation.operators) == {"="}:  # 2 + 3 = 5, and not 2 + 3 = 6
            return all(self.same(side, value) for side in relation.sides)
        return False

    def _items(self, answer: Node, reference: Node) -> bool:
        left, right = items_of(answer), items_of(reference)
        if left is None or right is None:
            return False
        if (isinstance(answer, SCALARS) or isinstance(reference, SCALARS)) and not _flat((*left, *right)):
            return False  # {5} is as good as 5, {{5}} is not
        if any(isinstance(node, Bracketed) for node in (answer, reference)):
            if any(isinstance(node, Collection) and node.braced for node in (answer, reference)):
                return False
            return self._in_order(left, right)
        return self._in_any_order(left, right)

    def _in_order(self, answer: Sequence[Node], reference: Sequence[Node]) -> bool:
        return len(answer) == len(reference) and all(map(self._same_item, answer, reference))

    def _same_item(self, answer: Node, reference: Node) -> bool:
        """As :meth:`same`, for parts: ``{1}`` is as good an answer as 1, but no part of ``{1, 2}``."""
        sets = [isinstance(node, Collection) and node.braced for node in (answer, reference)]
        scalar = isinstance(answer, SCALARS) or isinstance(reference, SCALARS)
        return not (any(sets) and scalar) and self.same(answer, reference)

    def _in_any_order(self, answer: Sequence[Node], reference: Sequence[Node]) -> bool:
        """Whether each item of either side is one of the other's; repetitions do not count."""
        if max(len(answer), len(reference)) > MAX_ITEMS:
            raise InconclusiveError(f"more than {MAX_ITEMS} items")
        matches = [[self._same_item(one, two) for two in reference] for one in answer]
        return all(map(any, matches)) and all(map(any, zip(*matches, strict=True))) and bool(answer) == bool(reference)


def expanded(node: Node) -> Node:
    """The node with ``a ± b`` as two values, and ``x = 1 or x = 2`` as the values of ``x``."""
    if isinstance(node, SCALARS) and contains(node, "pm", "mp"):
        return Collection((_with_sign(node, "+"), _with_sign(node, "-")), False)
    if isinstance(node, Bracketed) and contains(node, "pm", "mp") and all(isinstance(x, SCALARS) for x in node.items):
        both = (tuple(_with_sign(item, sign) for item in node.items) for sign in "+-")
        return Collection(tuple(Bracketed(node.left, items, node.right) for items in both), False)
    if isinstance(node, Relation) and node.operators == ("=",):
        right = expanded(node.sides[1])
        return Relation((node.sides[0], right), ("=",)) if right is not node.sides[1] else node
    if isinstance(node, Collection) and node.items:
        items: list[Node] = []
        for item in node.items:
            one = expanded(item)
            values = one.sides[1] if isinstance(one, Relation) and is_assignment(one) else one
            if isinstance(values, Collection) and not values.braced and len(values.items) <= MAX_ITEMS:
                items += (Relation((one.sides[0], v), ("=",)) if isinstance(one, Relation) else v for v in values.items)
            else:
                items.append(one)
        values_of = [item for item in items if isinstance(item, Relation) and is_assignment(item)]
        if len(values_of) == len(items) and len({item.sides[0] for item in values_of}) == 1 and node.joiner == "or":
            return Collection(tuple(item.sides[-1] for item in values_of), False)
        return Collection(tuple(items), node.braced, node.joiner)
    return node


def _with_sign(node: Node, sign: str) -> Node:
    """The node with that sign for every ``±``, and the other one for every ``∓``."""
    other = "-" if sign == "+" else "+"
    return _binary_minus(replaced(replaced(node, "pm", sign), "mp", other))


def _binary_minus(node: Node) -> Node:
    """``replaced`` leaves ``Applied("-", (a, b))``, which no evaluator knows."""
    if not isinstance(node, Applied):
        return node
    args = tuple(_binary_minus(arg) for arg in node.args)
    return Applied("+", (args[0], Applied("neg", (args[1],)))) if node.name == "-" else Applied(node.name, args)


def is_assignment(node: Relation) -> bool:
    """Whether it names a value: ``x = 5``, ``(x, y) = (1, 2)``, ``x in {1, 2}``, ``x = a = 5``."""
    left = node.sides[0]
    named = isinstance(left, Symbol) or (
        isinstance(left, Bracketed) and all(isinstance(item, Symbol) for item in left.items)
    )
    return named and set(node.operators) <= {"=", "in"} and node.operators.count("in") <= 1 and len(node.sides) <= 4


def value_of(node: Node, other: Node) -> Node:
    """What an assignment assigns, where the other side is no relation; chains must hold."""
    if not isinstance(node, Relation) or not is_assignment(node):
        return node
    values = [side for side in node.sides[1:-1] if not symbols(side)] + [node.sides[-1]]  # A = bh = 12
    comparison = Comparison()
    if any(not comparison.same(value, values[-1]) for value in values[:-1]):
        return node
    return expanded(values[-1])


def items_of(node: Node) -> tuple[Node, ...] | None:
    """Items of a collection or tuple; a scalar is a collection of itself."""
    if isinstance(node, (Collection, Bracketed)):
        return node.items
    return (node,) if isinstance(node, SCALARS) else None


def rows_of(node: Node) -> tuple[tuple[Node, ...], ...] | None:
    """Rows of a matrix; of nested lists; of a vector, written as a tuple, as a column."""
    if isinstance(node, Matrix):
        return node.rows if len(node.rows) > 1 else tuple((cell,) for cell in node.rows[0])
    if isinstance(node, Bracketed):
        inner = [item.items for item in node.items if isinstance(item, Bracketed)]
        if len(inner) == len(node.items):
            return tuple(inner) if len(inner) > 1 else tuple((cell,) for cell in inner[0])
        return tuple((item,) for item in node.items)
    return ((node,),) if isinstance(node, SCALARS) else None


def _flat(items: Sequence[Node]) -> bool:
    return all(isinstance(item, SCALARS) for item in items)


def _relations_inside(node: Node) -> bool:
    return isinstance(node, Collection) and bool(node.items) and all(isinstance(item, Relation) for item in node.items)


def _without_base(node: Node) -> Node:
    return node.args[1] if isinstance(node, Applied) and node.name == "base" else node


def _ends(node: Bracketed) -> tuple[str, str]:
    """Its brackets; those at an infinite end are round, however they are written."""
    left = "(" if infinite(node.items[0]) else node.left
    return left, ")" if infinite(node.items[-1]) else node.right


def _solved(node: Relation) -> bool:
    """Whether it is a variable and the numbers it equals."""
    first, last = node.sides[0], node.sides[-1]
    if set(node.operators) != {"="} or isinstance(first, Symbol) == isinstance(last, Symbol):
        return False
    return not symbols(last if isinstance(first, Symbol) else first)


def _distance(node: Relation) -> bool:
    """Whether it gives the absolute value of a variable: ``|x| = 3`` for ``x = ±3``."""
    left = node.sides[0]
    return (
        node.operators == ("=",)
        and isinstance(left, Applied)
        and left.name == "abs"
        and isinstance(left.args[0], Symbol)
    )
