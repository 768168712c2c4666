"""`make setup` says in a few lines what it did; what pip prints is in a log."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Stands for Python and its pip, which would download gigabytes: makes .venv/bin/python, and is as talkative.
PYTHON = """#!/bin/sh
case "$*" in
"--version") ;;
*"-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
*"$REFUSED"*) echo "ERROR: no such package" >&2; exit 1 ;;
*) i=0; while [ $i -lt 50 ]; do echo "WARNING: Location $i is ignored" >&2; i=$((i + 1)); done ;;
esac
"""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def setup(folder: Path, refused: str) -> subprocess.CompletedProcess[str]:
    for name in ("Makefile", "pyproject.toml", "requirements/cpu-py311.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    python = folder / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    return subprocess.run(
        ["make", "setup", f"PYTHON={python}"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "REFUSED": refused},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_line_for_each_part_and_the_rest_in_a_log(tmp_path: Path) -> None:
    done = setup(tmp_path, "nothing")
    assert done.returncode == 0, done.stderr
    said = [line.rsplit(" in ", 1)[0] for line in (done.stdout + done.stderr).splitlines()]
    assert said == [
        "setup: virtual environment",
        "setup: torch for the CPU",
        "setup: packages of requirements/cpu-py311.txt",
        "setup: verl-agentic",
    ]
    assert (tmp_path / ".venv" / "setup.log").read_text().count("is ignored") == 4 * 50
    assert (tmp_path / ".venv" / ".installed").exists()


def test_what_fails_is_quoted(tmp_path: Path) -> None:
    done = setup(tmp_path, "-r requirements")
    assert done.returncode != 0
    assert "ERROR: no such package\nsetup: packages of requirements/cpu-py311.txt failed; all of its" in done.stderr
    assert len((done.stdout + done.stderr).splitlines()) < 40
    assert not (tmp_path / ".venv" / ".installed").exists()


def test_where_no_cpu_build_of_torch_is_served_pip_falls_back(tmp_path: Path) -> None:
    done = setup(tmp_path, "--index-url")
    assert done.returncode == 0, done.stderr
