"""The layers: who may import whom, read from the sources.

import-linter sees packages by their folders, and four of ours are mapped from elsewhere, so this reads them itself.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "verl_agentic": ROOT / "verl_agentic",
    "verl_agentic.reward_fns": ROOT / "reward_fns",
    "verl_agentic.tool_envs": ROOT / "tool_envs",
}
ALLOWED: dict[str, set[str]] = {
    "core": set(),
    "tool_envs": {"core"},
    "reward_fns": {"core", "tool_envs"},
    "rollout": {"core", "tool_envs"},
    "store": {"core"},
    "llm": {"core", "tool_envs"},
    "report": {"core", "store"},
    "synthesis": {"core", "reward_fns", "rollout", "tool_envs"},
    "flywheel": {"core", "reward_fns", "rollout", "store", "synthesis", "tool_envs"},
}
ALLOWED["serving"] = {"core", "report", "reward_fns", "rollout", "store", "tool_envs"}
ALLOWED["starter"] = set(ALLOWED)
ALLOWED["integration"] = {*ALLOWED, "recipes", "conf"}
ALLOWED["cli"] = set(ALLOWED)
# Libraries that only some layers may import.
RESERVED = {
    **{name: {"integration"} for name in ("verl", "ray", "vllm", "transfer_queue", "tensordict", "torchdata")},
    **{name: {"integration", "starter"} for name in ("torch", "transformers", "tokenizers", "gguf")},
    **{name: {"integration"} for name in ("hydra", "omegaconf")},
}
HEAVY = ("torch", "verl", "ray", "vllm", "transformers")


def imports(path: Path, package: str) -> Iterator[str]:
    """Dotted names that a source file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] + "." if node.level else ""
            module = f"{base}{node.module or ''}".rstrip(".")
            # "from verl_agentic import core" imports a layer, too.
            yield from (f"{module}.{alias.name}" for alias in node.names)


def violations(path: Path, package: str) -> list[str]:
    """Imports of a source file in ``package`` that its layer does not allow."""
    layer = package.split(".")[1] if "." in package else None
    wrong = []
    for name in imports(path, package):
        top, *rest = name.split(".")
        if top == "verl_agentic" and layer:
            target = rest[0] if rest else ""
            if target in ALLOWED and target != layer and target not in ALLOWED[layer]:
                wrong.append(f"{path.name} in {layer} imports {name}")
        elif top in RESERVED and layer not in RESERVED[top]:
            wrong.append(f"{path.name} in {layer} imports {name}, reserved for {', '.join(sorted(RESERVED[top]))}")
    return wrong


def sources() -> list[tuple[Path, str]]:
    """Each source file with the package it is in."""
    found = []
    for package, folder in FOLDERS.items():
        for path in sorted(folder.rglob("*.py")):
            inner = path.parent.relative_to(folder).parts
            found.append((path, ".".join((package, *inner))))
    return found


def test_every_layer_is_read() -> None:
    layers = {package.split(".")[1] for _, package in sources() if "." in package}
    assert layers == set(ALLOWED)


def test_no_import_leaves_its_layer() -> None:
    assert [wrong for path, package in sources() for wrong in violations(path, package)] == []


@pytest.mark.parametrize(
    ("package", "line"),
    [
        ("verl_agentic.core", "from verl_agentic.store import Store"),
        ("verl_agentic.core", "from verl_agentic import rollout"),
        ("verl_agentic.store", "from ..flywheel import hook"),
        ("verl_agentic.synthesis.service", "from verl_agentic.integration.settings import read_settings"),
        ("verl_agentic.cli", "import verl.trainer.main_ppo"),
        ("verl_agentic.flywheel", "def later():\n    import torch"),
        ("verl_agentic.rollout", "from transformers import AutoTokenizer"),
        ("verl_agentic.starter", "from verl_agentic.cli.main import main"),
    ],
)
def test_a_forbidden_import_is_found(tmp_path: Path, package: str, line: str) -> None:
    path = tmp_path / "module.py"
    path.write_text(line + "\n")
    assert violations(path, package) != []


def test_light_layers_import_neither_torch_nor_verl() -> None:
    light = [layer for layer in ALLOWED if layer not in ("starter", "integration", "cli")]
    modules = sorted(
        {
            package if path.stem == "__init__" else f"{package}.{path.stem}"
            for path, package in sources()
            if "." in package and package.split(".")[1] in light
        }
    )
    assert len(modules) > len(light)
    program = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
