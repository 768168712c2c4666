"""A key that a message or docstring names can be set: each ``agentic.*`` in the sources resolves in the schema."""

from __future__ import annotations

import ast
import dataclasses
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.llm import LLMSettings
from verl_agentic.training.settings import AgenticSettings

ROOT = Path(__file__).resolve().parents[2]
KEY = re.compile(r"\bagentic\.([a-z_]+[0-9]?(?:\.[A-Za-z_*]+)*)")
# Resolvers that recipes call, which are no keys.
OTHERS = ("agentic.starter", "agentic.smollm2", "agentic.epochs", "agentic.tasks", "agentic.by_register")


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Every string of a source; of an f-string, up to what is filled in."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def unresolved(key: str, cls: Any = AgenticSettings) -> str | None:
    """The part of a dotted key that the settings do not have, ``None`` where all is there."""
    for part in key.split("."):
        if cls is None or not dataclasses.is_dataclass(cls):
            return None  # options by name, or a mapping of the user's
        hints = typing.get_type_hints(cls)
        if part in ("NAME", "KEY", "*"):
            return None
        if part not in hints:
            return part
        cls = LLMSettings if (cls, part) == (AgenticSettings, "llm") else hints[part]
    return None


@pytest.mark.slow
def test_every_key_that_is_named_exists() -> None:
    wrong = []
    for folder in ("verl_agentic", "reward_fns", "tool_envs"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for line, text in texts(path):
                for match in KEY.finditer(text):
                    before = text[: match.start()]
                    if before.endswith(("verl_", "data.", "-", "/", "hydra.callbacks.")) or match[0] in OTHERS:
                        continue
                    key = match[1].rstrip(".")
                    if key.split(".")[0] == "llm" and key.count(".") and key.split(".")[1] == "client":
                        continue  # names the factory, which gets the other keys
                    if unresolved(key):
                        wrong.append(f"{path.relative_to(ROOT)}:{line}: agentic.{key}")
    assert wrong == []


def test_no_message_names_the_old_place_of_the_curriculum() -> None:
    old = re.compile(r"(?<!agentic\.)\bflywheel\.(curriculum\.\w+ |epoch_size)")
    found = [path for path in (ROOT / "verl_agentic").rglob("*.py") if old.search(path.read_text(encoding="utf-8"))]
    assert found == []
