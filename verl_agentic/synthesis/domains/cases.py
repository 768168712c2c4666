"""A case that comes to a given leaf: the records that it is about, and what the user knows of them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from verl_agentic.core import BrokenTaskError
from verl_agentic.domains import Edition
from verl_agentic.domains.columns import Record, TotalColumn
from verl_agentic.domains.expressions import Expression, ExpressionError
from verl_agentic.domains.workflows import CaseRow, DomainFact, EndStep, Workflow
from verl_agentic.synthesis.domains.walk import DeskWalk, WrongTurnError, walk_workflow
from verl_agentic.synthesis.domains.world import open_world

UNCHANGED_TRIES = 8
"""Records of the world as it is that are tried before some are drawn anew."""
TRIES = 400

Patch = list[dict[str, Any]]


@dataclass(slots=True)
class DeskCase:
    """One case.

    Attributes:
        rows: records that it is about, by their names in the workflow.
        facts: what the user knows, as the tools have it.
        words: the same as the user puts it.
        patch: how the records differ from those of the edition (``env_args.patch`` of a world).
        tries: how many cases were tried before.
    """

    rows: dict[str, Record]
    facts: dict[str, Any]
    words: dict[str, str]
    patch: Patch = field(default_factory=list)
    tries: int = 0


def find_case(
    workflow: Workflow,
    edition: Edition,
    leaf: str,
    rng: random.Random,
    *,
    fixed: Mapping[str, Record] | None = None,
    base: Sequence[dict[str, Any]] = (),
    tries: int = TRIES,
) -> tuple[DeskCase, DeskWalk]:
    """A case that comes to ``leaf``, and the walk that it takes.

    Args:
        workflow: the workflow.
        edition: whose records it is about.
        leaf: name of the leaf.
        rng: chooses among the cases.
        fixed: rows that are given, by name, such as the customer of another request.
        base: how the records differ from those of the edition already; these are not drawn anew.
        tries: how many cases are tried at most.

    Raises:
        BrokenTaskError: none was found, naming the leaf's file and line.
    """
    end = workflow.leaves().get(leaf)
    if end is None:
        raise BrokenTaskError(f"workflow {workflow.name!r} has no leaf {leaf!r}")
    finder = _Finder(workflow, edition, end, rng, dict(fixed or {}), list(base))
    for attempt in range(tries):
        case = finder.draw(anew=attempt >= UNCHANGED_TRIES)
        if case is None:
            continue
        case.tries = attempt
        world = open_world(edition, case.patch)
        try:
            walk = walk_workflow(workflow, edition, world, case.facts, wanted=leaf)
        except WrongTurnError:
            continue
        finally:
            world.close()
        if walk.end is end:
            return case, walk
    raise BrokenTaskError(
        f"{end.part.file}:{end.part.line}: none of {tries} cases comes to the leaf {leaf!r} in edition "
        f"{edition.number}; "
        f"can its conditions hold together? 'given' says what its rows hold"
    )


class _Finder:
    def __init__(
        self,
        workflow: Workflow,
        edition: Edition,
        end: EndStep,
        rng: random.Random,
        fixed: dict[str, Record],
        base: Patch,
    ) -> None:
        self.workflow, self.edition, self.end, self.rng, self.fixed = workflow, edition, end, rng, fixed
        self.base = base
        self.taken = {(one["table"], next(iter(one["where"].values()))) for one in base}
        others = {row.name: row for row in end.case}
        self.case = [others.pop(row.name, row) for row in workflow.case]
        self.case += others.values()
        self.pins: dict[str, Record] = {}
        for key, value in end.given.items():
            name, _, column = key.partition(".")
            self.pins.setdefault(name, {})[column] = value

    def draw(self, anew: bool) -> DeskCase | None:
        """A case, or ``None`` where some row has no partner."""
        rows: dict[str, Record] = {}
        patch: Patch = []
        for entry in self.case:
            row = self._row(entry, rows)
            given = self.fixed.get(entry.name)
            key = self.edition.domain.tables[entry.table].key
            if row is None or (given is not None and entry.key is not None and row[key] != given[key]):
                return None
            if given is not None:
                row = given
            elif (entry.table, row[key]) in self.taken:
                return None
            elif anew:
                row = self._again(entry, row, patch)
            rows[entry.name] = row
        if patch:
            self._add_totals(rows, patch)
        facts, words = {}, {}
        for fact in self.workflow.facts.values():
            facts[fact.name], words[fact.name] = self._fact(fact, rows)
        return DeskCase(rows, facts, words, [*self.base, *patch])

    def _row(self, entry: CaseRow, rows: Mapping[str, Record]) -> Record | None:
        table = self.edition.domain.tables[entry.table]
        records = self.edition.rows[entry.table]
        if entry.key is not None:
            key = self._value(entry, entry.key, rows)
            return next((row for row in records if row[table.key] == key), None)
        if entry.where is None:
            return self.rng.choice(records)
        fitting = [row for row in records if self._value(entry, entry.where, {**rows, "it": row})]
        return self.rng.choice(fitting) if fitting else None

    def _again(self, entry: CaseRow, row: Record, patch: Patch) -> Record:
        table = self.edition.domain.tables[entry.table]
        changed = self.edition.draw(self.rng).again(table.name, row, self.edition.rows, self.pins.get(entry.name, {}))
        difference = {key: value for key, value in changed.items() if row[key] != value}
        if difference:
            where = {table.key: row[table.key]}
            patch.append({"table": table.name, "op": "update", "where": where, "set": difference})
        return changed

    def _add_totals(self, rows: dict[str, Record], patch: Patch) -> None:
        """Bring sums up to date that hang on rows drawn anew."""
        domain = self.edition.domain
        changed = {(one["table"], next(iter(one["where"].values()))): one["set"] for one in patch}
        for table in domain.tables.values():
            for column in table.columns:
                if not isinstance(column.generator, TotalColumn):
                    continue
                other = domain.tables[column.generator.table]
                reference = next(name for name, target in other.references.items() if target == table.name)
                for name, row in rows.items():
                    if not any(entry.name == name and entry.table == table.name for entry in self.case):
                        continue
                    parts = [one for one in self.edition.rows[other.name] if one[reference] == row[table.key]]
                    parts = [{**one, **changed.get((other.name, one[other.key]), {})} for one in parts]
                    total = round(sum(float(column.generator.expression.value(one)) for one in parts), 2)
                    if row[column.name] != total:
                        rows[name] = {**row, column.name: total}
                        where = {table.key: row[table.key]}
                        patch.append({"table": table.name, "op": "update", "where": where, "set": {column.name: total}})

    def _fact(self, fact: DomainFact, rows: Mapping[str, Record]) -> tuple[Any, str]:
        if fact.value is None:
            choice = self.rng.choice(list(fact.choices))
            return choice, self.rng.choice(fact.choices[choice])
        value = self._value(fact, fact.value, rows)
        return value, shown(value)

    def _value(self, at: CaseRow | DomainFact, expression: Expression, rows: Mapping[str, Any]) -> Any:
        try:
            return expression.value({**self.edition.scope, **rows})
        except ExpressionError as error:
            at.part.wrong(str(error))


def shown(value: Any) -> str:
    """A value as people write it: amounts with two decimals, if they have any."""
    if isinstance(value, float):
        return f"{value:.2f}".removesuffix(".00")
    return str(value)
