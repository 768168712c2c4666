"""One round of the flywheel, between two epochs."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from verl_agentic.core import InfrastructureError, Task, UserInputError
from verl_agentic.core.task import WRITTEN
from verl_agentic.flywheel.budget import BudgetedHook, HookOvertimeError
from verl_agentic.flywheel.hook import FlywheelHook, RoundInput, RoundResult, TaskResult, silent
from verl_agentic.flywheel.known import KnownIds
from verl_agentic.flywheel.protect import Protected, protected_in_store
from verl_agentic.flywheel.verify import Verifier
from verl_agentic.store import FRESH, Failure, Group, RoundRecord, StatusChange, Store, TaskStatus, Yield
from verl_agentic.store.pool_query import PoolFilter, pool_tasks
from verl_agentic.store.statistics import success_history

logger = logging.getLogger(__name__)

_REPORT_SECONDS = 30.0
# On Python 3.10 asyncio has a TimeoutError of its own.
_OUTAGES = (InfrastructureError, ConnectionError, TimeoutError, asyncio.TimeoutError)


def run_round(
    store: Store,
    epoch: int,
    hooks: Sequence[FlywheelHook],
    *,
    seed: int,
    wanted: int,
    verifier: Verifier,
    protected: Protected | None = None,
    lag: int = 0,
    say: Callable[[str], None] = silent,
) -> RoundRecord:
    """Run the round that opens ``epoch`` and commit it; a committed round is returned, not run again.

    Hooks run in order. One that the infrastructure fails (a language model that is down or silent), or that does not
    end within its budget, is skipped with a warning, recorded and counted; training goes on. New tasks are dropped when
    they exist already, refused when they belong to evaluation, and quarantined when the verifier finds them unfit, as
    is what a hook itself rejected. The record's counts have those of each hook (``HOOK.NAME``), its yields what became
    of each operator's candidates.

    Args:
        store: the run's store.
        epoch: the epoch to open, from ``1 + lag``; the results of ``epoch - 1 - lag`` are read.
        hooks: the hooks.
        seed: the run's seed.
        wanted: number of new tasks wanted, 0 for none.
        verifier: says why a new task must not enter, see :class:`ExpertVerifier`.
        protected: what to keep out besides the evaluation tasks that the store knows.
        lag: epochs that training goes on for while the round runs; 0 where it waits for the round.
        say: tells the user, in one line, how far the round is.

    Raises:
        UserInputError: a hook has an error in it, or changes the status of a task that does not exist.
        InfrastructureError: the store failed; nothing of the round remains.
    """
    done = store.round(epoch)
    if done is not None:
        return done
    results = _results(store, epoch - lag)
    gate = _Gate(protected_in_store(store) | (protected or Protected()), verifier, store, _last_step(results))
    generators = {one.task.id: one.task.generator for one in results}
    changes: dict[str, StatusChange] = {}
    counts: Counter[str] = Counter()
    for position, hook in enumerate(hooks):
        name = hook.name if isinstance(hook, BudgetedHook) else type(hook).__name__
        left = max(0, wanted - gate.passed)
        rng = random.Random(f"{seed}/round/{epoch}/{position}")
        started = time.monotonic()
        try:
            result = hook(RoundInput(epoch, results, rng, left, gate.known, _Written(store), say=say))
        except _OUTAGES as error:
            logger.warning("flywheel round %d goes on without %s: %s", epoch, name, error)
            store.record_failure(Failure(_last_step(results), "flywheel", f"{name}: {error}"))
            counts[f"{name}.skipped"] += 1
            counts[f"{name}.overtime"] += isinstance(error, HookOvertimeError)
            continue
        except UserInputError:
            raise
        except Exception as error:
            raise UserInputError(
                f"flywheel hook {name} failed in round {epoch} with {type(error).__name__}: {error}; mend it, or take "
                "it out of agentic.flywheel.hooks, and resume"
            ) from error
        trainable = set(store.statuses(result.status_changes))
        _check(name, result, trainable | {task.id for task in result.new_tasks})
        changes.update(result.status_changes)
        for warning in result.warnings:
            logger.warning("flywheel round %d: %s: %s", epoch, name, warning)
            store.record_failure(Failure(_last_step(results), "flywheel", f"{name}: {warning}"))
        for task, why in result.quarantined:
            gate.quarantine(task, str(why))
        shown, rejected = _taken(result)
        counts.update({f"{name}.{key}": value for key, value in shown.items()})
        say(f"{name} made {len(result.new_tasks)} of {left} tasks in {time.monotonic() - started:.1f} s")
        if result.counts.get("overtime"):
            logger.warning("flywheel round %d: %s used up its time; what it has is kept", epoch, name)
        if result.counts.get("over_budget"):
            logger.warning("flywheel round %d: %s used up its budget of model replies", epoch, name)
        for operator, reasons in rejected.items():
            gate.yield_of(operator).rejected.update(reasons)
        made = [_signed(task, name, generators) for task in result.new_tasks]
        late = gate.offer_all(made, hook.budget.seconds if isinstance(hook, BudgetedHook) else None, say)
        if late:
            counts[f"{name}.late"] += late
            logger.warning("flywheel round %d: no time to verify %d tasks of %s; dropped", epoch, late, name)
    known = {task.id for task in gate.tasks} | set(store.statuses(changes))
    changes = {task_id: change for task_id, change in changes.items() if task_id in known}
    changes.update({task_id: StatusChange(TaskStatus.QUARANTINED, reason) for task_id, reason in gate.unfit.items()})
    counts.update(gate.counts)
    return store.commit_round(epoch, gate.tasks, changes, counts, gate.yields)


def _results(store: Store, epoch: int) -> tuple[TaskResult, ...]:
    """The results of the epoch before ``epoch``."""
    groups: dict[str, list[Group]] = {}
    for group in store.groups(epoch - 1):
        groups.setdefault(group.task_id, []).append(group)
    history = success_history(store, groups, before_epoch=epoch)
    statuses = store.statuses(groups)
    tasks = store.tasks_by_id(statuses)
    return tuple(
        TaskResult(tasks[task_id], statuses[task_id], tuple(groups[task_id]), history[task_id])
        for task_id in sorted(tasks)
        if statuses[task_id] is not TaskStatus.QUARANTINED
    )


def _last_step(results: Sequence[TaskResult]) -> int:
    return max((group.step for result in results for group in result.groups), default=0)


def _check(name: str, result: RoundResult, known: set[str]) -> None:
    for task_id in result.status_changes:
        if task_id not in known:
            raise UserInputError(
                f"flywheel hook {name} changes the status of {task_id!r}, which is not a training task"
            )


def _taken(result: RoundResult) -> tuple[dict[str, int], dict[str, Counter[str]]]:
    """A hook's counts to show, and what it refused itself by operator and reason.

    Hooks may also say the latter as counts of the name ``rejected.OPERATOR.REASON``.
    """
    shown: dict[str, int] = {}
    rejected = {operator: Counter(reasons) for operator, reasons in result.rejected.items()}
    for name, number in result.counts.items():
        what, _, rest = name.partition(".")
        operator, _, reason = rest.partition(".")
        if what == "rejected" and reason:
            rejected.setdefault(operator, Counter())[reason] += number
        else:
            shown[name] = number
    return shown, rejected


def _signed(task: Task, hook: str, generators: Mapping[str, str]) -> Task:
    """A hook's new task with the hook for its generator, unless the hook says what made it.

    What it has from its parent does not count: a task that was grown from an imported one was not imported.
    """
    inherited = task.generator != WRITTEN and task.generator == generators.get(task.parent or "")
    return replace(task, generator=generator_of(hook)) if inherited or not task.generator else task


def generator_of(hook: str) -> str:
    """What tasks carry as ``generator`` that a hook of this class name made, e.g. ``frontier``."""
    return hook.removesuffix("Hook").lower() or hook


class _Written:
    """The pool's tasks that a language model wrote; the store is asked when they are."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __iter__(self) -> Iterator[Task]:
        return pool_tasks(self._store, PoolFilter(generator=WRITTEN))


class _Gate:
    """Lets new tasks in, once each, if they are no evaluation tasks; remembers those that are unfit."""

    def __init__(self, protected: Protected, verifier: Verifier, store: Store, step: int) -> None:
        self.tasks: list[Task] = []
        self.unfit: dict[str, str] = {}
        self.counts: Counter[str] = Counter(added=0, duplicates=0, protected=0, unfit=0, unverified=0)
        self.yields: dict[str, Yield] = {}
        self._offered: set[str] = set()
        self._protected = protected
        self._verifier = verifier
        self._store = store
        self._step = step

    @property
    def known(self) -> KnownIds:
        """Every id that is taken."""
        return KnownIds(self._store, frozenset(task.id for task in self.tasks))

    def yield_of(self, operator: str | None) -> Yield:
        """What became of an operator's candidates; ``None`` stands for tasks that were not grown."""
        return self.yields.setdefault(operator or FRESH, Yield())

    @property
    def passed(self) -> int:
        return len(self.tasks) - len(self.unfit)

    def offer_all(self, tasks: Sequence[Task], seconds: float | None, say: Callable[[str], None]) -> int:
        """Offer tasks one by one, for so long; return how many were not reached in that time."""
        started = told = time.monotonic()
        for position, task in enumerate(tasks):
            now = time.monotonic()
            if seconds is not None and now - started >= seconds:
                for late in tasks[position:]:
                    self.yield_of(late.operator).rejected["late"] += 1
                return len(tasks) - position
            if now - told >= _REPORT_SECONDS:
                say(f"{position} of {len(tasks)} tasks verified")
                told = now
            self.offer(task)
        return 0

    def quarantine(self, task: Task, reason: str) -> None:
        """Keep what is no task, with the reason."""
        if task.id not in self._offered and not self._store.splits([task.id]):
            self._offered.add(task.id)
            self.tasks.append(task)
            self.unfit[task.id] = reason
            self.counts["rejected"] += 1

    def offer(self, task: Task) -> None:
        """Take a task in, or count why not."""
        if self._protected.covers(task):
            self._refuse(task, "protected")
            return
        if task.id in self._offered or self._store.splits([task.id]):
            self._refuse(task, "duplicates")
            return
        try:
            rejection = self._verifier(task)
        except InfrastructureError as error:
            # Not the task's fault, but nothing unverified gets in.
            self._refuse(task, "unverified")
            self._store.record_failure(Failure(self._step, "verification", str(error), task.id))
            return
        self._offered.add(task.id)
        self.tasks.append(task)
        if rejection is None:
            self.counts["added"] += 1
            self.yield_of(task.operator).accepted += 1
        else:
            self._refuse(task, "unfit")
            self.unfit[task.id] = str(rejection)

    def _refuse(self, task: Task, reason: str) -> None:
        self.counts[reason] += 1
        self.yield_of(task.operator).rejected[reason] += 1
