"""What we rely on of verl is there: told in a second, from its sources, without importing it."""

from __future__ import annotations

import ast
import functools
import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("verl_names", Path(__file__).with_name("verl_names.py"))
assert spec is not None and spec.loader is not None
verl_names = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = verl_names
spec.loader.exec_module(verl_names)

RELIED = verl_names.RELIED
PACKAGE = (ROOT / "verl_agentic", ROOT / "reward_fns", ROOT / "tool_envs")


def verl_root() -> Path:
    found = importlib.util.find_spec("verl")
    if found is None or found.origin is None:
        pytest.skip("verl is not installed; pip install 'verl-agentic[cpu]'")
    return Path(found.origin).parent


@functools.cache
def tree_of(module: str) -> ast.Module:
    place = verl_root().joinpath(*module.split(".")[1:])
    path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    assert path.is_file(), f"{module} is gone"
    return ast.parse(path.read_text(encoding="utf-8"))


def defined(tree: ast.Module) -> dict[str, ast.AST]:
    found: dict[str, ast.AST] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.setdefault(node.name, node)
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        found |= {target.id: node for target in targets if isinstance(target, ast.Name)}
    return found


def members(node: ast.AST) -> set[str]:
    """Methods, class attributes, and attributes that any method sets."""
    found: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(inner.name)
        elif isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store):
            found.add(inner.attr)
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            found.add(inner.id)
    return found


@pytest.mark.parametrize("relied", RELIED, ids=[f"{one.module}:{one.name}" for one in RELIED])
def test_it_is_there(relied: Any) -> None:
    module, name = relied.module, relied.name
    found = defined(tree_of(module))
    assert name in found, f"{module} defines no {name} any more; it {relied.why}"
    gone = set(relied.members) - members(found[name])
    assert not gone, f"{module}.{name} has no {', '.join(sorted(gone))} any more"


def imports() -> set[tuple[str, str]]:
    """``(module, name)`` of every name that the package imports from verl."""
    found = set()
    for path in (path for folder in PACKAGE for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "verl":
                found |= {(str(node.module), alias.name) for alias in node.names}
    return found


def resolved(module: str, name: str) -> tuple[str, str]:
    """Where a name that a package's ``__init__`` only hands on is defined; a module as such becomes its own."""
    if (verl_root().joinpath(*module.split(".")[1:]) / f"{name}.py").is_file():
        return f"{module}.{name}", ""
    for node in tree_of(module).body:
        if isinstance(node, ast.ImportFrom) and node.level == 1 and name in {alias.name for alias in node.names}:
            return f"{module}.{node.module}", name
    return module, name


@pytest.mark.slow
def test_every_import_is_listed() -> None:
    listed = {(one.module, one.name) for one in RELIED}
    modules = {module for module, _ in listed}
    missing = []
    for module, name in (resolved(*found) for found in imports()):
        if (module, name) not in listed and not (name == "" and module in modules):
            missing.append(f"{module}:{name}")
    assert not sorted(missing)


def overridden() -> set[str]:
    """Methods that our subclasses of verl's classes call by ``super()``."""
    found = set()
    for path in (ROOT / "verl_agentic" / "integration").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            call = node.func if isinstance(node, ast.Call) else None
            if (
                isinstance(call, ast.Attribute)
                and isinstance(call.value, ast.Call)
                and getattr(call.value.func, "id", "") == "super"
            ):
                found.add(call.attr)
    return found


def test_every_override_is_listed() -> None:
    listed = {member for one in RELIED for member in one.members}
    # Of our own bases, and of Python's.
    ours = {"__init__", "open", "close", "_replicas", "handle"}
    assert overridden() - listed - ours == set()


def test_the_page_names_all_of_it() -> None:
    page = (ROOT / "docs" / "verl.md").read_text(encoding="utf-8")
    rows = [
        f"| `{one.module}` | `{one.name}` | {', '.join(f'`{m}`' for m in one.members)} | {one.why} |" for one in RELIED
    ]
    table = [line for line in page.splitlines() if line.startswith("| `verl.")]
    assert table == rows, "docs/verl.md is not up to date: its table has one row for each entry of verl_names.RELIED"
