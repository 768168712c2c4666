"""Recipes and groups on Hydra's search path, read from the installed package.

Also makes ``model=PATH`` work for any Hugging Face folder, which no group file could name beforehand, and serves the
defaults of our settings as configurations, since Hydra refuses to override what none sets.
"""

from __future__ import annotations

import os
import sys
from importlib import resources
from pathlib import PurePosixPath
from typing import Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.errors import ConfigCompositionException
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

if sys.version_info >= (3, 11):
    from importlib.resources.abc import Traversable
else:
    from importlib.abc import Traversable

from verl_agentic.core.checked import defaults_of
from verl_agentic.llm import LLMSettings
from verl_agentic.training.settings import AgenticSettings
from verl_agentic.training.stages import USER_CONF_ENV

SCHEME = "verl-agentic"
_SETTINGS = {"settings/agentic": ("agentic", AgenticSettings), "settings/llm": ("agentic.llm", LLMSettings)}
"""What recipes and the group ``llm`` start from: the key of the node, and the dataclass with its defaults."""


class AgenticConfigSource(ConfigSource):  # type: ignore[misc]
    """``verl-agentic://``: group ``recipe`` is the package's recipes, every other group its conf."""

    @staticmethod
    def scheme() -> str:
        return SCHEME

    def available(self) -> bool:
        return True

    def load_config(self, config_path: str) -> ConfigResult:
        model_path = _model_path(config_path)
        if model_path:
            return self._made({"actor_rollout_ref": {"model": {"path": _folder(model_path)}}})
        if config_path in _SETTINGS:
            key, settings = _SETTINGS[config_path]
            node: dict[str, Any] = defaults_of(settings)
            for name in reversed(key.split(".")):
                node = {name: node}
            return self._made(node)
        file = _locate(self._normalize_file_name(config_path))
        if not file.is_file():
            raise ConfigLoadError(f"Config not found : {config_path}")
        text = file.read_text(encoding="utf-8")
        return ConfigResult(
            config=OmegaConf.create(text),
            path=f"{SCHEME}://",
            provider=self.provider,
            header=ConfigSource._get_header_dict(text),
        )

    def is_group(self, config_path: str) -> bool:
        return not _model_path(config_path) and _locate(config_path).is_dir()

    def is_config(self, config_path: str) -> bool:
        made = bool(_model_path(config_path)) or config_path in _SETTINGS
        return made or _locate(self._normalize_file_name(config_path)).is_file()

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        found: list[str] = []
        names = [entry.name for entry in _locate(config_path).iterdir()]
        if not config_path:
            names.append("recipe")
        for name in names:
            path = f"{config_path}/{name}" if config_path else name
            self._list_add_result(files=found, file_path=path, file_name=name, results_filter=results_filter)
        return sorted(set(found))

    def _made(self, node: dict[str, Any]) -> ConfigResult:
        return ConfigResult(
            config=OmegaConf.create(node),
            path=f"{SCHEME}://",
            provider=self.provider,
            header={"package": "_global_"},
        )


class AgenticSearchPath(SearchPathPlugin):  # type: ignore[misc]
    """Appends the user's folders, then the package."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for folder in filter(None, os.environ.get(USER_CONF_ENV, "").split(os.pathsep)):
            search_path.append("verl-agentic-user", f"file://{os.path.abspath(folder)}")
        search_path.append("verl-agentic", f"{SCHEME}://")


def register() -> None:
    """Register both with Hydra; called when a Hydra application starts."""
    plugins = Plugins.instance()
    plugins.register(AgenticConfigSource)
    plugins.register(AgenticSearchPath)


def _locate(config_path: str) -> Traversable:
    parts = [part for part in PurePosixPath(config_path).parts if part not in ("/", ".", "..")]
    if parts and parts[0] == "recipe":
        return _join(resources.files("verl_agentic.recipes"), parts[1:])
    if parts and parts[0] == "verl_data":
        # verl's own group "data" under another name, so that ours can replace it and still build on it.
        return _join(resources.files("verl"), ["trainer", "config", "data", *parts[1:]])
    return _join(resources.files("verl_agentic.conf"), parts)


def _join(root: Traversable, parts: list[str]) -> Traversable:
    for part in parts:
        root = root.joinpath(part)
    return root


def _model_path(config_path: str) -> str | None:
    """The path in ``model=PATH``: anything in the group that looks like one."""
    group, _, rest = config_path.partition("/")
    if group != "model" or not rest:
        return None
    looks_like_path = rest.startswith(("/", "~", ".")) or "/" in rest or os.path.isfile(f"{rest}/config.json")
    return rest if looks_like_path else None


def _folder(model_path: str) -> str:
    path = os.path.abspath(os.path.expanduser(model_path))
    if not os.path.isdir(path):
        # Hydra prints this kind of exception without a traceback.
        raise ConfigCompositionException(
            f"model={model_path}: no such folder ({path}); give a folder in Hugging Face format, "
            "or model=starter, model=smollm2, model=hub"
        )
    return path
