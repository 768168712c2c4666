"""Run mypy over the package as it is laid out when installed.

mypy does not follow setuptools' ``package-dir`` mapping, so that the top-level folders are linked into place first.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAPPED = ("reward_fns", "tool_envs", "conf", "recipes")


def main() -> int:
    """Return mypy's exit status."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "verl_agentic"
        package.mkdir()
        for entry in (ROOT / "verl_agentic").iterdir():
            (package / entry.name).symlink_to(entry)
        for name in MAPPED:
            (package / name).symlink_to(ROOT / name)
        command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "-p", "verl_agentic"]
        return subprocess.run(command, cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
