"""The files of a domain, read so that every error can name its file and line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml

from verl_agentic.core import UserInputError
from verl_agentic.domains.expressions import Expression, ExpressionError, expression

MAX_FILE_BYTES = 1 << 20


class DomainError(UserInputError):
    """A file of a domain is wrong: ``FILE:LINE: what is wrong, and what would be right``."""


class YamlPart:
    """One value of a YAML file, and where it stands.

    Attributes:
        file: the file.
        line: its line, from 1.
        where: the keys that lead to it, e.g. ``rules.window.say``.
        data: the value: a text, a number, a truth value, ``None``, a dict or list of :class:`YamlPart`.
    """

    __slots__ = ("data", "file", "line", "where")

    def __init__(self, file: Path, line: int, where: str, data: Any) -> None:
        self.file, self.line, self.where, self.data = file, line, where, data

    def wrong(self, message: str) -> NoReturn:
        """Say what is wrong with it.

        Raises:
            DomainError: always.
        """
        raise DomainError(f"{self.file}:{self.line}: {self.where + ': ' if self.where else ''}{message}")

    def __contains__(self, key: str) -> bool:
        return isinstance(self.data, dict) and key in self.data

    def plain(self) -> Any:
        """The value as plain data."""
        if isinstance(self.data, dict):
            return {key: part.plain() for key, part in self.data.items()}
        if isinstance(self.data, list):
            return [part.plain() for part in self.data]
        return self.data

    def fields(self, *known: str, needed: tuple[str, ...] = ()) -> dict[str, YamlPart]:
        """The entries of an object that may have ``known`` and ``needed`` keys only.

        Raises:
            DomainError: it is no object, has an unknown key, or lacks a needed one.
        """
        entries = self.entries()
        allowed = (*needed, *known)
        for key, part in entries.items():
            if key not in allowed:
                part.wrong(f"unknown key; known here: {', '.join(allowed)}")
        for key in needed:
            if key not in entries:
                self.wrong(f"lacks {key!r}")
        return entries

    def entries(self) -> dict[str, YamlPart]:
        """The entries of an object by key.

        Raises:
            DomainError: it is no object.
        """
        if not isinstance(self.data, dict):
            self.wrong(f"must be an object, not {self._kind()}")
        return self.data

    def items(self, least: int = 0) -> list[YamlPart]:
        """The items of a list.

        Raises:
            DomainError: it is no list, or has too few of them.
        """
        if not isinstance(self.data, list):
            self.wrong(f"must be a list, not {self._kind()}")
        if len(self.data) < least:
            self.wrong(f"needs at least {least} entries, has {len(self.data)}")
        return self.data

    def text(self) -> str:
        """A text that is not empty.

        Raises:
            DomainError: it is none.
        """
        if isinstance(self.data, int | float) and not isinstance(self.data, bool):
            return str(self.data)
        if not isinstance(self.data, str) or not self.data.strip():
            self.wrong(f"must be a text, not {self._kind()}")
        return " ".join(self.data.split())

    def texts(self, least: int = 0) -> tuple[str, ...]:
        """Texts: a list of them, or a single one.

        Raises:
            DomainError: it is neither, there are too few, or one stands twice.
        """
        if not isinstance(self.data, list):
            found = [self.text()]
            if least > 1:
                self.wrong(f"needs at least {least} wordings, has 1")
            return tuple(found)
        found = [part.text() for part in self.items(least)]
        if twice := next((text for position, text in enumerate(found) if text in found[:position]), None):
            self.wrong(f"{twice!r} stands there twice")
        return tuple(found)

    def scalar(self) -> str | int | float | bool | None:
        """A single value.

        Raises:
            DomainError: it is an object or a list.
        """
        if isinstance(self.data, dict | list):
            self.wrong(f"must be a single value, not {self._kind()}")
        value: str | int | float | bool | None = self.data
        return value

    def whole(self, least: int = 0) -> int:
        """A whole number.

        Raises:
            DomainError: it is none, or too small.
        """
        if isinstance(self.data, bool) or not isinstance(self.data, int) or self.data < least:
            self.wrong(f"must be a whole number of at least {least}")
        return int(self.data)

    def number(self) -> int | float:
        """A number.

        Raises:
            DomainError: it is none.
        """
        if isinstance(self.data, bool) or not isinstance(self.data, int | float):
            self.wrong("must be a number")
        value: int | float = self.data
        return value

    def pair(self) -> tuple[int | float, int | float]:
        """Two numbers in ascending order.

        Raises:
            DomainError: they are not.
        """
        parts = self.items()
        if len(parts) != 2 or parts[0].number() > parts[1].number():
            self.wrong("must be two numbers in ascending order, [LEAST, MOST]")
        return parts[0].number(), parts[1].number()

    def choice(self, *known: str) -> str:
        """One of some words.

        Raises:
            DomainError: it is none of them.
        """
        if self.data not in known:
            self.wrong(f"must be one of {', '.join(known)}, not {self.data!r}")
        return str(self.data)

    def expression(self) -> Expression:
        """An expression (:mod:`verl_agentic.domains.expressions`).

        Raises:
            DomainError: it is none.
        """
        try:
            return expression(str(self.scalar()))
        except ExpressionError as error:
            self.wrong(str(error))

    def _kind(self) -> str:
        names = {dict: "an object", list: "a list", type(None): "nothing", str: "an empty text"}
        return names.get(type(self.data), repr(self.data))


def read_yaml_file(file: Path) -> YamlPart:
    """Read one file.

    Raises:
        DomainError: it is not there, too large, or no YAML; a key stands twice.
    """
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise DomainError(f"{file}:1: larger than {MAX_FILE_BYTES >> 10} KiB")
        text = file.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=_LOADER)
    except (OSError, UnicodeDecodeError) as error:
        raise DomainError(f"{file}:1: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise DomainError(f"{file}:{line}: no YAML: {getattr(error, 'problem', None) or error}") from error
    if node is None:
        raise DomainError(f"{file}:1: is empty")
    return _part(file, node, "")


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN = yaml.SafeLoader("")


def _part(file: Path, node: yaml.Node, where: str) -> YamlPart:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        entries: dict[str, YamlPart] = {}
        for key, value in node.value:
            name = str(key.value)
            inner = f"{where}.{name}" if where else name
            if name in entries:
                raise DomainError(f"{file}:{key.start_mark.line + 1}: {inner}: stands there twice")
            entries[name] = _part(file, value, inner)
            entries[name].line = key.start_mark.line + 1
        return YamlPart(file, line, where, entries)
    if isinstance(node, yaml.SequenceNode):
        items = [_part(file, value, f"{where}[{position}]") for position, value in enumerate(node.value)]
        return YamlPart(file, line, where, items)
    value = _PLAIN.construct_object(node)
    # YAML takes 2026-03-09 for a date, and `no` for a truth value; here both are what is written.
    if not isinstance(value, str | int | float | type(None)) or isinstance(value, bool):
        value = node.value if node.value not in ("true", "false") else node.value == "true"
    return YamlPart(file, line, where, value)


def walk(part: YamlPart) -> Iterator[YamlPart]:
    """A part and everything in it."""
    yield part
    children = part.data.values() if isinstance(part.data, dict) else part.data if isinstance(part.data, list) else ()
    for child in children:
        yield from walk(child)
