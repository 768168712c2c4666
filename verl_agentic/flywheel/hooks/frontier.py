"""The first hook: keep the pool at the frontier of what the policy can do."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence, Set

from verl_agentic.core import Task
from verl_agentic.core.checked import Likeness, Positive, Share, check_arguments
from verl_agentic.flywheel.hook import RoundInput, RoundResult, TaskResult
from verl_agentic.flywheel.parents import grow_in_turn, parent_groups
from verl_agentic.store import StatusChange, TaskStatus
from verl_agentic.synthesis.base import TaskFamily

# A generator that only repeats itself must not keep the round going for ever.
_TRIES_PER_TASK = 8


class FrontierHook:
    """Drop what is mastered, keep what is at the frontier, add harder variants of what the policy can nearly do.

    Variants come from tasks in the order of :func:`parent_groups`. What they leave of the wanted number is filled
    with fresh tasks of the structures at the frontier, so that the pool never runs dry; of the kinds that were trained
    on, so that tasks without a family, as of a user's file, get no company.
    """

    def __init__(
        self,
        families: Mapping[str, TaskFamily],
        threshold: Likeness = 1.0,
        groups: Positive = 1,
        variants: Share = 0.5,
    ) -> None:
        """
        Args:
            families: task family by kind; tasks of other kinds are judged but not grown.
            threshold: mean success from which a task is mastered, above 0 and at most 1.
            groups: number of last steps that the mean is taken over, at least 1; a task sampled at fewer steps
                is not mastered.
            variants: share of the wanted tasks to make as harder variants, 0 to 1.

        Raises:
            UserInputError: a setting is out of its range.
        """
        given = {"threshold": threshold, "groups": groups, "variants": variants}
        check_arguments(FrontierHook, given, "FrontierHook")
        self._families = dict(families)
        self._threshold = threshold
        self._groups = groups
        self._variants = variants

    def __call__(self, round: RoundInput) -> RoundResult:
        """Judge every task of the last epoch and grow new ones."""
        result = RoundResult()
        mastered = failed = frontier = 0
        for one in round.results:
            if self._is_mastered(one):
                mastered += 1
                result.status_changes[one.task.id] = StatusChange(
                    TaskStatus.MASTERED, f"success >= {self._threshold:g} at its last {self._groups} step(s)"
                )
                continue
            if one.status is TaskStatus.MASTERED:
                reason = f"success {one.success:g} in replay"
                result.status_changes[one.task.id] = StatusChange(TaskStatus.ACTIVE, reason)
            if one.success <= 0:
                failed += 1
            else:
                frontier += 1
        grown = _Grown(round.known_ids, result.new_tasks)
        variants = self._grow_variants(round, grown)
        fresh = self._refill(round, round.wanted - variants, grown)
        result.counts = {
            "mastered": mastered,
            "frontier": frontier,
            "failed": failed,
            "harder": variants,
            "fresh": fresh,
        }
        return result

    def _is_mastered(self, result: TaskResult) -> bool:
        last = result.history[-self._groups :]
        return len(last) == self._groups and sum(last) / len(last) >= self._threshold

    def _grow_variants(self, round: RoundInput, grown: _Grown) -> int:
        budget = int(round.wanted * self._variants + 0.5)
        made = 0

        def grow(parent: TaskResult) -> bool:
            nonlocal made
            family = self._families[parent.task.kind]
            variant = family.harder(parent.task, round.rng)
            if variant is None:
                return False
            made += grown.add(family.told(variant))
            return True

        groups = parent_groups((one for one in round.results if one.task.kind in self._families), round.rng)
        grow_in_turn(groups, _TRIES_PER_TASK * budget, lambda: made >= budget or round.out_of_time, grow)
        return made

    def _refill(self, round: RoundInput, count: int, grown: _Grown) -> int:
        trained = {one.task.kind for one in round.results} & set(self._families)
        # A pool of other people's data stays theirs: what is not trained on is not added.
        kinds = sorted(trained if round.results else self._families)
        makers = [(self._families[kind], self._structure_choice(kind, round.results)) for kind in kinds]
        made = 0
        for attempt in range(_TRIES_PER_TASK * max(count, 0)):
            if made >= count or not makers or round.out_of_time:
                break
            family, choose = makers[attempt % len(makers)]
            made += grown.add(family.told(family.generate(choose(round.rng), round.rng)))
        return made

    def _structure_choice(self, kind: str, results: Sequence[TaskResult]) -> Callable[[random.Random], str]:
        """How to choose a structure of ``kind``: by the variance of its success, where there is any."""
        structures = self._families[kind].structures("train")
        success: dict[str, list[float]] = {}
        for one in results:
            if one.task.kind == kind:
                success.setdefault(one.task.structure, []).append(one.success)
        means = {structure: sum(values) / len(values) for structure, values in success.items()}
        weights = {name: means[name] * (1 - means[name]) for name in structures if 0 < means.get(name, 0) < 1}
        if weights:
            names = list(weights)
            return lambda rng: rng.choices(names, [weights[name] for name in names])[0]
        # Nothing is half known: go on with the easiest structure not solved yet, or else with the hardest.
        following = next((name for name in structures if means.get(name, 0) < 1), structures[-1])
        return lambda rng: following


class _Grown:
    """Collects tasks that do not exist yet."""

    def __init__(self, known: Set[str], tasks: list[Task]) -> None:
        self._known = known
        self._added: set[str] = set()
        self._tasks = tasks

    def add(self, task: Task) -> int:
        """1 when the task is new, else 0."""
        if task.id in self._added or task.id in self._known:
            return 0
        self._added.add(task.id)
        self._tasks.append(task)
        return 1
