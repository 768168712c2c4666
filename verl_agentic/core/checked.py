"""Settings that say themselves what they allow: annotations of a dataclass, or of a function's keywords.

.. code-block:: python

    @dataclass(frozen=True)
    class Retries:
        attempts: Annotated[int, Within(least=1)] = 3
        pause_seconds: Annotated[float, Within(least=0)] = 0.5

    read(Retries, {"attempts": 0}, "retries")
    # UserInputError: retries.attempts must be a whole number of at least 1, got 0

A default stands in the dataclass or signature and nowhere else, and so does what a key means: under ``Attributes`` or
``Args`` of the docstring, from where the reference of the configuration is generated.
"""

from __future__ import annotations

import collections.abc
import copy
import dataclasses
import difflib
import functools
import inspect
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from verl_agentic.core.errors import UserInputError

T = TypeVar("T")

_MAX_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Within:
    """Bounds of a number; infinities and NaN are never within."""

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None

    def holds(self, value: float) -> bool:
        """Whether a number is within."""
        return (
            math.isfinite(value)
            and (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        low = f"above {self.above:.10g}" if self.above is not None else ""
        if self.least is not None:
            low = f"{'of at least' if self.most is None and self.below is None else 'from'} {self.least:.10g}"
        high = f"below {self.below:.10g}" if self.below is not None else ""
        if self.most is not None:
            high = f"{self.most:.10g}" if low.startswith("from") else f"at most {self.most:.10g}"
        if not low and high.startswith("at most"):
            return f"of {high}"
        return (" to " if low.startswith("from") else " and ").join(filter(None, (low, high)))


@dataclass(frozen=True, slots=True)
class Described:
    """What a value must be, in words, where those of its type do not tell a user enough."""

    words: str


Share = Annotated[float, Within(0, 1)]
"""A part of a whole."""
Likeness = Annotated[float, Within(above=0, most=1)]
"""A part of a whole, but not nothing: from when on two things count as alike, or a task as mastered."""
Count = Annotated[int, Within(least=0)]
"""How many, none included."""
Positive = Annotated[int, Within(least=1)]
"""How many, at least one."""
Seconds = Annotated[float, Within(least=0.001)]
"""A duration that something real may take."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A field of a dataclass, or a keyword of a function.

    Attributes:
        name: its name.
        annotation: its type, with :class:`Within` and :class:`Described` where it has any.
        default: its default, ``dataclasses.MISSING`` where it must be given.
    """

    name: str
    annotation: Any
    default: Any


def settings_of(owner: Any) -> tuple[Setting, ...]:
    """The fields of a dataclass, or the keywords of a function or class, in the order they are declared."""
    return _settings_of(owner)


@functools.lru_cache(maxsize=256)
def _settings_of(owner: Any) -> tuple[Setting, ...]:
    if dataclasses.is_dataclass(owner):
        hints = typing.get_type_hints(owner, include_extras=True)
        return tuple(
            Setting(
                one.name,
                hints[one.name],
                one.default_factory() if one.default_factory is not dataclasses.MISSING else one.default,
            )
            for one in dataclasses.fields(owner)
            if one.init
        )
    hints = _hints(owner.__init__ if isinstance(owner, type) else owner)  # type: ignore[misc]
    return tuple(
        Setting(name, hints.get(name, Any), dataclasses.MISSING if one.default is one.empty else one.default)
        for name, one in inspect.signature(owner).parameters.items()
        if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
    )


def _hints(function: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(inspect.unwrap(function), include_extras=True)
    except Exception:  # a user's own function may annotate what exists for a type checker alone
        return {}


def read(kind: type[T], data: Any, key: str) -> T:
    """A dataclass from plain data: dicts, lists, texts and numbers, as YAML and command lines give them.

    Texts count as numbers where they are some, since environment variables are texts.

    Args:
        kind: the dataclass; fields may be dataclasses, too.
        data: a mapping; what it does not name has its default.
        key: where the mapping stands, for messages.

    Raises:
        UserInputError: naming the key that is unknown, missing, or has a wrong value.
    """
    if not isinstance(data, Mapping):
        raise UserInputError(f"{key} must be a mapping, got {_shown(data)}")
    settings = {one.name: one for one in settings_of(kind)}
    refuse_unknown(data, settings, key)
    values = {}
    for name, setting in settings.items():
        if name in data or setting.default is dataclasses.MISSING:
            values[name] = value_of(setting.annotation, data.get(name), f"{key}.{name}")
    return kind(**values)


def defaults_of(kind: type) -> dict[str, Any]:
    """Plain data of a dataclass whose every field has its default; what has none is left out."""
    return {one.name: _plain(one.default) for one in settings_of(kind) if one.default is not dataclasses.MISSING}


def _plain(value: Any) -> Any:
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) else copy.copy(value)  # type: ignore[arg-type]


def check(settings: Any, key: str) -> None:
    """Check the fields of a dataclass that was not read; for its ``__post_init__``.

    Raises:
        UserInputError: naming the key of the field that has a wrong value.
    """
    for one in settings_of(type(settings)):
        value_of(one.annotation, getattr(settings, one.name), f"{key}.{one.name}", plain=False)


def check_arguments(function: Callable[..., Any], arguments: Mapping[str, Any], key: str) -> None:
    """Check keywords against the annotations of the function or class that will get them.

    Keywords that it does not name are left to whoever calls it.

    Raises:
        UserInputError: naming the key of the first one that has a wrong value.
    """
    for one in settings_of(function):
        if one.name in arguments:
            value_of(one.annotation, arguments[one.name], f"{key}.{one.name}", plain=False)


def refuse_unknown(names: Iterable[object], known: Iterable[str], key: str) -> None:
    """Refuse names that are not known.

    Raises:
        UserInputError: naming the first of them, and the known one that it is most like.
    """
    known = list(known)
    for name in names:
        if name not in known:
            alike = difflib.get_close_matches(str(name), known, n=1)
            meant = f" did you mean {alike[0]}?" if alike else ""
            raise UserInputError(f"{key}.{name} is unknown;{meant} known keys: {', '.join(known)}")


def value_of(annotation: Any, value: Any, key: str, plain: bool = True) -> Any:
    """The value as its annotation wants it.

    Args:
        annotation: a type; what is no plain type (numbers, texts, lists, mappings, ``Literal``, dataclasses and unions
            of these) allows everything.
        value: the value.
        key: where it stands, for messages.
        plain: whether it comes from text, so that texts that are numbers count as such.

    Raises:
        UserInputError: naming the key, what is allowed and what was given.
    """
    try:
        return _converted(annotation, value, key, plain, ())
    except _UnfitError as error:
        raise UserInputError(f"{key} must be {allowed(annotation)}, got {_shown(value)}") from error


def allowed(annotation: Any) -> str:
    """What an annotation allows, in words: ``a whole number of at least 1, or null``."""
    return _words(annotation, ())


class _UnfitError(ValueError):
    """A value is not what its annotation wants."""


def _converted(annotation: Any, value: Any, key: str, plain: bool, bounds: tuple[Any, ...]) -> Any:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _converted(inner[0], value, key, plain, (*bounds, *inner[1:]))
    if origin in (Union, types.UnionType):
        return _one_of(inner, value, key, plain, bounds)
    if origin is Literal:
        return _fit(value, any(value == one and type(value) is type(one) for one in inner))
    if annotation in (None, type(None)):
        return _fit(value, value is None)
    if annotation in (bool, int, float, str):
        return _scalar(annotation, value, plain, bounds)
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        return value if isinstance(value, annotation) else read(annotation, value, key)
    base = origin or annotation
    if base in (dict, collections.abc.Mapping):
        return _mapping(inner, _fit(value, isinstance(value, Mapping)), key, plain)
    if base in (list, tuple, collections.abc.Sequence):
        _fit(value, isinstance(value, Sequence) and not isinstance(value, str | bytes))
        item = inner[0] if inner else Any
        items = [value_of(item, one, f"{key}[{place}]", plain) for place, one in enumerate(value)]
        return tuple(items) if base is tuple else items
    return value


def _one_of(options: Sequence[Any], value: Any, key: str, plain: bool, bounds: tuple[Any, ...]) -> Any:
    if value is None:
        return _fit(value, type(None) in options)
    # With several, a text is a text and a number a number.
    plain = plain and sum(option is not type(None) for option in options) == 1
    for option in options:
        try:
            return _converted(option, value, key, plain, bounds)
        except _UnfitError:
            continue
    raise _UnfitError


def _mapping(inner: tuple[Any, ...], value: Mapping[Any, Any], key: str, plain: bool) -> dict[Any, Any]:
    names, values = inner or (Any, Any)
    return {
        value_of(names, name, f"{key}.{name}", plain): value_of(values, one, f"{key}.{name}", plain)
        for name, one in value.items()
    }


def _scalar(kind: type, value: Any, plain: bool, bounds: tuple[Any, ...]) -> Any:
    if plain:
        value = _from_text(kind, value)
    if kind in (int, float):
        fits = isinstance(value, (int, float) if kind is float else int) and not isinstance(value, bool)
        _fit(value, fits and all(one.holds(value) for one in (Within(), *bounds) if isinstance(one, Within)))
        return kind(value) if plain else value
    return _fit(value, isinstance(value, kind))


def _from_text(kind: type, value: Any) -> Any:
    if kind is bool and isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), value)
    if kind in (int, float) and isinstance(value, str):
        try:
            return int(value) if kind is int else float(value)
        except ValueError:
            return value
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)  # 1e4
    return value


def _fit(value: Any, fits: bool) -> Any:
    if not fits:
        raise _UnfitError
    return value


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", type(None): "null"}


def _words(annotation: Any, bounds: tuple[Any, ...]) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        bounds = (*bounds, *inner[1:])
        described = next((one.words for one in bounds if isinstance(one, Described)), None)
        return described or _words(inner[0], bounds)
    if origin in (Union, types.UnionType):
        options = [_words(one, bounds) for one in inner if one is not type(None)]
        return " or ".join(options) + (", or null" if type(None) in inner else "")
    if origin is Literal:
        return _either([str(one) for one in inner])
    if annotation in _KINDS:
        within = [str(one) for one in bounds if isinstance(one, Within)] if annotation in (int, float) else []
        return " ".join([_KINDS[annotation], *within])
    base = origin or annotation
    if base in (list, tuple, collections.abc.Sequence):
        of = {str: " of texts", int: " of whole numbers", float: " of numbers"}.get(inner[0] if inner else Any, "")
        return f"a list{of}"
    if base in (dict, collections.abc.Mapping) or dataclasses.is_dataclass(base):
        return "a mapping"
    return "any value"


def _either(options: Sequence[str]) -> str:
    return " or ".join(options) if len(options) < 3 else f"one of {', '.join(options)}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
