"""Everything that can be found wrong before Ray starts is found here, and said in one sentence."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from verl_agentic.core import UserInputError
from verl_agentic.core.chat import make_chat_model
from verl_agentic.core.task import Register
from verl_agentic.flywheel import make_hooks
from verl_agentic.integration.dataset import as_list
from verl_agentic.integration.hydra.resolvers import made_path
from verl_agentic.reward_fns.registry import check_kwargs
from verl_agentic.synthesis.families import FAMILIES, load_families
from verl_agentic.tool_envs.registry import check_options, configured_environment
from verl_agentic.tool_envs.users.registry import make_user
from verl_agentic.training.settings import AgenticSettings, read_settings
from verl_agentic.training.stages import STAGES_KEY

MIN_FREE_BYTES = 200 * 2**20


def check(config: DictConfig) -> AgenticSettings:
    """Check a composed configuration against this machine.

    Raises:
        UserInputError: naming the key and the mend.
    """
    check_values(config)
    settings = read_settings(config)
    check_profile(settings)
    check_engine(settings)
    check_batch(config, settings)
    check_epochs(config, settings)
    check_loggers(config)
    check_mode(config, settings)
    check_model(config, settings)
    check_llm(settings)
    check_reward(config)
    check_data(config)
    check_names(settings)
    check_verl_config(config)
    check_folder(Path(settings.run_dir))
    return settings


def check_values(config: DictConfig) -> None:
    """Every key must have a value, and every interpolation one to stand for."""
    try:
        OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        reason = _user_input_error(error)
        if reason is not None:
            raise reason from error
        key = getattr(error, "full_key", None) or "configuration"
        raise UserInputError(f"{key}: {str(error).splitlines()[0]}; set it on the command line: {key}=...") from error
    # verl leaves some keys open that only a reward model needs.
    missing = sorted(key for key in OmegaConf.missing_keys(config) if not key.startswith("reward.reward_model"))
    if missing:
        raise UserInputError(f"{missing[0]} has no value; set it on the command line: {missing[0]}=...")


def _user_input_error(error: BaseException | None) -> UserInputError | None:
    """What one of our resolvers raised, below OmegaConf's account of where it was called from."""
    while error is not None:
        if isinstance(error, UserInputError):
            return error
        error = error.__cause__ or error.__context__
    return None


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
    for key in ("data.train_batch_size", "trainer.total_epochs", "actor_rollout_ref.actor.ppo_mini_batch_size"):
        value = OmegaConf.select(config, key)
        if not isinstance(value, int) or value < 1:
            raise UserInputError(f"{key} must be a whole number of at least 1, got {value}")
    if epoch % batch:
        raise UserInputError(
            f"agentic.curriculum.epoch_size ({epoch}) must be a multiple of data.train_batch_size ({batch})"
        )
    actor, n = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout.n
    if n < 2 and config.algorithm.adv_estimator == "grpo":
        raise UserInputError("actor_rollout_ref.rollout.n must be at least 2: GRPO compares the members of a group")
    mini, micro = actor.ppo_mini_batch_size * n, actor.ppo_micro_batch_size_per_gpu
    if batch % actor.ppo_mini_batch_size:
        raise UserInputError(
            f"data.train_batch_size ({batch}) must be a multiple of "
            f"actor_rollout_ref.actor.ppo_mini_batch_size ({actor.ppo_mini_batch_size})"
        )
    if not actor.use_dynamic_bsz and micro and mini % micro:
        raise UserInputError(
            f"actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu ({micro}) must divide ppo_mini_batch_size x "
            f"rollout.n ({mini}); lower it, or set actor_rollout_ref.actor.use_dynamic_bsz=True"
        )
    longest, room = config.actor_rollout_ref.rollout.max_model_len, config.data.max_prompt_length
    if longest and longest < room + config.data.max_response_length:
        raise UserInputError(
            f"actor_rollout_ref.rollout.max_model_len ({longest}) must be at least data.max_prompt_length ({room}) + "
            f"data.max_response_length ({config.data.max_response_length})"
        )


def check_epochs(config: DictConfig, settings: AgenticSettings) -> None:
    """The stages must make up the whole run."""
    given, total = config.trainer.total_epochs, sum(stage.epochs for stage in settings.plan().stages)
    if settings.stages and given != total:
        raise UserInputError(
            f"trainer.total_epochs ({given}) contradicts {STAGES_KEY}, whose epochs sum to {total}; leave it out, or "
            "change the epochs of a stage"
        )


_LOGGER_MODULES = {
    "clearml": "clearml",
    "mlflow": "mlflow",
    "swanlab": "swanlab",
    "tensorboard": "tensorboard",
    "trackio": "trackio",
    "vemlp_wandb": "volcengine_ml_platform",
    "wandb": "wandb",
}


def check_loggers(config: DictConfig) -> None:
    """Whatever metrics are sent to must be there: verl looks for it after the models have been loaded."""
    from verl.utils.tracking import Tracking

    for name in as_list(config.trainer.logger):
        if name not in Tracking.supported_backend:
            raise UserInputError(f"trainer.logger: unknown {name!r}; known: {', '.join(Tracking.supported_backend)}")
        module = _LOGGER_MODULES.get(name)
        if module is not None and importlib.util.find_spec(module) is None:
            raise UserInputError(
                f"trainer.logger: {name!r} needs module {module!r}, which is missing; run: pip install "
                f"{module.replace('_', '-')}"
            )


def check_mode(config: DictConfig, settings: AgenticSettings) -> None:
    """What verl's modes ask for, which verl asserts when Ray runs already."""
    name = str(config.trainer.v1.trainer_mode)
    if not name.startswith("agentic_"):
        return  # verl's own or the user's
    mode = name.removeprefix("agentic_")
    if mode not in ("sync", "colocate_async", "separate_async"):
        raise UserInputError(
            f"trainer.v1.trainer_mode={name}: unknown; choose agentic_sync, agentic_colocate_async or "
            "agentic_separate_async"
        )
    node = config.trainer.v1[mode]
    steps = settings.curriculum.epoch_size // config.data.train_batch_size
    ahead = node.get("num_warmup_batches", 0)
    if ahead > steps:
        # Else an epoch would be drawn before the results that its draw goes by.
        raise UserInputError(
            f"trainer.v1.{mode}.num_warmup_batches ({ahead:g}) must be at most the {steps} step(s) of an epoch "
            "(agentic.curriculum.epoch_size / data.train_batch_size)"
        )
    if mode == "separate_async":
        _check_separate(config, node)


def _check_separate(config: DictConfig, node: DictConfig) -> None:
    rollout, batch = config.actor_rollout_ref.rollout, config.data.train_batch_size
    mini, syncs = config.actor_rollout_ref.actor.ppo_mini_batch_size, node.parameter_sync_step
    if batch != mini * syncs:
        raise UserInputError(
            f"data.train_batch_size ({batch}) must be actor_rollout_ref.actor.ppo_mini_batch_size ({mini}) x "
            f"trainer.v1.separate_async.parameter_sync_step ({syncs})"
        )
    for key in ("nnodes", "n_gpus_per_node"):
        if rollout[key] < 1:
            raise UserInputError(
                f"actor_rollout_ref.rollout.{key} must be at least 1: trainer.v1.trainer_mode="
                f"{config.trainer.v1.trainer_mode} generates on devices of its own"
            )
    if rollout.checkpoint_engine.backend == "naive":
        raise UserInputError(
            "actor_rollout_ref.rollout.checkpoint_engine.backend=naive sends no weights to other devices; set "
            + ("gloo" if config.agentic.accelerators == 0 else "nccl")
        )


def check_model(config: DictConfig, settings: AgenticSettings) -> None:
    """A local model folder must exist and hold a model; the starter is made when it does not."""
    if not config.actor_rollout_ref.model.path:
        raise UserInputError(
            "actor_rollout_ref.model.path has no value; give a model of the Hugging Face hub "
            "(actor_rollout_ref.model.path=ORG/NAME) or a folder (model=PATH)"
        )
    path = str(config.actor_rollout_ref.model.path)
    if path == made_path(settings.model, settings.seed, settings.kinds):
        return
    looks_local = path.startswith(("/", "~", ".")) or path.count("/") != 1 or Path(path).exists()
    if not looks_local:
        check_hub_model(path)
        return
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise UserInputError(
            f"actor_rollout_ref.model.path={path}: no such folder; give a folder in Hugging Face format "
            "(model=PATH) or leave it out for the profile's own model"
        )
    if not (folder / "config.json").is_file():
        raise UserInputError(f"actor_rollout_ref.model.path={path}: holds no config.json, so no Hugging Face model")


def check_hub_model(name: str) -> None:
    """Without access to the hub, its models must have been downloaded before."""
    from huggingface_hub import try_to_load_from_cache

    offline = os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "on", "true", "yes")
    if offline and not isinstance(try_to_load_from_cache(name, "config.json"), str):
        raise UserInputError(
            f"actor_rollout_ref.model.path={name}: not among the downloaded models, and HF_HUB_OFFLINE is set; "
            f"run: HF_HUB_OFFLINE=0 hf download {name}"
        )


def register_warnings(config: DictConfig, settings: AgenticSettings, pool: Register) -> list[str]:
    """What is odd about how the tasks speak to the policy, a line each; nothing here keeps a run from going on.

    Args:
        config: the configuration.
        settings: its node ``agentic``.
        pool: how the tasks of the pool speak, which a run that goes on keeps.
    """
    if pool != settings.register:
        return [
            f"tasks={settings.register} has no effect on a pool that was begun with tasks={pool}; start anew with "
            "trainer.resume_mode=disable, or elsewhere with trainer.experiment_name=NAME"
        ]
    made = made_path(settings.model, settings.seed, settings.kinds) if settings.model == "starter" else None
    starts = str(config.actor_rollout_ref.model.path) == made
    if starts and pool == "natural":
        return ["model=starter can read no plain words, and its tasks are in plain words; set tasks=micro"]
    if not starts and pool == "micro":
        return [
            "tasks are in the few words of the micro register, which tell a language model neither what is wanted nor "
            "how to answer; set tasks=natural, unless the policy was trained from the starter"
        ]
    return []


def check_llm(settings: AgenticSettings) -> None:
    """A language model that is configured must be usable, whoever is to ask it: URL, name, key, files."""
    if settings.llm:
        make_chat_model(settings.llm)


def check_reward(config: DictConfig) -> None:
    """The reward function must be there, and its keywords right; a judge must be configured where one is needed."""
    from verl.utils.import_utils import load_extern_object

    node = config.reward.custom_reward_function
    if not node.path:
        return
    try:
        function = load_extern_object(node.path, node.name)
    except Exception as error:
        raise UserInputError(
            f"reward.custom_reward_function: {node.path} has no usable {node.name!r}: {error}; "
            "path is a Python file or pkg://module, name its function"
        ) from error
    given: Any = OmegaConf.to_container(node.get("reward_kwargs") or OmegaConf.create(), resolve=True)
    check_kwargs(function, given)


def check_data(config: DictConfig) -> None:
    """The user's files must be there; what their rows hold is checked when they are read."""
    data = config.data
    if data.agentic.source == "agenticqwen" and not (data.agentic.path and Path(data.agentic.path).is_file()):
        raise UserInputError(
            f"data.agentic.path={data.agentic.path}: no such file; give the JSON file of the release here or in "
            "VERL_AGENTIC_AGENTICQWEN_DATA"
        )
    if data.agentic.source != "files":
        return
    for key in ("train_files", "val_files"):
        for path in as_list(data[key]):
            if not Path(path).is_file():
                raise UserInputError(
                    f"data.{key}: {path}: no such file; data=files needs data.train_files=[FILE,...] and "
                    "data.val_files=[FILE,...], .parquet or .jsonl"
                )


def check_names(settings: AgenticSettings) -> None:
    """Whatever is chosen by name must be there."""
    limits = settings.flywheel.limits()
    for name in settings.family_options:
        with _at("agentic.family_options: "):
            FAMILIES.get(name, files=True)
    for stage in settings.plan().stages:
        with _at("agentic.kinds: "):
            loaded = load_families(stage.kinds, settings.register, settings.family_options)
            by_kind = {family.kind: family for family in loaded}
        make_hooks(stage.hooks, key=stage.hooks_key, budget=limits, families=by_kind, llm=settings.llm or None)
    with _at("agentic.rollout.simulator: "):
        make_user(settings.rollout.simulator, **settings.rollout.simulator_options)
    if settings.rollout.tool_env:
        with _at("agentic.rollout.tool_env: "):
            configured_environment(settings.rollout.tool_env)
    check_options(settings.rollout.env_options, settings.rollout.tool_env)


@contextlib.contextmanager
def _at(place: str) -> Iterator[None]:
    try:
        yield
    except UserInputError as error:
        # What is wrong with an option names its whole key already.
        raise UserInputError(str(error) if str(error).startswith("agentic.") else f"{place}{error}") from error


def check_verl_config(config: DictConfig) -> None:
    """What verl would refuse later, when the policy has been made."""
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config

    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            # verl validates again, and says the rest then.
            warnings.simplefilter("ignore")
            validate_config(config, need_reference_policy(config), need_critic(config))
    except (AssertionError, ValueError, TypeError, HydraException, OmegaConfBaseException) as error:
        reason = " ".join(str(error.__cause__ or error).split())
        raise UserInputError(f"verl refuses the configuration: {reason or type(error).__name__}") from error


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
