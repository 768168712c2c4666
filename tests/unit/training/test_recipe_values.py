"""What recipes and groups set, against the settings that read it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from verl_agentic.core import UserInputError
from verl_agentic.core.checked import defaults_of
from verl_agentic.llm import LLMSettings
from verl_agentic.training.settings import AgenticSettings, read_settings

ROOT = Path(__file__).parents[3]
PROFILES = sorted(path.stem for path in (ROOT / "conf" / "profile").glob("*.yaml"))
FILES = sorted([*(ROOT / "recipes").glob("*.yaml"), *(ROOT / "conf").glob("*/*.yaml")])
DEFAULTS = {**dataclasses.asdict(AgenticSettings()), "llm": {**defaults_of(LLMSettings), "base_url": "", "model": ""}}
# What a group's option is called, and what sets back what another option of the group sets.
SET_ANYWAY = (
    *("profile", "stage", "kinds", "rollout.tool_env", "rollout.simulator", "flywheel.hooks", "llm", "model"),
    *("register", "rollout.protocol", "rollout.reminders", "rollout.max_repeats"),
)


def agentic(path: Path) -> dict[str, Any]:
    node = yaml.safe_load(path.read_text()).get("agentic") or {}
    return {} if path.parent.name == "data" else dict(node)


def leaves(node: dict[str, Any], defaults: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Key, value and default of all that a file sets; options by name have no default."""
    for name, value in node.items():
        default = defaults.get(name, KeyError) if isinstance(defaults, dict) else KeyError
        inner = f"{key}.{name}".strip(".")
        if isinstance(value, dict) and inner not in ("rollout.env_options", "rollout.simulator_options"):
            yield from leaves(value, default, inner)
        else:
            yield inner, value, default


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_a_file_sets_exists_and_differs_from_the_default(path: Path) -> None:
    for key, value, default in leaves(agentic(path), DEFAULTS):
        if key == "llm.client":
            continue  # names the factory, which gets the other keys
        assert default is not KeyError, key
        assert value != default or key in SET_ANYWAY, f"{key}: {value} is the default; leave it out"


@pytest.mark.parametrize("profile", PROFILES)
def test_the_limits_of_a_profile_fit_into_each_other(profile: str) -> None:
    node = agentic(ROOT / "conf" / "profile" / f"{profile}.yaml")
    settings = read_settings(OmegaConf.create({"agentic": {"rollout": node.get("rollout", {})}})).rollout
    # What hangs is named by its own limit, before the trajectory's ends it.
    assert settings.call_seconds + settings.grace_seconds < settings.trajectory_seconds
    assert settings.open_seconds + settings.call_seconds + 2 * settings.grace_seconds < settings.trajectory_seconds


def test_the_console_is_quiet_or_full() -> None:
    assert AgenticSettings().console == "quiet"
    assert read_settings(OmegaConf.create({"agentic": {"console": "full"}})).console == "full"
    with pytest.raises(UserInputError, match=r"agentic\.console must be .*quiet.*full.*, got 'loud'"):
        read_settings(OmegaConf.create({"agentic": {"console": "loud"}}))
