"""A task must have one answer, and independent ways must come to it."""

from __future__ import annotations

from verl_agentic.core import Rejection, Task
from verl_agentic.core.named import Registry
from verl_agentic.flywheel.checks.base import Candidate
from verl_agentic.flywheel.verify import Verifier
from verl_agentic.synthesis.math.story import read_story
from verl_agentic.synthesis.question import question_of
from verl_agentic.synthesis.reasoning.routes import LEAST_ROUTES, ROUTES, Route, UnreadableError
from verl_agentic.synthesis.sql.evaluate import columns_of, ties
from verl_agentic.synthesis.sql.family import read_task


class SolvedByRoutes:
    """All routes of the task's kind come to the reference; where they cannot be gone, ``otherwise`` decides.

    Args:
        otherwise: verifies tasks whose text no route can read, such as those a language model wrote.
        routes: ways to solve, by kind of task; at least two for a kind.
    """

    def __init__(self, otherwise: Verifier | None = None, routes: Registry[tuple[Route, ...]] = ROUTES) -> None:
        for kind, ways in routes.items():
            if len(ways) < LEAST_ROUTES:
                raise ValueError(f"{kind} has fewer than {LEAST_ROUTES} routes")
        self._otherwise = otherwise
        self._routes = routes

    def __call__(self, candidate: Candidate) -> Rejection | None:
        task = candidate.task
        try:
            if task.kind in self._routes:
                for route in self._routes.get(task.kind):
                    if why := route(task):
                        return Rejection("routes_disagree", why)
                return None
            unread = f"there are no routes for kind {task.kind!r}"
        except UnreadableError as error:
            unread = str(error)
        if self._otherwise is None:
            return Rejection("unsolved", unread)
        return self._otherwise(task)


class Unambiguous:
    """Whatever a question leaves open must not decide its answer."""

    def __call__(self, candidate: Candidate) -> Rejection | None:
        task = candidate.task
        why = _OPEN[task.kind](task) if task.kind in _OPEN else None
        return Rejection("ambiguous", why) if why else None


def _open_people(task: Task) -> str | None:
    try:
        story = read_story(question_of(task.messages))
    except ValueError:
        return None  # told freely; agreement of the solvers shows whether it is clear
    return f"'she' or 'he' may be any of {', '.join(story.people)}" if story.ambiguous_people else None


def _open_order(task: Task) -> str | None:
    try:
        query, _, rows = read_task(task)
    except (KeyError, TypeError, ValueError):
        return None
    tie = ties(query, columns_of(task.env_args["schema"]), rows)
    return f"rows tie at the end of the first {query.limit} by {query.column}" if tie else None


_OPEN = {"math": _open_people, "sql": _open_order}
