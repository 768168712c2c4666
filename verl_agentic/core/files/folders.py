"""Folders that appear complete or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def make_whole(folder: Path, build: Callable[[Path], object]) -> None:
    """Let ``build`` fill a temporary folder beside ``folder``, which takes that name when all is in it.

    Raises:
        OSError: the folder's parent cannot be written to. Whatever ``build`` raises is raised, and nothing is left.
    """
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        build(partial)
        partial.chmod(0o755)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
