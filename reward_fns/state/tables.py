"""Rows of a table compared as bags, and what became of a table: changed as asked, not yet, or damaged."""

from __future__ import annotations

import json
import math
from collections import defaultdict, deque
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from verl_agentic.tool_envs.world.values import decoded

Row = Mapping[str, Any]

RELATIVE_TOLERANCE = 1e-9
"""Sums of floats depend on the order of their terms; this much never counts."""
ALL_TABLES = "*"


@dataclass(frozen=True, slots=True)
class RowComparison:
    """When two rows are equal: same columns, texts exactly, integers exactly, other numbers up to a tolerance.

    A text never equals a number, and ``NULL`` only itself; ``1`` equals ``1.0`` and ``true``, since databases keep
    them as one.

    Attributes:
        ignored: columns that do not count, by table name (``*``: in every table).
        tolerance: absolute difference up to which two numbers are equal, unless both are integers.
    """

    ignored: Mapping[str, frozenset[str]] = field(default_factory=dict)
    tolerance: float = 0.0

    def skipped(self, table: str) -> frozenset[str]:
        """Columns of a table that do not count."""
        return self.ignored.get(ALL_TABLES, frozenset()) | self.ignored.get(table, frozenset())

    def same(self, left: Any, right: Any) -> bool:
        """Whether two values, of a column or an argument, are equal; also within lists and objects."""
        if _is_number(left) and _is_number(right):
            try:
                return self._equal(left, right)
            except OverflowError:  # an integer beyond all floats
                return False
        if isinstance(left, list) and isinstance(right, list):
            return len(left) == len(right) and all(map(self.same, left, right))
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            return left.keys() == right.keys() and all(self.same(value, right[key]) for key, value in left.items())
        return bool(left == right)

    def same_stored(self, left: Any, right: Any) -> bool:
        """As :meth:`same` for what columns hold; JSON in texts is equal where its data is."""
        if left == right:
            return True
        if isinstance(left, str) and isinstance(right, str) and left[:1] == right[:1] and left[:1] in ("[", "{"):
            return self.same(decoded(left), decoded(right))
        return self.same(left, right)

    def unpaired(self, table: str, left: Sequence[Row], right: Sequence[Row]) -> tuple[list[Row], list[Row]]:
        """The rows of either side that are left over when equal rows are paired, one to one.

        Identical rows are paired first, then a largest matching of those equal up to the tolerance is taken.
        """
        skipped = self.skipped(table)
        lefts, rights = ([_columns(row, skipped) for row in rows] for rows in (left, right))
        waiting: defaultdict[Hashable, list[int]] = defaultdict(list)
        for index, row in enumerate(rights):
            waiting[_frozen(row)].append(index)
        open_left = [index for index, row in enumerate(lefts) if not _take(waiting, _frozen(row))]
        open_right = sorted(index for indices in waiting.values() for index in indices)
        paired = self._match(lefts, open_left, rights, open_right)
        taken = set(paired.values())
        return (
            [left[index] for index in open_left if index not in paired],
            [right[index] for index in open_right if index not in taken],
        )

    def _match(
        self, lefts: list[dict[str, Any]], open_left: list[int], rights: list[dict[str, Any]], open_right: list[int]
    ) -> dict[int, int]:
        """Largest matching of rows equal up to the tolerance, by augmenting paths; right index by left index."""
        # Integers are equal or not, so a column without any other number tells rows apart, as an id does.
        rows = [*(lefts[index] for index in open_left), *(rights[index] for index in open_right)]
        loose = {key for row in rows for key, value in row.items() if isinstance(value, float)}
        shapes: defaultdict[Hashable, list[int]] = defaultdict(list)
        for index in open_right:
            shapes[_shape(rights[index], loose)].append(index)
        near = {
            index: [
                other
                for other in shapes.get(_shape(lefts[index], loose), ())
                if self._close(lefts[index], rights[other])
            ]
            for index in open_left
        }
        owner: dict[int, int] = {}
        for start in open_left:
            came_from: dict[int, int] = {}
            queue = deque([start])
            end: int | None = None
            while queue and end is None:
                current = queue.popleft()
                for other in near[current]:
                    if other not in came_from:
                        came_from[other] = current
                        if other not in owner:
                            end = other
                            break
                        queue.append(owner[other])
            while end is not None:
                current = came_from[end]
                previous = next((other for other, holder in owner.items() if holder == current), None)
                owner[end] = current
                end = previous
        return {holder: other for other, holder in owner.items()}

    def _close(self, left: dict[str, Any], right: dict[str, Any]) -> bool:
        return all(not _is_number(value) or self._equal(value, right[key]) for key, value in left.items())

    def _equal(self, left: float, right: float) -> bool:
        if isinstance(left, int) and isinstance(right, int):
            return left == right
        return math.isclose(left, right, rel_tol=RELATIVE_TOLERANCE, abs_tol=self.tolerance)


@dataclass(frozen=True, slots=True)
class TableVerdict:
    """What became of one table.

    Attributes:
        goals: rows that had to appear, and rows that had to vanish without another in their place. Without initial
            rows the whole table is one goal.
        unmet: how many of them are not as they must be.
        difference: the first difference, for people; empty when the table is as expected.
        damage: a change that nobody asked for, for people; empty when there is none.
    """

    goals: int
    unmet: int
    difference: str = ""
    damage: str = ""


def judge_table(
    compare: RowComparison, table: str, initial: Sequence[Row] | None, expected: Sequence[Row], final: Sequence[Row]
) -> TableVerdict:
    """Compare a table's final rows with those expected and, where they are known, with the initial ones.

    Damage is a row that should have stayed and did not, or a new row beyond those that stand, however wrong, for rows
    that had to appear: who refunds the wrong order damages, who refunds the wrong amount only fails.
    """
    missing, extra = compare.unpaired(table, expected, final)
    difference = _difference(table, missing, extra)
    if initial is None:
        return TableVerdict(1, int(bool(difference)), difference)
    appear, vanish = compare.unpaired(table, expected, initial)
    deletions = max(0, len(vanish) - len(appear))
    goals = len(appear) + deletions
    if not difference:
        return TableVerdict(goals, 0)
    lost, _ = compare.unpaired(table, missing, appear)
    strange, _ = compare.unpaired(table, extra, vanish)
    not_written = len(missing) - len(lost)
    damage = ""
    if lost:
        damage = f"{table}: changed or removed {show_row(lost[0])}"
    elif len(strange) > not_written:
        damage = f"{table}: unexpected {show_row(strange[-1])}"
    left_over = len(extra) - len(strange)
    unmet = not_written + min(deletions, max(0, left_over - not_written))
    return TableVerdict(goals, min(goals, max(1, unmet)), difference, damage)


def _difference(table: str, missing: Sequence[Row], extra: Sequence[Row]) -> str:
    if extra:
        return f"{table}: unexpected {show_row(extra[0])}"
    return f"{table}: rows are missing, first {show_row(missing[0])}" if missing else ""


def show_row(row: Row) -> str:
    """A row for people."""
    return json.dumps(row, sort_keys=True, ensure_ascii=False, default=str)


def _columns(row: Row, skipped: frozenset[str]) -> dict[str, Any]:
    return {key: int(value) if isinstance(value, bool) else value for key, value in row.items() if key not in skipped}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _shape(row: dict[str, Any], loose: set[str]) -> Hashable:
    """The row with a mark in place of each number in a loose column: what rows equal up to a tolerance share."""
    return _frozen({key: (int,) if key in loose and _is_number(value) else value for key, value in row.items()})


def _frozen(value: Any) -> Hashable:
    if isinstance(value, Mapping):
        return "object", frozenset((key, _frozen(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return "list", tuple(_frozen(item) for item in value)
    return value  # type: ignore[no-any-return]


def _take(waiting: defaultdict[Hashable, list[int]], key: Hashable) -> bool:
    return bool(waiting.get(key)) and waiting[key].pop(0) >= 0
