"""The hook for tasks of reasoning: grow what the policy does not always solve, by the way it fails."""

from __future__ import annotations

import asyncio
import inspect
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from verl_agentic.core import InfrastructureError, Task, UserInputError
from verl_agentic.core.chat import BudgetSpentError, ChatModel, make_chat_model
from verl_agentic.core.outcome import ErrorKind
from verl_agentic.flywheel.agreement import AgreementVerifier
from verl_agentic.flywheel.checks import (
    Candidate,
    Checks,
    HarderOrDifferent,
    NearDuplicateIndex,
    NoLeak,
    Novel,
    SolvedByRoutes,
    Unambiguous,
)
from verl_agentic.flywheel.drafts import rejected_text
from verl_agentic.flywheel.error_analysis import commonest, error_counts
from verl_agentic.flywheel.hook import RoundInput, RoundResult
from verl_agentic.flywheel.parents import parent_groups
from verl_agentic.reward_fns.registry import run_coroutine
from verl_agentic.synthesis.question import question_of
from verl_agentic.synthesis.reasoning import Operator, RejectedError, make_operators
from verl_agentic.synthesis.reasoning.llm import GENERATOR, LlmRewrite
from verl_agentic.synthesis.reasoning.personas import load_personas
from verl_agentic.synthesis.reasoning.routes import ROUTES

_TRIES_PER_TASK = 8
_MAX_REASON_CHARS = 400
_OUTAGES = ("unreachable", "unverified", "out_of_time")


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A task that an operator made, or why it made none; with the text, where it is a language model's."""

    operator: str
    parent: Task
    error: ErrorKind | None
    task: Task | None
    reason: str = ""
    detail: str = ""
    text: str = ""


class ReasoningHook:
    """Grows new tasks from those of the last epoch, in the order of :func:`parent_groups`, and verifies each.

    What it did is counted: ``errors/KIND`` for tasks by their commonest error, and for each operator ``NAME/tried``,
    ``NAME/kept`` and ``rejected.NAME.REASON``, where ``barren`` says that it had nothing to make of the task;
    ``skipped/KIND`` are tasks whose kind has operators and no routes to verify what they make
    (:func:`verl_agentic.synthesis.reasoning.register_routes`). What a language model wrote and a check rejected
    is quarantined. Where it cannot be asked, the round goes on without it.
    """

    def __init__(
        self,
        llm: Mapping[str, Any] | None = None,
        operators: Sequence[str] | None = None,
        personas: str | None = None,
        share: float = 0.5,
        similarity: float = 0.8,
        solvers: Sequence[Mapping[str, Any]] | int = 3,
        agree: int | None = None,
        seconds: float = 300.0,
    ) -> None:
        """
        Args:
            llm: configuration of a language model (``agentic.llm``), ``None`` to do without.
            operators: names of the operators to use, all that can be had by default.
            personas: text file with one persona a line, those of the package by default.
            share: part of the wanted tasks to make, 0 to 1.
            similarity: Jaccard similarity from which two tasks are near duplicates, above 0 and at most 1.
            solvers: who solves what a language model wrote: configurations as ``llm``, or how often ``llm`` does.
            agree: how many solvers must come to the reference, more than half by default.
            seconds: time of a round after which no language model is asked any more.

        Raises:
            UserInputError: a setting is wrong, or an operator needs a language model and there is none.
        """
        if not 0 <= share <= 1:
            raise UserInputError(f"ReasoningHook: share must lie between 0 and 1, got {share!r}")
        if not 0 < similarity <= 1:
            raise UserInputError(f"ReasoningHook: similarity must be above 0 and at most 1, got {similarity!r}")
        if not seconds > 0:
            raise UserInputError(f"ReasoningHook: seconds must be above 0, got {seconds!r}")
        self._seconds = seconds
        self._model: ChatModel | None = make_chat_model(llm) if llm else None
        self._operators = make_operators(operators, load_personas(personas), self._model)
        self._share = share
        self._similarity = similarity
        self._written = _agreement(self._model, solvers, agree)

    def __call__(self, round: RoundInput) -> RoundResult:
        """Analyse the last epoch's errors, and grow and verify tasks."""
        result = RoundResult()
        counts: Counter[str] = Counter()
        errors = {one.task.id: commonest(error_counts(one)) for one in round.results}
        counts.update(f"errors/{kind.value}" for kind in errors.values() if kind)
        index = NearDuplicateIndex(self._similarity)
        for one in round.results:
            index.add(one.task)
        checks = Checks([NoLeak(), HarderOrDifferent(), Novel(index), Unambiguous(), SolvedByRoutes(self._written)])
        budget = int(round.wanted * self._share + 0.5)
        made: set[str] = set()
        counts.update(f"skipped/{one.task.kind}" for one in round.results if self._is_ours_but_unverifiable(one.task))
        for name in counts:
            if name.startswith("skipped/"):
                kind = name.removeprefix("skipped/")
                round.say(
                    f"tasks of {kind!r} are not grown: nothing verifies them; give the kind two ways to solve "
                    "a task by verl_agentic.synthesis.reasoning.register_routes"
                )
        for made_up in self._proposals(round, errors, budget, result):
            if round.out_of_time:
                break
            proposal = made_up if made_up.reason else _judged(made_up, checks, round.known_ids, made)
            counts[f"{proposal.operator}/tried"] += 1
            outcome = (
                f"rejected.{proposal.operator}.{proposal.reason}" if proposal.reason else f"{proposal.operator}/kept"
            )
            counts[outcome] += 1
            if proposal.reason in _OUTAGES:
                if not result.warnings and (proposal.task is None or proposal.text):
                    result.warnings.append(f"goes on without the language model: {proposal.detail}")
            elif proposal.reason and proposal.text:
                kind, parent = proposal.parent.kind, proposal.parent.id
                text = rejected_text(kind, proposal.text, proposal.reason, proposal.operator, parent)
                result.quarantined.append((text, f"{proposal.reason}: {proposal.detail}"[:_MAX_REASON_CHARS]))
            if proposal.task is not None and not proposal.reason:
                index.add(proposal.task)
                made.add(proposal.task.id)
                result.new_tasks.append(proposal.task)
        result.counts = dict(sorted(counts.items()))
        return result

    def _proposals(
        self, round: RoundInput, errors: Mapping[str, ErrorKind | None], budget: int, result: RoundResult
    ) -> Iterator[_Proposal]:
        """Proposals, as long as fewer than ``budget`` were taken into ``result``; never endless.

        Once there is a warning in it, or the time is up, no language model is asked.
        """
        made = result.new_tasks
        ends = time.monotonic() + self._seconds
        tries = _TRIES_PER_TASK * budget
        verifiable = (one for one in round.results if one.task.kind in ROUTES)
        for group in parent_groups(verifiable, round.rng):
            parents = [one.task for one in group]
            while parents and len(made) < budget and tries > 0 and not round.out_of_time:
                # No more at a time than are still wanted, so that no model is asked in vain.
                batch = parents[: min(budget - len(made), tries)]
                parents = parents[len(batch) :] + batch
                tries -= len(batch)
                asking = not result.warnings and time.monotonic() < ends
                choices = [self._choose(parent, errors[parent.id], round.rng, asking) for parent in batch]
                parents = [parent for parent in parents if self._fitting(parent, errors[parent.id], asking)]
                asked = [choice for choice in choices if choice is not None]
                yield from run_coroutine(_grow_all(asked, ends))

    def _is_ours_but_unverifiable(self, task: Task) -> bool:
        """Whether some operator is meant for its kind alone, and nothing can verify what that makes."""
        return task.kind not in ROUTES and any(operator.kind == task.kind for operator in self._operators)

    def _fitting(self, task: Task, error: ErrorKind | None, asking: bool) -> list[Operator]:
        return [
            operator
            for operator in self._operators
            if operator.fits(task.kind, error) and (asking or not isinstance(operator, LlmRewrite))
        ]

    def _choose(
        self, parent: Task, error: ErrorKind | None, rng: random.Random, asking: bool
    ) -> tuple[Operator, Task, ErrorKind | None, random.Random] | None:
        fitting = self._fitting(parent, error, asking)
        if not fitting:
            return None
        return rng.choice(fitting), parent, error, random.Random(rng.getrandbits(64))


async def _grow_all(
    choices: Sequence[tuple[Operator, Task, ErrorKind | None, random.Random]], ends: float
) -> list[_Proposal]:
    return list(await asyncio.gather(*(_grow(*choice, ends) for choice in choices)))


async def _grow(
    operator: Operator, parent: Task, error: ErrorKind | None, rng: random.Random, ends: float
) -> _Proposal:
    none = _Proposal(operator.name, parent, error, None)
    try:
        found = operator(parent, rng)
        task = await asyncio.wait_for(found, ends - time.monotonic()) if inspect.isawaitable(found) else found
    except RejectedError as rejected:
        return replace(none, reason=rejected.reason, detail=rejected.detail, text=rejected.text)
    except asyncio.TimeoutError:
        return replace(none, reason="out_of_time", detail="the time of the round is up (seconds)")
    except BudgetSpentError as spent:
        return replace(none, reason="over_budget", detail=str(spent))
    except (InfrastructureError, UserInputError) as outage:
        # A key that is refused in mid-run, too: it was accepted when the run began.
        if isinstance(outage, UserInputError) and not isinstance(operator, LlmRewrite):
            raise
        return replace(none, reason="unreachable", detail=str(outage))
    if task is None:
        return replace(none, reason="barren")
    if error is not None:
        task = replace(task, meta={**task.meta, "error": error.value})
    text = question_of(task.messages) if task.meta.get("generator") == GENERATOR else ""
    return replace(none, task=task, text=text)


def _judged(proposal: _Proposal, checks: Checks, known: Set[str], made: Set[str]) -> _Proposal:
    """The proposal, with the reason not to take it, where there is one."""
    assert proposal.task is not None, "a proposal without a task has its reason"
    if proposal.task.id in made or proposal.task.id in known:
        return replace(proposal, reason="duplicate")
    try:
        rejection = checks.examine(Candidate(proposal.task, proposal.parent))
    except (InfrastructureError, UserInputError) as outage:
        if isinstance(outage, UserInputError) and not proposal.text:
            raise
        # Not the task's fault; it may be made again another time.
        return replace(proposal, reason="unverified", detail=str(outage))
    return proposal if rejection is None else replace(proposal, reason=rejection.reason, detail=rejection.detail)


def _agreement(
    model: ChatModel | None, solvers: Sequence[Mapping[str, Any]] | int, agree: int | None
) -> AgreementVerifier | None:
    if model is None:
        return None
    if isinstance(solvers, int):
        return AgreementVerifier([model] * solvers, agree)
    return AgreementVerifier([make_chat_model(config) for config in solvers], agree)
