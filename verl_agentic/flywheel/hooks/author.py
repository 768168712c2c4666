"""What a language model adds to a round of trees: invented domains, and further branches of trees that there are."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from verl_agentic.core import BrokenTaskError, RejectedError, Rejection, Task
from verl_agentic.core.behavior_tree import BehaviorTree, write_json
from verl_agentic.core.chat import BudgetSpentError, ChatModel, ChatUsage
from verl_agentic.core.task import WRITTEN
from verl_agentic.flywheel.budget import HookBudgetSpentError
from verl_agentic.flywheel.hook import RoundInput, RoundResult, TaskResult
from verl_agentic.flywheel.hooks.novelty import TreeIndex
from verl_agentic.flywheel.hooks.settings import WrittenSettings
from verl_agentic.reward_fns.registry import run_coroutine
from verl_agentic.synthesis.reasoning.personas import load_personas
from verl_agentic.synthesis.trees.compile import compile_task
from verl_agentic.synthesis.trees.edit import affected
from verl_agentic.synthesis.trees.expert import tree_of
from verl_agentic.synthesis.trees.family import TreeFamily
from verl_agentic.synthesis.trees.files import read_policies, read_workflows
from verl_agentic.synthesis.trees.shape import OPERATOR, leaf_shapes
from verl_agentic.synthesis.trees.writer import TreeWriter, Writing

INVENT = "invent"
"""Operator of tasks whose tree a language model invented."""
_TASKS_PER_TREE = 4
# A model that writes nothing fit must not keep the round going for ever.
_TRIES_PER_TREE = 4
_MOST_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class _Order:
    """A tree that is asked for.

    Attributes:
        kind: of its tasks.
        sample: tells it apart from others that are alike.
        persona, policy: what to invent it from.
        base: the tree to grow, ``None`` to invent one.
        parent: the task that the base is from.
    """

    kind: str
    sample: int
    persona: str = ""
    policy: str = ""
    base: BehaviorTree | None = None
    parent: Task | None = None

    @property
    def operator(self) -> str:
        return INVENT if self.base is None else OPERATOR


class TreeAuthor:
    """Asks a language model for trees, and makes tasks of those that pass every check.

    Args:
        model: the language model.
        families: families of trees by kind.
        settings: what to ask for, and how much.

    Raises:
        UserInputError: a file of personas, policies or workflows cannot be used.
    """

    def __init__(self, model: ChatModel, families: Mapping[str, TreeFamily], settings: WrittenSettings) -> None:
        self._settings = settings
        self._families = families
        self._writer = TreeWriter(model, settings.repairs, settings.temperature, settings.max_tokens)
        self._personas = load_personas(settings.personas)
        self._policies = read_policies(settings.policies) if settings.policies else ("",)
        self._workflows = read_workflows(settings.workflows) if settings.workflows else ()

    def __call__(
        self, round: RoundInput, wanted: int, parents: Sequence[TaskResult], rng: random.Random
    ) -> RoundResult:
        """Up to ``wanted`` tasks of trees that pass every check. The same round and the same replies give the same.

        Where the model cannot be asked there is a warning, and no task.

        Args:
            round: the round.
            wanted: number of tasks.
            parents: tasks whose trees may be grown.
            rng: chooses what is asked for.
        """
        made = RoundResult()
        counts: Counter[str] = Counter()
        index = self._known(round)
        spent = ChatUsage()
        requests = 0
        tries = _TRIES_PER_TREE * math.ceil(wanted / _TASKS_PER_TREE)
        while len(made.new_tasks) < wanted and tries > 0:
            missing = math.ceil((wanted - len(made.new_tasks)) / _TASKS_PER_TREE)
            number = min(missing, tries, _MOST_AT_ONCE)
            if round.requests is not None:
                # All of a tree's requests or none: the last one must not go to whoever comes first.
                number = min(number, (round.requests - requests) // self._writer.most_requests)
            if number < 1:
                counts["llm.out_of_budget"] += 1
                break
            tries -= number
            orders = [self._order(parents, rng) for _ in range(number)]
            try:
                writings = run_coroutine(asyncio.wait_for(self._write(orders, index), round.seconds_to_ask))
            except asyncio.TimeoutError:
                counts["llm.out_of_time"] += 1
                break
            for order, writing in zip(orders, writings, strict=True):
                requests += writing.requests
                spent += writing.usage
                self._take(order, writing, made, counts, index, round, wanted)
            round.say(
                f"trees by a language model: {len(made.new_tasks)} of {wanted} tasks, {counts['llm.trees']} trees, "
                f"{len(made.quarantined)} texts rejected, {requests} requests, {spent.tokens} tokens, ${spent.cost:.4f}"
            )
            outages = [writing.outage for writing in writings if writing.outage is not None]
            if any(isinstance(outage, HookBudgetSpentError) for outage in outages):
                counts["llm.out_of_budget"] += 1
            if outages and all(isinstance(outage, BudgetSpentError) for outage in outages):
                made.warnings += [str(one) for one in outages if not isinstance(one, HookBudgetSpentError)][:1]
                break
            if outages:
                made.new_tasks.clear()
                made.rejected.clear()
                made.counts = {"llm.skipped": 1}
                made.warnings = [f"goes on without the language model: {outages[0]}"]
                return made
        made.counts = {**counts, "llm.requests": requests, "llm.tokens": spent.tokens}
        return made

    def _known(self, round: RoundInput) -> TreeIndex:
        index = TreeIndex(
            [tree for family in self._families.values() for tree in family.trees], self._settings.similarity
        )
        known = (*(one.task for one in round.results), *round.written)
        tasks = [task for task in known if task.kind in self._families]
        for tree in self._workflows:
            index.add(tree)
        for task in tasks:
            # Others than we may have called what they imported so.
            with contextlib.suppress(BrokenTaskError):
                index.add(tree_of(task))
        return index

    def _order(self, parents: Sequence[TaskResult], rng: random.Random) -> _Order:
        sample = rng.getrandbits(31)
        bases: list[TaskResult | BehaviorTree] = [*parents, *self._workflows]
        kind = next(iter(self._families))
        if not bases or rng.random() < self._settings.invent:
            return _Order(kind, sample, rng.choice(self._personas), rng.choice(self._policies))
        base = rng.choice(bases)
        if isinstance(base, BehaviorTree):
            return _Order(kind, sample, base=base)
        return _Order(base.task.kind, sample, base=tree_of(base.task), parent=base.task)

    async def _write(self, orders: Sequence[_Order], index: TreeIndex) -> list[Writing]:
        return list(await asyncio.gather(*(self._write_one(order, index) for order in orders)))

    async def _write_one(self, order: _Order, index: TreeIndex) -> Writing:
        def accept(tree: BehaviorTree) -> None:
            self._accept(order, tree, index)

        if order.base is None:
            return await self._writer.invent(order.persona, order.policy, order.sample, accept, index.names)
        return await self._writer.grow(order.base, order.sample, accept)

    def _accept(self, order: _Order, tree: BehaviorTree, index: TreeIndex) -> None:
        """Raises where the tree is known, or all that is new in it is kept for evaluation."""
        if order.base is None:
            index.check_domain(tree)
        else:
            index.check_shape(tree)
        if not self._leaves(order, tree):
            raise RejectedError("held_out", "all its new leaves are known; add other branches")

    def _leaves(self, order: _Order, tree: BehaviorTree) -> list[str]:
        """Leaves that may become tasks."""
        kept = self._families[order.kind].kept_shapes
        new = list(tree.paths()) if order.base is None else affected(order.base, tree)
        return [leaf for leaf in new if kept.isdisjoint(leaf_shapes(tree, leaf))]

    def _take(
        self,
        order: _Order,
        writing: Writing,
        made: RoundResult,
        counts: Counter[str],
        index: TreeIndex,
        round: RoundInput,
        wanted: int,
    ) -> None:
        parent = order.parent.id if order.parent else None
        for rejection in writing.rejections:
            made.reject(order.operator, rejection, order.kind, parent)
        tree = writing.tree
        if tree is None:
            return
        try:
            # Another one of this batch may be the same.
            self._accept(order, tree, index)
        except RejectedError as error:
            made.reject(order.operator, replace(error.rejection, text=write_json(tree)), order.kind, parent)
            return
        index.add(tree)
        counts["llm.trees"] += 1
        counts["llm.mended"] += bool(writing.rejections)
        for leaf in self._leaves(order, tree)[: wanted - len(made.new_tasks)]:
            # By the tree alone: the same tree in another round gives the same task, which is known then.
            rng = random.Random(f"{write_json(tree)}/{leaf}")
            try:
                task = compile_task(tree, leaf, rng, kind=order.kind, parent=parent, operator=order.operator)
            except BrokenTaskError as error:
                made.reject(order.operator, Rejection("case", str(error)), order.kind, parent)
                continue
            if task.id in round.known_ids:
                made.reject(order.operator, Rejection("duplicate"), order.kind, parent)
                continue
            made.new_tasks.append(replace(task, generator=WRITTEN))
