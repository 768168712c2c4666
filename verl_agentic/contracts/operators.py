"""The contracts of operators, which grow tasks of reasoning and behavior trees."""

from __future__ import annotations

import inspect
import random
from collections.abc import Iterable, Sequence
from typing import Any

from verl_agentic.contracts.base import ContractError, demand, run
from verl_agentic.core import FailureKind, RejectedError, Rejection, Task
from verl_agentic.core.behavior_tree import BehaviorTree
from verl_agentic.core.outcome import ErrorKind
from verl_agentic.core.task import WRITTEN
from verl_agentic.flywheel.checks import (
    Candidate,
    Checks,
    HarderOrDifferent,
    NoLeak,
    SolvedByRoutes,
    Unambiguous,
)
from verl_agentic.synthesis.reasoning import Operator
from verl_agentic.synthesis.reasoning.routes import ROUTES
from verl_agentic.synthesis.trees import check_tree
from verl_agentic.synthesis.trees.catalog import seed_trees
from verl_agentic.synthesis.trees.operators import OPERATORS
from verl_agentic.synthesis.trees.operators import Operator as TreeOperator


def check_operator(operator: Operator, tasks: Sequence[Task], seeds: int = 3) -> list[Task]:
    """Check an operator of reasoning on tasks that it should grow.

    What it makes must pass what the reasoning hook asks of every task, as far as one try in several may fail: no answer
    in the question, harder than its parent or different, unambiguous, and solved by every route of its kind. Texts of a
    language model are not solved here: that takes other models.

    Args:
        operator: the operator.
        tasks: parents, at least one.
        seeds: how often to grow each.

    Returns:
        The tasks that it made and that passed, at least one.

    Raises:
        ContractError: naming what is wrong.
    """
    name = getattr(operator, "name", None)
    demand(isinstance(name, str) and name, f"{type(operator).__name__}.name must be a text, got {name!r}")
    wrong = [one for one in operator.remedies if not isinstance(one, ErrorKind)]
    demand(not wrong, f"{name}: remedies must hold verl_agentic.flywheel.ErrorKind, got {wrong[:1]}")
    demand(operator.remedies or operator.hardens, f"{name}: nothing in remedies and hardens=False: it is never chosen")
    fitting = [task for task in tasks if operator.kind in ("", task.kind)]
    demand(fitting, f"{name}: none of the tasks is of its kind {operator.kind!r}")
    passed, rejections, made = [], [], 0
    for task in fitting:
        demand(
            task.kind in ROUTES,
            f"{name}: nothing verifies tasks of {task.kind!r}, so that the hook grows none; give the kind two ways to "
            "solve a task by verl_agentic.synthesis.reasoning.register_routes",
        )
        for seed in range(seeds):
            grown = _grown(operator, task, seed)
            demand(grown == _grown(operator, task, seed), f"{name} makes two tasks of one seed; draw from rng alone")
            if grown is not None:
                made += 1
                rejection = _rejection(operator, task, grown)
                passed += [] if rejection else [grown]
                rejections += [str(rejection)] if rejection else []
    demand(made, f"{name} made nothing of {len(fitting)} tasks; it must return a task for some")
    demand(passed, f"{name}: the reasoning hook rejects all {made} tasks, the first since {rejections[:1]}")
    return passed


def _grown(operator: Operator, task: Task, seed: int) -> Task | None:
    async def grow() -> Any:
        try:
            found = operator(task, random.Random(seed))
            return await found if inspect.isawaitable(found) else found
        except RejectedError:
            return None

    grown: Task | None = run(grow(), f"{operator.name} on {task.id}")
    return grown


def _rejection(operator: Operator, parent: Task, task: Task) -> Rejection | None:
    """Why the hook would not take a task, ``None`` where it would."""
    what = f"{operator.name} on {parent.id}"
    demand(task.id != parent.id, f"{what} gives the parent itself; give another question or reference")
    demand(task.parent == parent.id, f"{what}: the task must name its parent; make it by self.grow(task, text, ...)")
    demand(task.operator == operator.name, f"{what}: the task says operator={task.operator!r}")
    demand(task.kind == parent.kind, f"{what}: the task is of another kind, {task.kind!r}")
    solved = [] if task.generator == WRITTEN else [SolvedByRoutes()]
    return Checks([NoLeak(), HarderOrDifferent(), Unambiguous(), *solved]).examine(Candidate(task, parent))


def check_tree_operator(operator: TreeOperator, trees: Iterable[BehaviorTree] | None = None) -> list[BehaviorTree]:
    """Check an operator of behavior trees at every site of some trees.

    Args:
        operator: the operator.
        trees: those to grow; by default the ones of this package.

    Returns:
        Grown trees whose every leaf is solved by its expert and by no forbidden path, at least one.

    Raises:
        ContractError: naming the tree, the site and what is wrong.
    """
    name = getattr(operator, "name", None)
    demand(isinstance(name, str) and name, f"{type(operator).__name__}.name must be a text, got {name!r}")
    taken = OPERATORS.get(name or "")
    demand(taken is None or type(taken) is type(operator), f"{name!r} is the name of a built-in operator; take another")
    wrong = [one for one in operator.aims_at if not isinstance(one, FailureKind)]
    demand(not wrong, f"{name}: aims_at must hold verl_agentic.core.FailureKind, got {wrong[:1]}")
    fit, reasons = [], []
    for tree in seed_trees() if trees is None else trees:
        sites = operator.sites(tree)
        demand(sites == operator.sites(tree), f"{name}: sites of {tree.name!r} differ from one call to the next")
        for site in sites:
            where = f"{name} at {site!r} of {tree.name!r}"
            before = repr(tree)
            try:
                grown = operator.grow(tree, site)
            except Exception as error:
                raise ContractError(f"{where} failed: {type(error).__name__}: {error}") from error
            demand(repr(tree) == before, f"{where} alters the tree it is given; make a new one")
            demand(grown == operator.grow(tree, site), f"{where} gives two trees; it may not draw at random")
            demand(grown.nodes != tree.nodes or grown.root != tree.root, f"{where} changes no node")
            try:
                check_tree(grown)
            except RejectedError as error:
                reasons.append(f"{where}: {error}")
                continue
            fit.append(grown)
    demand(reasons or fit, f"{name} applies nowhere: sites() is empty for all trees")
    demand(fit, f"{name} gives no fit tree; first: {reasons[:1]}")
    return fit
