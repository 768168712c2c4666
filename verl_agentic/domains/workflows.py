"""Workflows: what the desk does about one kind of request, branch by branch.

A workflow is a tree written as nested steps. Each is an object with one of these keys:

* ``ask: [fact, ...]`` - facts that must be known from here on; the desk asks for those not told;
* ``call: tool`` with ``with: {argument: expression}`` and ``as: name`` for its reply; ``fails: text`` where the tool
  must refuse with words that hold this text;
* ``let: {name: expression}`` - something worked out;
* ``check: rule`` with ``else: [steps]`` - where the rule does not hold, these steps; else what follows;
* ``if: rule`` with ``then: [steps]`` and ``else: [steps]``;
* ``tell: [expression, ...]`` - what the user must be told, at the latest when the dialogue ends;
* ``confirm: [expression, ...]`` - the desk restates these and asks for a yes; with ``no: [steps]``;
* ``allow: leaf``, ``deny: leaf``, ``transfer: leaf`` - where it ends, with ``tell``, ``given: {row.column: value}`` for
  what rows of such cases hold, ``case``, rows that such cases are about instead, and ``push``, what the user says
  against a refusal;
* ``use: part`` - the steps of that name under ``parts``; ``leaf: text`` is appended to the names of their leaves.

``else``, ``then`` and ``no`` may be a single step. Expressions see ``fact.NAME``, replies and values by name, the terms
of the policy and ``today``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from verl_agentic.domains.expressions import Expression
from verl_agentic.domains.rules import PLACEHOLDER, WORDINGS
from verl_agentic.domains.source import YamlPart

DeskVerdict = Literal["allow", "deny", "transfer", "decline"]


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A row that a case is about.

    Attributes:
        name: what expressions call it.
        table: where it is.
        key: expression for its key, over the rows before it; ``None`` for any row.
        where: what it must fulfil, as ``it``.
    """

    name: str
    table: str
    key: Expression | None
    where: Expression | None
    part: YamlPart = field(compare=False)


@dataclass(frozen=True, slots=True)
class AskStep:
    """Facts that must be known from here on."""

    facts: tuple[str, ...]
    part: YamlPart = field(compare=False)


@dataclass(frozen=True, slots=True)
class CallStep:
    """A tool call: its arguments, the name of its reply, and what its refusal says where it must be refused."""

    tool: str
    arguments: Mapping[str, Expression]
    bind: str
    fails: str
    part: YamlPart = field(compare=False)


@dataclass(frozen=True, slots=True)
class LetStep:
    """Values that are worked out."""

    values: Mapping[str, Expression]
    part: YamlPart = field(compare=False)


@dataclass(frozen=True, slots=True)
class DecideStep:
    """A rule that holds or not. ``yes`` is ``None`` where the steps behind it follow."""

    rule: str
    yes: tuple[WorkflowStep, ...] | None
    no: tuple[WorkflowStep, ...]
    part: YamlPart = field(compare=False)


@dataclass(frozen=True, slots=True)
class TellStep:
    """What the user must be told."""

    values: tuple[Expression, ...]
    part: YamlPart = field(compare=False)


@dataclass(frozen=True, slots=True)
class ConfirmStep:
    """A yes that is needed before anything changes; ``no`` is what follows a no, if the workflow says so."""

    restate: tuple[Expression, ...]
    no: tuple[WorkflowStep, ...]
    part: YamlPart = field(compare=False)


@dataclass(frozen=True, slots=True)
class EndStep:
    """A leaf.

    Attributes:
        leaf: its name.
        verdict: how the dialogue ends there.
        tell: what the user must have been told.
        given: values of rows, by ``row.column``, that make a case likely to come here.
        case: rows of the case that are others here.
        push: what the user says against a refusal.
    """

    leaf: str
    verdict: DeskVerdict
    tell: tuple[Expression, ...]
    given: Mapping[str, Any]
    case: tuple[CaseRow, ...]
    push: tuple[str, ...]
    part: YamlPart = field(compare=False)


WorkflowStep = AskStep | CallStep | LetStep | DecideStep | TellStep | ConfirmStep | EndStep


@dataclass(frozen=True, slots=True)
class DomainFact:
    """Something that the user knows.

    Attributes:
        name: its name.
        value: expression over the case's rows; ``None`` where it is one of ``choices``.
        choices: what the user may mean, each with the words for it.
        ask: words that ask for it, its name for people first; ``decision about ...`` for what is offered, with the
            choices ``yes`` and ``no``, or ``choice between ...``: to choose is to agree to what follows at once.
        say: sentences that tell it, with ``{value}``.
        wrong: expression for what the user may say by mistake.
    """

    name: str
    value: Expression | None
    choices: Mapping[str, tuple[str, ...]]
    ask: tuple[str, ...]
    say: tuple[str, ...]
    wrong: Expression | None
    part: YamlPart = field(compare=False)

    @property
    def decides(self) -> bool:
        """Whether it chooses among what the desk can do: asked for as a ``decision``, ``choice`` or ``preference``."""
        return bool(self.choices) and self.ask[0].startswith(("decision", "choice", "prefer"))

    @property
    def answers_offer(self) -> bool:
        """Whether it is the answer to an offer of the desk, a yes or no."""
        return self.decides and self.choices.keys() == {"yes", "no"}


@dataclass(frozen=True, slots=True)
class HomeAction:
    """Something that only the user can do: one of the user's own tools.

    Attributes:
        tool: its name.
        ask: groups of words; an instruction holds one of each.
        arguments: expressions over the case's rows.
        say: what the user says then, with ``{result}`` or fields of the tool's reply.
    """

    tool: str
    ask: tuple[tuple[str, ...], ...]
    arguments: Mapping[str, Expression]
    say: tuple[str, ...]
    part: YamlPart = field(compare=False)


@dataclass(frozen=True, slots=True)
class Workflow:
    """One kind of request.

    Attributes:
        name: its name, that of its file.
        title: what it is about.
        case: rows that a case is about, the first one any row of its table.
        facts: what the user knows, by name.
        wants: first messages, with ``{fact}`` for what they tell.
        push: what the user says against a refusal.
        actions: what only the user can do.
        also: rules that it heeds beside those that decide.
        steps: the tree.
        grown: operators that it was grown by, in order.
    """

    name: str
    title: str
    case: tuple[CaseRow, ...]
    facts: Mapping[str, DomainFact]
    wants: tuple[str, ...]
    push: tuple[str, ...]
    actions: tuple[HomeAction, ...]
    also: tuple[str, ...]
    steps: tuple[WorkflowStep, ...]
    part: YamlPart = field(compare=False)
    grown: tuple[str, ...] = ()

    def walk(self) -> Iterator[WorkflowStep]:
        """Every step, those of branches behind the step that they leave."""
        yield from walk_steps(self.steps)

    def leaves(self) -> dict[str, EndStep]:
        """Leaves by name, in the order in which they are written."""
        return {step.leaf: step for step in self.walk() if isinstance(step, EndStep)}

    def rules(self) -> tuple[str, ...]:
        """Rules that it decides by or heeds, each once."""
        return tuple(dict.fromkeys([*(one.rule for one in self.walk() if isinstance(one, DecideStep)), *self.also]))

    def tools(self) -> tuple[str, ...]:
        """Tools that its steps call, each once."""
        return tuple(dict.fromkeys(one.tool for one in self.walk() if isinstance(one, CallStep)))


def walk_steps(steps: tuple[WorkflowStep, ...]) -> Iterator[WorkflowStep]:
    """Every step of a sequence and of what branches off."""
    for step in steps:
        yield step
        if isinstance(step, DecideStep):
            yield from walk_steps(step.yes or ())
            yield from walk_steps(step.no)
        elif isinstance(step, ConfirmStep):
            yield from walk_steps(step.no)


def read_workflow(name: str, part: YamlPart, shared: Mapping[str, DomainFact]) -> Workflow:
    """Read one file of ``workflows/``.

    Args:
        name: its name.
        part: its content.
        shared: facts of ``users.yaml``, which a workflow takes by naming them.

    Raises:
        DomainError: it is no workflow.
    """
    fields = part.fields("push", "actions", "also", "facts", "parts", needed=("title", "case", "wants", "steps"))
    facts = {
        key: read_fact(key, entry) for key, entry in (fields["facts"].entries().items() if "facts" in fields else ())
    }
    case = tuple(_case_row(key, entry) for key, entry in fields["case"].entries().items())
    if not case or case[0].key is not None:
        fields["case"].wrong("the first row of a case is any row of its table, without 'key'")
    steps = _StepReader(fields["parts"].entries() if "parts" in fields else {}).steps(fields["steps"])
    named = {one for step in walk_steps(steps) if isinstance(step, AskStep) for one in step.facts}
    wants = fields["wants"].texts(WORDINGS)
    named |= {one for text in wants for one in PLACEHOLDER.findall(text)}
    facts = {**{key: fact for key, fact in shared.items() if key in named}, **facts}
    for text in wants:
        for used in PLACEHOLDER.findall(text):
            if used not in facts:
                fields["wants"].wrong(f"{{{used}}} is no fact; there are {', '.join(facts)}")
    workflow = Workflow(
        name=name,
        title=fields["title"].text(),
        case=case,
        facts=facts,
        wants=wants,
        push=fields["push"].texts(2) if "push" in fields else (),
        actions=tuple(_action(entry) for entry in fields["actions"].items()) if "actions" in fields else (),
        also=fields["also"].texts() if "also" in fields else (),
        steps=steps,
        part=part,
    )
    ends = [step for step in workflow.walk() if isinstance(step, EndStep)]
    for position, step in enumerate(ends):
        if any(step.leaf == other.leaf for other in ends[:position]):
            step.part.wrong(f"there are two leaves {step.leaf!r}")
        if step.verdict == "deny" and not (step.push or workflow.push):
            step.part.wrong("what does the user say against a refusal? add 'push' here or to the workflow")
    return workflow


def read_fact(name: str, part: YamlPart) -> DomainFact:
    """Read one fact.

    Raises:
        DomainError: it is none.
    """
    fields = part.fields("value", "choices", "wrong", needed=("ask", "say"))
    if ("value" in fields) == ("choices" in fields):
        part.wrong("needs either 'value', an expression over the case's rows, or 'choices'")
    choices = {key: entry.texts(1) for key, entry in fields["choices"].entries().items()} if "choices" in fields else {}
    say = fields["say"].texts(WORDINGS)
    for text in say:
        if PLACEHOLDER.findall(text) != ["value"]:
            fields["say"].wrong(f"must hold {{value}} once, and nothing else in braces: {text!r}")
    return DomainFact(
        name=name,
        value=fields["value"].expression() if "value" in fields else None,
        choices=choices,
        ask=fields["ask"].texts(1),
        say=say,
        wrong=fields["wrong"].expression() if "wrong" in fields else None,
        part=part,
    )


def _case_row(name: str, part: YamlPart) -> CaseRow:
    fields = part.fields("key", "where", needed=("table",))
    key = fields["key"].expression() if "key" in fields else None
    where = fields["where"].expression() if "where" in fields else None
    return CaseRow(name, fields["table"].text(), key, where, part)


def _action(part: YamlPart) -> HomeAction:
    fields = part.fields("with", needed=("tool", "ask", "say"))
    groups = tuple(group.texts(1) for group in fields["ask"].items(1))
    arguments = {
        key: entry.expression() for key, entry in (fields["with"].entries().items() if "with" in fields else ())
    }
    return HomeAction(fields["tool"].text(), groups, arguments, fields["say"].texts(2), part)


_KEYS = {
    "ask": (),
    "call": ("with", "as", "fails"),
    "let": (),
    "check": ("else",),
    "if": ("then", "else"),
    "tell": (),
    "confirm": ("no",),
    "use": ("leaf",),
    "allow": ("tell", "given", "case"),
    "deny": ("tell", "given", "case", "push"),
    "transfer": ("tell", "given", "case"),
}
_MAX_NESTING = 8


class _StepReader:
    """Reads steps, and puts in the parts that they use."""

    def __init__(self, parts: Mapping[str, YamlPart], suffix: str = "", nesting: int = 0) -> None:
        self._parts, self._suffix, self._nesting = parts, suffix, nesting

    def steps(self, part: YamlPart) -> tuple[WorkflowStep, ...]:
        """A sequence of steps that ends with a leaf or forks."""
        parts = part.items(1) if isinstance(part.data, list) else [part]
        steps: list[WorkflowStep] = []
        for one in parts:
            if steps and _is_last(steps[-1]):
                one.wrong("nothing can follow the step before this one")
            steps += self._used(one) if "use" in one else [self._step(one)]
        if not _is_last(steps[-1]):
            parts[-1].wrong("a branch ends with allow, deny, transfer or an 'if'")
        return tuple(steps)

    def _used(self, part: YamlPart) -> tuple[WorkflowStep, ...]:
        fields = part.fields(*_KEYS["use"], needed=("use",))
        name = fields["use"].text()
        if name not in self._parts:
            fields["use"].wrong(f"no part {name!r}; there are {', '.join(self._parts) or 'none'}")
        if self._nesting == _MAX_NESTING:
            part.wrong("parts use each other without end")
        suffix = self._suffix + (fields["leaf"].text() if "leaf" in fields else "")
        return _StepReader(self._parts, suffix, self._nesting + 1).steps(self._parts[name])

    def _step(self, part: YamlPart) -> WorkflowStep:
        entries = part.entries()
        kinds = [kind for kind in _KEYS if kind in entries]
        if len(kinds) > 1:  # leaves have a 'tell' of their own
            kinds = [kind for kind in kinds if kind != "tell"]
        if len(kinds) != 1:
            part.wrong(f"a step has exactly one of {', '.join(_KEYS)}")
        kind = kinds[0]
        fields = part.fields(*_KEYS[kind], needed=(kind,))
        main = fields[kind]
        match kind:
            case "ask":
                return AskStep(main.texts(1), part)
            case "call":
                given = fields["with"].entries() if "with" in fields else {}
                arguments = {key: one.expression() for key, one in given.items()}
                bind = fields["as"].text() if "as" in fields else ""
                return CallStep(main.text(), arguments, bind, fields["fails"].text() if "fails" in fields else "", part)
            case "let":
                return LetStep({key: one.expression() for key, one in main.entries().items()}, part)
            case "check":
                if "else" not in fields:
                    part.wrong("lacks 'else': what is done where the rule does not hold")
                return DecideStep(main.text(), None, self.steps(fields["else"]), part)
            case "if":
                if "then" not in fields or "else" not in fields:
                    part.wrong("needs 'then' and 'else'")
                return DecideStep(main.text(), self.steps(fields["then"]), self.steps(fields["else"]), part)
            case "tell":
                return TellStep(_expressions(main), part)
            case "confirm":
                return ConfirmStep(_expressions(main), self.steps(fields["no"]) if "no" in fields else (), part)
        return EndStep(
            leaf=main.text() + self._suffix,
            verdict=kind,  # type: ignore[arg-type]
            tell=_expressions(fields["tell"]) if "tell" in fields else (),
            given={key: one.scalar() for key, one in fields["given"].entries().items()} if "given" in fields else {},
            case=tuple(_case_row(key, one) for key, one in fields["case"].entries().items())
            if "case" in fields
            else (),
            push=fields["push"].texts(1) if "push" in fields else (),
            part=part,
        )


def _is_last(step: WorkflowStep) -> bool:
    return isinstance(step, EndStep) or (isinstance(step, DecideStep) and step.yes is not None)


def _expressions(part: YamlPart) -> tuple[Expression, ...]:
    items = part.items() if isinstance(part.data, list) else [part]
    return tuple(item.expression() for item in items)
