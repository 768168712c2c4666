"""Independent ways to solve a task without playing it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from verl_agentic.core import BrokenTaskError, Task
from verl_agentic.core.named import Registry
from verl_agentic.databases import QueryRefusedError, QueryResult
from verl_agentic.databases.sqlite import SqliteDatabase
from verl_agentic.reward_fns.sql import is_ordered, same_result
from verl_agentic.synthesis.math.solve import calculated, solved
from verl_agentic.synthesis.math.story import Story, read_story
from verl_agentic.synthesis.question import question_of
from verl_agentic.synthesis.sql.evaluate import columns_of, evaluate, ties
from verl_agentic.synthesis.sql.family import read_task

Route = Callable[[Task], "str | None"]
"""Why a task's reference is not what this way comes to, ``None`` when it is.

Raises :class:`UnreadableError` where the way cannot be gone.
"""


class UnreadableError(ValueError):
    """A task whose text this route does not understand; says nothing about the task."""


def by_calculation(task: Task) -> str | None:
    """The expert's calculations, one after another, in exact numbers."""
    return _compare(task, calculated, "calculation")


def by_equation(task: Task) -> str | None:
    """The one root of the equation that the text states."""
    return _compare(task, solved, "the equation")


def by_tables(task: Task) -> str | None:
    """What is asked for by plain Python over the rows, and what SQLite says to the reference, on each state."""
    try:
        query, _, _ = read_task(task)
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableError(str(error)) from error
    truth = task.ground_truth
    columns = columns_of(truth["schema"])
    ordered = is_ordered(truth["sql"])
    for number, rows in enumerate(truth["states"]):
        expected = QueryResult(evaluate(query, columns, rows), False, ("",))
        with SqliteDatabase(truth["schema"], rows) as database:
            try:
                found = database.query(truth["sql"])
            except QueryRefusedError as refusal:
                return f"the reference fails: {refusal}"
        # Which of the rows that tie a limit takes is left open.
        if not same_result(expected, found, ordered and not ties(query, columns, rows)):
            return f"state {number}: the question asks for {expected.rows[:3]}, the reference gives {found.rows[:3]}"
    return None


def by_text(task: Task) -> str | None:
    """The query that the question says, letter for letter."""
    try:
        query, _, _ = read_task(task)
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableError(str(error)) from error
    told, reference = query.sql(), task.ground_truth["sql"]
    return None if told == reference else f"the question says {told}, the reference is {reference}"


ROUTES: Registry[tuple[Route, ...]] = Registry(
    "kind of task", {"math": (by_calculation, by_equation), "sql": (by_text, by_tables)}, paths=False
)
"""Routes by kind of task."""
LEAST_ROUTES = 2


def register_routes(kind: str, *routes: Route) -> None:
    """Give a kind of task the ways by which its new tasks are verified, so that the reasoning hook grows it.

    Raises:
        ValueError: there are fewer than two ways, which could not disagree.
    """
    if len(routes) < LEAST_ROUTES:
        raise ValueError(f"{kind} needs at least {LEAST_ROUTES} routes, got {len(routes)}")
    ROUTES.register(kind)(routes)


def _compare(task: Task, solve: Callable[[Story], Fraction], name: str) -> str | None:
    try:
        story = read_story(question_of(task.messages))
    except ValueError as error:
        raise UnreadableError(str(error)) from error
    try:
        value = solve(story)
    except BrokenTaskError as error:
        return f"{name}: {error}"
    reference = task.ground_truth["answer"]
    return None if reference == str(value) else f"{name} gives {value}, the reference is {reference}"
