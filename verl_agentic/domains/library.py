"""Which domains there are: those of this package, and folders of one's own."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from verl_agentic.core import UserInputError
from verl_agentic.domains.domain import BusinessDomain, read_domain

FOLDERS = "VERL_AGENTIC_DOMAINS"
"""Environment variable: further folders of domains, parted as those of PATH."""
LIBRARY = Path(__file__).resolve().parent / "sectors"


def domain_folders() -> dict[str, Path]:
    """Folders of all domains by their names; one's own come after, and may replace, those of the package.

    Raises:
        UserInputError: a folder of the environment variable is not there.
    """
    found = {path.parent.name: path.parent for path in sorted(LIBRARY.glob("*/*/domain.yaml"))}
    for place in filter(None, os.environ.get(FOLDERS, "").split(os.pathsep)):
        folder = Path(place).expanduser()
        if not folder.is_dir():
            raise UserInputError(f"{FOLDERS}: no folder {place}")
        inner = sorted({*folder.glob("domain.yaml"), *folder.glob("*/domain.yaml"), *folder.glob("*/*/domain.yaml")})
        if not inner:
            raise UserInputError(f"{FOLDERS}: there is no domain.yaml in {place}, nor one or two folders below")
        found |= {path.parent.name: path.parent for path in inner}
    return found


def load_domain(name: str) -> BusinessDomain:
    """The domain of a name, or in a folder; read once per process.

    Raises:
        UserInputError: there is none.
        DomainError: one of its files is wrong.
    """
    folders = domain_folders()
    if name in folders:
        return _read(folders[name])
    if (Path(name) / "domain.yaml").is_file():
        return _read(Path(name).resolve())
    raise UserInputError(f"no domain {name!r}; there are {', '.join(folders) or 'none'} (or give a folder)")


@cache
def _read(folder: Path) -> BusinessDomain:
    return read_domain(folder)
