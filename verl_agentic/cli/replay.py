"""``verl-agentic replay``: play a stored trajectory again and show where its world differs."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from verl_agentic.cli.plain_text import plain_text, wide_console
from verl_agentic.cli.play_settings import add_play_arguments, add_prompt_key, naming_helper, read_play_settings
from verl_agentic.core import Task, Trajectory, UserInputError
from verl_agentic.evaluation.replay import Replay, replay
from verl_agentic.evaluation.run import kept_records
from verl_agentic.store import Store, store_url
from verl_agentic.store.trajectories import named_trajectory
from verl_agentic.synthesis.rows import read_tasks

_SHOWN = 2000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        "id", metavar="ID", help="of a trajectory (see 'trajectories ls'), or of a task: its newest trajectory"
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", type=Path, dest="run_dir", metavar="RUN_DIR", help="folder of the run that it is of")
    source.add_argument("--store", metavar="URL", help="database URL of that run's store")
    source.add_argument("--rollouts", type=Path, metavar="FILE", help="file that 'rollout --out' wrote; needs --tasks")
    parser.add_argument("--tasks", type=Path, metavar="FILE", help="tasks of --rollouts, or in place of the stored one")
    add_prompt_key(parser)
    parser.add_argument("--session", type=int, metavar="N", help="number of the trajectory in its group, from 0")
    parser.add_argument("--step", type=int, metavar="N", help="training step that it is of")
    add_play_arguments(parser, tool_env="the one it was played in", simulator="the one it was played with")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.epilog = "Exit status: 0 where all came out alike, 1 where something differs or failed, 2 for bad input."


def run(arguments: argparse.Namespace) -> int:
    """Play again, print what differs; return the exit status.

    Raises:
        UserInputError: there is no such trajectory, or naming the argument.
        InfrastructureError: the environment, the user or the store failed.
    """
    # As for "python -m": the user's own classes may lie where the command is given.
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    task, stored, name, run_settings = _found(arguments)
    settings = read_play_settings(arguments, run_settings, _as_played(stored))
    with naming_helper():
        found = asyncio.run(replay(task, stored, settings.session))
    _say(found, name, arguments.json)
    return 1 if found.differences else 0


def _as_played(trajectory: Trajectory) -> dict[str, Any]:
    """The keys of ``agentic.rollout`` that a trajectory tells of itself."""
    where = {"tool_env": trajectory.env, "simulator": trajectory.simulator}
    # One of a run with other limits must not end by ours.
    messages = sum(turn.role == "assistant" for turn in trajectory.turns)
    return {"max_turns": max(1, messages) + 1, **{key: name for key, name in where.items() if name}}


def _found(arguments: argparse.Namespace) -> tuple[Task, Trajectory, str, Mapping[str, Any]]:
    """Task, trajectory, the trajectory's name, and ``agentic.rollout`` of its run as far as it is known."""
    tasks = {task.id: task for task in read_tasks(arguments.tasks, arguments.prompt_key)} if arguments.tasks else {}
    if arguments.rollouts is not None:
        return *_of_rollouts(arguments, tasks), {}
    with Store(arguments.store or store_url(arguments.run_dir), create=False) as store:
        one = named_trajectory(store, arguments.id, arguments.session, arguments.step)
        run_settings = store.info().get("rollout") or {}
    task = tasks.get(one.task_id)
    if task is None:
        if one.task is None:
            raise UserInputError(f"{one.id}: its task {one.task_id!r} is no longer stored; give it by --tasks FILE")
        task = Task.from_json(one.task)
    try:
        return task, Trajectory.from_json(one.trajectory), one.id, run_settings
    except (ValueError, TypeError, KeyError) as error:
        raise UserInputError(f"{one.id}: its trajectory was not kept in full") from error


def _of_rollouts(arguments: argparse.Namespace, tasks: dict[str, Task]) -> tuple[Task, Trajectory, str]:
    sample = arguments.session or 0
    if arguments.id not in tasks:
        raise UserInputError(f"--tasks: holds no task {arguments.id!r}; give the file that was rolled out")
    try:
        with arguments.rollouts.open("rb") as file:
            records = [one for _, one in kept_records(file, str(arguments.rollouts)) if one.task_id == arguments.id]
    except OSError as error:
        raise UserInputError(f"--rollouts {arguments.rollouts}: cannot be read: {error.strerror or error}") from error
    played = [one for one in records if one.sample == sample and one.trajectory]
    if not played:
        raise UserInputError(f"--rollouts: holds no trajectory of {arguments.id!r} with --session {sample}")
    return tasks[arguments.id], Trajectory.from_json(json.dumps(played[-1].trajectory)), f"{arguments.id} #{sample}"


def _say(found: Replay, name: str, as_json: bool) -> None:
    if as_json:
        differences = [
            {"where": one.where, "stored": one.stored, "replayed": one.replayed} for one in found.differences
        ]
        print(json.dumps({"id": name, "same": not differences, "differences": differences}, ensure_ascii=False))
        return
    console = wide_console()
    for one in found.differences:
        console.print(plain_text(one.where, style="bold"))
        console.print(plain_text(f"  stored:   {one.stored[:_SHOWN]}"))
        console.print(plain_text(f"  replayed: {one.replayed[:_SHOWN]}"))
    told = f"{found.messages} messages played, {found.replies} replies compared"
    verdict = f"{len(found.differences)} differences" if found.differences else "no difference"
    console.print(plain_text(f"{name}: {told}: {verdict}"))
