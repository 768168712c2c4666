"""Every training command of a page, and every YAML file that it shows, is a configuration that Hydra composes."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("verl_installed")]

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("docs_pages", ROOT / "tests" / "docs" / "pages.py")
assert spec is not None and spec.loader is not None
pages = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = pages
spec.loader.exec_module(pages)

GIVEN = pages.trainer_overrides()
FILES = {"- agenticqwen": "recipe/mine.yaml", "- mixed": "reward_fn/shaped.yaml"}


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the reader's own with the YAML files of the pages."""
    for block in pages.blocks("yaml"):
        # Others are no configuration but behavior trees, or groups of the package itself, quoted by the reference.
        if "defaults:" not in block.text or str(block.page).endswith("reference/configuration.md"):
            continue
        (name,) = (name for marker, name in FILES.items() if marker in block.text)
        path = tmp_path / "conf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)
    monkeypatch.setenv("VERL_AGENTIC_CONF", str(tmp_path / "conf"))
    monkeypatch.delenv("VERL_AGENTIC_PROFILE", raising=False)
    (tmp_path / "my-qwen").mkdir()
    (tmp_path / "my-qwen" / "config.json").write_text("{}")
    __import__("verl")
    return tmp_path / "conf"


@pytest.mark.parametrize(
    "overrides", [given for _, given in GIVEN], ids=[f"{block}-{n}" for n, (block, _) in enumerate(GIVEN)]
)
def test_commands_compose(overrides: list[str], conf: Path) -> None:
    from hydra import compose, initialize_config_module

    overrides = [given.replace("/models/my-qwen", str(conf.parent / "my-qwen")) for given in overrides]
    if not any("recipe=" in given or "pkg://" in given for given in overrides):
        overrides = ["+recipe=agenticqwen", *overrides]
    with initialize_config_module("verl.trainer.config", version_base=None):
        config = compose("ppo_trainer", overrides)
    if "agentic" in config:
        from verl_agentic.training.settings import read_settings

        assert read_settings(config).plan().stages


def test_yaml_files_compose(conf: Path) -> None:
    from hydra import compose, initialize_config_module

    with initialize_config_module("verl.trainer.config", version_base=None):
        assert compose("ppo_trainer", ["+recipe=mine"]).data.train_batch_size == 32
        shaped = compose("ppo_trainer", ["+recipe=agenticqwen", "reward_fn=shaped"])
    kwargs = OmegaConf.to_container(shaped.reward.custom_reward_function.reward_kwargs)
    assert kwargs["weights"]["correctness"] == 1.0  # type: ignore[index, call-overload]
