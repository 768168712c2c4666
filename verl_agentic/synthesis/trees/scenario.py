"""One concrete case on one path of a tree: bounds of the policy, what the user says, and the records."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from verl_agentic.core import BrokenTaskError
from verl_agentic.core.behavior_tree import FACT, FIELD, BehaviorTree, Condition, Step, is_reference
from verl_agentic.core.business import Table, Value, holds
from verl_agentic.synthesis.service.domain import BOUNDARY_SHARE


@dataclass(frozen=True, slots=True)
class TreeScenario:
    """What the numbers and names of a task are.

    Attributes:
        bounds: bound of each condition of the tree that has one, by its node.
        facts: what the user knows, by fact.
        records: records by table name, the key first.
        fields: what the records that the case is about hold, by column; where two tables have one, they agree.
    """

    bounds: dict[str, Value]
    facts: dict[str, Value]
    records: dict[str, list[dict[str, Any]]]
    fields: dict[str, Value]

    def value(self, value: Value) -> Value:
        """What an argument is: a reference resolved, anything else as it is.

        Raises:
            BrokenTaskError: it refers to what the case does not hold.
        """
        if not is_reference(value):
            return value
        kind, name = str(value)[0], str(value)[1:]
        found = (self.facts if kind == FACT else self.fields).get(name)
        if found is None:
            raise BrokenTaskError(f"{value} refers to no {'fact' if kind == FACT else 'column of a record'}")
        return found

    def arguments(self, arguments: Mapping[str, Value]) -> dict[str, Value]:
        """Arguments with their references resolved."""
        return {name: self.value(value) for name, value in arguments.items()}


def sample_scenario(tree: BehaviorTree, path: Sequence[Step], rng: random.Random) -> TreeScenario:
    """A case that takes the path.

    Raises:
        BrokenTaskError: none does, as its conditions contradict each other; or the tree's tables do not hang together.
    """
    bounds, chosen = _choose(tree, path, rng)
    keys = {table.name: [str(key) for key in rng.sample(table.keys, table.size)] for table in tree.tables}
    records = {
        table.name: [{"id": key, **_values(table, keys, rng)} for key in keys[table.name]] for table in tree.tables
    }
    facts: dict[str, Value] = {}
    targets: dict[str, str] = {}
    for fact in tree.facts:
        if fact.record is not None:
            targets[fact.record] = facts[fact.name] = rng.choice(keys[tree.table(fact.record).name])
        elif "" in fact.values:
            facts[fact.name] = chosen.get(FACT + fact.name, "")
        else:
            drawn = rng.choice(fact.values)
            facts[fact.name] = chosen.get(FACT + fact.name, drawn)
    rows = _target_rows(tree, records, targets)
    fields: dict[str, Value] = {}
    for row in rows.values():
        row.update({name[1:]: value for name, value in chosen.items() if name[0] == FIELD and name[1:] in row})
        fields |= {name: value for name, value in row.items() if name != "id"}
    for reference in chosen:
        if reference[0] == FIELD and reference[1:] not in fields:
            table, _ = tree.column(reference[1:])
            raise BrokenTaskError(f"{reference}: no fact and no record leads to a record of table {table.name!r}")
    return TreeScenario(bounds, facts, records, fields)


def conditions_on(tree: BehaviorTree, path: Sequence[Step]) -> list[tuple[str, Condition, bool]]:
    """The conditions of a path: node, condition, and whether it must hold."""
    found = []
    for step in path:
        node = tree.nodes[step.node]
        if isinstance(node, Condition):
            found.append((step.node, node, step.branch == "yes"))
    return found


def _choose(tree: BehaviorTree, path: Sequence[Step], rng: random.Random) -> tuple[dict[str, Value], dict[str, Value]]:
    """Bounds of all conditions, and values of what the path's conditions compare."""
    bounds = {
        name: rng.choice(node.bounds)
        for name, node in tree.nodes.items()
        if isinstance(node, Condition) and node.bounds
    }
    wanted = conditions_on(tree, path)
    single: dict[str, list[tuple[str, Condition, bool]]] = {}
    pairs = [one for one in wanted if one[1].than is not None]
    for one in wanted:
        for reference in (one[1].subject, *([one[1].than] if one[1].than else [])):
            single.setdefault(reference, [])
        if one[1].than is None:
            single[one[1].subject].append(one)
    fitting = {reference: _fitting(tree, reference, single[reference], bounds, rng) for reference in single}
    for name, condition, truth in pairs:
        assert condition.than is not None
        both = [
            pair
            for pair in product(fitting[condition.subject], fitting[condition.than])
            if holds(pair[0], condition.comparison, pair[1]) == truth
        ]
        if not both:
            raise BrokenTaskError(f"nodes.{name}: {condition.subject} and {condition.than} contradict the path to it")
        left, right = rng.choice(both)
        fitting[condition.subject], fitting[condition.than] = [left], [right]
    chosen = {}
    for reference, values in fitting.items():
        near = [bounds[name] for name, _, _ in single[reference] if isinstance(bounds[name], int)]
        if near and rng.random() < BOUNDARY_SHARE:
            bound = int(rng.choice(near))
            chosen[reference] = min(values, key=lambda value: abs(int(value) - bound))
        else:
            chosen[reference] = rng.choice(values)
    return bounds, chosen


def _fitting(
    tree: BehaviorTree,
    reference: str,
    conditions: Sequence[tuple[str, Condition, bool]],
    bounds: dict[str, Value],
    rng: random.Random,
) -> list[Value]:
    """Values that fulfil every condition. Bounds that leave none are drawn anew, if any others do."""
    values = list(tree.values(reference))

    def fits(value: Value, condition: Condition, truth: bool, bound: Value) -> bool:
        return holds(value, condition.comparison, bound) == truth

    found = [v for v in values if all(fits(v, one, truth, bounds[name]) for name, one, truth in conditions)]
    if found:
        return found
    options = [
        (value, allowed)
        for value in values
        if all(allowed := [[b for b in one.bounds if fits(value, one, truth, b)] for _, one, truth in conditions])
    ]
    if not options:
        where = conditions[-1][0] if conditions else tree.root
        raise BrokenTaskError(f"nodes.{where}: no value of {reference} meets all conditions of the path: contradictory")
    _, allowed = rng.choice(options)
    bounds.update({name: rng.choice(some) for (name, _, _), some in zip(conditions, allowed, strict=True)})
    return [v for v in values if all(fits(v, one, truth, bounds[name]) for name, one, truth in conditions)]


def _values(table: Table, keys: Mapping[str, Sequence[str]], rng: random.Random) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for column in table.columns:
        if column.references is not None and column.references not in keys:
            raise BrokenTaskError(f"tables.{table.name}.columns.{column.name}: no table {column.references!r}")
        found[column.name] = rng.choice(keys[column.references] if column.references else column.values)
    return found


def _target_rows(
    tree: BehaviorTree, records: Mapping[str, list[dict[str, Any]]], targets: dict[str, str]
) -> dict[str, dict[str, Any]]:
    """The record of each table that the case is about: named by a fact, referred to by another, or the only one."""
    targets = {**{name: rows[0]["id"] for name, rows in records.items() if len(rows) == 1}, **targets}
    rows: dict[str, dict[str, Any]] = {}
    waiting = list(targets)
    while waiting:
        table = tree.table(waiting.pop())
        row = next(row for row in records[table.name] if row["id"] == targets[table.name])
        rows[table.name] = row
        for column in table.columns:
            if column.references and column.references not in targets:
                targets[column.references] = row[column.name]
                waiting.append(column.references)
    return rows
