"""When two results are the same: bags of rows, or a sequence of bags where the reference orders its rows."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from verl_agentic.core.checked import Within
from verl_agentic.databases import QueryResult

Row = tuple[Any, ...]

_DIGITS = 9
_MAX_PERMUTATIONS = 5040
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?)?(Z|\+00(?::?00)?)?")


@dataclass(frozen=True, slots=True)
class Match:
    """How results are compared.

    Attributes:
        column_order: ``strict``, or ``any`` for results that agree after moving columns.
        column_names: whether names of columns must agree, whatever their case.
        tolerance: relative difference up to which numbers are equal; sums depend on the order of rows.
        dates: whether ``2024-05-01T00:00:00`` is ``2024-05-01 00:00:00`` is ``2024-05-01``.
        compat: ``bird`` for BIRD's check, ``set(rows) == set(rows)``, which neither sees duplicates nor order.
    """

    column_order: Literal["strict", "any"] = "strict"
    column_names: bool = False
    tolerance: Annotated[float, Within(0, 0.1)] = 1e-9
    dates: bool = True
    compat: Literal["none", "bird"] = "none"


@dataclass(frozen=True, slots=True)
class Group:
    """Rows whose order among themselves is free.

    Attributes:
        rows: the rows that tie.
        taken: how many of them are in the result; fewer than all where a ``LIMIT`` cuts a tie, any of them then.
        plain: whether equal values are written equally already; see :func:`plain`.
    """

    rows: tuple[Row, ...]
    taken: int
    plain: bool = False


def same_result(expected: QueryResult, predicted: QueryResult, ordered: bool, match: Match | None = None) -> bool:
    """Whether two results hold the same rows, as lists when ``ordered``, else as bags."""
    if expected.truncated != predicted.truncated:
        return False
    rows = expected.rows
    groups = [Group((row,), 1) for row in rows] if ordered else [Group(tuple(rows), len(rows))]
    return difference(groups, expected.columns, predicted, match or Match()) is None


def difference(groups: Sequence[Group], columns: Sequence[str], predicted: QueryResult, match: Match) -> str | None:
    """In what a result differs from the expected groups of rows, ``None`` when in nothing."""
    if predicted.truncated:
        return "too many rows"
    rows = predicted.rows
    if match.compat == "bird":
        every = {row for group in groups for row in group.rows}
        return None if every == set(rows) else "rows differ"
    names: tuple[list[str], list[str]] = [], []
    if match.column_names:
        names = [name.lower() for name in columns], [name.lower() for name in predicted.columns]
        if (sorted(names[0]) if match.column_order == "any" else names[0]) != (
            sorted(names[1]) if match.column_order == "any" else names[1]
        ):
            return "names of columns differ"
    count = sum(group.taken for group in groups)
    if len(rows) != count:
        return f"{len(rows)} rows instead of {count}"
    if not count:
        return None if not columns or len(columns) == len(predicted.columns) else "number of columns differs"
    width = len(next(row for group in groups for row in group.rows))
    if len(rows[0]) != width:
        return f"{len(rows[0])} columns instead of {width}"
    left = plain(groups, match)
    right = [_plain(row, match) for row in rows]
    orders: Iterable[tuple[int, ...]] = [tuple(range(width))]
    if match.column_order == "any" and width > 1:
        orders = itertools.islice(_column_orders(left, right, width), _MAX_PERMUTATIONS)
    for order in orders:
        moved = right if order == tuple(range(width)) else [tuple(row[i] for i in order) for row in right]
        named = not match.column_names or [names[1][i] for i in order] == names[0]
        if named and _agree(left, moved, match.tolerance):
            return None
    rows_agree = len(groups) > 1 and _agree([Group(tuple(itertools.chain(*(g.rows for g in left))), count)], right, 0)
    return "order of rows differs" if rows_agree else "rows differ"


def plain(groups: Sequence[Group], match: Match) -> list[Group]:
    """Groups whose equal values are equal in Python, too."""
    return [
        group if group.plain else Group(tuple(_plain(row, match) for row in group.rows), group.taken, True)
        for group in groups
    ]


def _agree(groups: Sequence[Group], rows: Sequence[Row], tolerance: float) -> bool:
    start = 0
    for group in groups:
        if not _within(group, rows[start : start + group.taken], tolerance):
            return False
        start += group.taken
    return True


def _within(group: Group, rows: Sequence[Row], tolerance: float) -> bool:
    """Whether ``rows`` are so many of the group's rows, none more often than there."""
    if len(group.rows) == 1 and group.rows[0] == rows[0]:
        return True
    missing = Counter(rows) - Counter(group.rows)
    if not missing:
        return True
    if not tolerance or not any(isinstance(value, float) for row in group.rows + tuple(rows) for value in row):
        return False
    # Only what has no equal is compared number by number; each row may stand for one.
    spare = list((Counter(group.rows) - Counter(rows)).elements())
    for row in missing.elements():
        place = next((i for i, other in enumerate(spare) if _near(row, other, tolerance)), None)
        if place is None:
            return False
        del spare[place]
    return True


def _near(left: Row, right: Row, tolerance: float) -> bool:
    return all(
        a == b or (_is_number(a) and _is_number(b) and math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance * 1e-3))
        for a, b in zip(left, right, strict=True)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _column_orders(groups: Sequence[Group], rows: Sequence[Row], width: int) -> Iterator[tuple[int, ...]]:
    """Orders of the predicted columns that might fit, by the values that each column holds."""
    whole = all(group.taken == len(group.rows) for group in groups)
    every = [row for group in groups for row in group.rows]

    def signature(table: Sequence[Row], column: int) -> Counter[Any]:
        return Counter(_rounded(row[column]) for row in table)

    right = [signature(rows, i) for i in range(width)]
    choices = []
    for column in range(width):
        wanted = signature(every, column)
        choices.append([i for i in range(width) if right[i] == wanted or (not whole and right[i] <= wanted)])
    return _distinct(choices, ())


def _distinct(choices: list[list[int]], chosen: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    if len(chosen) == len(choices):
        yield chosen
        return
    for column in choices[len(chosen)]:
        if column not in chosen:
            yield from _distinct(choices, (*chosen, column))


def _rounded(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _plain(row: Row, match: Match) -> Row:
    """A row whose equal values are equal in Python, too."""
    return tuple(_plain_value(value, match) if isinstance(value, float | str) else value for value in row)


def _plain_value(value: float | str, match: Match) -> Any:
    if isinstance(value, float):
        if math.isnan(value):
            return ("nan",)
        return float(f"{value:.{_DIGITS}g}") if match.tolerance >= 0.5 * 10**-_DIGITS else value
    found = _DATE.fullmatch(value) if match.dates and len(value) >= 10 and value[4] == "-" else None
    if not found:
        return value
    day, minutes, seconds, fraction, _zone = found.groups()
    fraction = (fraction or "").rstrip("0")
    clock = f"{minutes or '00:00'}:{seconds or '00'}" + (f".{fraction}" if fraction else "")
    return day if clock == "00:00:00" else f"{day} {clock}"
