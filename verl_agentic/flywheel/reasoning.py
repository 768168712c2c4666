"""The hook for tasks of reasoning: grow what the policy fails at, by the way it fails."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from verl_agentic.core import InfrastructureError, Task, UserInputError
from verl_agentic.core.chat import BudgetSpentError, ChatModel, make_chat_model
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
from verl_agentic.flywheel.error_analysis import ErrorKind, commonest, error_counts
from verl_agentic.flywheel.hook import RoundInput, RoundResult, TaskResult
from verl_agentic.reward_fns.registry import run_coroutine
from verl_agentic.synthesis.reasoning import Operator, RejectedError, make_operators
from verl_agentic.synthesis.reasoning.personas import load_personas
from verl_agentic.synthesis.routes import ROUTES

_TRIES_PER_TASK = 8
_UNREACHABLE = "unreachable"
_TOLD_ANEW = ("rephrase", "persona", "self_instruct", "llm_persona")
_HARDER = ("deepen", "enlarge", "distract", "reverse", "nest")

REMEDIES: Mapping[ErrorKind, tuple[str, ...]] = {
    ErrorKind.WRONG_ANSWER: (*_HARDER, *_TOLD_ANEW),
    ErrorKind.WRONG_STATE: (*_HARDER, *_TOLD_ANEW),
    ErrorKind.ARITHMETIC_SLIP: ("enlarge", "reverse"),
    ErrorKind.LOOP: ("deepen", "reverse", "rephrase"),
    ErrorKind.LIMIT: ("distract", "rephrase", "persona"),
    ErrorKind.FORMAT: _TOLD_ANEW,
    ErrorKind.TOOL_MISUSE: ("rephrase", "persona", "enlarge"),
    ErrorKind.GAVE_UP: _TOLD_ANEW,
}
"""Operators by the error they work against: forms are practised in other words, calculation on larger numbers."""


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A task that an operator made, or why it made none."""

    operator: str
    parent: Task
    error: ErrorKind | None
    task: Task | None
    reason: str = ""


class ReasoningHook:
    """Grows new tasks from failed and frontier tasks, then from solved ones, and verifies each.

    What it did is counted: ``errors/KIND`` for tasks by their commonest error, and for each operator ``NAME/tried``,
    ``NAME/kept`` and ``rejected.NAME.REASON``, where ``barren`` says that it had nothing to make of the task.
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
        counts: Counter[str] = Counter()
        errors = {one.task.id: commonest(error_counts(one)) for one in round.results}
        counts.update(f"errors/{kind.value}" for kind in errors.values() if kind)
        index = NearDuplicateIndex(self._similarity)
        for one in round.results:
            index.add(one.task)
        checks = Checks([NoLeak(), HarderOrDifferent(), Novel(index), Unambiguous(), SolvedByRoutes(self._written)])
        budget = int(round.wanted * self._share + 0.5)
        made: set[str] = set()
        for proposal in self._proposals(round, errors, budget, result.new_tasks):
            if round.out_of_time:
                break
            counts[f"{proposal.operator}/tried"] += 1
            reason = proposal.reason or _verdict(proposal, checks, round.known_ids, made)
            counts[f"rejected.{proposal.operator}.{reason}" if reason else f"{proposal.operator}/kept"] += 1
            if proposal.task is not None and not reason:
                index.add(proposal.task)
                made.add(proposal.task.id)
                result.new_tasks.append(proposal.task)
        result.counts = dict(sorted(counts.items()))
        return result

    def _proposals(
        self, round: RoundInput, errors: Mapping[str, ErrorKind | None], budget: int, made: Sequence[Task]
    ) -> Iterator[_Proposal]:
        """Proposals, as long as fewer than ``budget`` were taken into ``made``; never endless."""
        tries = _TRIES_PER_TASK * budget
        silent: set[str] = set()
        for needy in _by_need(round):
            parents = needy
            round.rng.shuffle(parents)
            while parents and len(made) < budget and tries > 0 and not round.out_of_time:
                # No more at a time than are still wanted, so that no model is asked in vain.
                batch = parents[: min(budget - len(made), tries)]
                parents = parents[len(batch) :] + batch
                tries -= len(batch)
                choices = [self._choose(parent, errors[parent.id], round.rng, silent) for parent in batch]
                parents = [parent for parent in parents if self._fitting(parent, errors[parent.id], silent)]
                asked = [choice for choice in choices if choice is not None]
                proposals = run_coroutine(_grow_all(asked))
                # A language model that is down would make every further batch wait until its time is up.
                silent |= {one.operator for one in proposals if one.reason == _UNREACHABLE}
                silent -= {one.operator for one in proposals if one.reason != _UNREACHABLE}
                yield from proposals

    def _fitting(self, task: Task, error: ErrorKind | None, silent: Set[str]) -> list[Operator]:
        able = [one for one in self._operators if one.kind in ("", task.kind) and one.name not in silent]
        wanted = _HARDER if error is None else REMEDIES.get(error, ())
        return [operator for operator in able if operator.name in wanted]

    def _choose(
        self, parent: Task, error: ErrorKind | None, rng: random.Random, silent: Set[str]
    ) -> tuple[Operator, Task, ErrorKind | None, random.Random] | None:
        fitting = self._fitting(parent, error, silent)
        if not fitting:
            return None
        return rng.choice(fitting), parent, error, random.Random(rng.getrandbits(64))


def _by_need(round: RoundInput) -> list[list[Task]]:
    """Tasks to grow from, of kinds that can be verified: those failed at least in part, then those solved."""
    missed: list[TaskResult] = []
    solved: list[TaskResult] = []
    for one in round.results:
        if one.task.kind in ROUTES:
            (missed if one.success < 1 else solved).append(one)
    return [[one.task for one in missed], [one.task for one in solved]]


async def _grow_all(
    choices: Sequence[tuple[Operator, Task, ErrorKind | None, random.Random]],
) -> list[_Proposal]:
    return list(await asyncio.gather(*(_grow(*choice) for choice in choices)))


async def _grow(operator: Operator, parent: Task, error: ErrorKind | None, rng: random.Random) -> _Proposal:
    try:
        found = operator(parent, rng)
        task = await found if inspect.isawaitable(found) else found
    except RejectedError as rejected:
        return _Proposal(operator.name, parent, error, None, rejected.reason)
    except BudgetSpentError:
        return _Proposal(operator.name, parent, error, None, "over_budget")
    except InfrastructureError:
        return _Proposal(operator.name, parent, error, None, _UNREACHABLE)
    if task is None:
        return _Proposal(operator.name, parent, error, None, "barren")
    if error is not None:
        task = dataclasses.replace(task, meta={**task.meta, "error": error.value})
    return _Proposal(operator.name, parent, error, task)


def _verdict(proposal: _Proposal, checks: Checks, known: Set[str], made: Set[str]) -> str:
    """Name of the reason not to take a proposal, empty for none."""
    assert proposal.task is not None, "a proposal without a task has its reason"
    if proposal.task.id in made or proposal.task.id in known:
        return "duplicate"
    try:
        rejection = checks.examine(Candidate(proposal.task, proposal.parent))
    except InfrastructureError:
        # Not the task's fault; it may be made again another time.
        return "unverified"
    return rejection.reason if rejection else ""


def _agreement(
    model: ChatModel | None, solvers: Sequence[Mapping[str, Any]] | int, agree: int | None
) -> AgreementVerifier | None:
    if model is None:
        return None
    if isinstance(solvers, int):
        return AgreementVerifier([model] * solvers, agree)
    return AgreementVerifier([make_chat_model(config) for config in solvers], agree)
