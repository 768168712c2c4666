"""The agentic flywheel's hook: grow trees and domains' requests where the policy still fails."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from verl_agentic.core import RejectedError, Rejection, UserInputError
from verl_agentic.core.chat import make_chat_model
from verl_agentic.core.checked import Share, check_arguments
from verl_agentic.flywheel.hook import RoundInput, RoundResult, TaskResult
from verl_agentic.flywheel.hooks.author import TreeAuthor
from verl_agentic.flywheel.hooks.settings import read_written
from verl_agentic.flywheel.parents import grow_in_turn, parent_groups
from verl_agentic.synthesis.base import Growth, TaskFamily
from verl_agentic.synthesis.trees.family import TreeFamily
from verl_agentic.synthesis.trees.operators import operator_named

_TRIES_PER_TASK = 4


class TreesHook:
    """Grows tasks of the last epoch, in the order of :func:`parent_groups`, towards where the policy fails: behavior
    trees, and requests of domains.

    An operator weighs more the less often the policy solves tasks that it grew, and more where it aims at what the
    parent failed by. Every grown tree is checked leaf by leaf. With a language model part of the tasks are of trees
    that it writes: domains that it invents (operator ``invent``), and branches that it adds (``llm``).

    It rejects by check (:mod:`verl_agentic.synthesis.trees.check`) and as ``duplicate``. ``counts`` has ``parents``; of
    a language model ``llm.requests``, ``llm.tokens``, ``llm.trees``, of these ``llm.mended``, and ``llm.skipped``,
    ``llm.out_of_time`` or ``llm.out_of_budget`` where it ended early.
    """

    def __init__(
        self,
        families: Mapping[str, TaskFamily],
        share: Share = 0.5,
        operators: Sequence[str] | None = None,
        llm: Mapping[str, Any] | None = None,
        written: Mapping[str, Any] | None = None,
    ) -> None:
        """
        Args:
            families: task family by kind; those grow that have operators (:meth:`TaskFamily.operators`).
            share: of the wanted tasks, 0 to 1.
            operators: names of the operators to use, or of tree operators of your own (``package.module:Class``,
                ``path/to/file.py:Class``); all built-in ones by default. Those of a language model are not among them.
            llm: configuration of a language model (``agentic.llm``), ``None`` to do without.
            written: what it writes, see :class:`WrittenSettings`.

        Raises:
            UserInputError: a setting is out of its range, no family grows, there is no operator of some name, or
                something is to be written and there is no language model.
        """
        check_arguments(TreesHook, {"share": share}, "TreesHook")
        self._families = {kind: family for kind, family in families.items() if family.operators()}
        if not self._families:
            raise UserInputError("TreesHook: no family of trees or domains; add 'domain' or 'tree' to agentic.kinds")
        self._operators = _chosen(self._families, operators)
        self._share = share
        settings = read_written(written or {}, "TreesHook: written")
        if written and settings.share > 0 and not llm:
            raise UserInputError("TreesHook: written needs a language model; add llm=openai or llm=vllm, or remove it")
        self._written_share = settings.share if llm else 0.0
        trees = {kind: family for kind, family in self._families.items() if isinstance(family, TreeFamily)}
        if written and settings.share > 0 and not trees:
            raise UserInputError("TreesHook: written makes behavior trees; add 'tree' to agentic.kinds, or remove it")
        self._author = TreeAuthor(make_chat_model(llm), trees, settings) if self._written_share and trees else None

    def __call__(self, round: RoundInput) -> RoundResult:
        """Grow up to its share of the wanted tasks."""
        trained = [one for one in round.results if one.task.kind in self._families]
        groups = parent_groups(trained, round.rng)
        parents = [one for group in groups for one in group]
        names = [name for names in self._operators.values() for name in names]
        failing = _failure_rates(trained, self._families, names)
        budget = int(round.wanted * self._share + 0.5)
        result = RoundResult()
        if self._author is not None:
            rng = random.Random(round.rng.getrandbits(64))
            result = self._author(round, int(budget * self._written_share + 0.5), parents, rng)
        result.counts["parents"] = len(parents)
        self._grow(round, budget, groups, failing, result)
        return result

    def _grow(
        self,
        round: RoundInput,
        budget: int,
        groups: Sequence[list[TaskResult]],
        failing: Mapping[str, float],
        result: RoundResult,
    ) -> None:
        """Add grown tasks to ``result`` until there are ``budget`` of them."""
        made = {task.id for task in result.new_tasks}

        def grow(parent: TaskResult) -> bool:
            family = self._families[parent.task.kind]
            options = family.growths(parent.task, self._operators[parent.task.kind])
            if not options:
                return False
            weights = [_weight(growth, parent, failing) for growth in options]
            growth = round.rng.choices(options, weights)[0]
            try:
                task = family.told(growth.grow(round.rng))
            except RejectedError as error:
                result.reject(growth.operator, error.rejection, parent.task.kind, parent.task.id)
                return True
            if task.id in made or task.id in round.known_ids:
                result.reject(growth.operator, Rejection("duplicate"), parent.task.kind, parent.task.id)
                return True
            made.add(task.id)
            result.new_tasks.append(task)
            return True

        grow_in_turn(
            groups, _TRIES_PER_TASK * budget, lambda: len(result.new_tasks) >= budget or round.out_of_time, grow
        )


def _chosen(families: Mapping[str, TaskFamily], names: Sequence[str] | None) -> dict[str, tuple[str, ...]]:
    """Names of the operators that tasks of each kind grow by.

    Raises:
        UserInputError: there is no operator of some name.
    """
    found: dict[str, list[str]] = {kind: [] for kind in families}
    for kind, family in families.items():
        found[kind] += [name for name in family.operators() if names is None or name in names]
    known = {name for family in families.values() for name in family.operators()}
    for name in names or ():
        if name not in known:
            operator_named(name)
            for kind, family in families.items():
                if isinstance(family, TreeFamily):
                    found[kind].append(name)
    return {kind: tuple(chosen) for kind, chosen in found.items()}


def _failure_rates(
    results: Iterable[TaskResult], families: Mapping[str, TaskFamily], names: Iterable[str]
) -> dict[str, float]:
    """Mean failure on tasks that an operator grew, by operator."""
    failures: dict[str, list[float]] = {}
    for one in results:
        for name in families[one.task.kind].grown_by(one.task):
            failures.setdefault(name, []).append(1 - one.success)
    names = [name if ":" not in name else operator_named(name).name for name in names]
    # As if one task half solved had been seen of each, so that no operator is given up for a few lucky ones.
    return {name: (sum(failures.get(name, ())) + 0.5) / (len(failures.get(name, ())) + 1) for name in names}


def _weight(growth: Growth, parent: TaskResult, failing: Mapping[str, float]) -> float:
    """The operator's failure rate, up to doubled by the share of the parent's failures that it aims at."""
    kinds = [outcome.failure for group in parent.groups for outcome in group.outcomes if outcome.acc < 1]
    aimed = sum(kind in growth.aims_at for kind in kinds)
    return failing[growth.operator] * (1 + (aimed / len(kinds) if kinds else 0))
