"""Growing one task: its request made harder by one more operator, and which structures are kept for evaluation."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from typing import Any

from verl_agentic.core import BrokenTaskError, RejectedError, Task
from verl_agentic.domains import Edition, edition_of, load_domain
from verl_agentic.synthesis.base import Split
from verl_agentic.synthesis.domains.catalog import DESK_OPERATORS
from verl_agentic.synthesis.domains.compile import DeskRequest, TaskDraft, draft_task, finish_task
from verl_agentic.synthesis.domains.operators import DeskOperator

TRIES = 6
"""Cases that are tried until an operator fits one."""
MOST_OPERATORS = 4


def dealt(structure: str) -> Split:
    """The split of a structure, by its name alone.

    Of the leaves as they are one in eight is held out and one in sixteen is for validation, and whatever they grow into
    with them. What one operator makes of the others is trained on; of what several make, a quarter is held out.
    """
    domain, workflow, operators, leaf = structure.split("/")
    seed = f"{domain}/{workflow}/seed/{leaf}"
    share = hashlib.sha256(seed.encode()).digest()[0] % 16
    if share <= 2:
        return "validation" if share == 2 else "held_out"
    if "+" in operators and hashlib.sha256(structure.encode()).digest()[0] % 4 == 0:
        return "held_out"
    return "train"


def applicable(task: Task) -> list[DeskOperator]:
    """Operators that a task has not been grown by yet; whether one fits, a case must tell.

    Raises:
        BrokenTaskError: the task is not of a domain.
    """
    done = _meta(task)["operators"]
    return [operator for name, operator in DESK_OPERATORS.items() if name not in done]


def draft_grown(
    edition: Edition, request: DeskRequest, rng: random.Random, operators: Sequence[DeskOperator]
) -> TaskDraft:
    """A draft that operators have made harder, in their order.

    Raises:
        BrokenTaskError: one of them does not fit, or there is no case.
    """
    draft = draft_task(edition, request, rng)
    for operator in operators:
        operator.prepare(draft)
    draft.settle()
    for operator in operators:
        operator.apply(draft)
    return draft


def grow_task(task: Task, operator: DeskOperator, rng: random.Random, protected: Iterable[str]) -> Task:
    """A harder task of the same leaf.

    Args:
        task: the parent.
        operator: makes it harder.
        rng: chooses the case.
        protected: structures kept for evaluation.

    Raises:
        RejectedError: the operator fits no case, or what it makes is kept for evaluation.
    """
    meta = _meta(task)
    workflow = load_domain(meta["domain"]).workflows[meta["workflow"]]
    names = (*meta["operators"], operator.name)
    if len(names) > MOST_OPERATORS:
        raise RejectedError("growth", f"{task.id} was grown by {MOST_OPERATORS} operators")
    request = DeskRequest(workflow, meta["leaf"], meta["size"], names)
    structure = request.structure(meta["domain"])
    if structure in frozenset(protected) or dealt(structure) != "train":
        raise RejectedError("held_out", f"{structure} is kept for evaluation")
    operators = [DESK_OPERATORS.get(name) for name in names]
    edition = edition_of(meta["domain"], meta["edition"])
    problem = ""
    for _ in range(TRIES):
        try:
            draft = draft_grown(edition, request, rng, operators)
        except BrokenTaskError as error:
            problem = str(error)
            continue
        return finish_task(draft, kind=task.kind, parent=task.id, operator=operator.name)
    raise RejectedError("case", f"{operator.name} does not fit {structure}: {problem}")


def _meta(task: Task) -> dict[str, Any]:
    if not {"domain", "edition", "workflow", "leaf", "operators"} <= task.meta.keys():
        raise BrokenTaskError(f"task {task.id} is not of a domain")
    return task.meta
