"""Every recipe, profile and stage is a configuration that verl accepts."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import is_dataclass
from importlib import resources
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from omegaconf import OmegaConf

from verl_agentic.core.checked import settings_of

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("verl_installed")]

ROOT = Path(__file__).parents[2]

GROUPS = ("data", "flywheel", "llm", "model", "profile", "reward_fn", "simulator", "stage", "tasks", "tool_env")


def options(package: str, folder: str = "") -> list[str]:
    entries = resources.files(package).joinpath(folder).iterdir()
    return sorted(entry.name.removesuffix(".yaml") for entry in entries if entry.name.endswith(".yaml"))


RECIPES = options("verl_agentic.recipes")
PROFILES = options("verl_agentic.conf", "profile")
STAGES = options("verl_agentic.conf", "stage")


def flat(config: Any) -> dict[str, Any]:
    """Every leaf by its dotted key, interpolations as they are written."""

    def leaves(node: Any, key: str) -> dict[str, Any]:
        if not isinstance(node, dict) or not node:
            return {key: node}
        return {k: v for name, child in node.items() for k, v in leaves(child, f"{key}.{name}".strip(".")).items()}

    return leaves(OmegaConf.to_container(config, resolve=False), "")


def changed(before: Any, after: Any) -> dict[str, Any]:
    one, other = flat(before), flat(after)
    absent = object()
    return {key: other.get(key) for key in one.keys() | other.keys() if one.get(key, absent) != other.get(key, absent)}


def test_the_profiles_and_stages_are_known() -> None:
    assert {"cpu", "cpu-lm", "gpu1", "h100x8", "h100x8x2"} <= set(PROFILES)
    assert {"agentic", "mixed", "paper", "reasoning"} <= set(STAGES)
    assert "agenticqwen" in RECIPES


@pytest.mark.filterwarnings("ignore:Disabled critic")
@pytest.mark.parametrize(("recipe", "profile", "stage"), list(itertools.product(RECIPES, PROFILES, STAGES)))
def test_verl_accepts_it(
    compose: Callable[..., Any], tiny_model: Path, recipe: str, profile: str, stage: str, tmp_path: Path
) -> None:
    config = compose(
        f"profile={profile}", f"stage={stage}", f"model={tiny_model}", f"agentic.run_dir={tmp_path}", recipe=recipe
    )
    OmegaConf.resolve(config)
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.trainer.ppo.v1 import get_trainer_cls
    from verl.utils.config import omega_conf_to_dataclass, validate_config

    from verl_agentic.synthesis.families import load_families
    from verl_agentic.training.settings import read_settings

    assert not need_critic(config)
    assert not need_reference_policy(config)
    validate_config(config, use_reference_policy=False, use_critic=False)
    assert omega_conf_to_dataclass(config.actor_rollout_ref.actor).strategy == "fsdp2"
    rollout = omega_conf_to_dataclass(config.actor_rollout_ref.rollout)
    assert rollout.agent.default_agent_loop == "agentic"
    assert rollout.max_model_len >= config.data.max_prompt_length + config.data.max_response_length
    omega_conf_to_dataclass(config.actor_rollout_ref.rollout.checkpoint_engine)
    assert omega_conf_to_dataclass(config.actor_rollout_ref.model).hf_config.model_type == "qwen3"
    assert omega_conf_to_dataclass(config.algorithm).adv_estimator == "grpo"
    assert get_trainer_cls(config.trainer.v1.trainer_mode).__name__ == "AgenticTrainerSync"

    settings = read_settings(config)
    # The model is none that the starter's sizes are for.
    assert (settings.profile, settings.stage) == ("cpu-lm" if profile == "cpu" else profile, stage)
    assert len(load_families(settings.kinds)) == len(settings.kinds)
    assert settings.curriculum.epoch_size % config.data.train_batch_size == 0
    assert settings.curriculum.held_out_tasks > 0
    devices = config.trainer.n_gpus_per_node
    assert settings.accelerators == (0 if profile.startswith("cpu") else devices)
    sequences = config.actor_rollout_ref.actor.ppo_mini_batch_size * config.actor_rollout_ref.rollout.n
    assert sequences % (devices * config.trainer.nnodes) == 0


def test_every_key_can_be_set_without_a_plus(compose: Callable[..., Any]) -> None:
    from verl_agentic.llm import LLMSettings
    from verl_agentic.training.settings import AgenticSettings, read_settings

    def keys(kind: type, key: str) -> dict[str, Any]:
        """Those that any text, number or nothing can be given, with such a value."""
        found = {}
        for one in settings_of(kind):
            if is_dataclass(one.default):
                found |= keys(type(one.default), f"{key}.{one.name}")
            elif isinstance(one.default, bool):
                found[f"{key}.{one.name}"] = not one.default
            elif isinstance(one.default, int | float) and one.default:
                found[f"{key}.{one.name}"] = one.default * 2
        return found

    values = keys(AgenticSettings, "agentic")
    assert values["agentic.curriculum.shares.grown"] == 0.7
    config = compose("profile=cpu", "llm=openai", *(f"{key}={value}" for key, value in values.items()))
    assert {key: OmegaConf.select(config, key) for key in values} == values
    assert read_settings(config).rollout.max_turns == values["agentic.rollout.max_turns"]
    of_llm = keys(LLMSettings, "agentic.llm")
    assert of_llm["agentic.llm.reply_attempts"] == 6
    config = compose("llm=vllm", *(f"{key}={value}" for key, value in of_llm.items()))
    assert {key: OmegaConf.select(config, key) for key in of_llm} == of_llm


def test_hyperparameters_are_the_papers(compose: Callable[..., Any]) -> None:
    for profile in ("h100x8", "h100x8x2"):
        config = compose(f"profile={profile}")
        actor, rollout = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
        assert rollout.n == 16
        assert (config.data.train_batch_size, actor.ppo_mini_batch_size) == (64, 16)
        assert actor.optim.lr == 1e-6
        assert actor.clip_ratio_c == 10
        assert (config.data.max_prompt_length, config.data.max_response_length) == (5120, 10000)
        assert config.agentic.rollout.max_turns == rollout.multi_turn.max_assistant_turns == 30
        assert config.agentic.rollout.max_tool_chars == 4096
        assert config.algorithm.adv_estimator == "grpo"
        assert not config.algorithm.use_kl_in_reward
        assert not actor.use_kl_loss


def test_one_node_clips_by_token(compose: Callable[..., Any]) -> None:
    config = compose("profile=h100x8")
    actor = config.actor_rollout_ref.actor
    assert (actor.clip_ratio_low, actor.clip_ratio_high) == (0.2, 0.28)
    assert (actor.policy_loss.loss_mode, actor.loss_agg_mode) == ("vanilla", "token-mean")
    assert (config.trainer.nnodes, config.trainer.n_gpus_per_node) == (1, 8)
    assert config.actor_rollout_ref.model.path == "Qwen/Qwen3-8B"


def test_two_nodes_clip_by_sequence(compose: Callable[..., Any]) -> None:
    config = compose("profile=h100x8x2")
    actor = config.actor_rollout_ref.actor
    assert (actor.clip_ratio_low, actor.clip_ratio_high) == (3e-4, 4e-4)
    assert (actor.policy_loss.loss_mode, actor.loss_agg_mode) == ("gspo", "seq-mean-token-mean")
    assert (config.trainer.nnodes, config.trainer.n_gpus_per_node) == (2, 8)
    assert config.actor_rollout_ref.model.path == "Qwen/Qwen3-30B-A3B"


@pytest.mark.parametrize(
    ("override", "keys"),
    [
        ("tool_env=calculator", {"agentic.rollout.tool_env": "calculator"}),
        ("simulator=none", {"agentic.rollout.simulator": "none"}),
        ("flywheel=none", {"agentic.flywheel.hooks": []}),
        ("tasks=natural", {"agentic.register": "natural"}),
        (
            "tasks=micro",
            {"agentic.register": "micro", "agentic.rollout.reminders": 0, "agentic.rollout.max_repeats": 0},
        ),
        ("stage=reasoning", {"agentic.stage": "reasoning", "agentic.kinds": ["math", "sql"]}),
        ("data=files", {"data.agentic.source": "files"}),
        (
            "data=agenticqwen",
            {
                "data.agentic.source": "agenticqwen",
                "data.agentic.path": "${oc.env:VERL_AGENTIC_AGENTICQWEN_DATA,null}",
            },
        ),
    ],
)
def test_a_group_swaps_its_own_keys_only(compose: Callable[..., Any], override: str, keys: dict[str, Any]) -> None:
    # With profile=cpu sizes go by the tasks, too.
    assert changed(compose("profile=gpu1"), compose("profile=gpu1", override)) == keys


@pytest.mark.parametrize(
    "override",
    [
        *(f"tool_env={path.stem}" for path in sorted((ROOT / "conf" / "tool_env").glob("*.yaml"))),
        *(f"llm={path.stem}" for path in sorted((ROOT / "conf" / "llm").glob("*.yaml"))),
        *(f"simulator={path.stem}" for path in sorted((ROOT / "conf" / "simulator").glob("*.yaml"))),
        *(f"reward_fn={path.stem}" for path in sorted((ROOT / "conf" / "reward_fn").glob("*.yaml"))),
    ],
)
def test_every_option_of_a_group_composes(compose: Callable[..., Any], override: str) -> None:
    group, _, name = override.partition("=")
    assert compose("profile=cpu", override).agentic.rollout is not None
    assert (ROOT / "conf" / group / f"{name}.yaml").is_file()


@pytest.mark.parametrize("name", ["math", "sql", "state", "calls", "rubric"])
def test_a_reward_brings_its_own_keywords(compose: Callable[..., Any], name: str) -> None:
    keys = changed(compose("profile=cpu"), compose("profile=cpu", f"reward_fn={name}"))
    assert keys["reward.custom_reward_function.path"] == f"pkg://verl_agentic.reward_fns.{name}"
    assert all(key.startswith("reward.custom_reward_function.") for key in keys)


def test_tasks_speak_to_the_model_that_there_is(compose: Callable[..., Any], tiny_model: Path) -> None:
    from verl_agentic.training.settings import read_settings

    def register(*overrides: str) -> str:
        return read_settings(compose(*overrides)).register

    for profile in PROFILES:
        assert register(f"profile={profile}", "model=starter") == "micro"
        for model in ("smollm2", "qwen3-1.7b", str(tiny_model)):
            assert register(f"profile={profile}", f"model={model}") == "natural"
        assert register(f"profile={profile}", "model=starter", "tasks=natural") == "natural"
        assert register(f"profile={profile}", "model=smollm2", "tasks=micro") == "micro"
    assert register("profile=cpu") == "micro" and register("profile=gpu1") == "natural"
    rollout = compose("profile=cpu", "tasks=micro").agentic.rollout
    assert (rollout.reminders, rollout.max_repeats) == (0, 0)
    rollout = compose("profile=cpu", "tasks=natural", "agentic.rollout.protocol=agenticqwen").agentic.rollout
    assert (rollout.reminders, rollout.max_repeats, rollout.protocol) == (1, None, "agenticqwen")


def test_sizes_without_an_accelerator_follow_the_model_and_the_tasks(
    compose: Callable[..., Any], tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sizes(*overrides: str, recipe: str = "agenticqwen") -> tuple[str, int, int]:
        config = compose(*overrides, recipe=recipe)
        bucket = config.actor_rollout_ref.rollout.checkpoint_engine.update_weights_bucket_megabytes
        return config.agentic.profile, config.data.max_prompt_length, bucket

    starter, language_model = ("cpu", 192, 64), ("cpu-lm", 2048, 640)
    folder = f"model={tiny_model}"
    for profile in ([], ["profile=cpu"]):
        assert sizes(*profile) == sizes(*profile, "model=starter") == starter
        # A folder with a policy in it that was trained from the starter.
        assert sizes(*profile, folder, "tasks=micro") == starter
        for model in ("model=hub", "model=qwen3-1.7b", folder):
            assert sizes(*profile, model) == sizes(*profile, model, "tasks=natural") == language_model
    assert sizes("profile=cpu-lm", folder) == language_model
    assert compose("profile=cpu", folder).agentic.family_options == {"domain": {"sizes": {"small": 1}}}
    assert compose("profile=cpu", folder, "data.max_prompt_length=99").data.max_prompt_length == 99
    recipe = tmp_path / "recipe" / "mine.yaml"
    recipe.parent.mkdir()
    recipe.write_text("# @package _global_\ndefaults:\n  - agenticqwen\n  - override /model: hub\n  - _self_\n")
    monkeypatch.setenv("VERL_AGENTIC_CONF", str(tmp_path))
    assert sizes(recipe="mine") == sizes("profile=cpu", recipe="mine") == language_model
    assert sizes("model=starter", recipe="mine") == starter


def test_both_profiles_of_a_language_model_without_an_accelerator_are_one(
    compose: Callable[..., Any], tiny_model: Path
) -> None:
    one, other = (compose(f"profile={name}", f"model={tiny_model}") for name in ("cpu", "cpu-lm"))
    assert changed(one, other) == {}


def test_the_epochs_of_a_run_follow_from_its_stages(compose: Callable[..., Any]) -> None:
    from verl_agentic.training.settings import read_settings

    for profile in PROFILES:
        config = compose(f"profile={profile}", "stage=paper")
        plan = read_settings(config).plan()
        assert [stage.name for stage in plan.stages] == ["reasoning", "agentic", "mixed"]
        assert config.trainer.total_epochs == sum(stage.epochs for stage in plan.stages) == 9
    assert config.agentic.run_dir == "outputs/agenticqwen/paper-seed0"
    own = "agentic.stages=[{stage: reasoning, epochs: 2}, {stage: agentic, epochs: 1, flywheel: frontier}]"
    config = compose("profile=cpu", own, "flywheel=reasoning")
    settings = read_settings(config)
    assert (config.trainer.total_epochs, settings.kinds) == (3, ["math", "sql", "service"])
    assert [[hook["name"] for hook in stage.hooks] for stage in settings.plan().stages] == [
        ["reasoning", "frontier"],
        ["frontier"],
    ]
    assert compose("profile=cpu").trainer.total_epochs == 6
    assert compose("profile=cpu", "trainer.total_epochs=2").trainer.total_epochs == 2


def test_a_recipe_of_ones_own_is_composed_and_checked(
    compose: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from verl_agentic.integration.preflight import check_names
    from verl_agentic.training.settings import read_settings

    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("VERL_AGENTIC_CONF", "examples/conf")
    config = compose("profile=cpu", f"agentic.run_dir={tmp_path}", recipe="my_recipe")
    settings = read_settings(config)
    assert (settings.stage, config.data.train_batch_size) == ("clocks", 32)
    assert [hook["name"] for hook in settings.plan().stages[0].hooks][2] == "examples/my_hook.py:DrillHook"
    check_names(settings)


def test_a_folder_takes_the_models_place(compose: Callable[..., Any], tiny_model: Path) -> None:
    before, after = (compose("profile=cpu", "tasks=micro", *model) for model in ([], [f"model={tiny_model}"]))
    keys = changed(before, after)
    assert keys == {"agentic.model": "hub", "actor_rollout_ref.model.path": str(tiny_model)}


def test_a_relative_folder_is_found_from_here(
    compose: Callable[..., Any], tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_model.parent)
    for path in (f"./{tiny_model.name}", tiny_model.name):
        assert compose(f"model={path}").actor_rollout_ref.model.path == str(tiny_model)


def users_folder(folder: Path) -> Path:
    """A folder with a recipe and a reward group of the user's own."""
    for group in ("recipe", "reward_fn"):
        (folder / group).mkdir(parents=True)
    (folder / "reward_fn" / "mine.yaml").write_text(
        "# @package _global_\nreward:\n  custom_reward_function:\n    path: /mine.py\n    name: score\n"
    )
    (folder / "recipe" / "mine.yaml").write_text(
        "# @package _global_\n"
        "defaults:\n  - agenticqwen\n  - override /reward_fn: mine\n  - override /stage: reasoning\n"
        "  - _self_\n"
        "trainer:\n  project_name: mine\n"
    )
    return folder


def test_the_users_groups_from_the_environment(
    compose: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERL_AGENTIC_CONF", str(users_folder(tmp_path / "conf")))
    assert compose("reward_fn=mine").reward.custom_reward_function.path == "/mine.py"
    config = compose(recipe="mine")
    assert config.reward.custom_reward_function.path == "/mine.py"
    assert config.agentic.stage == "reasoning"
    assert config.agentic.run_dir == "outputs/mine/reasoning-seed0"
    assert config.trainer.v1.trainer_mode == "agentic_sync"


def test_the_users_groups_from_hydras_search_path(compose: Callable[..., Any], tmp_path: Path) -> None:
    search = f"hydra.searchpath=[file://{users_folder(tmp_path / 'conf')}]"
    assert compose(search, "reward_fn=mine").reward.custom_reward_function.path == "/mine.py"
    assert compose(search, recipe="mine").agentic.stage == "reasoning"


def test_a_group_of_the_users_with_our_name_wins(
    compose: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = users_folder(tmp_path / "conf")
    (folder / "reward_fn" / "sql.yaml").write_text((folder / "reward_fn" / "mine.yaml").read_text())
    monkeypatch.setenv("VERL_AGENTIC_CONF", str(folder))
    assert compose("reward_fn=sql").reward.custom_reward_function.path == "/mine.py"


def test_help_lists_the_groups(main_ppo: Callable[..., CompletedProcess[str]]) -> None:
    done = main_ppo("--help")
    assert done.returncode == 0, done.stderr
    listed = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line and line[0] != " ")
    assert listed["recipe"].split(", ") == RECIPES
    for group in GROUPS:
        assert set(options("verl_agentic.conf", group)) <= set(listed[group].split(", ")), group
