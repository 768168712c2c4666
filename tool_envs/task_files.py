"""Files that tasks name, below a configured folder."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

from verl_agentic.core import BrokenTaskError, UserInputError


def file_under(root: str | None, name: Any, option: str) -> Path:
    """The file that ``env_args.file`` names.

    Args:
        root: the folder, from the configuration.
        name: the path below it.
        option: the key under which ``root`` is configured, for messages.

    Raises:
        BrokenTaskError: the name is none, leads out of the folder, or there is no such file.
        UserInputError: no folder is configured.
    """
    shown = ascii(name)[:200]
    if not root:
        raise UserInputError(f"a task names the file {shown}, but no folder is configured; set {option}")
    if not isinstance(name, str) or not name or Path(name).is_absolute():
        raise BrokenTaskError(f"env_args.file={shown}: must be a path below {option}")
    folder = Path(root).expanduser().resolve()
    try:
        path = (folder / name).resolve()
        found = path.is_relative_to(folder) and path.is_file()
    except (ValueError, OSError, RuntimeError):  # NUL characters, surrogates, names too long, loops of links
        found = False
    if not found:
        raise BrokenTaskError(f"env_args.file={shown}: no such file below {option}={root}")
    return path


def file_key(path: Path) -> Hashable:
    """Changes when the file does."""
    status = path.stat()
    return str(path), status.st_ino, status.st_size, status.st_mtime_ns
