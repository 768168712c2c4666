"""Functions that SQLite has, too, where its own ones are without bounds or missing."""

from __future__ import annotations

import functools
import re
import sqlite3
from typing import Any

# From a percent sign to the letter of the conversion: flags, width, precision.
_CONVERSION = re.compile(r"%[^A-Za-z%]*")
_LEADING = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_NUMBER = re.compile(r"\d+|\*")


def add_functions(connection: sqlite3.Connection, value_bytes: int) -> None:
    """Define ``printf`` and ``format``, and ``string_agg`` where this SQLite lacks it.

    Args:
        connection: whose queries may call them.
        value_bytes: size of the largest value.
    """
    printf: Any = _printf(value_bytes)
    for name in ("printf", "format"):
        connection.create_function(name, -1, printf, deterministic=True)
    if sqlite3.sqlite_version_info < (3, 44):
        connection.create_aggregate("string_agg", 2, _aggregate(value_bytes))


@functools.lru_cache(maxsize=4)
def _printf(value_bytes: int) -> Any:
    return _Printf(value_bytes)


class _Printf:
    """SQLite's own, which writes a billion characters one by one where a precision says so, behind a check of these."""

    def __init__(self, value_bytes: int) -> None:
        self._value_bytes = value_bytes
        self._connection: sqlite3.Connection | None = None

    def __call__(self, *args: Any) -> Any:
        if not args or args[0] is None:
            return None
        self._check(str(args[0]), args[1:])
        if self._connection is None:
            self._connection = sqlite3.connect(":memory:", check_same_thread=False)
            set_limit: Any = getattr(self._connection, "setlimit", None)  # unknown to Python 3.10
            if set_limit:
                set_limit(0, self._value_bytes)
        holes = ", ".join("?" * len(args))
        found = self._connection.execute(f"SELECT printf({holes})", args).fetchone()[0]
        if found is None:  # what SQLite gives for a text that is too long
            raise OverflowError("string is too big")
        return found

    def _check(self, text: str, values: tuple[Any, ...]) -> None:
        numbers = [number for found in _CONVERSION.findall(text) for number in _NUMBER.findall(found)]
        size = max((len(number) for number in numbers), default=0)
        if size > 9 or any(number != "*" and int(number) > self._value_bytes for number in numbers):
            raise OverflowError("width is too big")
        # Any of the values may be the one that a star takes.
        if "*" in numbers and any(_whole(value) > self._value_bytes for value in values):
            raise OverflowError("width is too big")


def _whole(value: Any) -> float:
    """The number that SQLite reads a value as, without its sign; a text is read as far as it is one."""
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    found = _LEADING.match(text)
    return abs(float(found[0])) if found else 0.0


@functools.lru_cache(maxsize=4)
def _aggregate(value_bytes: int) -> Any:
    class StringAgg:
        """``group_concat`` with a separator that must be given."""

        def __init__(self) -> None:
            self._parts: list[str] = []
            self._size = 0

        def step(self, value: Any, separator: Any) -> None:
            if value is None:
                return
            if self._parts:
                self._add(separator)
            self._add(value)

        def finalize(self) -> str | None:
            return "".join(self._parts) if self._parts else None

        def _add(self, value: Any) -> None:
            text = "" if value is None else value if isinstance(value, str) else str(value)
            self._size += len(text)
            if self._size > value_bytes:
                raise OverflowError("string is too big")
            self._parts.append(text)

    return StringAgg
