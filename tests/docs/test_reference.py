"""Pages that follow from the sources are what the sources say now."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from verl_agentic.core.checked import settings_of
from verl_agentic.training.settings import AgenticSettings

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
assert spec is not None and spec.loader is not None
generate = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = generate
spec.loader.exec_module(generate)


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_generated_page_is_what_the_sources_say(name: str) -> None:
    written = (ROOT / name).read_text(encoding="utf-8")
    assert written == generate.PAGES[name](), f"{name} is out of date; run: {generate.COMMAND}"


def test_every_key_and_group_is_on_the_page() -> None:
    page = (ROOT / "docs/reference/configuration.md").read_text(encoding="utf-8")
    for setting in settings_of(AgenticSettings):
        assert f"| `{setting.name}` |" in page or f"`agentic.{setting.name}`" in page
    for group in (path for path in (ROOT / "conf").iterdir() if path.is_dir() and path.name != "__pycache__"):
        for option in group.glob("*.yaml"):
            assert f"`{group.name}={option.stem}`" in page


def test_what_a_docstring_does_not_explain_is_no_blank_cell() -> None:
    class Silent:
        def __init__(self, size: int = 1) -> None: ...

    with pytest.raises(LookupError, match="its docstring says nothing of 'size'"):
        generate._section("silent", Silent)


def test_meanings_are_read_from_the_docstring() -> None:
    text = """First line.

    Args:
        size: how many
            there are; ``None`` for :class:`~a.b.All` of them.
        name: what it is called.

    Raises:
        Oops: never.
    """
    import inspect

    assert generate._described(inspect.cleandoc(text)) == {
        "size": "how many there are; `null` for `All` of them",
        "name": "what it is called",
    }
    assert generate._described("* ``a``, ``b``: two\n  of a kind;\n* ``c``: one.\n\nMore.") == {
        "a": "two of a kind",
        "b": "two of a kind",
        "c": "one",
    }
