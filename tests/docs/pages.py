"""All pages of the project, their code blocks and commands, for tests that run them."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TRAINER = "python -m verl.trainer.main_ppo"
NOT_RUN = re.compile(r"<!-- not run: (.+?) -->\s*\Z", re.DOTALL)
_ELSEWHERE = {"build", "dist", "outputs", "node_modules"}


def _pages() -> Iterator[Path]:
    # Folders that are linked into the package are met once, at the top.
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [one for one in folders if not one.startswith(".") and one not in _ELSEWHERE]
        yield from (Path(folder) / name for name in files if name.endswith(".md"))


PAGES = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in sorted(_pages())}


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Attributes:
        page: path of its page, from the root.
        line: of the page, from 1.
        language: what stands behind its fence.
        text: what it holds.
        not_run: why it cannot be run, as the comment before it says; empty where it can.
    """

    page: str
    line: int
    language: str
    text: str
    not_run: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(language: str | None = None) -> list[Block]:
    """Those of a language that can be run, in order; of all languages, and all of them, without one."""
    found = []
    for page, text in PAGES.items():
        for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
            why = NOT_RUN.search(text[: match.start()])
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block(page, line, match[1], match[2], why[1] if why else ""))
    return [block for block in found if language is None or (block.language == language and not block.not_run)]


def commands() -> list[tuple[Block, list[str]]]:
    """Every command of the shell blocks, as words; ``...`` stands for the trainer's command."""
    found = []
    for block in blocks("bash"):
        for line in block.text.replace("\\\n", " ").splitlines():
            whole = re.sub(r"^\.\.\. ", f"{TRAINER} ", line.strip())
            if words := shlex.split(whole, comments=True):
                found.append((block, words))
    return found


def trainer_overrides() -> list[tuple[Block, list[str]]]:
    """What is handed to verl's trainer, by command; an ellipsis among it stands for more of the reader's own."""
    trainer = TRAINER.split()
    return [
        (block, [word for word in words[len(trainer) :] if word != "..."])
        for block, words in commands()
        if words[: len(trainer)] == trainer
    ]


def prose(page: str) -> str:
    """A page without its blocks and without inline code."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```$", "", PAGES[page], flags=re.DOTALL | re.MULTILINE))
