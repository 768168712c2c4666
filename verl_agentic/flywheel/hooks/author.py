"""What a language model adds to a round of trees: invented domains, and further branches of trees that there are."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import math
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from verl_agentic.core import BrokenTaskError, Task
from verl_agentic.core.behavior_tree import BehaviorTree, write_json
from verl_agentic.core.chat import BudgetSpentError, ChatModel, ChatUsage
from verl_agentic.flywheel.drafts import rejected_text
from verl_agentic.flywheel.hook import WRITTEN, RoundInput, TaskResult
from verl_agentic.flywheel.hooks.novelty import TreeIndex
from verl_agentic.flywheel.hooks.settings import WrittenSettings
from verl_agentic.reward_fns.registry import run_coroutine
from verl_agentic.synthesis.reasoning.personas import load_personas
from verl_agentic.synthesis.trees.check import UnfitTreeError
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
_MOST_AT_ONCE = 8


@dataclass(slots=True)
class Authored:
    """What came of it.

    Attributes:
        tasks: of trees that pass every check.
        rejected: texts that do not, as tasks to quarantine, and why.
        counts: by name, see :class:`verl_agentic.flywheel.TreesHook`.
        warning: why the model could not be asked; there are no tasks then.
    """

    tasks: list[Task] = field(default_factory=list)
    rejected: list[tuple[Task, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    warning: str = ""


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

    def __call__(self, round: RoundInput, wanted: int, parents: Sequence[TaskResult], rng: random.Random) -> Authored:
        """Up to ``wanted`` tasks. The same round and the same replies give the same tasks.

        Args:
            round: the round.
            wanted: number of tasks.
            parents: tasks whose trees may be grown.
            rng: chooses what is asked for.
        """
        made = Authored()
        index = self._known(round)
        ends = time.monotonic() + self._settings.seconds
        spent = ChatUsage()
        requests = 0
        while len(made.tasks) < wanted:
            affordable = (self._settings.requests - requests) // self._writer.most_requests
            missing = math.ceil((wanted - len(made.tasks)) / _TASKS_PER_TREE)
            number = min(missing, affordable, _MOST_AT_ONCE)
            if number < 1 or self._spent(spent):
                made.counts["llm.out_of_budget"] += 1
                break
            orders = [self._order(parents, rng) for _ in range(number)]
            try:
                writings = run_coroutine(asyncio.wait_for(self._write(orders, index), ends - time.monotonic()))
            except asyncio.TimeoutError:
                made.counts["llm.out_of_time"] += 1
                break
            for order, writing in zip(orders, writings, strict=True):
                requests += writing.requests
                spent += writing.usage
                self._take(order, writing, made, index, round, wanted)
            self._report(made, wanted, requests, spent)
            outages = [writing.outage for writing in writings if writing.outage is not None]
            if outages and all(isinstance(outage, BudgetSpentError) for outage in outages):
                made.warning = str(outages[0])
                break
            if outages:
                made.tasks.clear()
                made.counts = Counter({"llm.skipped": 1})
                made.warning = f"goes on without the language model: {outages[0]}"
                return made
        made.counts.update({"llm.requests": requests, "llm.tokens": spent.tokens})
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

    def _spent(self, usage: ChatUsage) -> bool:
        limits = ((self._settings.tokens, usage.tokens), (self._settings.usd, usage.cost))
        return any(limit is not None and spent >= limit for limit, spent in limits)

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
            raise UnfitTreeError("held_out", "all its new leaves are known; add other branches")

    def _leaves(self, order: _Order, tree: BehaviorTree) -> list[str]:
        """Leaves that may become tasks."""
        kept = self._families[order.kind].kept_shapes
        new = list(tree.paths()) if order.base is None else affected(order.base, tree)
        return [leaf for leaf in new if kept.isdisjoint(leaf_shapes(tree, leaf))]

    def _take(
        self, order: _Order, writing: Writing, made: Authored, index: TreeIndex, round: RoundInput, wanted: int
    ) -> None:
        parent = order.parent.id if order.parent else None
        for draft in writing.drafts:
            made.counts[f"rejected.{order.operator}.{draft.check}"] += 1
            text = rejected_text(order.kind, draft.text, draft.check, order.operator, parent)
            made.rejected.append((text, f"{draft.check}: {draft.reason}"))
        tree = writing.tree
        if tree is None:
            return
        try:
            # Another one of this batch may be the same.
            self._accept(order, tree, index)
        except UnfitTreeError as error:
            made.counts[f"rejected.{order.operator}.{error.check}"] += 1
            text = rejected_text(order.kind, write_json(tree), error.check, order.operator, parent)
            made.rejected.append((text, f"{error.check}: {error}"))
            return
        index.add(tree)
        made.counts["llm.trees"] += 1
        made.counts["llm.mended"] += bool(writing.drafts)
        for leaf in self._leaves(order, tree)[: wanted - len(made.tasks)]:
            # By the tree alone: the same tree in another round gives the same task, which is known then.
            rng = random.Random(f"{write_json(tree)}/{leaf}")
            try:
                task = compile_task(tree, leaf, rng, kind=order.kind, parent=parent, operator=order.operator)
            except BrokenTaskError:
                made.counts[f"rejected.{order.operator}.case"] += 1
                continue
            if task.id in round.known_ids:
                made.counts[f"rejected.{order.operator}.duplicate"] += 1
                continue
            made.tasks.append(dataclasses.replace(task, generator=WRITTEN))
            made.counts[f"grown.{order.operator}"] += 1

    def _report(self, made: Authored, wanted: int, requests: int, spent: ChatUsage) -> None:
        print(
            f"verl-agentic: trees by a language model: {len(made.tasks)} of {wanted} tasks, {made.counts['llm.trees']} "
            f"trees, {len(made.rejected)} texts rejected, {requests} of {self._settings.requests} requests, "
            f"{spent.tokens} tokens, ${spent.cost:.4f}",
            flush=True,
        )
