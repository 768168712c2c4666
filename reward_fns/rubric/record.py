"""A trajectory as data for a judge: all of it, every author named, nothing in it that reads as markup."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from verl_agentic.core import Task, Trajectory
from verl_agentic.core.untrusted.fence import encoded, escaped

# Shares of a part: what is kept free for the final state, and what of the earlier dialogue is shown again.
_STATE_SHARE = 8
_OPENING_SHARE = 8
_BEFORE_SHARE = 16
# Room for the fields beside a text, and for the entry that says where a part stands.
_FIELDS_ROOM = 200
_OVERLAP = 400
_AUTHORS = {"assistant": "agent", "tool": "tool_result", "user": "user"}

Entry = dict[str, Any]


def record_parts(trajectory: Trajectory, task: Task | None, max_chars: int, max_parts: int) -> list[str]:
    """JSON of all that was said and done, one entry per message, in as few parts as it takes.

    What fits is one part. Otherwise each part says where it stands, shows the task's messages and what was said last
    before it once more (``repeated``), as far as these are short, and the pieces of a message that is longer than a
    part overlap (``from_char``). Only the final state, which is large where the world is, is shown by its head and tail
    where it does not fit (``omitted_chars``). These are fields of their own, which no text can imitate. Invisible
    characters and angle brackets, of which chat templates make their control tokens, appear as escapes.

    Args:
        trajectory: what happened.
        task: the task; its first messages are part of the record.
        max_chars: longest part, 4096 at least.
        max_parts: where to stop: there are never more than ``max_parts + 1``, of which the last may lack the rest.
    """
    opening, turns = list(_opening(task)), list(_turns(trajectory))
    if sum(len(entry["text"]) for entry in (*opening, *turns)) > max_chars * max_parts:
        # No need to look at all of it.
        return [encoded([])] * (max_parts + 1)
    entries = [*opening, *turns]
    if trajectory.end is not None:
        entries.append({"from": "environment", "ended_by": trajectory.end.value})
    if trajectory.state:
        room = max(max_chars // _STATE_SHARE, max_chars - sum(map(_size, entries)) - 2)
        state = json.dumps(trajectory.state, ensure_ascii=False)
        entries.append({"from": "environment", "about": "final state", **_clipped(state, room - _FIELDS_ROOM)})
    if sum(map(_size, entries)) + 2 <= max_chars:
        return [encoded(entries)]
    parts = list(islice(_split(entries, opening, max_chars - _FIELDS_ROOM), max_parts + 1))
    return [encoded([_place(number, parts, len(entries)), *parts[number][2]]) for number in range(len(parts))]


def _opening(task: Task | None) -> Iterable[Entry]:
    for message in task.messages if task else []:
        yield {"from": "operator" if message["role"] == "system" else "user", "text": message["content"]}


def _turns(trajectory: Trajectory) -> Iterable[Entry]:
    calls = iter(trajectory.calls)
    for turn in trajectory.turns:
        entry: Entry = {"from": _AUTHORS.get(turn.role, "unknown")}
        # Every call is answered by exactly one tool turn, in the same order.
        call = next(calls, None) if turn.role == "tool" else None
        if call is not None:
            entry["tool"] = call.name[:64]
            if call.error is not None:
                entry["not_executed"] = call.error
        yield {**entry, "text": turn.content}


def _clipped(text: str, limit: int) -> Entry:
    if len(text) <= limit and len(encoded(text)) - 2 <= limit:
        return {"text": text}
    head = _fitting(text, limit * 2 // 3)
    tail = _fitting(text[::-1], limit // 3)[::-1]
    return {"text": head, "omitted_chars": max(0, len(text) - len(head) - len(tail)), "text_end": tail}


Part = tuple[int, int, list[Entry]]
"""The numbers of the first and the last message of a part, and its entries."""


def _split(entries: list[Entry], opening: list[Entry], room: int) -> Iterator[Part]:
    again = [{**entry, "repeated": True} for entry in opening]
    if sum(map(_size, again)) > room // _OPENING_SHARE:
        again = []
    part: list[Entry] = []
    first, last, left = 0, 0, room
    fresh = True
    for number, entry in enumerate(entries):
        start = 0
        while start >= 0:
            piece, start = _piece(entry, start, left, room, needed=fresh)
            if piece is not None:
                part.append(piece)
                left -= _size(piece)
                last, fresh = number, False
            if start >= 0:
                yield first, last, part
                # A text that goes on overlaps itself.
                part = [*again, *([] if start else _last(part, room // _BEFORE_SHARE))]
                first, left, fresh = number, room - sum(map(_size, part)), True
    yield first, last, part


def _piece(entry: Entry, start: int, left: int, room: int, *, needed: bool) -> tuple[Entry | None, int]:
    """What of an entry goes into the room that is left, and where its text goes on: -1 when all of it is in.

    A short entry stays in one piece, and a piece is worth its place, unless one is ``needed``.
    """
    rest = {**entry, "from_char": start, "text": entry["text"][start:]} if start else entry
    length = len(rest.get("text", ""))
    if length <= left and _size(rest) <= left:
        return rest, -1
    if length <= room // 2 and _size(rest) <= room // 2:
        return None, start
    text = _fitting(rest["text"], left - _FIELDS_ROOM)
    if len(text) <= 2 * _OVERLAP and not needed:
        return None, start
    piece = {**rest, "from_char": start, "of_chars": len(entry["text"]), "text": text}
    return piece, start + len(text) - min(_OVERLAP, len(text) // 4)


def _last(part: list[Entry], room: int) -> list[Entry]:
    """The last entries of a part, as far as they fit."""
    kept: list[Entry] = []
    for entry in reversed(part):
        if entry.get("repeated"):
            break
        again = {**entry, "repeated": True}
        room -= _size(again)
        if room < 0:
            break
        kept.insert(0, again)
    return kept


def _place(number: int, parts: list[Part], count: int) -> Entry:
    first, last, _ = parts[number]
    messages = f"{first + 1} to {last + 1} of {count}"
    return {"about": "this record", "part": number + 1, "of": len(parts), "messages": messages}


def _size(entry: Entry) -> int:
    """Characters that an entry takes in a list."""
    return len(encoded(entry)) + 2


def _fitting(text: str, limit: int) -> str:
    """The longest beginning of at most ``limit`` encoded characters."""
    head = text[: max(0, limit)]
    if len(encoded(head)) - 2 <= limit:
        return head
    kept = 0
    for char in head:
        limit -= _width(char)
        if limit < 0:
            break
        kept += 1
    return head[:kept]


@functools.lru_cache(maxsize=4096)
def _width(char: str) -> int:
    return sum(len(escaped(one)) for one in json.dumps(char, ensure_ascii=False)[1:-1])
