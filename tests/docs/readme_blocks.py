"""The code blocks of the README, for tests that run them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
TRAINER = "python -m verl.trainer.main_ppo"


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Attributes:
        language: what stands behind its fence.
        text: what it holds.
        line: of the README, from 1.
    """

    language: str
    text: str
    line: int


def blocks(language: str) -> list[Block]:
    """Those of a language, in order."""
    fenced = re.finditer(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    found = [Block(match[1], match[2], README.count("\n", 0, match.start()) + 1) for match in fenced]
    return [block for block in found if block.language == language]


def commands() -> list[tuple[int, list[str]]]:
    """Every command of the shell blocks: its line, and its words; ``...`` stands for the trainer's command."""
    found = []
    for block in blocks("bash"):
        text = block.text.replace("\\\n", " ")
        for line in text.splitlines():
            whole = re.sub(r"^\.\.\. ", f"{TRAINER} ", line.strip())
            if words := shlex.split(whole, comments=True):
                found.append((block.line, words))
    return found


def trainer_overrides() -> list[tuple[int, list[str]]]:
    """What is handed to verl's trainer, by command; an ellipsis among it stands for more of the reader's own."""
    trainer = TRAINER.split()
    return [
        (line, [word for word in words[len(trainer) :] if word != "..."])
        for line, words in commands()
        if words[: len(trainer)] == trainer
    ]
