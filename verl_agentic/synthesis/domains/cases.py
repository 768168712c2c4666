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
TRIES = 600
_AIMED_SHARE = 0.8
_DRAWS = 12
STEPS = 24
"""Cases that each differ from the one before in one thing, until the search begins anew."""

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
    best: tuple[WrongTurnError, DeskCase] | None = None
    problem: BrokenTaskError | None = None
    furthest: WrongTurnError | None = None
    for attempt in range(tries):
        if attempt < UNCHANGED_TRIES or attempt % STEPS == 0:
            best = None
        case = finder.begin(anew=attempt >= UNCHANGED_TRIES) if best is None else finder.vary(*best)
        if case is None:
            continue
        case.tries = attempt
        world = open_world(edition, case.patch)
        try:
            walk = walk_workflow(workflow, edition, world, case.facts, wanted=leaf)
        except WrongTurnError as error:
            if furthest is None or error.turns > furthest.turns:
                furthest = error
            # Whoever takes as many right turns is as good a case to go on from.
            if best is None or error.turns >= best[0].turns:
                best = error, case
            continue
        except BrokenTaskError as error:
            # A tool refuses, or something is not there: this case is none, and others may be.
            problem, best = error, None
            continue
        finally:
            world.close()
        if walk.end is end:
            return case, walk
    raise BrokenTaskError(
        f"{end.part.file}:{end.part.line}: none of {tries} cases comes to the leaf {leaf!r} in edition "
        f"{edition.number}; can its conditions hold together? 'given' says what its rows hold"
        + (_decided_by(furthest, edition) if furthest else "")
        + (f"; at last: {problem}" if problem else "")
    )


def _decided_by(turn: WrongTurnError, edition: Edition) -> str:
    rule = edition.domain.policy.rules[turn.rule]
    return (
        f"; none comes past the rule {turn.rule!r} ({rule.part.file}:{rule.part.line}), which would have to hold "
        "otherwise"
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

    def begin(self, anew: bool) -> DeskCase | None:
        """A case of records as they are, or with values drawn anew; ``None`` where some row has no partner."""
        rows: dict[str, Record] = {}
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
                row = self._again(entry, row, rows)
            rows[entry.name] = row
        return self._case(rows, {}, {}) if not anew or self._fits(rows) else None

    def vary(self, turn: WrongTurnError, case: DeskCase) -> DeskCase | None:
        """The same case with one row, or what the user chooses, drawn anew; ``None`` where it no longer fits.

        Mostly it is one of those that the rule reads by which the case has taken a wrong turn.
        """
        rows, facts, words = dict(case.rows), dict(case.facts), dict(case.words)
        free = [entry for entry in self.case if entry.name not in self.fixed]
        chosen = [fact.name for fact in self.workflow.facts.values() if fact.choices]
        test = self.edition.domain.policy.rules[turn.rule].test
        if test is not None and self.rng.random() < _AIMED_SHARE:
            read = {name for _, name in test.fields}
            aimed = [
                one for one in free if read & {column.name for column in self.edition.domain.tables[one.table].columns}
            ]
            facts_read = [name for name in chosen if ("fact", name) in test.fields]
            if aimed or facts_read:
                free, chosen = aimed, facts_read
        place = self.rng.randrange(len(free) + bool(chosen)) if free or chosen else -1
        if place < 0:
            return None
        if place == len(free):
            facts.pop(self.rng.choice(chosen))
        else:
            rows[free[place].name] = self._again(free[place], rows[free[place].name], rows)
        return self._case(rows, facts, words) if self._fits(rows) else None

    def _fits(self, rows: Mapping[str, Record]) -> bool:
        return all(
            entry.where is None or self._value(entry, entry.where, {**rows, "it": rows[entry.name]})
            for entry in self.case
        )

    def _case(self, rows: dict[str, Record], facts: dict[str, Any], words: dict[str, str]) -> DeskCase | None:
        """The case of some rows. What the user chooses is kept where ``facts`` holds it."""
        patch = self._patch(rows)
        if patch is None:
            return None
        for fact in self.workflow.facts.values():
            if fact.value is not None or fact.name not in facts:
                facts[fact.name], words[fact.name] = self._fact(fact, rows)
        return DeskCase(rows, facts, words, [*self.base, *patch])

    def _patch(self, rows: dict[str, Record]) -> Patch | None:
        """How rows differ from those of the edition, sums included; ``None`` where one record has two forms."""
        found: dict[tuple[str, Any], Record] = {}
        for entry in self.case:
            if entry.name in self.fixed:
                continue
            table = self.edition.domain.tables[entry.table]
            row = rows[entry.name]
            first = next(one for one in self.edition.rows[table.name] if one[table.key] == row[table.key])
            difference = {key: value for key, value in row.items() if first[key] != value}
            if found.setdefault((table.name, row[table.key]), difference) != difference:
                return None
        for (name, key), changes in self._totals(rows, found).items():
            found[name, key] = {**found.get((name, key), {}), **changes}
        tables = self.edition.domain.tables
        return [
            {"table": name, "op": "update", "where": {tables[name].key: key}, "set": changes}
            for (name, key), changes in found.items()
            if changes
        ]

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

    def _again(self, entry: CaseRow, row: Record, rows: Mapping[str, Record]) -> Record:
        """The row drawn anew, as it must be where one of some draws is."""
        pins = self.pins.get(entry.name, {})
        draw = self.edition.draw(self.rng)
        for _ in range(_DRAWS):
            found = draw.again(entry.table, row, self.edition.rows, pins)
            if entry.where is None or self._value(entry, entry.where, {**rows, "it": found}):
                break
        return found

    def _totals(
        self, rows: dict[str, Record], changed: Mapping[tuple[str, Any], Record]
    ) -> dict[tuple[str, Any], Record]:
        """Sums over rows that were drawn anew, in the rows of the case, which are brought up to date."""
        domain = self.edition.domain
        found: dict[tuple[str, Any], Record] = {}
        for entry in self.case:
            table, row = domain.tables[entry.table], rows[entry.name]
            for column in table.columns:
                if not isinstance(column.generator, TotalColumn):
                    continue
                other = domain.tables[column.generator.table]
                reference = next(name for name, target in other.references.items() if target == table.name)
                parts = [one for one in self.edition.rows[other.name] if one[reference] == row[table.key]]
                parts = [{**one, **changed.get((other.name, one[other.key]), {})} for one in parts]
                total = round(sum(float(column.generator.expression.value(one)) for one in parts), 2)
                if row[column.name] != total:
                    rows[entry.name] = row = {**row, column.name: total}
                    found.setdefault((table.name, row[table.key]), {})[column.name] = total
        return found

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
