"""Who may ask a question: a list of short descriptions, ours or the user's."""

from __future__ import annotations

import functools
import re
from importlib.resources import files
from pathlib import Path

from verl_agentic.core import UserInputError

MAX_CHARS = 160
MAX_BYTES = 4_000_000
_FIT = re.compile(r"[^:\d<>\x00-\x1f]+")


def load_personas(path: str | None = None) -> tuple[str, ...]:
    """Personas of a text file, one a line (``a beekeeper who sells honey``), by default those of this package.

    Blank lines, and lines that begin with ``#``, count for nothing.

    Raises:
        UserInputError: the file cannot be read, or a line of it cannot stand before a question.
    """
    if path is None:
        return _built_in()
    file = Path(path).expanduser()
    try:
        if file.stat().st_size > MAX_BYTES:
            raise UserInputError(f"personas={path!r}: the file is larger than {MAX_BYTES} bytes; give a shorter list")
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserInputError(f"personas={path!r}: cannot be read: {error}") from error
    return _read(text, path)


@functools.cache
def _built_in() -> tuple[str, ...]:
    source = files("verl_agentic.synthesis.reasoning") / "personas.txt"
    return _read(source.read_text(encoding="utf-8"), "personas.txt")


def _read(text: str, name: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for number, line in enumerate(text.splitlines(), 1):
        persona = line.strip()
        if not persona or persona.startswith("#"):
            continue
        if len(persona) > MAX_CHARS or not _FIT.fullmatch(persona):
            raise UserInputError(
                f"personas={name!r}, line {number}: must have at most {MAX_CHARS} characters,"
                " and no digit, colon or angle bracket"
            )
        found[persona] = None
    if not found:
        raise UserInputError(f"personas={name!r}: holds no persona; write one a line")
    return tuple(found)
