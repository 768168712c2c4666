"""A copy of a domain of the library, to be spoilt."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from verl_agentic.domains import domain_folders


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "shop"
    shutil.copytree(domain_folders()["electronics_shop"], copy)
    return copy
