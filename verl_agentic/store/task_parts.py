"""The JSON of a task, its long parts kept once for all tasks that have them.

What many tasks share is long: a policy, a list of tools, a world. Such a part is a row of its own, named by the hash
of its text; where it stood in the task's JSON stands a mark with that hash. Marks begin with a control character,
which JSON has only as an escape, so that no text of a task can be taken for one. A part is any piece of the JSON's
text, and put back as it was: reading gives the same characters, whatever the task holds.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from verl_agentic.core import InfrastructureError, Task
from verl_agentic.store import schema
from verl_agentic.store.packing import LONG, pack, text_of, unpack
from verl_agentic.store.progress import CHUNK, chunks

HASH_BYTES = 20
"""Length of a part's hash, BLAKE2b. 160 bits: nobody finds two texts with the same one."""

CONTENT = (schema.tasks.c.json, schema.tasks.c.packed)
"""The columns of a task's row that :func:`task_texts` reads."""

_MARK = re.compile(rf"\x01([0-9a-f]{{{2 * HASH_BYTES}}})")
_text_of = json.JSONEncoder(ensure_ascii=False).encode


def cut(task: Task) -> tuple[dict[str, Any], dict[bytes, str]]:
    """A task's JSON as columns of its row, and its long parts by hash.

    A part is a value of the task's fields or of their members that is longer than ``LONG`` characters, or a run of
    shorter members that is: a list of tools is one part however short its tools are, and a dialogue that begins with
    a long policy shares it with any other. A task that is no longer than that is kept as it is.
    """
    text = task.to_json()
    if len(text) <= LONG:
        return {"json": text, "packed": None}, {}
    parts: dict[bytes, str] = {}
    pieces: list[str] = []
    done = 0
    for start, end in _long_spans(task):
        part = text[start:end]
        digest = hashlib.blake2b(part.encode(), digest_size=HASH_BYTES)
        parts[digest.digest()] = part
        pieces += (text[done:start], "\x01", digest.hexdigest())
        done = end
    return {"json": "", "packed": pack("".join([*pieces, text[done:]]))}, parts


def write_parts(connection: sa.Connection, parts: Mapping[bytes, str], round: int) -> None:
    """Keep parts of tasks that a round adds; those that are there are not written again.

    Args:
        connection: the transaction that adds the tasks.
        parts: texts by hash.
        round: the round, 0 for tasks that no rewind takes back.
    """
    table = schema.task_parts
    for some in chunks(parts):
        query = sa.select(table.c.hash, table.c.round).where(table.c.hash.in_(some))
        known = {bytes(row.hash): row.round for row in connection.execute(query)}
        new = [{"hash": one, "data": pack(parts[one]), "round": round} for one in some if one not in known]
        if new:
            connection.execute(table.insert(), new)
        later = [one for one, added in known.items() if added > round]
        if later:
            connection.execute(table.update().where(table.c.hash.in_(later)).values(round=round))


def drop_parts(connection: sa.Connection, round: int) -> None:
    """Forget the parts that only tasks of rounds after ``round`` had, as those tasks are deleted."""
    connection.execute(schema.task_parts.delete().where(schema.task_parts.c.round > round))


def read_tasks(connection: sa.Connection, query: sa.Select[tuple[str, bytes | None]]) -> Iterator[Task]:
    """The tasks that a query of :data:`CONTENT` finds, read as they are asked for."""
    found = connection.execution_options(yield_per=CHUNK).execute(query)
    for rows in found.partitions():
        yield from map(Task.from_json, task_texts(connection, [(row.json, row.packed) for row in rows]))


def task_texts(connection: sa.Connection, rows: Sequence[tuple[str, bytes | None]]) -> list[str]:
    """The JSON of tasks as they were added, in few queries however many they are.

    Args:
        connection: the view of the store that the rows were read in.
        rows: ``json`` and ``packed`` of each task.

    Raises:
        InfrastructureError: a part is missing or damaged.
    """
    texts = [text_of(plain, packed) for plain, packed in rows]
    # What is not packed has no marks, and mostly no task is.
    marked = [number for number, (_, packed) in enumerate(rows) if packed is not None]
    wanted = {digest for number in marked for digest in _MARK.findall(texts[number])}
    if not wanted:
        return texts
    parts: dict[str, str] = {}
    table = schema.task_parts
    for some in chunks(sorted(wanted)):
        query = sa.select(table.c.hash, table.c.data).where(table.c.hash.in_([bytes.fromhex(one) for one in some]))
        parts.update({bytes(row.hash).hex(): unpack(row.data) for row in connection.execute(query)})
    if missing := sorted(wanted - parts.keys()):
        raise InfrastructureError(f"the store lacks part {missing[0]} of a task; restore the store from a copy")
    for number in marked:
        texts[number] = _MARK.sub(lambda mark: parts[mark[1]], texts[number])
    return texts


def _long_spans(task: Task) -> Iterator[tuple[int, int]]:
    """Where the parts of a task's JSON begin and end, in order."""
    position = len("{")
    for field in dataclasses.fields(task):
        position += len(f'"{field.name}": ')
        value = getattr(task, field.name)
        bracket = 1
        if isinstance(value, dict):
            # A key that is no text counts without the quotes that JSON gives it: cuts come out a little to the left.
            members = [(len(_text_of(key)) + len(": "), len(_text_of(member))) for key, member in value.items()]
        elif isinstance(value, (list, tuple)):
            members = [(0, len(_text_of(member))) for member in value]
        else:
            members, bracket = [(0, len(_text_of(value)))], 0
        end = yield from _long_members(members, position + bracket)
        position = end + bracket + len(", ")


def _long_members(members: Sequence[tuple[int, int]], start: int) -> Generator[tuple[int, int], None, int]:
    """Long members, and runs of others that are long together; return where the last one ends.

    Args:
        members: length of the text before the value, its key, and of the value.
        start: where the first one begins.
    """
    comma = len(", ")
    run = position = start
    for key, length in members:
        value = position + key
        if length > LONG:
            if position - comma - run > LONG:
                yield run, position - comma
            yield value, value + length
            run = value + length + comma
        position = value + length + comma
    if position - comma - run > LONG:
        yield run, position - comma
    return position - comma if members else start
