"""``verl-agentic tasks``: generate, import and check tasks."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import get_args

from verl_agentic.cli.play_settings import (
    add_play_arguments,
    add_prompt_key,
    naming_helper,
    read_play_settings,
    turns_for,
)
from verl_agentic.core import BrokenTaskError, Task, Trajectory, UserInputError
from verl_agentic.core.chat import NoChatModelError
from verl_agentic.core.files.whole_file import replacing
from verl_agentic.core.task import Register
from verl_agentic.flywheel import ExpertVerifier
from verl_agentic.integration.prepare import generate_splits
from verl_agentic.reward_fns.registry import judge_now, reward_function, success
from verl_agentic.synthesis.base import SPLITS, Split, TaskFamily
from verl_agentic.synthesis.families import load_families
from verl_agentic.synthesis.imported.agenticqwen import load_agenticqwen
from verl_agentic.synthesis.rows import read_tasks, write_parquet
from verl_agentic.tool_envs.registry import environment_class
from verl_agentic.tool_envs.users.registry import make_user
from verl_agentic.training.settings import AgenticSettings, CurriculumNode, RolloutSettings

KINDS = "math,sql,service"
SIMULATOR = "scripted"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their arguments."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")

    generate = actions.add_parser("generate", help="write generated tasks")
    generate.add_argument("--kinds", default=KINDS, help=f"names or package.module:Class (default: {KINDS})")
    generate.add_argument("--split", choices=SPLITS, default="train", help="whose structures to use (default: train)")
    generate.add_argument("--count", type=int, required=True, metavar="N", help="tasks over all kinds")
    generate.add_argument("--seed", type=int, default=0, metavar="S", help="a run of this seed gets the same tasks")
    depth = CurriculumNode().initial_depth
    generate.add_argument("--depth", type=int, default=depth, help=f"deepest train structure (default: {depth})")
    generate.add_argument(
        "--register", choices=get_args(Register), default="micro",
        help="how they speak: micro to the starter, natural to language models (default: micro)",
    )  # fmt: skip
    generate.set_defaults(action=_generate)

    imported = actions.add_parser("import-agenticqwen", help="make replayable tasks of AgenticQwen's release")
    imported.add_argument("file", type=Path, metavar="FILE", help="a JSON list of records, or one record a line")
    imported.add_argument("--split", choices=SPLITS, default="train", help="what the rows are marked as")
    imported.set_defaults(action=_import_agenticqwen)

    for writer in (generate, imported):
        writer.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .parquet or .jsonl file")

    check = actions.add_parser(
        "check",
        help="open every task's world and read its reference; generated tasks are solved by their kind's expert",
    )
    check.add_argument("file", type=Path, metavar="FILE", help="a .parquet or .jsonl file")
    check.add_argument("--kinds", default=KINDS, help=f"kinds with an expert (default: {KINDS})")
    add_prompt_key(check)
    add_play_arguments(check)
    check.set_defaults(action=_check)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; return the exit status, 1 where a checked task is unfit.

    Raises:
        UserInputError: naming the argument, or file, row and field.
        InfrastructureError: an environment or a reward function failed.
    """
    # As for "python -m": the user's own classes may lie where the command is given.
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    return int(arguments.action(arguments))


def _generate(arguments: argparse.Namespace) -> int:
    if arguments.count < 1:
        raise UserInputError(f"--count must be at least 1, got {arguments.count}")
    if arguments.depth < 1:
        raise UserInputError(f"--depth must be at least 1, got {arguments.depth}")
    sizes: dict[Split, int] = {split: arguments.count if split == arguments.split else 0 for split in SPLITS}
    settings = AgenticSettings(
        kinds=names(arguments.kinds),
        seed=arguments.seed,
        register=arguments.register,
        curriculum=CurriculumNode(
            initial_tasks=sizes["train"],
            initial_depth=arguments.depth,
            validation_tasks=sizes["validation"],
            held_out_tasks=sizes["held_out"],
        ),
    )
    _write(generate_splits(settings)[arguments.split], arguments.out, arguments.split)
    return 0


def _import_agenticqwen(arguments: argparse.Namespace) -> int:
    _write(load_agenticqwen(arguments.file), arguments.out, arguments.split)
    return 0


def _check(arguments: argparse.Namespace) -> int:
    tasks = read_tasks(arguments.file, arguments.prompt_key)
    settings = read_play_settings(arguments, turns_for(tasks))
    families = {family.kind: family for family in load_families(names(arguments.kinds))}
    with naming_helper():
        reasons = {row: reason for row, task in enumerate(tasks) if (reason := unfit(task, families, settings))}
    for row, reason in reasons.items():
        print(f"{arguments.file}: row {row} ({tasks[row].id}): {reason}")
    how = [(task.kind, "solved by the expert" if _has_expert(task, families) else "opened") for task in tasks]
    bad = Counter(how[row] for row in reasons)
    for (kind, done), count in sorted(Counter(how).items()):
        note = "" if done != "opened" else "; no expert of this kind" if kind not in families else "; not generated"
        print(f"{kind}: {count - bad[kind, done]} of {count} {done}{note}")
    twice = len(tasks) - len({task.id for task in tasks})
    unnamed = Counter(task.kind for task in tasks if not task.reward)
    for kind, count in sorted(unnamed.items()):
        print(
            f"{kind}: {count} rows name no reward; the run's judges them (reward_fn=NAME), or verl's own for {kind!r}"
        )
    if twice:
        print(f"{twice} rows repeat another row's task")
    return 1 if reasons else 0


def unfit(task: Task, families: Mapping[str, TaskFamily], settings: RolloutSettings | None = None) -> str | None:
    """Why nobody can train on a task, ``None`` where its world opens and its reward can read its reference.

    What names no reward is only opened: it is for the run to say who judges it. A task that a family generated, as its
    structure tells, must also be solved by the family's expert; others are told in words that the expert does not know.

    Args:
        task: the task.
        families: families with an expert, by kind.
        settings: how it is played; by default as itself says, by :class:`RolloutSettings`' defaults.

    Raises:
        UserInputError: the environment or the user is not configured as it must be.
        InfrastructureError: an environment or a reward function failed; says nothing about the task.
    """
    settings = settings or RolloutSettings()
    try:
        if not settings.tool_env:
            environment_class(task.env)
        if task.reward:
            reward_function(task.reward)
    except UserInputError as error:
        return str(error)
    if _has_expert(task, families):
        rejection = ExpertVerifier(families, success, lambda _: make_user(SIMULATOR), settings.limits)(task)
        return None if rejection is None else str(rejection)
    try:
        asyncio.run(_open(task, settings))
        if task.reward:
            # Nobody said anything, which every reward can judge unless the reference is broken.
            with suppress(NoChatModelError):
                judge_now(task, Trajectory(task.id))
    except BrokenTaskError as error:
        return str(error)
    return None


def _has_expert(task: Task, families: Mapping[str, TaskFamily]) -> bool:
    return task.kind in families and bool(task.structure)


async def _open(task: Task, settings: RolloutSettings) -> None:
    async with settings.session.dialogue(task, task.seed) as dialogue:
        await dialogue.open()


def _write(tasks: Sequence[Task], path: Path, split: Split) -> None:
    if path.suffix == ".parquet":
        write_parquet(tasks, path, split)
    elif path.suffix == ".jsonl":
        _write_lines(tasks, path)
    else:
        raise UserInputError(f"--out {path}: must end in .parquet or .jsonl")
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(task.kind for task in tasks).items()))
    print(f"{path}: {counts}")


def _write_lines(tasks: Sequence[Task], path: Path) -> None:
    try:
        with replacing(path) as file:
            file.writelines(f"{task.to_json()}\n".encode() for task in tasks)
    except OSError as error:
        raise UserInputError(f"--out {path}: cannot be written: {error.strerror or error}") from error


def names(text: str) -> list[str]:
    """The kinds of ``--kinds``.

    Raises:
        UserInputError: it names none.
    """
    found = [name.strip() for name in text.split(",") if name.strip()]
    if not found:
        raise UserInputError("--kinds is empty; name at least one, e.g. math")
    return found
