"""Cases that lie close to where a rule turns."""

from __future__ import annotations

from verl_agentic.core import BrokenTaskError
from verl_agentic.synthesis.domains.cases import DeskCase, find_case
from verl_agentic.synthesis.domains.compile import TaskDraft
from verl_agentic.synthesis.domains.walk import Decided, DeskWalk


def nearest_case(draft: TaskDraft, draws: int) -> tuple[DeskCase, DeskWalk]:
    """Of some cases that come to a draft's leaf, the one whose decisions were closest.

    Raises:
        BrokenTaskError: none of its rules compares numbers or dates.
    """
    best: tuple[float, DeskCase, DeskWalk] | None = None
    for _ in range(draws):
        case, walk = find_case(draft.request.workflow, draft.edition, draft.request.leaf, draft.rng)
        margin = _margin(draft, walk)
        if margin is not None and (best is None or margin < best[0]):
            best = (margin, case, walk)
    if best is None:
        raise BrokenTaskError("no rule on the way compares numbers or dates")
    return best[1], best[2]


def _margin(draft: TaskDraft, walk: DeskWalk) -> float | None:
    rules = draft.edition.domain.policy.rules
    found = []
    for event in walk.events:
        if isinstance(event, Decided):
            test = rules[event.rule].test
            margin = test.margin(walk.scope) if test else None
            if margin is not None:
                found.append(margin)
    return min(found, default=None)
