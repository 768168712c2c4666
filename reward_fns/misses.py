"""Whether a policy found a required call by trying out values.

A miss is a call of a required call's tool that is none of the required ones; the same again is no further one. Calls
that never reached the tool do not count. A tool that only reads, going by the verb of its name, may miss
:data:`MAX_TRIES` times per required call of it, as who looks through several records does; one that writes may do so
:data:`MAX_WRITES` times, which is one mistake set right, not counting calls that were rejected and changed nothing: of
these and the others it may make :data:`MAX_TRIES`. ``max_misses`` is one number in place of these.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from verl_agentic.core import BrokenTaskError, UserInputError
from verl_agentic.core.canonical import canonical, only_reads
from verl_agentic.core.checked import Count, value_of
from verl_agentic.core.trajectory import ToolCall
from verl_agentic.reward_fns.common import KWARGS_KEY

MAX_TRIES = 5
MAX_WRITES = 1
KEY = "max_misses"


def most_misses(ground_truth: Mapping[str, Any], default: int | None) -> int | None:
    """The task's own ``max_misses``, else the reward's.

    Raises:
        BrokenTaskError: the task's is no number.
        UserInputError: the reward's is none.
    """
    value_of(Count | None, default, f"{KWARGS_KEY}.{KEY}", plain=False)
    try:
        most: int | None = value_of(Count | None, ground_truth.get(KEY, default), f"ground_truth.{KEY}", plain=False)
    except UserInputError as error:
        raise BrokenTaskError(str(error)) from error
    return most


def tried_out(
    calls: Sequence[ToolCall], required: Iterable[str], is_required: Callable[[ToolCall], bool], most: int | None
) -> dict[str, str]:
    """Tools of which more was tried out than allowed, each with a reason for people.

    Args:
        calls: all calls of the trajectory.
        required: the tool's name of every required call.
        is_required: whether a call is one of these.
        most: misses per required call; ``None`` for the defaults.
    """
    wanted = Counter(required)
    tries: dict[str, set[str]] = {}
    changes: dict[str, set[str]] = {}
    for call in calls:
        if call.name not in wanted or call.error not in (None, "rejected") or is_required(call):
            continue
        key = json.dumps(canonical(call.arguments), sort_keys=True)
        tries.setdefault(call.name, set()).add(key)
        if call.error is None and not only_reads(call.name):
            changes.setdefault(call.name, set()).add(key)
    found = {}
    for name, count in wanted.items():
        for missed, default in ((tries, MAX_TRIES), (changes, MAX_WRITES)):
            misses = len(missed.get(name, ()))
            if misses > count * (default if most is None else most):
                found[name] = f"{name[:64]} was tried out: {misses} calls besides the required"
    return found
