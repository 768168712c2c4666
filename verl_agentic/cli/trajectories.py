"""``verl-agentic trajectories``: list a run's trajectories, show one, and write them as messages in OpenAI's form."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.table import Table

from verl_agentic.cli.plain_text import plain_text, wide_console
from verl_agentic.cli.trajectory_dialogue import print_trajectory, shown_data
from verl_agentic.core import FailureKind, Task, UserInputError
from verl_agentic.core.files.whole_file import replacing
from verl_agentic.core.openai_form import record_of
from verl_agentic.core.trajectory import stored_trajectory
from verl_agentic.report.numbers import NONE, decimal
from verl_agentic.rollout import DialogueLimits
from verl_agentic.rollout.limits import stored_limits
from verl_agentic.rollout.protocol import opening_messages, protocol_tools
from verl_agentic.store import Store, store_url
from verl_agentic.store.secrets import redact_texts
from verl_agentic.store.trajectories import (
    StoredTrajectory,
    TrajectoryFilter,
    named_trajectory,
    stored_trajectories,
)
from verl_agentic.synthesis.base import SPLITS

_LIMIT = 50
_REASON_CHARS = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their arguments."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")
    listed = actions.add_parser("ls", help="list trajectories, the newest first")
    listed.set_defaults(action=_ls)
    exported = actions.add_parser("export", help="write trajectories as JSON lines with messages and tools")
    exported.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .jsonl file")
    exported.set_defaults(action=_export)
    shown = actions.add_parser("show", help="print one: the dialogue, the difference from what was expected, and why")
    shown.set_defaults(action=_show, limit=None)
    for action in (listed, exported, shown):
        action.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="folder of the run")
        action.add_argument("--store", metavar="URL", help="database URL of its store (default: the one in RUN_DIR)")
    shown.add_argument("id", metavar="ID", help="of a trajectory, or of a task: its newest trajectory")
    shown.add_argument("--all", action="store_true", help="cut nothing")
    shown.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    for action in (listed, exported):
        action.add_argument("--kind", help="of tasks of this kind only")
        action.add_argument("--task", metavar="TASK_ID", help="of this task only")
        action.add_argument("--split", choices=SPLITS, help="of this split only")
        action.add_argument("--step", type=int, metavar="N", help="of this training step only")
        action.add_argument("--epoch", type=int, metavar="N", help="of training in this epoch only")
        action.add_argument(
            "--failure", choices=[one.value for one in FailureKind], help="that failed in this way only"
        )
        verdict = action.add_mutually_exclusive_group()
        verdict.add_argument("--success", dest="success", action="store_true", default=None, help="successes only")
        verdict.add_argument("--no-success", dest="success", action="store_false", help="failures only")
    listed.add_argument("--limit", type=int, default=_LIMIT, metavar="N", help=f"how many (default: {_LIMIT})")
    exported.add_argument("--limit", type=int, metavar="N", help="how many (default: all)")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; return the exit status.

    Raises:
        UserInputError: there is no such store, or the file cannot be written.
        InfrastructureError: the store failed.
    """
    if arguments.limit is not None and arguments.limit < 1:
        raise UserInputError(f"--limit must be at least 1, got {arguments.limit}")
    with Store(arguments.store or store_url(arguments.run_dir), create=False) as store:
        arguments.action(store, arguments)
    return 0


def chosen(arguments: argparse.Namespace) -> TrajectoryFilter:
    """What the filters say."""
    return TrajectoryFilter(
        kind=arguments.kind,
        task_id=arguments.task,
        step=arguments.step,
        epoch=arguments.epoch,
        failure=arguments.failure,
        split=arguments.split,
        success=arguments.success,
    )


def line_of(one: StoredTrajectory, limits: DialogueLimits) -> dict[str, Any] | None:
    """A trajectory as a line of the file, ``None`` where it was not kept or cannot be read.

    Secrets are blanked, also in what an older release stored.

    Args:
        one: the trajectory.
        limits: that it was played within.
    """
    trajectory = stored_trajectory(one.trajectory)
    if trajectory is None:
        return None
    task = None if one.task is None else Task.from_json(one.task)
    prompt = opening_messages(task, limits) if task else []
    tools = protocol_tools(task, limits, task.tools) if task else []
    line = {
        "id": one.id,
        "task_id": one.task_id,
        "kind": one.kind,
        "split": one.split,
        "step": one.step,
        "epoch": one.epoch,
        "session": one.session,
        "policy_version": one.policy_version if trajectory.policy_version is None else trajectory.policy_version,
        "seed": trajectory.seed,
        "success": one.acc >= 1,
        "reward": one.reward,
        "components": trajectory.reward,
        "failure": one.failure.value,
        "end": trajectory.end.value if trajectory.end else None,
        "tokens": [turn.tokens for turn in trajectory.turns],
        "seconds": [turn.seconds for turn in trajectory.turns],
        **record_of(prompt, tools, trajectory),
    }
    redacted: dict[str, Any] = redact_texts(line)
    return redacted


def _ls(store: Store, arguments: argparse.Namespace) -> None:
    table = Table(title="trajectories, the newest first", title_justify="left")
    for name in ("id", "task", "kind", "split", "failure"):
        table.add_column(name, overflow="fold")
    for name in ("step", "epoch", "session", "reward", "success"):
        table.add_column(name, justify="right")
    table.add_column("reason", overflow="fold")
    for one in stored_trajectories(store, chosen(arguments), arguments.limit, newest_first=True):
        failure = NONE if one.failure is FailureKind.NONE else one.failure.value
        table.add_row(
            *(plain_text(text) for text in (one.id, one.task_id, one.kind or NONE, one.split, failure)),
            *(str(one.step), NONE if one.epoch is None else str(one.epoch), str(one.session)),
            *(decimal(one.reward), "yes" if one.acc >= 1 else "no", plain_text(_reason(one)[:_REASON_CHARS])),
        )
    wide_console().print(table)


def _reason(one: StoredTrajectory) -> str:
    trajectory = stored_trajectory(one.trajectory)
    return NONE if trajectory is None else str(redact_texts(trajectory.reward.get("reason") or NONE))


def _show(store: Store, arguments: argparse.Namespace) -> None:
    one = named_trajectory(store, arguments.id)
    trajectory = stored_trajectory(one.trajectory)
    if trajectory is None:
        raise UserInputError(f"trajectory {one.id} was not kept in full")
    task = None if one.task is None else Task.from_json(one.task)
    limits = _limits(store)
    if arguments.json:
        print(json.dumps({**(line_of(one, limits) or {}), **shown_data(one, trajectory, task)}, ensure_ascii=False))
    else:
        prompt = opening_messages(task, limits) if task else []
        print_trajectory(wide_console(), one, trajectory, task, prompt, whole=arguments.all)


def _limits(store: Store) -> DialogueLimits:
    return stored_limits(store.info().get("rollout"))


def _export(store: Store, arguments: argparse.Namespace) -> None:
    if arguments.out.suffix != ".jsonl":
        raise UserInputError(f"--out {arguments.out}: must end in .jsonl")
    count = skipped = 0
    limits = _limits(store)
    try:
        with replacing(arguments.out) as file:
            for one in _limited(store, arguments):
                line = line_of(one, limits)
                if line is None:
                    skipped += 1
                    continue
                file.write(f"{json.dumps(line, ensure_ascii=False)}\n".encode("utf-8", "replace"))
                count += 1
            if not count:
                raise UserInputError("the store holds no such trajectory; 'verl-agentic trajectories ls' lists them")
    except OSError as error:
        raise UserInputError(f"--out {arguments.out}: cannot be written: {error.strerror or error}") from error
    print(f"{arguments.out}: {count} trajectories" + (f", {skipped} were not kept in full" if skipped else ""))


def _limited(store: Store, arguments: argparse.Namespace) -> Iterator[StoredTrajectory]:
    return stored_trajectories(store, chosen(arguments), arguments.limit)
