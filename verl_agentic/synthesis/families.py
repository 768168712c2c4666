"""Task families by name."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from verl_agentic.core import UserInputError
from verl_agentic.core.checked import check_arguments, refuse_unknown
from verl_agentic.core.named import Registry, is_file_name, parameters_of
from verl_agentic.core.task import Register
from verl_agentic.synthesis.base import TaskFamily

_BUILT_IN: dict[str, type[TaskFamily] | str] = {
    "math": "verl_agentic.synthesis.math.family:MathFamily",
    "sql": "verl_agentic.synthesis.sql.family:SqlFamily",
    "reasoning_gym": "verl_agentic.synthesis.imported.reasoning_gym:ReasoningGymFamily",
    "domain": "verl_agentic.synthesis.domains.family:DomainFamily",
    "service": "verl_agentic.synthesis.service:ServiceFamily",
    "tree": "verl_agentic.synthesis.trees:TreeFamily",
}
FAMILIES = Registry("family", _BUILT_IN, base=TaskFamily)
OPTIONS_KEY = "agentic.family_options"
"""Where options of families are set; every message about one begins with it."""


def family_file(name: str) -> Path:
    """The Python file that defines the family called ``name``, found without running it.

    Raises:
        UserInputError: no family goes by that name, or its module or file is not there.
    """
    if is_file_name(name):
        path = Path(name.rpartition(":")[0]).expanduser()
        if not path.is_file():
            raise UserInputError(f"family {name!r}: no such file: {path}")
        return path
    where = FAMILIES.module_name(name)
    try:
        spec = importlib.util.find_spec(where)
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        raise UserInputError(f"family {name!r}: there is no module {where!r}")
    return Path(spec.origin)


def load_families(
    names: Iterable[str], register: Register = "micro", options: Mapping[str, Any] | None = None
) -> list[TaskFamily]:
    """One instance of each named family.

    Args:
        names: built-in names, ``package.module:Class`` or ``path/to/file.py:Class``.
        register: how their tasks speak.
        options: ``agentic.family_options``: keyword arguments of families by their names; those of others do not
            matter.

    Raises:
        UserInputError: a family is unknown, cannot be imported or is not a :class:`TaskFamily`, or it has no such
            option, or refuses its value.
    """
    families = [_made(name, (options or {}).get(name)) for name in names]
    for family in families:
        family.speaks = register
    return families


def _made(name: str, options: Any) -> TaskFamily:
    cls = FAMILIES.get(name, files=True)
    if options is None:
        return cls()
    key = f"{OPTIONS_KEY}.{name}"
    if not isinstance(options, Mapping):
        raise UserInputError(f"{key} must be a mapping of options, got {options!r}")
    known = parameters_of(cls)
    if known is not None:
        refuse_unknown(options, known, key)
    check_arguments(cls, options, key)
    try:
        return cls(**options)
    except UserInputError as error:
        raise UserInputError(f"{key}: {error}") from error
