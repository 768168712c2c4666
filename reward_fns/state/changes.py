"""What changed in a world against what should have: changes compared as a bag, whatever their order.

An expected change is ``{"table", "op", "key", "before", "after"}`` as the world itself tells it
(:meth:`verl_agentic.tool_envs.world.world.DatabaseWorld.state`), or less: ``key`` (columns of the row before) may stand
in place of ``before``, and ``after`` may name some columns. An update leaves the columns that it does not name as they
were; those that an insert does not name do not count. Columns that hold JSON are equal where the data is.

Ids that the world made are others where calls were made in another order. So two bags are equal, too, if they are once
such ids are renamed, one for one: values of ``:new_id``, and those that new rows hold in the columns of ``new_ids``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verl_agentic.core import BrokenTaskError, InfrastructureError
from verl_agentic.reward_fns.state.pairing import Bindings, Cell, MadeIds, Pairs, paired
from verl_agentic.reward_fns.state.tables import Row, RowComparison, TableVerdict, show_row

_OPS = ("insert", "update", "delete")


@dataclass(frozen=True, slots=True)
class RowChange:
    """One change of one row.

    Attributes:
        table: its table.
        op: ``insert``, ``update`` or ``delete``.
        before: columns of the row before; empty for an insert.
        after: columns of the row after; empty for a deletion.
        by_key: whether ``before`` only says which row it is.
    """

    table: str
    op: str
    before: Row
    after: Row
    by_key: bool = False

    def parts(self) -> list[RowChange]:
        """An update as a row that goes and one that comes, which is how it looks to others."""
        if self.op != "update" or self.by_key:
            return [self]
        gone = RowChange(self.table, "delete", self.before, {})
        return [gone, RowChange(self.table, "insert", {}, {**self.before, **self.after})]

    def told(self) -> dict[str, Any]:
        """The change without what it left alone, for people."""
        told: dict[str, Any] = {"op": self.op}
        if self.op != "insert":
            told["row"] = dict(self.before) if self.by_key or self.op == "delete" else dict([*self.before.items()][:1])
        if self.op != "delete":
            told["after"] = {
                column: value
                for column, value in self.after.items()
                if column not in self.before or self.before[column] != value
            }
        return told

    def __str__(self) -> str:
        told = self.told()
        after = show_row(told.get("after", {}))
        if self.op == "insert":
            return f"insert of {after}"
        return f"{self.op} of {show_row(told['row'])}" + (f" to {after}" if self.op == "update" else "")


@dataclass(frozen=True, slots=True)
class ChangesVerdict:
    """What became of the expected changes.

    Attributes:
        missing: expected ones that were not made.
        unexpected: ones that nobody expected.
        summary: the same as of one table, each change a goal.
    """

    missing: tuple[RowChange, ...]
    unexpected: tuple[RowChange, ...]
    summary: TableVerdict


def read_changes(value: Any) -> tuple[RowChange, ...]:
    """The ground truth's ``changes``.

    Raises:
        BrokenTaskError: naming the entry that is none.
    """
    if not isinstance(value, list):
        raise BrokenTaskError("ground_truth.changes must be a list")
    return tuple(_expected(one, f"ground_truth.changes[{position}]") for position, one in enumerate(value))


def made_changes(state: Mapping[str, Any]) -> list[RowChange]:
    """The changes of a final state.

    Raises:
        InfrastructureError: it tells none.
    """
    try:
        return [
            RowChange(one["table"], one["op"], dict(one["before"] or {}), dict(one["after"] or {}))
            for one in state["changes"]
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InfrastructureError("final state: it does not tell its 'changes'") from error


def judge_changes(
    compare: RowComparison,
    expected: Sequence[RowChange],
    made: Sequence[RowChange],
    ids: MadeIds,
    watched: frozenset[str] | None = None,
) -> ChangesVerdict:
    """Pair expected changes with those that were made.

    Damage is a change that stands for no expected one, however wrong: who refunds the wrong order damages, who refunds
    the wrong amount only fails.

    Args:
        compare: when two values are equal.
        expected: what should have changed.
        made: what did.
        ids: which values are ids that the world made.
        watched: tables without expected changes whose changes count; ``None`` for all.
    """
    missing, left = _unpaired(compare, expected, made, ids)
    tables = {one.table for one in expected}
    unexpected = [one for one in left if watched is None or one.table in watched or one.table in tables]
    wanting = list(missing)
    damage = wrong = ""
    for one in unexpected:
        meant = next((other for other in wanting if _is_attempt(compare, other, one)), None)
        if meant is None:
            damage = damage or f"{one.table}: unexpected {one}"
        else:
            wanting.remove(meant)
            wrong = wrong or _mistake(compare, meant, one)
    difference = wrong or (f"{missing[0].table}: missing {missing[0]}" if missing else damage)
    summary = TableVerdict(len(expected), len(missing), difference, damage)
    return ChangesVerdict(tuple(missing), tuple(unexpected), summary)


def _unpaired(
    compare: RowComparison, expected: Sequence[RowChange], made: Sequence[RowChange], ids: MadeIds
) -> tuple[list[RowChange], list[RowChange]]:
    """The changes of either side that are left over."""
    ids.note(_new_cells(expected), _new_cells(made))

    def fit(wanted: RowChange, found: RowChange) -> Pairs | None:
        if (wanted.table, wanted.op) != (found.table, found.op):
            return None
        skipped = compare.skipped(wanted.table)
        after = dict(wanted.after)
        if wanted.op == "update":
            after |= {column: value for column, value in found.before.items() if column not in after}
        pairs: Pairs = []
        for wanted_row, row in ((wanted.before, found.before), (after, found.after)):
            for column, value in wanted_row.items():
                if column not in skipped:
                    more = ids.pairs(compare, (wanted.table, column, value), row[column]) if column in row else None
                    if more is None:
                        return None
                    pairs += more
        return pairs

    bindings = Bindings()
    pairs = paired(expected, made, fit, bindings)
    missing = [one for place, one in enumerate(expected) if place not in pairs]
    left = [one for place, one in enumerate(made) if place not in set(pairs.values())]
    # One that deletes a row and adds another may be told as an update, and the other way round.
    wanted_parts = [(place, part) for place, one in enumerate(missing) for part in one.parts()]
    parts = [(place, part) for place, one in enumerate(left) for part in one.parts()]
    if not missing or len(wanted_parts) + len(parts) == len(missing) + len(left):
        return missing, left
    again = paired([part for _, part in wanted_parts], [part for _, part in parts], fit, bindings)
    lacking = {place for index, (place, _) in enumerate(wanted_parts) if index not in again}
    met = {other for index, other in again.items() if wanted_parts[index][0] not in lacking}
    beyond = {place for index, (place, _) in enumerate(parts) if index not in met}
    return [missing[place] for place in sorted(lacking)], [left[place] for place in sorted(beyond)]


def _new_cells(changes: Sequence[RowChange]) -> list[Cell]:
    return [(one.table, *cell) for one in changes if one.op == "insert" for cell in one.after.items()]


def _is_attempt(compare: RowComparison, wanted: RowChange, found: RowChange) -> bool:
    """Whether a change stands in the place of an expected one: a new row for another, or something else of its row."""
    if wanted.table != found.table or (wanted.op == "insert") != (found.op == "insert"):
        return False
    skipped = compare.skipped(wanted.table)
    return all(
        column in found.before and compare.same_stored(value, found.before[column])
        for column, value in wanted.before.items()
        if column not in skipped
    )


def _mistake(compare: RowComparison, wanted: RowChange, found: RowChange) -> str:
    """How an attempt differs from what was wanted."""
    if wanted.op != found.op:
        return f"{found.table}: {found} instead of {wanted}"
    skipped = compare.skipped(found.table)
    columns = [
        column
        for column, value in {**found.told().get("after", {}), **wanted.after}.items()
        if column not in skipped
        and not compare.same_stored(wanted.after.get(column, found.before.get(column)), found.after.get(column))
    ]
    wrong, right = (
        {column: row.get(column, found.before.get(column)) for column in columns} for row in (found.after, wanted.after)
    )
    row = f" of {show_row(found.told()['row'])}" if found.op == "update" else ""
    return f"{found.table}: {found.op}{row} with {show_row(wrong)} instead of {show_row(right)}"


def _expected(value: Any, where: str) -> RowChange:
    if not isinstance(value, dict) or not isinstance(value.get("table"), str) or value.get("op") not in _OPS:
        raise BrokenTaskError(f"{where} needs a 'table' and an 'op', one of {', '.join(_OPS)}")
    if unknown := next((key for key in value if key not in ("table", "op", "key", "before", "after")), None):
        raise BrokenTaskError(f"{where} has no {str(unknown)[:64]!r}")
    op = value["op"]
    rows = {key: value[key] for key in ("key", "before", "after") if value.get(key) is not None}
    if not all(isinstance(row, dict) and row for row in rows.values()):
        raise BrokenTaskError(f"{where}: 'key', 'before' and 'after' are objects of columns")
    if ("after" in rows) != (op != "delete"):
        raise BrokenTaskError(f"{where}: {'a delete has no' if op == 'delete' else f'an {op} needs'} 'after'")
    if bool(rows.keys() & {"key", "before"}) != (op != "insert"):
        raise BrokenTaskError(f"{where}: {'an insert has no' if op == 'insert' else f'{op} needs'} 'key' or 'before'")
    before = {**rows.get("before", {}), **rows.get("key", {})}
    return RowChange(value["table"], op, before, rows.get("after", {}), by_key="before" not in rows)
