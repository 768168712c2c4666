"""Two requests in one dialogue: when the first is dealt with, the same customer comes up with another, or with more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from verl_agentic.core import BrokenTaskError, FailureKind
from verl_agentic.domains import Edition
from verl_agentic.domains.columns import PersonColumn, Record
from verl_agentic.domains.rules import PLACEHOLDER
from verl_agentic.domains.workflows import DomainFact, Workflow
from verl_agentic.synthesis.domains.cases import DeskCase, find_case
from verl_agentic.synthesis.domains.compile import TaskDraft, ends_of, ground_truth, user_script
from verl_agentic.synthesis.domains.operators import DeskOperator
from verl_agentic.synthesis.domains.plan import expert_plan
from verl_agentic.synthesis.domains.voices import sentence
from verl_agentic.synthesis.domains.walk import DeskWalk, WrongTurnError, walk_workflow
from verl_agentic.synthesis.domains.world import open_world

_TRIES = 3000
_PAIRS = 6
_FEW_TRIES = 200
_AGAIN = (
    "And the same once more, please. ",
    "While we are at it, once again: ",
    "That went well, so here is the next one. ",
    "Now to the other one. ",
)
_OPENINGS = ("One more thing. ", "Oh, and something else. ", "While I have you: ", "There is another thing, too. ")


class SecondRequest(DeskOperator):
    """The same customer has another request, once the first is done or refused."""

    name: ClassVar[str] = "second"
    aims_at: ClassVar[frozenset[FailureKind]] = frozenset({FailureKind.MISSING_CALL, FailureKind.WRONG_STATE})

    def apply(self, draft: TaskDraft) -> None:
        if draft.verdict == "transfer" or "next" in draft.script:
            raise BrokenTaskError("after a hand-over there is no other request")
        person = person_of(draft.edition, draft.request.workflow)
        others = [flow for flow in draft.edition.domain.workflows.values() if flow.name != draft.request.workflow.name]
        pairs = [(flow, leaf) for flow in others if _has(flow, person) for leaf in flow.leaves()]
        draft.rng.shuffle(pairs)
        for flow, leaf in pairs[:_PAIRS]:
            if flow.leaves()[leaf].verdict != "transfer" and self._add(draft, flow, leaf, person):
                return
        raise BrokenTaskError("no other request of the same customer fits")

    def _add(self, draft: TaskDraft, flow: Workflow, leaf: str, person: str) -> bool:
        first = [call.name for call in draft.walk.calls if call.writes]
        if any(name in first for name in flow.tools()):
            return False
        fixed: dict[str, Record] = {person: draft.case.rows[person]}
        try:
            case, _ = find_case(flow, draft.edition, leaf, draft.rng, fixed=fixed, base=draft.case.patch, tries=_TRIES)
            walk, changes = _both(draft, flow, leaf, case)
        except (BrokenTaskError, WrongTurnError):
            return False
        _join(draft, flow, case, walk, changes, _OPENINGS)
        return True


class RepeatedRequest(DeskOperator):
    """The same customer wants the same for something else, which the first time has used up: a limit is reached."""

    name: ClassVar[str] = "again"
    aims_at: ClassVar[frozenset[FailureKind]] = frozenset({FailureKind.FORBIDDEN_CALL, FailureKind.WRONG_STATE})
    TRIES: ClassVar[int] = 3

    def apply(self, draft: TaskDraft) -> None:
        if draft.verdict != "allow" or not draft.walk.changes or "next" in draft.script:
            raise BrokenTaskError("nothing is granted of which there could be too much")
        flow = draft.request.workflow
        person = person_of(draft.edition, flow)
        allowed = [name for name, leaf in flow.leaves().items() if leaf.verdict == "allow"]
        fixed: dict[str, Record] = {person: draft.case.rows[person]}
        for _ in range(self.TRIES):
            leaf = draft.rng.choice(allowed)
            try:
                case, _ = find_case(
                    flow, draft.edition, leaf, draft.rng, fixed=fixed, base=draft.case.patch, tries=_FEW_TRIES
                )
                if case.facts == draft.case.facts:
                    continue
                walk, changes = _both(draft, flow, None, case)
            except (BrokenTaskError, WrongTurnError):
                continue
            if walk.end is not None and walk.end.verdict == "deny" and not any(call.writes for call in walk.calls):
                _join(draft, flow, case, walk, changes, _AGAIN)
                return
        raise BrokenTaskError("what was granted does not stand in the way of another request")


def _join(
    draft: TaskDraft,
    flow: Workflow,
    case: DeskCase,
    walk: DeskWalk,
    changes: list[dict[str, object]],
    openings: Sequence[str],
) -> None:
    """Add the second request behind the first."""
    # The facts that say which record it is about, where it is not one of the first.
    others = {
        fact.name for fact in key_facts(draft.edition, flow) if case.words[fact.name] not in draft.case.words.values()
    }
    naming = [want for want in flow.wants if others <= set(PLACEHOLDER.findall(want))]
    want = draft.rng.choice(naming or flow.wants)
    known = set(PLACEHOLDER.findall(want))
    script = user_script(flow, case, walk, draft.voice, known, draft.rng)
    said = draft.rng.choice(openings) + sentence(PLACEHOLDER.sub(lambda found: case.words[found[1]], want))
    for fact in script["facts"]:
        if fact["name"] in others - known:
            said, fact["known"] = f"{said} {fact['say'][0]}", True
            known.add(fact["name"])
    same = {name for name, value in draft.case.words.items() if case.words.get(name) == value}
    heard = known | {name for step in draft.plan for name in step.get("ask", ()) if name in same}
    heard |= same & draft.known
    facts = [fact for fact in script["facts"] if fact["name"] not in same]
    kept = {
        key: script[key] for key in ("confirm", "push", "gives_up", "expects", "outcome", "question") if key in script
    }
    draft.script["next"] = [{"say": said, "facts": facts, **kept}]
    draft.script["patience"] += script["patience"]
    refusals = len(draft.script["push"]) + 1 if draft.verdict == "deny" else 1
    draft.plan = [*draft.plan[:-1], *[draft.plan[-1]] * refusals, *expert_plan(walk, heard)]
    second = ground_truth(walk, {**script, "lines": draft.script["lines"], "done": draft.script["done"]})
    truth = draft.truth
    assert walk.end is not None
    draft.truth = {
        **truth,
        "changes": changes,
        "required_evidence": [
            *truth["required_evidence"],
            *(one for one in second["required_evidence"] if one not in truth["required_evidence"]),
        ],
        "preconditions": [*truth["preconditions"], *second["preconditions"]],
        "required_statements": [*truth["required_statements"], *second["required_statements"]],
        "forbidden_replies": second["forbidden_replies"],
        "end": ends_of(walk.end.verdict),
    }
    draft.later.append((flow, walk))
    draft.case.patch = case.patch
    draft.env_args = {**draft.env_args, **({"patch": case.patch} if case.patch else {})}


def _both(
    draft: TaskDraft, flow: Workflow, leaf: str | None, case: DeskCase
) -> tuple[DeskWalk, list[dict[str, object]]]:
    """The second walk behind the first in one world, and what both changed."""
    world = open_world(draft.edition, case.patch)
    try:
        first = walk_workflow(draft.request.workflow, draft.edition, world, draft.case.facts, wanted=draft.request.leaf)
        if first.evidence != draft.walk.evidence or first.told != draft.walk.told:
            raise BrokenTaskError("the second request is about records of the first, and needs them otherwise")
        walk = walk_workflow(flow, draft.edition, world, case.facts, wanted=leaf)
        return walk, walk.changes
    finally:
        world.close()


def person_of(edition: Edition, workflow: Workflow) -> str:
    """Name of the row that is the customer's.

    Raises:
        BrokenTaskError: there is none.
    """
    tables = edition.domain.tables
    for row in workflow.case:
        if any(isinstance(column.generator, PersonColumn) for column in tables[row.table].columns):
            return row.name
    raise BrokenTaskError("the case is about nobody")


def key_facts(edition: Edition, workflow: Workflow) -> list[DomainFact]:
    """Facts that are keys of the case's records, other than those of the customer.

    Raises:
        BrokenTaskError: the case is about nobody.
    """
    tables = edition.domain.tables
    person = person_of(edition, workflow)
    keys = {f"{row.name}.{tables[row.table].key}" for row in workflow.case if row.name != person}
    return [fact for fact in workflow.facts.values() if fact.value is not None and fact.value.text in keys]


def _has(flow: Workflow, person: str) -> bool:
    return any(row.name == person and row.key is not None for row in flow.case)
