"""Whether a domain is fit: every leaf is reached, solved by its expert, and by nobody who takes a short cut."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from verl_agentic.core import BrokenTaskError, Task
from verl_agentic.core.messages.speech import TRANSFER
from verl_agentic.domains import BusinessDomain, Edition
from verl_agentic.domains.editions import EDITIONS, make_edition
from verl_agentic.domains.source import DomainError
from verl_agentic.domains.workflows import DecideStep
from verl_agentic.reward_fns.registry import judge, run_coroutine
from verl_agentic.rollout import DialogueLimits, Policy, play
from verl_agentic.synthesis.domains.compile import DeskRequest, draft_task, finish_task
from verl_agentic.synthesis.domains.document import policy_document
from verl_agentic.synthesis.domains.plan import ALL_DONE, REFUSE, calls_policy, plan_policy, says
from verl_agentic.tool_envs.users.scripted import ScriptedUser

CHECKED_EDITIONS = 5
"""Editions that are played by default."""
MANY_TRIES = 150
_LIMITS = DialogueLimits(max_turns=60)
FEWEST_WORDS, MOST_WORDS = 300, 1100


@dataclass(slots=True)
class DomainReport:
    """What came of checking a domain.

    Attributes:
        problems: what is wrong, each with file and line.
        remarks: what could be better.
        played: leaves that were played.
        counts: tables, tools, workflows, leaves, rows and words of the policy.
    """

    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    played: int = 0
    counts: Counter[str] = field(default_factory=Counter)


def check_domain(domain: BusinessDomain, editions: int = CHECKED_EDITIONS) -> DomainReport:
    """Play every leaf of every workflow in some editions."""
    report = DomainReport()
    for number in range(editions):
        edition = make_edition(domain, number)
        for request in _requests(domain):
            report.played += 1
            try:
                draft = draft_task(edition, request, random.Random(f"{number}/{request.leaf}"))
                _check_task(finish_task(draft), request, report)
            except BrokenTaskError as error:
                report.problems.append(str(error))
                continue
            if draft.case.tries > MANY_TRIES:
                part = request.workflow.leaves()[request.leaf].part
                report.remarks.append(
                    f"{part.file}:{part.line}: the leaf {request.leaf!r} takes {draft.case.tries} tries to reach in "
                    f"edition {number}; say with 'given' what its rows hold"
                )
        _check_document(edition, report)
    _check_size(domain, make_edition(domain, 0), report)
    report.problems = list(dict.fromkeys(report.problems))
    report.remarks = list(dict.fromkeys(report.remarks))
    return report


def check_editions(domain: BusinessDomain) -> list[str]:
    """Make the world of every edition that tasks are drawn from; what is wrong, with file and line."""
    problems = []
    for numbers in EDITIONS.values():
        for number in numbers:
            try:
                make_edition(domain, number)
            except DomainError as error:
                problems.append(f"{error} (edition {number})")
    return problems


def _requests(domain: BusinessDomain) -> Iterator[DeskRequest]:
    for workflow in domain.workflows.values():
        for leaf in workflow.leaves():
            yield DeskRequest(workflow, leaf)


def _check_task(task: Task, request: DeskRequest, report: DomainReport) -> None:
    part = request.workflow.leaves()[request.leaf].part
    where = f"{part.file}:{part.line}: {request.workflow.name}/{request.leaf}"
    acc, reason = score(task, plan_policy(task))
    if acc < 1:
        report.problems.append(f"{where}: the right course does not pass: {reason}")
    shortcuts: dict[str, Policy] = {
        "the forbidden course": calls_policy(task),
        "saying that all is done": says(ALL_DONE),
        "refusing at once": says(REFUSE),
        "handing over at once": says(TRANSFER),
    }
    for name, policy in shortcuts.items():
        if score(task, policy)[0] > 0:
            report.problems.append(f"{where}: {name} passes, too")


def score(task: Task, policy: Policy) -> tuple[float, str]:
    """Success of a policy on a task with its scripted user, and the reason of a failure."""

    async def scored() -> tuple[float, str]:
        dialogue = await play(task, policy, user=ScriptedUser(), limits=_LIMITS)
        result = await judge(task, dialogue.trajectory)
        return result["acc"], result["reason"]

    return run_coroutine(scored())


def _check_document(edition: Edition, report: DomainReport) -> None:
    domain = edition.domain
    words = len(policy_document(edition, list(domain.workflows.values()), "standard").split())
    report.counts["words"] = words
    if not FEWEST_WORDS <= words <= MOST_WORDS:
        report.remarks.append(
            f"{domain.folder / 'policy.yaml'}:1: the document has {words} words in edition {edition.number}; "
            f"{FEWEST_WORDS} to {MOST_WORDS} are meant"
        )


def _check_size(domain: BusinessDomain, edition: Edition, report: DomainReport) -> None:
    leaves = [leaf for workflow in domain.workflows.values() for leaf in workflow.leaves().values()]
    rows = sum(len(rows) for rows in edition.rows.values())
    verdicts = Counter(leaf.verdict for leaf in leaves)
    report.counts.update(
        tables=len(domain.tables),
        tools=len(domain.tools),
        workflows=len(domain.workflows),
        leaves=len(leaves),
        rows=rows,
    )
    report.counts.update(verdicts)
    least = {"tables": 4, "tools": 8, "workflows": 5, "rows": 200}
    for what, count in least.items():
        if report.counts[what] < count:
            report.remarks.append(f"{domain.folder}:1: {report.counts[what]} {what}; at least {count} are meant")
    for workflow in domain.workflows.values():
        if len(workflow.leaves()) < 4:
            report.remarks.append(f"{workflow.part.file}:1: {len(workflow.leaves())} leaves; at least 4 are meant")
    used = {rule for workflow in domain.workflows.values() for rule in workflow.rules()}
    for rule in domain.policy.rules.values():
        if rule.name not in used:
            report.problems.append(f"{rule.part.file}:{rule.part.line}: no workflow names the rule {rule.name!r}")
    decided = {step.rule for flow in domain.workflows.values() for step in flow.walk() if isinstance(step, DecideStep)}
    for rule in domain.policy.rules.values():
        if rule.test is not None and rule.name not in decided:
            report.problems.append(f"{rule.part.file}:{rule.part.line}: nothing is decided by the rule {rule.name!r}")
