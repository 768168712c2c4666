"""Make what a run starts from: the tasks, the pool and the policy."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from verl_agentic.core import BrokenTaskError, Task, UserInputError
from verl_agentic.integration.console import tell
from verl_agentic.integration.hydra.resolvers import made_path
from verl_agentic.reward_fns.mixed import check_row
from verl_agentic.store import Store
from verl_agentic.store.statistics import pool_counts
from verl_agentic.synthesis.balance import shallow_structures, take_turns
from verl_agentic.synthesis.base import SPLITS, Split
from verl_agentic.synthesis.families import load_families
from verl_agentic.synthesis.imported.agenticqwen import load_agenticqwen
from verl_agentic.synthesis.plain_rows import NO_ENV, PROMPT_KEY
from verl_agentic.synthesis.rows import read_tasks, write_parquet
from verl_agentic.tool_envs import make_environment
from verl_agentic.training.settings import AgenticSettings
from verl_agentic.training.stages import STAGES_KEY

Splits = dict[Split, list[Task]]

MIXED = "pkg://verl_agentic.reward_fns.mixed"


def prepare_tasks(config: DictConfig, settings: AgenticSettings, store: Store) -> None:
    """Fill the store with the tasks of every split and write the files that verl's dataloaders read.

    A store that holds tasks already stays as it is, so that a resumed run keeps its pool.

    Raises:
        UserInputError: a file or row of the user's cannot be used.
    """
    started = time.monotonic()
    source = config.data.agentic.source
    if store.holds_tasks():
        check_stages(settings, {kind for _, kind in pool_counts(store)})
        return
    if source == "builtin":
        splits = generate_splits(settings)
    elif source == "agenticqwen":
        splits = split_agenticqwen(load_agenticqwen(config.data.agentic.path), settings)
    elif source == "files":
        splits = read_splits(config)
    else:
        raise UserInputError(f"data.agentic.source={source!r}: one of builtin, agenticqwen, files")
    check_needs(config, settings, [task for tasks in splits.values() for task in tasks])
    check_stages(settings, {task.kind for task in splits["train"]})
    for split in reversed(SPLITS):
        store.add_tasks(splits[split], split=split)
    if source != "files":
        for split, tasks in splits.items():
            if tasks:
                write_parquet(tasks, Path(settings.run_dir) / "data" / f"{split}.parquet", split)
    store.add_seconds("data", time.monotonic() - started)


def check_stages(settings: AgenticSettings, kinds: Collection[str]) -> None:
    """Every stage must have tasks to draw.

    Args:
        settings: the run's settings.
        kinds: kinds of the tasks in the pool.

    Raises:
        UserInputError: naming the stage.
    """
    for position, stage in enumerate(settings.plan().stages):
        only = stage.curriculum.only
        if only is not None and not only & set(kinds):
            raise UserInputError(
                f"{STAGES_KEY}[{position}]: the pool holds no task of its kinds ({', '.join(sorted(only))}), only of "
                f"{', '.join(sorted(kinds)) or 'none'}; change the stage, or start anew with "
                "trainer.resume_mode=disable"
            )


def check_needs(config: DictConfig, settings: AgenticSettings, tasks: Iterable[Task]) -> None:
    """What tasks are judged by, and played in, must be configured as it needs to be, e.g. with a language model.

    Broken tasks pass: they are found, and quarantined, one by one.

    Raises:
        UserInputError: naming the key and the mend.
    """
    rewards, envs = set(), set()
    for task in tasks:
        rewards.add((task.kind, task.reward))
        envs.add(settings.rollout.tool_env or task.env)
        if task.tools and (settings.rollout.tool_env or task.env) == NO_ENV:
            raise UserInputError(
                f"{task.id}: its row has tools and names no environment that plays them; set tool_env=NAME, or "
                "extra_info.env in the row"
            )
    node = config.reward.custom_reward_function
    if node.path == MIXED:
        kwargs: Any = OmegaConf.to_container(node.get("reward_kwargs") or OmegaConf.create(), resolve=True)
        for kind, reward in sorted(rewards):
            with contextlib.suppress(BrokenTaskError):
                check_row(kind, reward, kwargs)
    for env in sorted(envs):
        with contextlib.suppress(BrokenTaskError):
            make_environment(env, None, settings.rollout.env_options)


def generate_splits(settings: AgenticSettings) -> Splits:
    """Generated tasks: equally many of each kind, in it of each branch, in it of each structure; deterministic."""
    curriculum = settings.curriculum
    sizes: dict[Split, int] = {
        "train": curriculum.initial_tasks,
        "validation": curriculum.validation_tasks,
        "held_out": curriculum.held_out_tasks,
    }
    splits: Splits = {split: [] for split in SPLITS}
    families = load_families(settings.kinds, settings.register, settings.family_options)
    for split, size in sizes.items():
        for position, family in enumerate(families):
            wanted = size // len(families) + (position < size % len(families))
            if not wanted:
                continue
            rng = random.Random(f"{settings.seed}/{split}/{family.kind}")
            structures = list(family.structures(split))
            tasks: dict[str, Task] = {}
            if split == "train":
                structures = list(shallow_structures(family, split, curriculum.initial_depth))
            structure_of = take_turns(structures, family.branch)
            tries = 0
            while len(tasks) < wanted:
                task = family.told(family.generate(structure_of(tries), rng))
                tasks.setdefault(task.id, task)
                tries += 1
                if tries > 20 * wanted + 100:
                    raise UserInputError(
                        f"{family.kind} cannot make {wanted} different {split} tasks, only {len(tasks)}; "
                        "ask for fewer (in a run: agentic.curriculum)"
                    )
            splits[split] += tasks.values()
    return splits


def split_agenticqwen(tasks: list[Task], settings: AgenticSettings) -> Splits:
    """A fifth of the tasks held out, the rest for training; deterministic in the seed."""
    shuffled = sorted(tasks, key=lambda task: task.id)
    random.Random(f"{settings.seed}/agenticqwen").shuffle(shuffled)
    held_out = max(1, len(shuffled) // 5)
    return {"train": shuffled[held_out:], "validation": [], "held_out": shuffled[:held_out]}


def read_splits(config: DictConfig) -> Splits:
    """The user's files: training tasks from ``data.train_files``, the others by file name or as validation."""
    from verl_agentic.integration.dataset import as_list, split_of

    splits: Splits = {split: [] for split in SPLITS}
    prompt_key = config.data.get("prompt_key") or PROMPT_KEY
    for path in as_list(config.data.train_files):
        splits["train"] += read_tasks(path, prompt_key)
    for path in as_list(config.data.val_files):
        splits[split_of(path, "validation")] += read_tasks(path, prompt_key)
    return splits


def prepare_model(config: DictConfig, settings: AgenticSettings, store: Store) -> None:
    """Make the policy where the model is one that is made on the spot, and no other folder took its place.

    Raises:
        UserInputError: the cache cannot be written, or an extra is missing.
    """
    started = time.monotonic()
    if config.actor_rollout_ref.model.path != made_path(settings.model, settings.seed, settings.kinds):
        return
    if settings.model == "starter":
        from verl_agentic.starter import StarterSettings, ensure_starter

        bar = settings.console == "full"
        ensure_starter(StarterSettings.for_run(settings.seed, settings.kinds), tell=None if bar else tell)
    elif settings.model == "smollm2":
        from verl_agentic.starter.smollm2 import ensure_smollm2

        ensure_smollm2()
    store.add_seconds("starter", time.monotonic() - started)
