"""Objects by name: a built-in's short name, ``package.module:Name``, or what a Python file of the user's defines."""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from verl_agentic.core.errors import UserInputError


def named_object(
    what: str, name: str, built_in: Mapping[str, str], known: tuple[str, ...] = (), files: bool = False
) -> Callable[..., Any]:
    """The class or function that ``name`` stands for, imported when it is first asked for.

    Args:
        what: what is looked for, for error messages (``reward function``).
        name: a key of ``built_in``, or a path ``package.module:Name``.
        built_in: paths by short name.
        known: further short names to list where ``name`` is unknown.
        files: whether ``name`` may also be ``path/to/file.py:Name``: for names in configuration and on the command
            line, since data should not name files of this machine.

    Raises:
        UserInputError: nothing goes by that name, or it cannot be imported or called.
    """
    module_name, _, attribute = built_in.get(name, name).rpartition(":")
    in_file = is_file_name(name)
    if not module_name or not attribute or (in_file and not files):
        names = ", ".join(sorted({*built_in, *known}))
        file = ", or 'path/to/file.py:Name'" if files else ""
        raise UserInputError(f"unknown {what} {name!r}; known: {names}; or give 'package.module:Name'{file}")
    try:
        module = module_of_file(module_name) if in_file else importlib.import_module(module_name)
    except FileNotFoundError as error:
        raise UserInputError(f"{what}: {error}") from error
    except Exception as error:  # whatever a user's module raises while it is imported
        reason = error if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        raise UserInputError(f"{what} {name!r} cannot be imported: {reason}") from error
    except SystemExit as error:
        raise UserInputError(f"{what} {name!r} cannot be imported: it calls sys.exit({error.code!r})") from error
    found = getattr(module, attribute, None)
    if found is None:
        raise UserInputError(f"{what} {name!r} cannot be imported: {module_name} has no {attribute!r}")
    if not callable(found):
        raise UserInputError(f"{what} {name!r} is neither a class nor a function")
    return found  # type: ignore[no-any-return]


def is_file_name(name: str) -> bool:
    """Whether ``name`` is of the form ``path/to/file.py:Name``."""
    return name.rpartition(":")[0].endswith(".py")


def named_class(
    what: str, name: str, built_in: Mapping[str, str], base: type, known: tuple[str, ...] = (), files: bool = False
) -> Any:
    """As :func:`named_object`, for a subclass of ``base``.

    Raises:
        UserInputError: nothing goes by that name, or it is no subclass of ``base``.
    """
    found = named_object(what, name, built_in, known, files)
    if not (isinstance(found, type) and issubclass(found, base)):
        raise UserInputError(f"{what} {name!r} is not a subclass of {base.__module__}.{base.__qualname__}")
    return found


@functools.lru_cache(maxsize=256)
def parameters_of(factory: Callable[..., Any]) -> tuple[str, ...] | None:
    """Names of the parameters that a class or function takes, ``None`` where it takes any keyword."""
    parameters = inspect.signature(factory).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return tuple(parameter.name for parameter in parameters)


def module_of_file(path: str | Path) -> ModuleType:
    """The module that a Python file holds; each file is executed once per process.

    Raises:
        FileNotFoundError: there is no such file. Whatever the file raises when it is executed is raised.
    """
    return _module_of_file(Path(path).expanduser().resolve())


@functools.lru_cache(maxsize=256)
def _module_of_file(path: Path) -> ModuleType:
    # Under its path, so that two files of one name do not become one module.
    name = f"_verl_agentic_file_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
