"""The digest of a shared world: its content's, on any machine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from verl_agentic.core.world_data import WorldData

DATA = WorldData(["CREATE TABLE t (a, b)"], {"t": [[1, "é"], [2.5, None]]}, {"get": "SELECT 1", "put": "SELECT 2"})


def test_the_digest_is_that_of_the_content() -> None:
    assert DATA.digest == "7c8b49d108489854"
    same = WorldData(("CREATE TABLE t (a, b)",), {"t": ((1, "é"), (2.5, None))}, dict(reversed(DATA.actions.items())))
    assert same.digest == DATA.digest


@pytest.mark.parametrize(
    "change",
    [
        {"schema": ["CREATE TABLE t (a, c)"]},
        {"rows": {"t": [[1, "é"], [2.5, 0]]}},
        {"rows": {"t": [[2.5, None], [1, "é"]]}},
        {"actions": {"get": "SELECT 1"}},
        {"preconditions": {"get": []}},
        {"user_actions": {"look": "SELECT 1"}},
        {"now": "2026-03-01"},
    ],
)
def test_whatever_changes_has_another(change: dict[str, Any]) -> None:
    assert replace(DATA, **change).digest != DATA.digest
