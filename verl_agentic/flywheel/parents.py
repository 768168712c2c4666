"""Which tasks a flywheel grows from first."""

from __future__ import annotations

import random
from collections.abc import Iterable

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
