"""Examples run as a user runs them, from a copy of the folder, and how-to pages quote and name what is there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from verl_agentic.cli.main import main
from verl_agentic.flywheel import make_hooks
from verl_agentic.store import Store, store_url
from verl_agentic.synthesis.families import load_families
from verl_agentic.tool_envs.users.registry import make_user

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
HOW_TO = {page.stem: page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs" / "howto").glob("*.md"))}
POINTS = {
    "domain", "environment", "hook", "language-model", "operator", "recipe", "reward", "task-family", "user",
}  # fmt: skip
SAYS = {
    "my_chat_model.py": "contract kept: ['Hello.', '{\"city\": \"Oslo\"}']",
    "my_domain.py": "contract kept: the expert solved",
    "my_environment.py": "pay 80: Error: at most 70 cents",
    "my_family.py": "contract kept: the expert solved 10 tasks",
    "my_hook.py": "'added': 2",
    "my_operator.py": "years old. What time is it?",
    "my_reward.py": "score 0.25 does not name Rome",
    "my_tree_operator.py": "'log-change'",
    "my_user.py": "user: Yes",
}
BLOCK = re.compile(
    r"(?:<!-- not run: (?P<why>.+?) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that holds the examples alone."""
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def ran(folder: Path, *words: str) -> str:
    """What Python prints, run in a folder; it must succeed."""
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def blocks(page: str, language: str) -> list[tuple[str, str]]:
    """Why a block is not run by itself, and its text."""
    return [(m["why"] or "", m["text"]) for m in BLOCK.finditer(HOW_TO[page]) if m["language"] == language]


def test_every_example_says_what_it_prints() -> None:
    assert {path.name for path in EXAMPLES.glob("my_*.py")} == set(SAYS)


def _sources() -> set[Path]:
    return {path for path in EXAMPLES.rglob("*") if path.suffix in (".py", ".yaml")}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(SAYS))
def test_an_example_runs_and_says_that_it_works(name: str, checkout: Path) -> None:
    assert SAYS[name] in ran(checkout, f"examples/{name}")


def test_examples_are_short() -> None:
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in _sources()}
    assert lengths.pop("loop_in_one_page.py") < 170
    assert len(lengths) > 10 and {name: length for name, length in lengths.items() if length >= 60} == {}


@pytest.mark.slow
def test_the_loop_learns_and_grows(checkout: Path) -> None:
    head, *lines = ran(checkout, "examples/loop_in_one_page.py", "--store", "run").splitlines()
    assert head.split()[:2] == ["epoch", "math,"] and len(lines) == 12
    success = [[float(found) for found in re.findall(r"\d: +(\d+)", line)] for line in lines]
    assert min(success[-1]) > 80 > min(success[1]), "what was hard at first is learned in the end"
    assert len(success[0]) == 2 and max(map(len, success)) >= 6, "deeper tasks come in"
    mastered = [int(found[1]) for line in lines if (found := re.search(r" (\d+)  (?:-$|\d+ [a-z_])", line))]
    assert len(mastered) == 12 and mastered == sorted(mastered) and mastered[0] == 0 and mastered[-1] > 50
    assert any("add_operation" in line for line in lines)
    again = ran(checkout, "examples/loop_in_one_page.py", "--epochs", "3")
    assert again.splitlines() == [head, *lines[:3]], "the same seed, the same run"
    with Store(store_url(checkout / "run"), create=False) as store:
        assert len(store.rounds()) == 11 and any(entry.operator for entry in store.pool())


def test_every_extension_point_has_a_page() -> None:
    assert set(HOW_TO) == POINTS


def test_every_example_has_a_page_and_every_link_to_one_leads_there() -> None:
    linked = {ROOT / link for text in HOW_TO.values() for link in re.findall(r"\]\(\.\./\.\./(examples/[^)]+)\)", text)}
    assert [path for path in linked if not path.is_file()] == []
    assert _sources() - linked == {EXAMPLES / "loop_in_one_page.py"}


@pytest.mark.parametrize("page", list(HOW_TO))
def test_a_page_quotes_its_example(page: str) -> None:
    assert [title for title in ("## Name it", "## Check it", "## What bites") if title not in HOW_TO[page]] == []
    for language in ("python", "yaml"):
        for why, text in blocks(page, language):
            if why.startswith("part of "):
                source = (ROOT / why.removeprefix("part of ")).read_text()
                depths = [text] + [textwrap.indent(text, " " * depth) for depth in (4, 8)]
                assert any(quoted in source for quoted in depths), f"{page}: not in {why}:\n{text}"
            compile(text, page, "exec") if language == "python" else yaml.safe_load(text)


@pytest.mark.slow
@pytest.mark.parametrize("page", list(HOW_TO))
def test_the_commands_and_tests_of_a_page_work(page: str, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout)
    for why, text in blocks(page, "bash"):
        for line in text.splitlines() if "test_examples.py" in why else ():
            program, *words = line.split()
            # Those for Python run above.
            assert main(words) == 0 if program == "verl-agentic" else words[0].removeprefix("examples/") in SAYS
    monkeypatch.syspath_prepend(checkout / "examples")
    for why, text in blocks(page, "python"):
        if "goes into a test" in why:
            names: dict[str, Any] = {}
            exec(compile(text, page, "exec"), names)
            tests = [value for name, value in names.items() if name.startswith("test_")]
            assert tests
            for test in tests:
                test()


def test_the_recipe_names_what_is_there(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout)
    recipe = yaml.safe_load((checkout / "examples/conf/recipe/my_recipe.yaml").read_text())["agentic"]
    kinds = yaml.safe_load((checkout / "examples/conf/stage/clocks.yaml").read_text())["agentic"]["kinds"]
    families = {family.kind: family for family in load_families(kinds)}
    assert set(families) == {"math", "clock", "library"} and set(recipe["curriculum"]["kinds"]) <= set(families)
    hooks = make_hooks(recipe["flywheel"]["hooks"], families=families, llm=None)
    assert [hook.name for hook in hooks] == ["ReasoningHook", "TreesHook", "DrillHook", "FrontierHook"]
    assert make_user(recipe["rollout"]["simulator"], **recipe["rollout"]["simulator_options"])
