"""One concrete case: the bounds of the policy, the records, and the record that the user means."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

from verl_agentic.core import BrokenTaskError, Task
from verl_agentic.synthesis.service.domain import Column, Domain, Rule, Table, Value
from verl_agentic.synthesis.service.structure import Structure, find_domain, find_intent

Records = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What the numbers and names of a task are.

    Attributes:
        bounds: bound of each rule, by field.
        records: records by table name.
        target: key of the record that the request is about.
        stray: a key of no record, which a mistaken user names first.
        amount: the amount that the user states, ``None`` where the intent has none.
    """

    bounds: dict[str, Value]
    records: Records
    target: str
    stray: str
    amount: int | None


def sample_scenario(structure: Structure, rng: random.Random) -> Scenario:
    """A scenario in which the target record is on the structure's branch."""
    domain = find_domain(structure.domain)
    intent = find_intent(domain, structure.intent)
    bounds = {rule.field: rng.choice(rule.bounds) for rule in intent.rules}
    keys = {table.name: [str(key) for key in rng.sample(table.keys, table.size)] for table in domain.tables}
    records = {
        table.name: [{"id": key, **{c.name: _value(c, keys, rng) for c in table.columns}} for key in keys[table.name]]
        for table in domain.tables
    }
    first = domain.tables[0]
    target = rng.choice(keys[first.name])
    stray = rng.choice([str(key) for key in first.keys if str(key) not in keys[first.name]])
    amount = rng.choice(intent.amounts) if intent.amount else None
    scenario = Scenario(bounds, records, target, stray, amount)
    for rule in intent.rules:
        scenario = with_rule(domain, scenario, rule, rule.branch != structure.branch, rng)
    return scenario


def with_rule(domain: Domain, scenario: Scenario, rule: Rule, holds: bool, rng: random.Random) -> Scenario:
    """The scenario with the rule's field of the target record changed, so that the rule holds or does not."""
    table, column = domain.column(rule.field)
    key = _key_in(domain, scenario, table)
    value = rule.sample(column.values, scenario.bounds[rule.field], holds, rng)
    rows = [{**row, rule.field: value} if row["id"] == key else row for row in scenario.records[table.name]]
    return replace(scenario, records={**scenario.records, table.name: rows})


def scenario_of(task: Task) -> Scenario:
    """The scenario that a task was built from.

    Raises:
        BrokenTaskError: the task was not built by this family.
    """
    try:
        bounds, target, stray, amount = (task.meta[key] for key in ("bounds", "target", "stray", "amount"))
        domain = find_domain(task.meta["domain"])
        records = {
            table.name: [
                dict(zip(("id", *(c.name for c in table.columns)), row, strict=True))
                for row in task.env_args["rows"][table.name]
            ]
            for table in domain.tables
        }
    except (KeyError, StopIteration, TypeError, ValueError) as error:
        raise BrokenTaskError(f"task {task.id} is not a service task: {type(error).__name__}: {error}") from error
    return Scenario(dict(bounds), records, target, stray, amount)


def _value(column: Column, keys: dict[str, list[str]], rng: random.Random) -> Value:
    return rng.choice(keys[column.references]) if column.references else rng.choice(column.values)


def _key_in(domain: Domain, scenario: Scenario, table: Table) -> str:
    """Key, in ``table``, of the target record itself or of the record that it refers to."""
    first = domain.tables[0]
    if table is first:
        return scenario.target
    reference = next(column for column in first.columns if column.references == table.name)
    return next(str(row[reference.name]) for row in scenario.records[first.name] if row["id"] == scenario.target)
