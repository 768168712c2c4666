"""The shape of the house, beyond what import-linter checks: no circles of files, no crowded folder, light rooms."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import grimp
import networkx
import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "verl", "ray", "vllm", "transformers")
MAY_BE_HEAVY = ("cli", "integration", "starter")
MOST_FILES = 20
# Commands print. What else does: the console of a run, what speaks before or instead of it, and a program run by path.
MAY_PRINT = (
    "verl_agentic/cli/", "verl_agentic/integration/console/", "verl_agentic/integration/plugin.py",
    "verl_agentic/starter/__main__.py", "tool_envs/mcp/guard.py",
)  # fmt: skip


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    # grimp reads function-level imports, too: a circle cannot hide in one.
    return grimp.build_graph("verl_agentic", cache_dir=None)


def test_files_import_each_other_in_no_circle(graph: grimp.ImportGraph) -> None:
    arrows = networkx.DiGraph(
        (module, target) for module in graph.modules for target in graph.find_modules_directly_imported_by(module)
    )
    assert arrows.number_of_edges() > 1000
    assert [sorted(circle) for circle in networkx.strongly_connected_components(arrows) if len(circle) > 1] == []


def test_no_folder_is_crowded() -> None:
    tops = ("verl_agentic", "reward_fns", "tool_envs")
    folders = {path.parent for top in tops for path in ROOT.glob(f"{top}/**/*.py")}
    counts = {str(folder.relative_to(ROOT)): len(list(folder.glob("*.py"))) for folder in folders}
    assert {folder: count for folder, count in counts.items() if count > MOST_FILES} == {}


def test_only_commands_and_consoles_print_and_loggers_bear_their_modules_names() -> None:
    found = []
    for top in ("verl_agentic", "reward_fns", "tool_envs"):
        for path in sorted((ROOT / top).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            for node in ast.walk(ast.parse(path.read_text())):
                match node:
                    case ast.Call(func=ast.Name(id="print")) if not name.startswith(MAY_PRINT):
                        found.append(f"{name}:{node.lineno} prints; log, or tell whoever called")
                    case ast.Call(func=ast.Attribute(attr="getLogger"), args=[ast.Name(id="__file__")]):
                        found.append(f"{name}:{node.lineno} names its logger by its file")
    assert found == []


@pytest.mark.slow
def test_light_rooms_import_neither_torch_nor_verl(graph: grimp.ImportGraph) -> None:
    # Alembic alone imports migrations.
    ours = [module for module in graph.modules if "." in module and "migrations" not in module]
    light = [module for module in ours if module.split(".")[1] not in MAY_BE_HEAVY]
    assert len(light) > 200
    program = (
        "import importlib, sys\n"
        f"for name in {sorted(light)!r}: importlib.import_module(name)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_a_public_class_name_is_said_once() -> None:
    places: dict[str, list[str]] = {}
    for top in ("verl_agentic", "reward_fns", "tool_envs"):
        for path in sorted((ROOT / top).rglob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}
