"""Which tasks a flywheel grows from, and in which order."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence

from verl_agentic.flywheel.hook import TaskResult


def parent_groups(results: Iterable[TaskResult], rng: random.Random) -> list[list[TaskResult]]:
    """Results in groups, to be used up one after the other; at random within them.

    What is grown is harder than what it is grown from, and a group of samples that all fail has no gradient. So first
    come tasks that the policy solves half of the time or more, those that it still fails at before those that it never
    does; then those that it seldom solves; last those that it never solved.
    """
    likely: list[TaskResult] = []
    seldom: list[TaskResult] = []
    never: list[TaskResult] = []
    for one in results:
        (likely if one.success >= 0.5 else seldom if one.success > 0 else never).append(one)
    for group in (likely, seldom, never):
        rng.shuffle(group)
    likely.sort(key=lambda one: one.success >= 1)
    return [group for group in (likely, seldom, never) if group]


def grow_in_turn(
    groups: Iterable[Sequence[TaskResult]], tries: int, enough: Callable[[], bool], grow: Callable[[TaskResult], bool]
) -> None:
    """Grow from every parent of a group once before any twice, group after group; never endless.

    Args:
        groups: parents, see :func:`parent_groups`.
        tries: how often to grow at most.
        enough: whether to end; asked before each try.
        grow: grows from a parent, and says whether it may be asked for more.
    """
    for group in groups:
        parents = group
        while parents:
            fertile: list[TaskResult] = []
            for parent in parents:
                if tries <= 0 or enough():
                    return
                tries -= 1
                if grow(parent):
                    fertile.append(parent)
            parents = fertile
