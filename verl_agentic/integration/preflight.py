"""Everything that can be found wrong before Ray starts is found here, and said in one sentence."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from verl_agentic.core import UserInputError
from verl_agentic.flywheel import make_hooks
from verl_agentic.integration.settings import AgenticSettings, read_settings
from verl_agentic.starter.families import load_families
from verl_agentic.tool_envs.registry import environment_class
from verl_agentic.tool_envs.users import make_user

MIN_FREE_BYTES = 200 * 2**20


def check(config: DictConfig) -> AgenticSettings:
    """Check a composed configuration against this machine.

    Raises:
        UserInputError: naming the key and the mend.
    """
    try:
        OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or "configuration"
        raise UserInputError(f"{key}: {str(error).splitlines()[0]}; set it on the command line: {key}=...") from error
    # verl leaves some keys open that only a reward model needs.
    missing = sorted(key for key in OmegaConf.missing_keys(config) if not key.startswith("reward.reward_model"))
    if missing:
        raise UserInputError(f"{missing[0]} has no value; set it on the command line: {missing[0]}=...")
    settings = read_settings(config)
    check_profile(settings)
    check_engine(settings)
    check_batch(config, settings)
    check_model(config, settings)
    check_reward(config)
    families = load_families(settings.kinds) if config.data.agentic.source == "builtin" else []
    make_hooks(settings.flywheel.hooks, families={family.kind: family for family in families})
    make_user(settings.rollout.simulator)
    if settings.rollout.tool_env:
        environment_class(settings.rollout.tool_env)
    settings.curriculum.shares.curriculum()
    check_folder(Path(settings.run_dir))
    return settings


def check_profile(settings: AgenticSettings) -> None:
    """The accelerators that the profile needs must be here; those of a cluster are Ray's to check."""
    if settings.accelerators == 0 or os.environ.get("RAY_ADDRESS"):
        return
    import torch

    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if found < settings.accelerators:
        raise UserInputError(
            f"profile={settings.profile} needs {settings.accelerators} GPU(s) on each node, found {found}; "
            "choose profile=cpu, another profile, or set RAY_ADDRESS to a cluster that has them"
        )


def check_engine(settings: AgenticSettings) -> None:
    """The packages of the profile must be importable."""
    extra = "cpu" if settings.accelerators == 0 else "gpu"
    for module in ("transfer_queue", "vllm"):
        if importlib.util.find_spec(module) is None:
            raise UserInputError(f"module {module!r} is missing; run: pip install 'verl-agentic[{extra}]'")


def check_batch(config: DictConfig, settings: AgenticSettings) -> None:
    """Epochs consist of whole batches."""
    batch, epoch = config.data.train_batch_size, settings.curriculum.epoch_size
    if epoch % batch:
        raise UserInputError(
            f"agentic.curriculum.epoch_size ({epoch}) must be a multiple of data.train_batch_size ({batch})"
        )
    if config.actor_rollout_ref.rollout.n < 2 and config.algorithm.adv_estimator == "grpo":
        raise UserInputError("actor_rollout_ref.rollout.n must be at least 2: GRPO compares the members of a group")


def check_model(config: DictConfig, settings: AgenticSettings) -> None:
    """A local model folder must exist and hold a model; the starter is made when it does not."""
    path = str(config.actor_rollout_ref.model.path)
    if settings.model in ("starter", "smollm2") and not Path(path).exists():
        return
    looks_local = path.startswith(("/", "~", ".")) or path.count("/") != 1 or Path(path).exists()
    if not looks_local:
        return
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise UserInputError(
            f"actor_rollout_ref.model.path={path}: no such folder; give a folder in Hugging Face format "
            "(model=PATH) or leave it out for the profile's own model"
        )
    if not (folder / "config.json").is_file():
        raise UserInputError(f"actor_rollout_ref.model.path={path}: holds no config.json, so it is no Hugging Face model")


def check_reward(config: DictConfig) -> None:
    """The reward function must be there."""
    from verl.utils.import_utils import load_extern_object

    node = config.reward.custom_reward_function
    if not node.path:
        return
    try:
        load_extern_object(node.path, node.name)
    except Exception as error:
        raise UserInputError(
            f"reward.custom_reward_function: {node.path} has no usable {node.name!r}: {error}; "
            "path is a Python file or pkg://module, name its function"
        ) from error


def check_folder(folder: Path) -> None:
    """The run's folder must be writable, on a disk that is not full."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as probe:
            probe.write(b"\0" * 2**20)
            probe.flush()
    except OSError as error:
        raise UserInputError(
            f"agentic.run_dir={folder}: cannot be written to: {error.strerror or error}; choose another folder"
        ) from error
    free = shutil.disk_usage(folder).free
    if free < MIN_FREE_BYTES:
        raise UserInputError(
            f"agentic.run_dir={folder}: {free // 2**20} MiB free, at least {MIN_FREE_BYTES // 2**20} are needed"
        )
