"""What the policy has seen: facts looked for in the replies of the tools, whichever tool it asked.

A fact is an object of fields, such as ``{"id": "O417", "status": "paid"}``. It was seen where an object in the JSON of
a reply holds all of them, with the fields of the objects around it merged in: a line of an order has the order's
number, too, unless it has a field of that name itself. So has what a call was asked for by an id: whoever lists the
orders of a customer knows whose they are. And whoever asks a list for rows with one value of a field has seen that
the others, which it leaves out, have another one. Numbers are equal by value up to the tolerance, and texts, dates
among them, exactly. Of a reply that was cut, what stood before the cut counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from verl_agentic.core import BrokenTaskError
from verl_agentic.reward_fns.state.tables import Row, RowComparison

_CUT = re.compile(r"\n\[\.\.\. \d+ characters left out \.\.\.\]\n")
_DECODER = json.JSONDecoder()
_IDS = ("_id", "_code", "_number", "_no")
_CLOSING = {"[": "]", "{": "}"}


class SeenRecords:
    """What some replies held, in one dialogue."""

    def __init__(self, compare: RowComparison) -> None:
        self._compare = compare
        self._records: list[Row] = []
        self._unread: list[tuple[str, Row, Row]] = []
        self._filters: list[Row] = []

    def see(self, reply: str, arguments: Mapping[str, Any] | None = None) -> None:
        """Note a reply, and what it replied to."""
        ids = {
            name: value
            for name, value in (arguments or {}).items()
            if name.endswith(_IDS) and isinstance(value, str | int)
        }
        filters = {name: value for name, value in (arguments or {}).items() if name not in ids}
        self._unread.append((reply, ids, filters))

    def holds(self, fact: Row) -> bool:
        """Whether ``fact`` was seen."""
        for reply, ids, filters in self._unread:
            data = _data(reply)
            self._records += _records(data, ids)
            if filters and _is_list(data):
                self._filters.append(filters)
        self._unread.clear()
        same = self._compare.same
        if any(
            all(field in record and same(value, record[field]) for field, value in fact.items())
            for record in self._records
        ):
            return True
        return any(
            field in fact and not same(fact[field], value)
            for filters in self._filters
            for field, value in filters.items()
        )


def read_facts(value: Any, where: str) -> list[Row]:
    """Facts from a task's data.

    Raises:
        BrokenTaskError: it is no list of objects of plain values.
    """
    if not isinstance(value, list):
        raise BrokenTaskError(f"{where} must be a list")
    for position, one in enumerate(value):
        plain = isinstance(one, dict) and not any(isinstance(item, dict | list) for item in one.values())
        if not plain or not one:
            raise BrokenTaskError(f"{where}[{position}] must be an object of fields with plain values")
    return value


def _records(data: Any, around: Mapping[str, Any]) -> list[Row]:
    """Every object within ``data``, with the plain fields of those around it, and what is around all."""
    found: list[Row] = []
    waiting: list[tuple[Any, Mapping[str, Any]]] = [(data, around)]
    while waiting:
        item, outer = waiting.pop()
        if isinstance(item, list):
            waiting.extend((one, outer) for one in item if isinstance(one, dict | list))
        elif isinstance(item, dict):
            inner = {key: value for key, value in item.items() if isinstance(value, dict | list)}
            record = {**outer, **{key: value for key, value in item.items() if key not in inner}}
            found.append(record)
            waiting.extend((value, record) for value in inner.values())
    return found


def _is_list(data: Any) -> bool:
    return isinstance(data, list) or (isinstance(data, dict) and isinstance(data.get("results"), list))


def _data(reply: str) -> Any:
    """What a reply holds as JSON, ``None`` where it holds none."""
    cut = _CUT.search(reply)
    text = (reply[: cut.start()] if cut else reply).lstrip()
    if text[:1] not in _CLOSING:
        return None
    try:
        return _DECODER.raw_decode(_closed(text) if cut else text)[0]
    except (ValueError, RecursionError):
        return None


def _closed(text: str) -> str:
    """The beginning of a JSON text up to its last whole value, closed."""
    open_brackets: list[str] = []
    end, closing = 0, ""
    in_text = escaped = False
    for place, character in enumerate(text):
        if in_text:
            in_text = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_text = True
        elif character in _CLOSING:
            open_brackets.append(_CLOSING[character])
        elif character in "]},":
            if character != ",":
                open_brackets = open_brackets[:-1]
            end, closing = place + (character != ","), "".join(reversed(open_brackets))
    return text[:end] + closing
