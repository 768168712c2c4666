"""The wheel: all of the package and nothing else, usable from wherever it is installed."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
import zipfile
from importlib import util
from pathlib import Path, PurePosixPath

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
# Top-level folders by the package that they become.
FOLDERS = {
    "verl_agentic": "",
    "conf": "conf",
    "recipes": "recipes",
    "reward_fns": "reward_fns",
    "tool_envs": "tool_envs",
}
DATA = (".py", ".yaml", ".json", ".typed", ".mako", ".txt")


def pip(*arguments: str, cwd: Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources so that the build leaves nothing among them."""
    for module in ("pip", "setuptools"):
        if util.find_spec(module) is None:
            pytest.skip(f"building a wheel without a network needs {module} in this environment")
    folder = tmp_path_factory.mktemp("wheel")
    sources = folder / "sources"
    sources.mkdir()
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, sources / name, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, sources)
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(sources), cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel is installed, without the libraries it needs."""
    folder = tmp_path_factory.mktemp("installed")
    pip("install", "--no-deps", "--no-index", "--target", str(folder), str(wheel), cwd=folder)
    return folder


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_it_holds_the_package_and_nothing_else(wheel: Path) -> None:
    tops = {PurePosixPath(name).parts[0] for name in contents(wheel)}
    info = {top for top in tops if top.endswith(".dist-info")}
    assert len(info) == 1
    assert tops - info == {"verl_agentic"}


def test_it_holds_every_source_and_data_file(wheel: Path) -> None:
    wanted = {
        str(PurePosixPath("verl_agentic", package, path.relative_to(ROOT / folder).as_posix()))
        for folder, package in FOLDERS.items()
        for path in (ROOT / folder).rglob("*")
        if path.suffix in DATA or path.name == "py.typed"
    }
    found = {name for name in contents(wheel) if name.startswith("verl_agentic/")}
    assert found == wanted
    assert "verl_agentic/py.typed" in found
    assert "verl_agentic/recipes/agenticqwen.yaml" in found
    assert "verl_agentic/conf/profile/cpu.yaml" in found


def test_its_entry_points(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        parser = configparser.ConfigParser()
        parser.read_string(archive.read(name).decode())
    assert {section: dict(parser[section]) for section in parser.sections()} == {
        "console_scripts": {"verl-agentic": "verl_agentic.cli.main:main"},
        "verl.plugins": {"verl_agentic": "verl_agentic.integration.plugin"},
    }


def test_its_metadata_name_the_license_and_the_extras(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("METADATA"))
        lines = archive.read(name).decode().splitlines()
    assert "License-Expression: Apache-2.0" in lines
    for extra in ("cpu", "gpu", "smollm2"):
        assert f"Provides-Extra: {extra}" in lines


def run(installed: Path, cwd: Path, *arguments: str) -> str:
    """Run Python in another working directory with the installed folder before everything else."""
    command = [sys.executable, *arguments]
    # The sources of an editable install must not answer instead: its finder comes after the path.
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("recipes", "agenticqwen.yaml"),
        ("conf", "profile/cpu.yaml"),
        ("reward_fns", "mixed.py"),
        ("tool_envs", "base.py"),
    ],
)
def test_its_mapped_packages_are_found_from_another_folder(
    installed: Path, tmp_path: Path, package: str, name: str
) -> None:
    program = (
        "from importlib import resources\n"
        f"print(resources.files('verl_agentic.{package}').joinpath('{name}').read_text()[:4000], end='')"
    )
    found = run(installed, tmp_path, "-c", program)
    assert found == (ROOT / package / name).read_text()[:4000].strip()
    where = run(installed, tmp_path, "-c", f"import verl_agentic.{package} as p; print(list(p.__path__)[0])")
    assert Path(where) == installed / "verl_agentic" / package


def test_its_console_script_runs_from_another_folder(installed: Path, tmp_path: Path) -> None:
    out = tmp_path / "tasks.jsonl"
    arguments = ["tasks", "generate", "--kinds", "service", "--count", "2", "--out", str(out)]
    run(installed, tmp_path, "-m", "verl_agentic.cli.main", *arguments)
    assert len(out.read_text().splitlines()) == 2
    assert "2 of 2 solved" in run(installed, tmp_path, "-m", "verl_agentic.cli.main", "tasks", "check", str(out))
