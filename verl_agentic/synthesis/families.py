"""Task families by name."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path

from verl_agentic.core import UserInputError
from verl_agentic.core.named import Registry, is_file_name
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


def load_families(names: Iterable[str], register: Register = "micro") -> list[TaskFamily]:
    """One instance of each named family.

    Args:
        names: built-in names, ``package.module:Class`` or ``path/to/file.py:Class``.
        register: how their tasks speak.

    Raises:
        UserInputError: a family is unknown, cannot be imported or is not a :class:`TaskFamily`.
    """
    families = [FAMILIES.get(name, files=True)() for name in names]
    for family in families:
        family.speaks = register
    return families
