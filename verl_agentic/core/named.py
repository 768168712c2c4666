"""Objects by name: what is built in, what was registered, ``package.module:Name``, or ``path/to/file.py:Name``."""

from __future__ import annotations

import difflib
import functools
import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from verl_agentic.core.errors import UserInputError

T = TypeVar("T")
R = TypeVar("R")


class Registry(Generic[T]):
    """What goes by a name in configuration, on the command line or in a task. Iterates over the short names.

    What is built in may be given as its path, and is then imported when it is first asked for.
    """

    def __init__(
        self, what: str, built_in: Mapping[str, T | str], *, base: type | None = None, paths: bool = True
    ) -> None:
        """Make it.

        Args:
            what: what is looked for, for messages (``reward function``).
            built_in: objects, or their paths ``package.module:Name``, by short name.
            base: the class whose subclasses are looked for by a path; ``None`` for anything that can be called.
            paths: whether ``package.module:Name`` is a name, too.
        """
        self._what = what
        self._known: dict[str, T | str] = dict(built_in)
        self._base = base
        self._paths = paths

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._known))

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def items(self) -> list[tuple[str, T]]:
        """Short names and what goes by them, in the order in which they became known."""
        return [(name, self.get(name)) for name in self]

    def register(self, name: str) -> Callable[[R], R]:
        """Decorator that makes something known by ``name``, in this process, instead of what was before."""

        def decorate(found: R) -> R:
            self._known[name] = found  # type: ignore[assignment]  # a class keeps its own type
            return found

        return decorate

    def get(self, name: str, *, files: bool = False) -> T:
        """What goes by ``name``.

        Args:
            name: a short name, or a path ``package.module:Name``.
            files: whether it may also be ``path/to/file.py:Name``: for names in configuration and on the command
                line, since data should not name files of this machine.

        Raises:
            UserInputError: nothing goes by that name, it cannot be imported, or is not what is looked for.
        """
        known = self._known.get(name, name)
        if not isinstance(known, str):
            return known
        if name not in self._known and not (self._paths and _is_path(name) and (files or not is_file_name(name))):
            raise UserInputError(self._unknown(name, files))
        found = imported(self._what, name, known)
        if self._base is not None and not (isinstance(found, type) and issubclass(found, self._base)):
            base = f"{self._base.__module__}.{self._base.__qualname__}"
            raise UserInputError(f"{self._what} {name!r} is not a subclass of {base}")
        if not callable(found):
            raise UserInputError(f"{self._what} {name!r} is neither a class nor a function")
        return found  # type: ignore[no-any-return]

    def module_name(self, name: str) -> str:
        """Name of the module that defines what goes by ``name``, which is not imported.

        Raises:
            UserInputError: it is neither a known name nor a path.
        """
        known = self._known.get(name, name)
        if not isinstance(known, str):
            return str(getattr(known, "__module__", ""))
        if not _is_path(known):
            raise UserInputError(self._unknown(name, files=True))
        return known.rpartition(":")[0]

    def _unknown(self, name: str, files: bool) -> str:
        alike = difflib.get_close_matches(name, self._known, n=1)
        meant = f" (did you mean {alike[0]!r}?)" if alike else ""
        ways = [f"known: {', '.join(sorted(self._known))}"] if self._known else []
        if self._paths:
            ways.append("give 'package.module:Name'" + (", or 'path/to/file.py:Name'" if files else ""))
        return f"unknown {self._what} {name!r}{meant}; {'; or '.join(ways)}"


def imported(what: str, name: str, path: str = "") -> Any:
    """What ``package.module:Name`` or ``path/to/file.py:Name`` stands for.

    Args:
        what: what is looked for, for messages.
        name: what the user calls it.
        path: where it is, ``name`` itself by default.

    Raises:
        UserInputError: there is no such thing, or it cannot be imported.
    """
    path = path or name
    module_name, _, attribute = path.rpartition(":")
    if not _is_path(path):
        raise UserInputError(f"{what} {name!r} is neither 'package.module:Name' nor 'path/to/file.py:Name'")
    try:
        module = module_of_file(module_name) if is_file_name(path) else importlib.import_module(module_name)
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
    return found


def is_file_name(name: str) -> bool:
    """Whether ``name`` is of the form ``path/to/file.py:Name``."""
    return name.rpartition(":")[0].endswith(".py")


def _is_path(name: str) -> bool:
    module_name, _, attribute = name.rpartition(":")
    return bool(module_name and attribute)


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
