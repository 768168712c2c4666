"""What recipes and profiles set, against the settings that read it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from verl_agentic.core import UserInputError
from verl_agentic.training.settings import AgenticSettings, RolloutSettings, read_settings

ROOT = Path(__file__).parents[3]
PROFILES = sorted(path.stem for path in (ROOT / "conf" / "profile").glob("*.yaml"))


def rollout(path: Path) -> dict[str, Any]:
    node: dict[str, Any] = yaml.safe_load(path.read_text()).get("agentic", {}).get("rollout", {})
    return node


def test_every_limit_of_a_rollout_can_be_set_on_the_command_line() -> None:
    """Hydra refuses to override what no file sets; four keys are set by the groups tool_env and simulator."""
    by_group = {"tool_env", "env_options", "simulator", "simulator_options"}
    names = {field.name for field in dataclasses.fields(RolloutSettings)}
    recipe = rollout(ROOT / "recipes" / "agenticqwen.yaml")
    assert set(recipe) == names - by_group
    defaults = RolloutSettings()
    assert {name: getattr(defaults, name) for name in recipe} == recipe


@pytest.mark.parametrize("profile", PROFILES)
def test_the_limits_of_a_profile_fit_into_each_other(profile: str) -> None:
    files = (ROOT / "recipes" / "agenticqwen.yaml", ROOT / "conf" / "profile" / f"{profile}.yaml")
    nodes = [OmegaConf.create({"agentic": {"rollout": rollout(path)}}) for path in files]
    settings = read_settings(OmegaConf.merge(*nodes)).rollout  # type: ignore[arg-type]
    # What hangs is named by its own limit, before the trajectory's ends it.
    assert settings.call_seconds + settings.grace_seconds < settings.trajectory_seconds
    assert settings.open_seconds + settings.call_seconds + 2 * settings.grace_seconds < settings.trajectory_seconds


def test_the_console_of_the_recipe() -> None:
    recipe = yaml.safe_load((ROOT / "recipes" / "agenticqwen.yaml").read_text())["agentic"]
    assert recipe["console"] == AgenticSettings().console == "quiet"
    assert read_settings(OmegaConf.create({"agentic": {"console": "full"}})).console == "full"
    with pytest.raises(UserInputError, match=r"agentic\.console must be one of quiet, full, got 'loud'"):
        read_settings(OmegaConf.create({"agentic": {"console": "loud"}}))
