"""Whether all that a workflow names is there: rules, tools, facts, rows, and values by the time they are used."""

from __future__ import annotations

import keyword
from collections.abc import Mapping

from verl_agentic.domains.expressions import Expression
from verl_agentic.domains.rules import DomainPolicy
from verl_agentic.domains.source import YamlPart
from verl_agentic.domains.tables import DomainTable
from verl_agentic.domains.tools import DomainTool
from verl_agentic.domains.workflows import (
    AskStep,
    CallStep,
    CaseRow,
    ConfirmStep,
    DecideStep,
    EndStep,
    HomeAction,
    LetStep,
    TellStep,
    Workflow,
    WorkflowStep,
    walk_steps,
)

ALWAYS = ("today", "fact", "company")
"""Names that every expression of a step may use."""


def check_names(
    workflow: Workflow,
    *,
    tables: Mapping[str, DomainTable],
    tools: Mapping[str, DomainTool],
    user_tools: Mapping[str, DomainTool],
    policy: DomainPolicy,
) -> None:
    """Check one workflow.

    Raises:
        DomainError: naming the first thing that is not there, and what there is.
    """
    _check_case(workflow, tables, policy)
    for rule in workflow.also:
        if rule not in policy.rules:
            workflow.part.entries()["also"].wrong(f"no rule {rule!r} in policy.yaml")
    for action in workflow.actions:
        _check_action(action, workflow, user_tools)
    _Scopes(workflow, tables, tools, policy).check(workflow.steps, frozenset((*ALWAYS, *policy.terms)))


def _check_case(workflow: Workflow, tables: Mapping[str, DomainTable], policy: DomainPolicy) -> None:
    known: list[str] = []
    base = ("today", *policy.terms)
    parts = [(row.name, row.part) for row in workflow.case]
    parts += [(fact.name, fact.part) for fact in workflow.facts.values()]
    for name, part in parts:
        if not name.isidentifier() or keyword.iskeyword(name):
            part.wrong(f"{name!r} cannot be used in expressions; call it otherwise")
    for row in workflow.case:
        if row.table not in tables:
            row.part.wrong(f"no table {row.table!r}; there are {', '.join(tables)}")
        for expression, more in ((row.key, ()), (row.where, ("it",))):
            if expression is not None:
                _check_expression(row.part, expression, {*known, *more, *base})
                _check_columns(row.part, expression, {**_tables_of(workflow.case, tables), "it": tables[row.table]})
        known.append(row.name)
    rows = _tables_of(workflow.case, tables)
    for fact in workflow.facts.values():
        for expression in (fact.value, fact.wrong):
            if expression is not None:
                _check_expression(fact.part, expression, {*known, *base})
                _check_columns(fact.part, expression, rows)


def _tables_of(case: tuple[CaseRow, ...], tables: Mapping[str, DomainTable]) -> dict[str, DomainTable]:
    return {row.name: tables[row.table] for row in case if row.table in tables}


def _check_columns(part: YamlPart, expression: Expression, rows: Mapping[str, DomainTable]) -> None:
    for owner, field in expression.fields:
        if owner in rows and field not in (columns := [one.name for one in rows[owner].columns]):
            part.wrong(f"{expression.text!r}: {rows[owner].name} has no column {field!r}; it has {', '.join(columns)}")


def _check_expression(part: YamlPart, expression: Expression, known: set[str]) -> None:
    for name in expression.names:
        if name not in known:
            part.wrong(f"{expression.text!r}: nothing is called {name!r} here; known: {', '.join(sorted(known))}")


def _check_action(action: HomeAction, workflow: Workflow, tools: Mapping[str, DomainTool]) -> None:
    if action.tool not in tools:
        action.part.wrong(f"no user tool {action.tool!r} in tools.yaml; there are {', '.join(tools) or 'none'}")
    known = {row.name for row in workflow.case} | {"today"}
    for expression in action.arguments.values():
        _check_expression(action.part, expression, known)
    _check_arguments(action.part, tools[action.tool], action.arguments)


def _check_arguments(part: YamlPart, tool: DomainTool, given: Mapping[str, Expression]) -> None:
    names = [one.name for one in tool.arguments]
    for name in given:
        if name not in names:
            part.wrong(f"{tool.name} has no argument {name!r}; it has {', '.join(names)}")
    for one in tool.arguments:
        if not one.optional and one.name not in given:
            part.wrong(f"{tool.name} needs the argument {one.name!r}")


class _Scopes:
    """Goes down a tree with the names that are known so far."""

    def __init__(
        self,
        workflow: Workflow,
        tables: Mapping[str, DomainTable],
        tools: Mapping[str, DomainTool],
        policy: DomainPolicy,
    ) -> None:
        self.workflow, self.tables, self.tools, self.policy = workflow, tables, tools, policy

    def check(self, steps: tuple[WorkflowStep, ...], known: frozenset[str]) -> None:
        for step in steps:
            known = self._step(step, known)

    def _step(self, step: WorkflowStep, known: frozenset[str]) -> frozenset[str]:
        match step:
            case AskStep(facts=facts, part=part):
                for fact in facts:
                    if fact not in self.workflow.facts:
                        part.wrong(f"no fact {fact!r}; there are {', '.join(self.workflow.facts)}")
            case CallStep(tool=name, arguments=arguments, bind=bind, part=part):
                if name not in self.tools:
                    part.wrong(f"no tool {name!r} in tools.yaml; there are {', '.join(self.tools)}")
                _check_arguments(part, self.tools[name], arguments)
                self._expressions(part, arguments.values(), known)
                return known | {bind} if bind else known
            case LetStep(values=values, part=part):
                for name, expression in values.items():
                    self._expressions(part, [expression], known)
                    known |= {name}
                return known
            case DecideStep(yes=yes, no=no):
                self._decide(step, known)
                self.check(yes or (), known)
                self.check(no, known)
            case TellStep(values=values, part=part):
                self._expressions(part, values, known)
            case ConfirmStep(restate=restate, no=no, part=part):
                self._expressions(part, restate, known)
                self.check(no, known)
            case EndStep(tell=tell, given=given, part=part):
                self._expressions(part, tell, known)
                for key in given:
                    self._given(part, key)
        return known

    def _decide(self, step: DecideStep, known: frozenset[str]) -> None:
        rule = self.policy.rules.get(step.rule)
        if rule is None:
            step.part.wrong(f"no rule {step.rule!r} in policy.yaml; there are {', '.join(self.policy.rules)}")
        if rule.test is None:
            step.part.wrong(f"rule {step.rule!r} decides nothing; give it a 'test' in policy.yaml")
        self._expressions(step.part, [rule.test], known)
        end = step.no[0] if len(step.no) == 1 else None
        allowed = ("allow",) if rule.otherwise == "other" else (rule.otherwise,)
        if isinstance(end, EndStep) and end.verdict not in allowed:
            step.part.wrong(f"ends with {end.verdict} where the policy's rule {rule.name!r} says {rule.otherwise}")
        if rule.otherwise in ("deny", "transfer") and not _reaches(step.no, rule.otherwise):
            step.part.wrong(f"rule {rule.name!r} says {rule.otherwise} where it does not hold; no leaf here does")

    def _expressions(self, part: YamlPart, expressions: object, known: frozenset[str]) -> None:
        for expression in expressions:  # type: ignore[attr-defined]
            _check_expression(part, expression, set(known))
            for owner, field in expression.fields:
                if owner == "fact" and field not in self.workflow.facts:
                    part.wrong(f"{expression.text!r}: no fact {field!r}; there are {', '.join(self.workflow.facts)}")

    def _given(self, part: YamlPart, key: str) -> None:
        name, _, column = key.partition(".")
        rows = _tables_of(self.workflow.case, self.tables)
        if name not in rows or column not in [one.name for one in rows[name].columns]:
            part.wrong(f"given.{key}: must be ROW.COLUMN of the case; its rows: {', '.join(rows)}")


def _reaches(steps: tuple[WorkflowStep, ...], verdict: str) -> bool:
    return any(isinstance(step, EndStep) and step.verdict == verdict for step in walk_steps(steps))
