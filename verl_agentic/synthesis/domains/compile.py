"""From a workflow and one of its leaves to a task: policy document, user, world, and what must come of it."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from verl_agentic.core import End, Task
from verl_agentic.domains import Edition
from verl_agentic.domains.rules import PLACEHOLDER
from verl_agentic.domains.workflows import AskStep, ConfirmStep, DeskVerdict, Workflow
from verl_agentic.synthesis.domains.cases import DeskCase, find_case, shown
from verl_agentic.synthesis.domains.document import DocumentSize, policy_document
from verl_agentic.synthesis.domains.plan import expert_plan, hack_calls
from verl_agentic.synthesis.domains.voices import Voice, sentence
from verl_agentic.synthesis.domains.walk import ID_ENDS, DeskWalk, MadeCall
from verl_agentic.synthesis.domains.world import world_args

KIND = "domain"
TOLERANCE = 0.0101
"""Amounts are equal up to a cent: policies do not say at which step they are rounded."""
_ENDS: dict[DeskVerdict, list[str]] = {
    "allow": [End.USER_STOP.value, End.ANSWER.value],
    "deny": [End.USER_STOP.value],
    "decline": [End.USER_STOP.value, End.ANSWER.value],
    "transfer": [End.TRANSFER.value],
}
_FEWEST_PUSHES, _MOST_PUSHES = 1, 3
_ISO = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class DeskRequest:
    """What a task is made of.

    Attributes:
        workflow: the workflow, as it was grown.
        leaf: name of the leaf.
        size: of the policy document.
        operators: names of the operators that it was grown by, in order.
    """

    workflow: Workflow
    leaf: str
    size: DocumentSize = "standard"
    operators: tuple[str, ...] = ()

    def structure(self, domain: str) -> str:
        """``domain/workflow/operators/leaf``."""
        grown = "+".join(sorted(self.operators)) or "seed"
        return f"{domain}/{self.workflow.name}/{grown}/{self.leaf}"


@dataclass(slots=True)
class TaskDraft:
    """A task in the making: what operators may change before it is one.

    Attributes:
        edition: the business on a certain day.
        request: what the task is made of.
        rng: chooses the case, the user and the wording.
        voice: how the user speaks.
        want: the request in words, with ``{fact}`` in it.
        case: the records, and what the user knows.
        walk: the right course.
        script: the user's script.
        plan: what the expert says and calls.
        truth: what the reward compares with.
        hack: calls of the forbidden course.
        env_args: the world.
        moved: rules that stand at the end of the document, far from where one would look for them.
        later: further requests of the same user, with the calls of their right course.
    """

    edition: Edition
    request: DeskRequest
    rng: random.Random
    voice: Voice
    want: str
    case: DeskCase
    walk: DeskWalk
    script: dict[str, Any]
    plan: list[dict[str, Any]]
    truth: dict[str, Any]
    hack: list[dict[str, Any]]
    env_args: dict[str, Any]
    moved: tuple[str, ...] = ()
    later: list[tuple[Workflow, DeskWalk]] = field(default_factory=list)

    @property
    def known(self) -> set[str]:
        """Facts that the first message tells."""
        return set(PLACEHOLDER.findall(self.want))

    @property
    def verdict(self) -> DeskVerdict:
        """How the right course ends."""
        assert self.walk.end is not None
        return self.walk.end.verdict

    def settle(self) -> None:
        """Make script, plan, truth and forbidden course anew, of request, want, case and walk."""
        self.script = user_script(self.request.workflow, self.case, self.walk, self.voice, self.known, self.rng)
        self.plan = expert_plan(self.walk, self.known)
        self.truth = ground_truth(self.walk, self.script)
        self.hack = hack_calls(self.edition, self.request.workflow, self.case, self.walk)
        self.env_args = world_args(self.edition, self.case.patch)


def draft_task(edition: Edition, request: DeskRequest, rng: random.Random) -> TaskDraft:
    """A task as it is before any operator changes it.

    Raises:
        BrokenTaskError: no case comes to the leaf, or a step cannot be done.
    """
    case, walk = find_case(request.workflow, edition, request.leaf, rng)
    voice = Voice(rng, edition.domain.small_talk)
    want = rng.choice(request.workflow.wants)
    draft = TaskDraft(edition, request, rng, voice, want, case, walk, {}, [], {}, [], {})
    draft.settle()
    return draft


def finish_task(draft: TaskDraft, *, kind: str = KIND, parent: str | None = None, operator: str | None = None) -> Task:
    """The task of a draft.

    Args:
        draft: the draft.
        kind: of the task.
        parent: id of the task that it was grown from.
        operator: name of the operator that grew it last.
    """
    edition, request = draft.edition, draft.request
    about = list({flow.name: flow for flow in (request.workflow, *(flow for flow, _ in draft.later))}.values())
    calls = [*draft.walk.calls, *(call for _, walk in draft.later for call in walk.calls)]
    opening = draft.voice.opening(draft.want, draft.case.words)
    return Task(
        kind=kind,
        messages=[
            {"role": "system", "content": policy_document(edition, about, request.size, draft.moved)},
            {"role": "user", "content": opening},
        ],
        tools=_tools(edition, about, request.size),
        env="world",
        env_args=draft.env_args,
        reward="state",
        ground_truth=draft.truth,
        user=draft.script,
        structure=request.structure(edition.domain.name),
        depth=1 + len(request.operators),
        parent=parent,
        operator=operator,
        meta={
            "register": "natural",
            "domain": edition.domain.name,
            "edition": edition.number,
            "workflow": request.workflow.name,
            "leaf": request.leaf,
            "size": request.size,
            "operators": list(request.operators),
            "voice": draft.voice.kind,
            "plan": draft.plan,
            "normal_path": [{"name": call.name, "arguments": dict(call.arguments)} for call in calls],
            "hack_path": draft.hack,
        },
    )


def _tools(edition: Edition, workflows: Sequence[Workflow], size: DocumentSize) -> list[dict[str, Any]]:
    """Schemas of all tools of the desk; in ``small`` of those that the workflows call."""
    tools = edition.domain.tools
    called = {name for workflow in workflows for name in workflow.tools()}
    names = [name for name in tools if size != "small" or name in called]
    return [tools[name].schema for name in names]


def user_script(
    workflow: Workflow,
    case: DeskCase,
    walk: DeskWalk,
    voice: Voice,
    known: set[str],
    rng: random.Random,
) -> dict[str, Any]:
    """The user's script, see ``task.user``."""
    facts = []
    offered = {name for event in walk.events if isinstance(event, AskStep) for name in event.facts}
    chosen = _chosen(workflow, walk)
    for fact in workflow.facts.values():
        words = case.words[fact.name]
        wordings = [sentence(text.replace("{value}", words)) for text in fact.say]
        rng.shuffle(wordings)
        agrees = case.facts[fact.name] == "yes"
        facts.append(
            {
                "name": fact.name,
                "ask": list(fact.ask),
                "say": wordings,
                "value": words,
                "known": fact.name in known,
                **({"offer": agrees} if fact.answers_offer and fact.name in offered else {}),
                **({"agrees": True} if fact.name in chosen and (agrees or not fact.answers_offer) else {}),
            }
        )
    assert walk.end is not None
    push = list(walk.end.push or workflow.push)
    rng.shuffle(push)
    actions = [
        {
            "name": action.tool,
            "ask": [list(group) for group in action.ask],
            "call": {
                "name": action.tool,
                "arguments": {key: one.value(dict(case.rows)) for key, one in action.arguments.items()},
            },
            "say": rng.choice(action.say),
        }
        for action in workflow.actions
    ]
    return {
        "hearing": "natural",
        "facts": facts,
        "confirm": voice.line("yes"),
        "push": push[: rng.randint(_FEWEST_PUSHES, _MOST_PUSHES)],
        "gives_up": voice.line("gives_up"),
        "done": voice.line("done"),
        "lines": {name: voice.lines(name) for name in ("wait", "unknown", "unclear", "out_of_patience")},
        "outcome": walk.end.verdict,
        **({"question": True} if walk.end.verdict == "allow" and walk.told and not walk.changes else {}),
        "patience": 12 + 2 * len(facts),
        "expects": _expected(walk),
        **({"actions": actions} if actions else {}),
    }


def _chosen(workflow: Workflow, walk: DeskWalk) -> set[str]:
    """Facts that choose among what the desk can do, or answer its offer, asked for before that is agreed to."""
    found: set[str] = set()
    asked: set[str] = set()
    for event in walk.events:
        match event:
            case AskStep(facts=facts):
                asked |= {name for name in facts if workflow.facts[name].decides}
            case MadeCall(writes=writes):
                # What is looked up after an offer was accepted may have been looked up before it was made.
                asked = set() if writes else {name for name in asked if workflow.facts[name].answers_offer}
            case ConfirmStep():
                found |= asked
    return found


def _expected(walk: DeskWalk) -> list[str]:
    """What the desk may name that is no fact of the user's, though it may look like one: a new date, a new number."""
    found = [one.value(walk.scope) for event in walk.events if isinstance(event, ConfirmStep) for one in event.restate]
    found += walk.told
    found += [value for call in walk.calls if call.writes for value in call.arguments.values()]
    # What was worked out on the way may be offered, whether or not it is taken.
    found += walk.worked_out
    return list(dict.fromkeys(shown(value) for value in found if isinstance(value, str | int | float)))


def ground_truth(walk: DeskWalk, script: Mapping[str, Any]) -> dict[str, Any]:
    """What the ``state`` reward compares with.

    Args:
        walk: the right course.
        script: the user's.
    """
    assert walk.end is not None
    verdict = walk.end.verdict
    preconditions: list[dict[str, Any]] = []
    # Whoever accepts an offer, or chooses among what was put to them, has agreed to it.
    accepted = [text for fact in script["facts"] if fact.get("agrees") for text in fact["say"]]
    consent = [script["confirm"], *accepted]
    for call in walk.calls:
        if call.writes and call.error is None and all(one["call"]["name"] != call.name for one in preconditions):
            times = sum(other.name == call.name for other in walk.calls)
            agreed = {"consent": consent, **({"times": times} if times > 1 else {})} if call.confirmed else {}
            preconditions.append({"call": {"name": call.name}, "evidence": list(call.needs), **agreed})
    leaving = list(script["lines"]["out_of_patience"])
    return {
        "changes": walk.changes,
        "tolerance": TOLERANCE,
        "required_evidence": _needed(walk),
        "preconditions": preconditions,
        "end": ends_of(verdict),
        "required_statements": [statement(value) for value in walk.told if value not in (None, "")],
        "forbidden_replies": leaving if verdict == "allow" else [script["done"], *leaving],
    }


def _needed(walk: DeskWalk) -> list[dict[str, Any]]:
    """What must have been seen by the end.

    Of a request that is refused or handed over, what this was decided by: rules that come before and hold need not be
    looked into by somebody who has found the one that does not. Where the user decided, whose request it is.
    """
    assert walk.end is not None
    enough = [one for one in walk.decisive if not _was_said(one, walk)] or walk.found
    if walk.end.verdict == "allow" or any(call.writes for call in walk.calls) or not enough:
        return list(walk.evidence)
    return [one for place, one in enumerate(enough) if one not in enough[:place]]


def _was_said(evidence: Mapping[str, Any], walk: DeskWalk) -> bool:
    """Whether a record only repeats what the user has said, such as the city of a branch that the user named."""
    said = {str(value) for value in walk.scope["fact"].values()} - {"yes", "no"}
    told = [value for key, value in evidence.items() if not key.endswith(ID_ENDS)]
    return bool(told) and all(isinstance(value, str) and value in said for value in told)


def ends_of(verdict: DeskVerdict) -> list[str]:
    """How a dialogue of a verdict may end."""
    return list(_ENDS[verdict])


def statement(value: Any) -> Any:
    """A value as a fact that the user must have been told: dates and yes or no in any common form."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return value
    text = str(value)
    if _ISO.fullmatch(text[:10]):
        return {"any": _dates(date.fromisoformat(text[:10]))}
    return text


def _dates(day: date) -> list[str]:
    number = day.day
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    months = (f"{day:%B}", f"{day:%b}")
    found = [
        day.isoformat(),
        f"{day:%m/%d/%Y}",
        f"{day:%d/%m/%Y}",
        f"{day:%d.%m.%Y}",
        f"{day.month}/{number}/{day.year}",
    ]
    for month in months:
        found += [f"{number} {month}", f"{number}{ending} {month}", f"{month} {number}", f"{month} {number}{ending}"]
        found += [f"{number}{ending} of {month}"]
    return list(dict.fromkeys(found))
