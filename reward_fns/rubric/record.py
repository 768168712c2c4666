"""A trajectory as data for a judge: bounded in size, every author named, nothing in it that reads as markup."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from itertools import islice
from typing import Any

from verl_agentic.core import Task, Trajectory
from verl_agentic.core.fence import encoded, escaped

_ENTRY_SHARE = 8
_TEXT_ROOM = 200
_AUTHORS = {"assistant": "agent", "tool": "tool_result", "user": "user"}

Entry = dict[str, Any]


def record(trajectory: Trajectory, task: Task | None, max_chars: int) -> str:
    """JSON of all that was said and done, one entry per message.

    Long texts and long dialogues keep their heads and tails; what is left out is counted in fields of its own
    (``omitted_chars``, ``omitted_entries``), which no text can imitate. Invisible characters and angle brackets, of
    which chat templates make their control tokens, appear as escapes.

    Args:
        trajectory: what happened.
        task: the task; its first messages are part of the record.
        max_chars: longest result, 4096 at least.
    """
    entries = [*_opening(task, max_chars), *_turns(trajectory, max_chars), *_closing(trajectory, max_chars)]
    return encoded(_within(entries, max_chars))


def _opening(task: Task | None, max_chars: int) -> Iterable[Entry]:
    for message in task.messages if task else []:
        author = "operator" if message["role"] == "system" else "user"
        yield {"from": author, **_clipped(message["content"], max_chars)}


def _turns(trajectory: Trajectory, max_chars: int) -> Iterable[Entry]:
    calls = iter(trajectory.calls)
    for turn in trajectory.turns:
        entry: Entry = {"from": _AUTHORS.get(turn.role, "unknown")}
        # Every call is answered by exactly one tool turn, in the same order.
        call = next(calls, None) if turn.role == "tool" else None
        if call is not None:
            entry["tool"] = call.name[:64]
            if call.error is not None:
                entry["not_executed"] = call.error
        yield {**entry, **_clipped(turn.content, max_chars)}


def _closing(trajectory: Trajectory, max_chars: int) -> Iterable[Entry]:
    if trajectory.end is not None:
        yield {"from": "environment", "ended_by": trajectory.end.value}
    if trajectory.state:
        state = json.dumps(trajectory.state, ensure_ascii=False)
        yield {"from": "environment", "about": "final state", **_clipped(state, max_chars)}


def _clipped(text: str, max_chars: int) -> Entry:
    limit = max(_TEXT_ROOM, max_chars // _ENTRY_SHARE - _TEXT_ROOM)
    if len(text) <= limit and _size(text) <= limit:
        return {"text": text}
    head = _fitting(text, limit * 2 // 3)
    tail = _fitting(reversed(text), limit // 3)[::-1]
    return {"text": head, "omitted_chars": max(0, len(text) - len(head) - len(tail)), "text_end": tail}


def _within(entries: list[Entry], max_chars: int) -> list[Entry]:
    """As many entries from both ends as fit, the end first: it shows what became of it all."""
    sizes = [len(encoded(entry)) + 2 for entry in entries]
    room = max_chars - _TEXT_ROOM
    if sum(sizes) <= room:
        return entries
    first, last = 0, len(entries)
    while first < last:
        from_tail = sum(sizes[:first]) >= sum(sizes[last:])
        room -= sizes[last - 1] if from_tail else sizes[first]
        if room < 0:
            break
        first, last = (first, last - 1) if from_tail else (first + 1, last)
    return [*entries[:first], {"omitted_entries": last - first}, *entries[last:]]


def _fitting(text: Iterable[str], limit: int) -> str:
    """The longest beginning of at most ``limit`` encoded characters."""
    kept = []
    for char in islice(text, limit):
        limit -= _width(char)
        if limit < 0:
            break
        kept.append(char)
    return "".join(kept)


def _size(text: str) -> int:
    return sum(map(_width, text))


@functools.lru_cache(maxsize=4096)
def _width(char: str) -> int:
    return sum(len(escaped(one)) for one in json.dumps(char, ensure_ascii=False)[1:-1])
