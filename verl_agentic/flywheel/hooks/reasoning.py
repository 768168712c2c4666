"""The hook for tasks of reasoning: grow what the policy does not always solve, by the way it fails."""

from __future__ import annotations

import asyncio
import inspect
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from verl_agentic.core import InfrastructureError, RejectedError, Rejection, Task, UserInputError
from verl_agentic.core.chat import BudgetSpentError, ChatModel, make_chat_model
from verl_agentic.core.outcome import ErrorKind
from verl_agentic.core.task import WRITTEN
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
from verl_agentic.flywheel.error_analysis import commonest, error_counts
from verl_agentic.flywheel.hook import RoundInput, RoundResult
from verl_agentic.flywheel.parents import parent_groups
from verl_agentic.reward_fns.registry import run_coroutine
from verl_agentic.synthesis.question import question_of
from verl_agentic.synthesis.reasoning import Operator, make_operators
from verl_agentic.synthesis.reasoning.llm import LlmRewrite
from verl_agentic.synthesis.reasoning.personas import load_personas
from verl_agentic.synthesis.reasoning.routes import ROUTES

_TRIES_PER_TASK = 8
# A language model could not be asked, which says nothing of what it wrote.
_OUTAGES = ("unreachable", "unverified", "out_of_time")
_OVER_BUDGET = "over_budget"


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A task that an operator made of its parent, or why it made none."""

    operator: str
    parent: Task
    made: Task | Rejection


class ReasoningHook:
    """Grows new tasks from those of the last epoch, in the order of :func:`parent_groups`, and verifies each.

    Besides the reasons of the checks it rejects as ``barren`` where an operator had nothing to make of the task, as
    ``duplicate``, and as ``unreachable``, ``unverified``, ``out_of_time`` and ``over_budget`` where a language model
    could not be asked, without which the round then goes on. What one wrote and a check rejected is quarantined.
    ``counts`` has ``errors/KIND`` for tasks by their commonest error, and ``skipped/KIND`` for tasks whose kind has
    operators and no routes to verify what they make
    (:func:`verl_agentic.synthesis.reasoning.routes.register_routes`).
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

        Raises:
            UserInputError: a setting is wrong, or an operator needs a language model and there is none.
        """
        if not 0 <= share <= 1:
            raise UserInputError(f"ReasoningHook: share must lie between 0 and 1, got {share!r}")
        if not 0 < similarity <= 1:
            raise UserInputError(f"ReasoningHook: similarity must be above 0 and at most 1, got {similarity!r}")
        self._model: ChatModel | None = make_chat_model(llm) if llm else None
        self._operators = make_operators(operators, load_personas(personas), self._model)
        self._share = share
        self._similarity = similarity
        self._written = _agreement(self._model, solvers, agree)

    def __call__(self, round: RoundInput) -> RoundResult:
        """Analyse the last epoch's errors, and grow and verify tasks."""
        result = RoundResult()
        errors = {one.task.id: commonest(error_counts(one)) for one in round.results}
        index = NearDuplicateIndex(self._similarity)
        for one in round.results:
            index.add(one.task)
        checks = Checks([NoLeak(), HarderOrDifferent(), Novel(index), Unambiguous(), SolvedByRoutes(self._written)])
        budget = int(round.wanted * self._share + 0.5)
        skipped = Counter(one.task.kind for one in round.results if self._is_ours_but_unverifiable(one.task))
        for kind in skipped:
            round.say(
                f"tasks of {kind!r} are not grown: nothing verifies them; give the kind two ways to solve a task by "
                "verl_agentic.synthesis.reasoning.register_routes"
            )
        for proposal in self._proposals(round, errors, budget, result):
            if round.out_of_time:
                break
            made = _judged(proposal, checks, round.known_ids, result.new_tasks)
            if isinstance(made, Rejection):
                self._reject(proposal, made, result)
            else:
                index.add(made)
                result.new_tasks.append(made)
        counts = Counter(f"errors/{kind.value}" for kind in errors.values() if kind)
        counts.update({f"skipped/{kind}": count for kind, count in skipped.items()})
        result.counts = dict(sorted(counts.items()))
        return result

    def _reject(self, proposal: _Proposal, rejection: Rejection, result: RoundResult) -> None:
        written = isinstance(proposal.made, Rejection) or proposal.made.generator == WRITTEN
        if rejection.reason in _OUTAGES and written and not result.warnings:
            result.warnings.append(f"goes on without the language model: {rejection.detail}")
        result.reject(proposal.operator, rejection, proposal.parent.kind, proposal.parent.id)

    def _proposals(
        self, round: RoundInput, errors: Mapping[str, ErrorKind | None], budget: int, result: RoundResult
    ) -> Iterator[_Proposal]:
        """Proposals, as long as fewer than ``budget`` were taken into ``result``; never endless.

        Once there is a warning in it, or time or budget are up, no language model is asked.
        """
        made = result.new_tasks
        tries = _TRIES_PER_TASK * budget
        verifiable = (one for one in round.results if one.task.kind in ROUTES)
        for group in parent_groups(verifiable, round.rng):
            parents = [one.task for one in group]
            while parents and len(made) < budget and tries > 0 and not round.out_of_time:
                # No more at a time than are still wanted, so that no model is asked in vain.
                batch = parents[: min(budget - len(made), tries)]
                parents = parents[len(batch) :] + batch
                tries -= len(batch)
                spent = any(reasons[_OVER_BUDGET] for reasons in result.rejected.values())
                left = round.seconds_to_ask
                asking = not result.warnings and not spent and (left is None or left > 0)
                choices = [self._choose(parent, errors[parent.id], round.rng, asking) for parent in batch]
                parents = [parent for parent in parents if self._fitting(parent, errors[parent.id], asking)]
                asked = [choice for choice in choices if choice is not None]
                yield from run_coroutine(_grow_all(asked, left))

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
    choices: Sequence[tuple[Operator, Task, ErrorKind | None, random.Random]], seconds: float | None
) -> list[_Proposal]:
    return list(await asyncio.gather(*(_grow(*choice, seconds) for choice in choices)))


async def _grow(
    operator: Operator, parent: Task, error: ErrorKind | None, rng: random.Random, seconds: float | None
) -> _Proposal:
    return _Proposal(operator.name, parent, await _made(operator, parent, error, rng, seconds))


async def _made(
    operator: Operator, parent: Task, error: ErrorKind | None, rng: random.Random, seconds: float | None
) -> Task | Rejection:
    try:
        found = operator(parent, rng)
        task = await asyncio.wait_for(found, seconds) if inspect.isawaitable(found) else found
    except RejectedError as rejected:
        return rejected.rejection
    except asyncio.TimeoutError:
        return Rejection("out_of_time", "the time of the round for language models is up (budget.seconds)")
    except BudgetSpentError as spent:
        return Rejection(_OVER_BUDGET, str(spent))
    except (InfrastructureError, UserInputError) as outage:
        # A key that is refused in mid-run, too: it was accepted when the run began.
        if isinstance(outage, UserInputError) and not isinstance(operator, LlmRewrite):
            raise
        return Rejection("unreachable", str(outage))
    if task is None:
        return Rejection("barren")
    return task if error is None else replace(task, meta={**task.meta, "error": error.value})


def _judged(proposal: _Proposal, checks: Checks, known: Set[str], taken: Sequence[Task]) -> Task | Rejection:
    """The proposed task, or the reason not to take it; with its text, where a language model wrote it."""
    task = proposal.made
    if isinstance(task, Rejection):
        return task
    text = question_of(task.messages) if task.generator == WRITTEN else ""
    if task.id in known or any(task.id == other.id for other in taken):
        return Rejection("duplicate", text=text)
    try:
        rejection = checks.examine(Candidate(task, proposal.parent))
    except BudgetSpentError as spent:
        return Rejection(_OVER_BUDGET, str(spent))
    except (InfrastructureError, UserInputError) as outage:
        if isinstance(outage, UserInputError) and not text:
            raise
        # Not the task's fault; it may be made again another time.
        return Rejection("unverified", str(outage))
    return task if rejection is None else replace(rejection, text=text)


def _agreement(
    model: ChatModel | None, solvers: Sequence[Mapping[str, Any]] | int, agree: int | None
) -> AgreementVerifier | None:
    if model is None:
        return None
    if isinstance(solvers, int):
        return AgreementVerifier([model] * solvers, agree)
    return AgreementVerifier([make_chat_model(config) for config in solvers], agree)
