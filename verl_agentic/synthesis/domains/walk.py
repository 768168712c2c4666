"""Down a workflow with one case: what is asked, called, decided, told and confirmed on the way, and where it ends."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from verl_agentic.core import BrokenTaskError
from verl_agentic.domains import Edition
from verl_agentic.domains.expressions import Either, Expression, ExpressionError, Seen
from verl_agentic.domains.workflows import (
    AskStep,
    CallStep,
    ConfirmStep,
    DecideStep,
    EndStep,
    LetStep,
    TellStep,
    Workflow,
    WorkflowStep,
)
from verl_agentic.tool_envs.base import ToolError
from verl_agentic.tool_envs.world.world import DatabaseWorld

Evidence = dict[str, Any]
"""Fields and values that some object of a tool's reply holds."""
MAX_STEPS = 64
ID_ENDS = ("_id", "_code", "_number")
"""How names of fields end that tell one record from others."""
_COUNTS = ("total", "page", "pages")
"""What a list says of itself: another search for the same says something else."""


@dataclass(frozen=True, slots=True)
class MadeCall:
    """A call that was made: what it replied, or how it was refused; and what had been seen to decide for it."""

    name: str
    arguments: Mapping[str, Any]
    reply: Any
    error: str | None
    writes: bool
    needs: tuple[Evidence, ...]
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """A rule that was decided, and how."""

    rule: str
    holds: bool


@dataclass(slots=True)
class DeskWalk:
    """One way down a workflow.

    Attributes:
        events: what was done, in order: facts asked for, calls, decisions, values told, confirmations.
        end: the leaf.
        evidence: what had to be seen for the decisions on the way.
        found: those of it by which something else was looked up.
        decisive: what had to be seen for the last decision.
        told: what the user must hear.
        worked_out: values that were worked out from what was read.
        scope: values by name at the end.
        changes: what it changed in the world.
    """

    events: list[AskStep | MadeCall | Decided | TellStep | ConfirmStep] = field(default_factory=list)
    end: EndStep | None = None
    evidence: list[Evidence] = field(default_factory=list)
    found: list[Evidence] = field(default_factory=list)
    decisive: list[Evidence] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)
    worked_out: list[Any] = field(default_factory=list)
    scope: dict[str, Any] = field(default_factory=dict)
    changes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def calls(self) -> list[MadeCall]:
        """The calls, in order."""
        return [event for event in self.events if isinstance(event, MadeCall)]


class WrongTurnError(Exception):
    """The walk leaves the way to the leaf that it is meant for, after so many decisions, by this rule."""

    def __init__(self, turns: int, rule: str) -> None:
        super().__init__(f"a wrong turn at decision {turns}, by rule {rule!r}")
        self.turns, self.rule = turns, rule


def walk_workflow(
    workflow: Workflow,
    edition: Edition,
    world: DatabaseWorld,
    facts: Mapping[str, Any],
    *,
    wanted: str | None = None,
    against: int | None = None,
) -> DeskWalk:
    """Follow a workflow as somebody who keeps to the policy does.

    Args:
        workflow: what to follow.
        edition: whose terms hold.
        world: where the calls are made; it is changed by them.
        facts: what the user knows.
        wanted: leaf that is meant: the walk is given up where it turns elsewhere.
        against: number of the decision, from 0, that is taken the wrong way, by somebody who does not keep to it.

    Raises:
        WrongTurnError: it turns away from ``wanted``.
        BrokenTaskError: a step cannot be done; the message names file and line.
    """
    walk = DeskWalk(scope={**edition.scope, "fact": dict(facts)})
    _Walker(workflow, edition, world, walk, wanted, against).follow(workflow.steps)
    walk.changes = world.state()["changes"]
    return walk


class _Walker:
    def __init__(
        self,
        workflow: Workflow,
        edition: Edition,
        world: DatabaseWorld,
        walk: DeskWalk,
        wanted: str | None,
        against: int | None,
    ) -> None:
        self.edition, self.world, self.walk, self.wanted, self.against = edition, world, walk, wanted, against
        self.tools = edition.domain.tools
        self.rules = edition.domain.policy.rules
        self.decisions = 0
        self.confirmed = False
        # Objects that came out of replies, by identity, with the fields of what they lie in.
        self.context: dict[int, Mapping[str, Any]] = {}
        self.kept: list[Any] = []

    def follow(self, steps: Sequence[WorkflowStep]) -> bool:
        """Whether they lead to a leaf."""
        return any(self._step(step) for step in steps)

    def _step(self, step: WorkflowStep) -> bool:
        walk = self.walk
        if len(walk.events) > MAX_STEPS:
            raise BrokenTaskError(f"{_place(step)}: more than {MAX_STEPS} steps on one way")
        match step:
            case AskStep() | TellStep():
                walk.events.append(step)
                if isinstance(step, TellStep):
                    walk.told += [self._value(step, one) for one in step.values]
            case ConfirmStep():
                walk.events.append(step)
                self.confirmed = True
            case LetStep(values=values):
                for name, expression in values.items():
                    walk.scope[name] = self._value(step, expression)
                    walk.worked_out.append(walk.scope[name])
            case CallStep():
                self._call(step)
            case DecideStep():
                return self._decide(step)
            case EndStep():
                walk.end = step
                walk.told += [self._value(step, one) for one in step.tell]
                return True
        return False

    def _call(self, step: CallStep) -> None:
        tool = self.tools[step.tool]
        arguments = {name: self._value(step, one, self.walk.found) for name, one in step.arguments.items()}
        arguments = {name: value for name, value in arguments.items() if value is not None}
        reply: Any = None
        error: str | None = None
        try:
            text = self.world.call(step.tool, arguments)
        except ToolError as refusal:
            error = str(refusal)
        if (error is None) == bool(step.fails) or (error is not None and step.fails not in error):
            wanted = f"a refusal with {step.fails!r}" if step.fails else "a reply"
            raise BrokenTaskError(
                f"{_place(step)}: {step.tool}({arguments}) says {error or text!r} instead of {wanted}"
            )
        if error is None:
            reply = _decoded(text)
            self._remember(reply, {})
            if step.bind:
                self.walk.scope[step.bind] = reply
        self.walk.events.append(
            MadeCall(
                name=step.tool,
                arguments=arguments,
                reply=reply,
                error=error,
                writes=tool.writes,
                needs=tuple(self.walk.evidence) if tool.writes else (),
                confirmed=self.confirmed,
            )
        )

    def _decide(self, step: DecideStep) -> bool:
        test = self.rules[step.rule].test
        assert test is not None
        self.walk.decisive = []
        holds = bool(self._value(step, test, self.walk.decisive))
        if self.decisions == self.against:
            holds = not holds
        self.decisions += 1
        self.walk.events.append(Decided(step.rule, holds))
        branch = step.yes if holds else step.no
        if self.wanted is not None and self.against is None:
            wrong = _leads_to(step.no, self.wanted) if branch is None else not _leads_to(branch, self.wanted)
            if wrong:
                raise WrongTurnError(self.decisions, step.rule)
        return branch is not None and self.follow(branch)

    def _value(self, step: WorkflowStep, expression: Expression, noted: list[Evidence] | None = None) -> Any:
        seen: Seen | None = None if noted is None else []
        try:
            value = expression.value(self.walk.scope, seen)
        except ExpressionError as error:
            raise BrokenTaskError(f"{_place(step)}: {error}") from error
        if noted is not None and seen:
            read = self._evidence(seen)
            noted += read
            for found in read:
                if not self._is_known(found):
                    self.walk.evidence.append(found)
        return value

    def _is_known(self, found: Evidence) -> bool:
        return any(found.items() <= one.items() for one in self.walk.evidence)

    def _evidence(self, seen: Seen) -> list[Evidence]:
        """What was read out of replies; of several readings of which one is enough, one that is known already."""
        read = []
        for one in seen:
            if isinstance(one, Either):
                # What the user has said is no evidence, and does not stand for any.
                readings = [some for reading in one.readings if (some := self._evidence(reading))] or [[]]
                read += next((some for some in readings if all(map(self._is_known, some))), readings[0])
                continue
            owner, name = one
            context = self.context.get(id(owner))
            if context is not None and name not in _COUNTS and not isinstance(owner[name], dict | list):
                read.append({**_identity(context, owner), name: owner[name]})
        return read

    def _remember(self, value: Any, around: Mapping[str, Any]) -> None:
        if isinstance(value, dict):
            self.context[id(value)] = around
            self.kept.append(value)
            plain = {key: one for key, one in value.items() if not isinstance(one, dict | list)}
            for one in value.values():
                self._remember(one, {**around, **plain})
        elif isinstance(value, list):
            for one in value:
                self._remember(one, around)


def _identity(around: Mapping[str, Any], owner: Mapping[str, Any]) -> Evidence:
    """By what an object is known: its own first id, or else the last one of what it lies in."""
    own, others = _ids(owner), _ids(around)
    return own[0] if own else others[-1] if others else {}


def _ids(fields: Mapping[str, Any]) -> list[Evidence]:
    return [{key: value} for key, value in fields.items() if key.endswith(ID_ENDS) and isinstance(value, str | int)]


def _leads_to(steps: Sequence[WorkflowStep], leaf: str) -> bool:
    for step in steps:
        match step:
            case EndStep(leaf=name) if name == leaf:
                return True
            case DecideStep(yes=yes, no=no) if _leads_to(yes or (), leaf) or _leads_to(no, leaf):
                return True
            case ConfirmStep(no=no) if _leads_to(no, leaf):
                return True
    return False


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _place(step: WorkflowStep) -> str:
    return f"{step.part.file}:{step.part.line}"
