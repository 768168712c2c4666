"""Every case from outside that is sure holds; ``tests/outside/run.py`` prints them kind by kind."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).resolve().parent.parent / "outside" / "run.py"
spec = importlib.util.spec_from_file_location("outside_run", RUNNER)
assert spec is not None and spec.loader is not None
runner = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = runner
spec.loader.exec_module(runner)

CASES = list(runner.all_cases())


@pytest.mark.parametrize("case", CASES, ids=[f"{case.kind}-{case.name}" for case in CASES])
def test_case_holds(case: object) -> None:
    assert case.failure() == ""  # type: ignore[attr-defined]


def test_names_are_unique() -> None:
    names = [(case.kind, case.name) for case in CASES]
    assert len(set(names)) == len(names)
