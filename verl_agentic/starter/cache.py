"""Folders made once, under a name that says what they were made from."""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from verl_agentic.core import UserInputError
from verl_agentic.core.files.folders import make_whole
from verl_agentic.starter.settings import StarterSettings
from verl_agentic.synthesis.families import family_file

CACHE_VARIABLE = "VERL_AGENTIC_CACHE"
# What a starter's weights depend on, besides its settings.
_SOURCES = ("core", "databases", "isolation", "reward_fns", "rollout", "starter", "synthesis", "tool_envs")
_DISTRIBUTIONS = ("tokenizers", "torch", "transformers")


def cache_root(cache_dir: str | os.PathLike[str] | None, name: str) -> Path:
    """The folder for cached things called ``name``: ``cache_dir``, or one below the user's cache.

    ``VERL_AGENTIC_CACHE`` moves the latter from ``~/.cache/verl-agentic``.
    """
    if cache_dir is not None:
        return Path(cache_dir).expanduser()
    root = os.environ.get(CACHE_VARIABLE)
    return (Path(root).expanduser() if root else Path.home() / ".cache" / "verl-agentic") / name


def cached_folder(root: Path, key: str, build: Callable[[Path], object]) -> Path:
    """``root/key``, made by ``build(folder)`` unless it is there.

    The folder appears complete or not at all, and processes that ask at the same time build it once.

    Raises:
        UserInputError: ``root`` cannot be written to.
    """
    folder = root / key
    if folder.is_dir():
        return folder
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = (root / f"{key}.lock").open("w")
    except OSError as error:
        raise UserInputError(
            f"cache folder {str(root)!r} cannot be written to ({error.strerror or error}); "
            f"set {CACHE_VARIABLE} to a writable folder"
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return folder
        make_whole(folder, build)
    return folder


def ensure_starter(settings: StarterSettings | None = None, cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """Folder of the starter policy of ``settings`` in Hugging Face form, built on first use (minutes).

    Args:
        settings: defaults to ``StarterSettings()``.
        cache_dir: where to keep it; defaults to ``starter`` below the cache folder.

    Raises:
        UserInputError: a family is unknown, or the cache cannot be written to.
        BrokenTaskError: an expert failed on its own task.
        InfrastructureError: an environment failed.
    """
    wanted = settings or StarterSettings()

    def build(folder: Path) -> None:
        # torch and transformers load in seconds; a starter that is there needs neither.
        from verl_agentic.starter.build import build_starter

        build_starter(wanted, folder)

    return cached_folder(cache_root(cache_dir, "starter"), starter_key(wanted), build)


def starter_key(settings: StarterSettings) -> str:
    """Hash over all that determines a starter: settings, sources and library versions.

    Raises:
        UserInputError: a family is unknown, or a library is not installed.
    """
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(settings), sort_keys=True).encode())
    for name in _DISTRIBUTIONS:
        try:
            digest.update(f"{name}=={importlib.metadata.version(name)}\n".encode())
        except importlib.metadata.PackageNotFoundError as error:
            raise UserInputError(f"the starter needs {name}; pip install 'verl-agentic[cpu]'") from error
    for path in _source_files(settings.families):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:20]


def _source_files(families: Iterable[str]) -> list[Path]:
    files: list[Path] = []
    for package in _SOURCES:
        spec = importlib.util.find_spec(f"verl_agentic.{package}")
        for location in (spec.submodule_search_locations or []) if spec else []:
            files.extend(sorted(Path(location).rglob("*.py")))
    return [*files, *(family_file(name) for name in families)]
