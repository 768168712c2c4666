"""Objects by name: a built-in's short name, or the path ``package.module:Name`` of a user's own."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from verl_agentic.core.errors import UserInputError


def named_object(what: str, name: str, built_in: Mapping[str, str], known: tuple[str, ...] = ()) -> Callable[..., Any]:
    """The class or function that ``name`` stands for, imported when it is first asked for.

    Args:
        what: what is looked for, for error messages (``reward function``).
        name: a key of ``built_in``, or a path ``package.module:Name``.
        built_in: paths by short name.
        known: further short names to list where ``name`` is unknown.

    Raises:
        UserInputError: nothing goes by that name, or it cannot be imported or called.
    """
    module_name, _, attribute = built_in.get(name, name).partition(":")
    if not attribute:
        names = ", ".join(sorted({*built_in, *known}))
        raise UserInputError(f"unknown {what} {name!r}; known: {names}; or give 'package.module:Name'")
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserInputError(f"{what} {name!r} cannot be imported: {error}") from error
    if not callable(found):
        raise UserInputError(f"{what} {name!r} is neither a class nor a function")
    return found  # type: ignore[no-any-return]


def named_class(what: str, name: str, built_in: Mapping[str, str], base: type, known: tuple[str, ...] = ()) -> Any:
    """As :func:`named_object`, for a subclass of ``base``.

    Raises:
        UserInputError: nothing goes by that name, or it is no subclass of ``base``.
    """
    found = named_object(what, name, built_in, known)
    if not (isinstance(found, type) and issubclass(found, base)):
        raise UserInputError(f"{what} {name!r} is not a subclass of {base.__module__}.{base.__qualname__}")
    return found
