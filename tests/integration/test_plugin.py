"""The plugin: what it costs, what it registers, and what it says when it cannot."""

from __future__ import annotations

import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("verl_installed")]

SECONDS = 300


def plugin_costs() -> dict[str, Any]:
    """CPU seconds of several loads of the plugin after verl's import, each with all its modules imported anew."""
    import verl  # noqa: F401 - what the plugin comes on top of

    before = set(sys.modules)
    seconds = []
    for _ in range(5):
        for name in set(sys.modules) - before:
            del sys.modules[name]
        started = time.process_time()
        importlib.import_module("verl_agentic.integration.plugin")
        seconds.append(time.process_time() - started)
    modules = sorted({name.partition(".")[0] for name in set(sys.modules) - before})
    return {"median": statistics.median(seconds), "modules": modules}


def test_it_adds_less_than_a_tenth_of_a_second(in_fresh_process: Callable[..., Any]) -> None:
    costs = in_fresh_process(plugin_costs, VERL_USE_EXTERNAL_PLUGINS="none")
    assert "verl_agentic" in costs["modules"]
    assert costs["median"] < 0.1, costs


def import_verl(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "import verl; print('imported', verl.__version__)"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_it_is_silent_when_all_is_well() -> None:
    done = import_verl()
    assert done.returncode == 0
    assert "imported" in done.stdout
    assert "verl-agentic" not in done.stdout + done.stderr


@pytest.fixture
def another_verl(tmp_path: Path) -> dict[str, str]:
    """An environment in which another version of verl is installed, as far as its metadata say."""
    folder = tmp_path / "site" / "verl-0.8.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: verl\nVersion: 0.8.0\n")
    return {"PYTHONPATH": str(folder.parent)}


def test_another_verl_gets_one_clear_line_and_goes_on_without_us(another_verl: dict[str, str]) -> None:
    done = import_verl(**another_verl)
    assert done.returncode == 0
    said = [line for line in done.stderr.splitlines() if "verl-agentic" in line]
    assert len(said) == 1
    assert "supports verl==0.9.1, found 0.8.0; run: pip install 'verl==0.9.1'" in said[0]


def test_a_recipe_without_the_plugin_ends_with_its_reason(
    main_ppo: Callable[..., subprocess.CompletedProcess[str]], another_verl: dict[str, str]
) -> None:
    done = main_ppo("+recipe=agenticqwen", **another_verl)
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if "verl-agentic" in line]
    assert len(said) == 1
    assert "the plugin is not active: UserInputError: verl-agentic supports verl==0.9.1, found 0.8.0" in said[0]
    assert "Traceback" not in done.stderr
    assert "ray init" not in done.stdout


def test_the_doctor_finds_every_hook(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("VERL_")}
    done = subprocess.run(
        [sys.executable, "-m", "verl_agentic.cli.main", "doctor", "--json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=2 * SECONDS,
        check=False,
    )
    answer = json.loads(done.stdout)
    statuses = {finding["name"]: finding["status"] for finding in answer["findings"] if finding["section"] == "Hooks"}
    hooks = ("plugin", "agent loop", "trainer", "recipe", "platform", "engine")
    assert statuses == dict.fromkeys(hooks, "ok"), answer["findings"]
    assert done.returncode == (0 if answer["ok"] else 1)
    failed = [finding for finding in answer["findings"] if finding["status"] == "fail"]
    assert answer["ok"] == (not failed), failed
