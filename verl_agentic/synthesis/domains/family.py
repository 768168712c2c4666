"""The family of tasks made from the library of domains."""

from __future__ import annotations

import os
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Annotated, ClassVar

from verl_agentic.core import BrokenTaskError, RejectedError, Task, UserInputError
from verl_agentic.core.checked import Within
from verl_agentic.domains import BusinessDomain, DomainError, domain_folders, edition_of, load_domain
from verl_agentic.domains.editions import EDITIONS
from verl_agentic.domains.library import FOLDERS
from verl_agentic.rollout import Policy
from verl_agentic.synthesis.base import SPLITS, Growth, Split, TaskFamily
from verl_agentic.synthesis.domains.catalog import DESK_OPERATORS
from verl_agentic.synthesis.domains.compile import KIND, DeskRequest, draft_task, finish_task
from verl_agentic.synthesis.domains.document import DocumentSize
from verl_agentic.synthesis.domains.grow import applicable, dealt, grow_task
from verl_agentic.synthesis.domains.operators import DeskOperator
from verl_agentic.synthesis.domains.plan import calls_policy, plan_policy

SIZES: dict[DocumentSize, float] = {"small": 0.25, "standard": 0.75}
"""Shares of the sizes of documents; large ones come by an operator."""

Part = Annotated[float, Within(least=0)]
_EDITIONS_TRIED = 6


class DomainFamily(TaskFamily):
    """Requests to businesses of the library, in natural language.

    A structure is ``domain/workflow/operators/leaf``. Some domains are kept for evaluation as a whole; of the others,
    some structures are.
    """

    kind: ClassVar[str] = KIND
    plays_written = True

    def __init__(self, names: Sequence[str] | None = None, sizes: Mapping[DocumentSize, Part] | None = None) -> None:
        """
        Args:
            names: names or folders of the domains; all of the library, and of ``VERL_AGENTIC_DOMAINS``, by default.
            sizes: shares of the sizes of documents. Where all are ``small``, none grows larger either.

        Raises:
            UserInputError: there is no such domain, or no size has a share.
            DomainError: a file of one is wrong; the message names file and line.
        """
        self.names = tuple(domain_folders() if names is None else names)
        given: Mapping[DocumentSize, float] = SIZES if sizes is None else sizes
        self.sizes = {size: share for size, share in given.items() if share > 0}
        if not self.names:
            raise UserInputError("there are no domains; see verl-agentic domain ls")
        if not self.sizes:
            raise UserInputError("no size of documents has a share; give e.g. sizes={small: 1}")
        self._structures = _structures(self.names, os.environ.get(FOLDERS, ""))
        self.protected = frozenset(name for split in SPLITS if split != "train" for name in self._structures[split])

    def structures(self, split: Split) -> tuple[str, ...]:
        return self._structures[split]

    def branch(self, structure: str) -> str:
        """The verdict: ``allow``, ``deny`` or ``transfer``."""
        _, request = _request(structure)
        return request.workflow.leaves()[request.leaf].verdict

    def generate(self, structure: str, rng: random.Random) -> Task:
        """One task.

        Raises:
            BrokenTaskError: there is no such structure.
            DomainError: no edition that was tried can be drawn.
        """
        domain, request = _request(structure)
        split: Split = next((one for one in SPLITS if structure in self._structures[one]), "train")
        size = rng.choices(list(self.sizes), list(self.sizes.values()))[0]
        # Not every edition has a case of every leaf.
        problem: Exception
        for number in rng.sample(EDITIONS[split], _EDITIONS_TRIED):
            try:
                draft = draft_task(edition_of(domain.name, number), replace(request, size=size), rng)
            except (BrokenTaskError, DomainError) as error:
                # Of the records of an edition, there may be too few for what refers to them.
                problem = error
                continue
            return finish_task(draft, kind=self.kind)
        raise problem

    def harder(self, task: Task, rng: random.Random) -> Task | None:
        """The same kind of request grown by one operator, chosen at random among those that fit.

        Raises:
            BrokenTaskError: the task is not of a domain.
        """
        options = self._applicable(task)
        rng.shuffle(options)
        for operator in options:
            try:
                return grow_task(task, operator, rng, self.protected)
            except RejectedError:
                continue
        return None

    def operators(self) -> tuple[str, ...]:
        return tuple(DESK_OPERATORS)

    def growths(self, task: Task, operators: Collection[str]) -> list[Growth]:
        wanted = [DESK_OPERATORS.get(name).name for name in operators]
        return [
            Growth(operator.name, operator.aims_at, partial(self._grown, task, operator))
            for operator in self._applicable(task)
            if operator.name in wanted
        ]

    def grown_by(self, task: Task) -> frozenset[str]:
        return frozenset(task.meta.get("operators", ()))

    def _applicable(self, task: Task) -> list[DeskOperator]:
        """Operators that a task can grow by; a run that has room for small documents alone gets no larger ones."""
        only_small = set(self.sizes) == {"small"}
        return [operator for operator in applicable(task) if not (only_small and operator.enlarges)]

    def _grown(self, task: Task, operator: DeskOperator, rng: random.Random) -> Task:
        return grow_task(task, operator, rng, self.protected)

    def expert(self, task: Task) -> Policy:
        return plan_policy(task)

    def careless(self, task: Task) -> Policy | None:
        """The forbidden course."""
        return calls_policy(task)


def _request(structure: str) -> tuple[BusinessDomain, DeskRequest]:
    parts = structure.split("/")
    if len(parts) != 4 or parts[2] != "seed":
        raise BrokenTaskError(f"{structure!r} is no structure of a domain, domain/workflow/seed/leaf")
    domain = load_domain(parts[0])
    workflow = domain.workflows.get(parts[1])
    if workflow is None or parts[3] not in workflow.leaves():
        raise BrokenTaskError(f"unknown structure {structure!r}")
    return domain, DeskRequest(workflow, parts[3])


@cache
def _structures(names: tuple[str, ...], folders: str) -> dict[Split, tuple[str, ...]]:
    found: dict[Split, list[str]] = {split: [] for split in SPLITS}
    for name in names:
        domain = load_domain(name)
        for workflow in domain.workflows.values():
            for leaf in workflow.leaves():
                structure = DeskRequest(workflow, leaf).structure(domain.name)
                split: Split = domain.kept_for or dealt(structure)  # type: ignore[assignment]
                found[split].append(structure)
    return {split: tuple(structures) for split, structures in found.items()}
