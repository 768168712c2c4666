"""Pages are found: links and anchors resolve, no page stands alone, large rooms have one; keys that they name exist."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path, PurePosixPath
from types import ModuleType

import pytest


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"docs_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


pages = loaded(Path(__file__).parent / "pages.py")
ROOT: Path = pages.ROOT
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
MOST_LINES = 200
MOST_FILES = 8


def anchors(page: str) -> set[str]:
    """What the headings of a page are called in links to them, as GitHub names them."""
    found: dict[str, int] = {}
    names = set()
    text = re.sub(r"^```.*?^```$", "", pages.PAGES[page], flags=re.DOTALL | re.MULTILINE)
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", plain.lower()).strip().replace(" ", "-")
        names.add(f"{name}-{found[name]}" if name in found else name)
        found[name] = found.get(name, 0) + 1
    return names


def links(page: str) -> list[str]:
    """Relative links of a page, as they are written."""
    text = re.sub(r"^```.*?^```$", "", pages.PAGES[page], flags=re.DOTALL | re.MULTILINE)
    found = [match[1] for match in LINK.finditer(text)]
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def target(page: str, link: str) -> str:
    """The path from the root that a link leads to."""
    path = (ROOT / page).parent / link.partition("#")[0] if not link.startswith("#") else ROOT / page
    return PurePosixPath(path.resolve().relative_to(ROOT)).as_posix()


@pytest.mark.parametrize("page", pages.PAGES)
def test_links_resolve(page: str) -> None:
    broken = []
    for link in links(page):
        path, anchor = target(page, link), link.partition("#")[2]
        if not (ROOT / path).exists() or (anchor and anchor not in (anchors(path) if path in pages.PAGES else ())):
            broken.append(link)
    assert broken == []


def test_the_readme_is_short() -> None:
    assert len(pages.PAGES["README.md"].splitlines()) < MOST_LINES


def test_no_page_of_the_documentation_stands_alone() -> None:
    indexes = ("docs/README.md", "docs/decisions/README.md")
    listed = {target(page, link) for page in indexes for link in links(page)}
    assert [page for page in pages.PAGES if page.startswith("docs/") and page not in {*listed, *indexes}] == []


def test_large_rooms_have_a_page() -> None:
    folders = [folder for folder in (ROOT / "verl_agentic").iterdir() if folder.is_dir() and not folder.is_symlink()]
    rooms = [folder for folder in folders if len(list(folder.glob("*.py"))) > MOST_FILES]
    tops = [
        ROOT / name for name in ("verl_agentic", "reward_fns", "tool_envs", "conf", "recipes", "tests", "benchmarks")
    ]
    assert [folder.name for folder in (*rooms, *tops) if not (folder / "README.md").is_file()] == []


def test_keys_that_pages_name_exist() -> None:
    keys = loaded(ROOT / "tests" / "contracts" / "test_message_keys.py")
    wrong = []
    for page, text in pages.PAGES.items():
        for match in keys.KEY.finditer(text):
            before = text[: match.start()]
            if before.endswith(("verl_", "data.", "-", "/", "hydra.callbacks.")) or match[0] in keys.OTHERS:
                continue
            if keys.unresolved(match[1].rstrip(".")):
                wrong.append(f"{page}: {match[0]}")
    assert wrong == []
