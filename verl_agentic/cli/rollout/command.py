"""``verl-agentic rollout``: a model behind a URL or in a folder plays tasks, without training."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from rich.console import Console

from verl_agentic.cli.play_settings import (
    add_play_arguments,
    add_prompt_key,
    check_rows,
    naming_helper,
    read_helper,
    read_play_settings,
    turns_for,
)
from verl_agentic.cli.rollout.model import served_model
from verl_agentic.cli.rollout.table import rollout_tables
from verl_agentic.cli.settings_given import read_settings_given
from verl_agentic.core import InfrastructureError, Task, UserInputError
from verl_agentic.core.files.whole_file import replacing
from verl_agentic.evaluation.plan import MAX_TOKENS, PlayPlan
from verl_agentic.evaluation.record import Record, RecordStatus
from verl_agentic.evaluation.run import Job, RecordFile, kept_records, roll_out
from verl_agentic.evaluation.summary import summary
from verl_agentic.reward_fns.invoke import accepted
from verl_agentic.reward_fns.registry import check_kwargs, configured_reward
from verl_agentic.rollout import DialogueLimits
from verl_agentic.rollout.ending import run_to_the_end
from verl_agentic.store import STORE_FILE, PoolFilter, Store, TaskStatus, store_url
from verl_agentic.store.pool_query import pool_tasks
from verl_agentic.synthesis.plain_rows import PROMPT_KEY
from verl_agentic.synthesis.rows import read_tasks
from verl_agentic.training.settings import RolloutSettings

CONCURRENCY = 32
_PROGRESS_SECONDS = 0.5
# Limits that files of earlier releases know nothing of.
_LATER = ("protocol", "tell_limits", "reminders", "max_repeats")
_SETTLED = (RecordStatus.JUDGED.value, RecordStatus.UNDECIDED.value, RecordStatus.BROKEN_TASK.value)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        "--model",
        required=True,
        metavar="URL|DIR",
        help="root of an OpenAI-compatible API, e.g. http://127.0.0.1:8000/v1, or a folder that transformers loads",
    )
    parser.add_argument("--name", metavar="NAME", help="name of the model at the URL (default: the only one there)")
    parser.add_argument("--api-key-env", metavar="VARIABLE", help="environment variable that holds the URL's key")
    parser.add_argument(
        "--tasks", type=Path, required=True, metavar="FILE|RUN_DIR", help="a .parquet or .jsonl file, or a run's folder"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="where to keep every rollout, a line of JSON each"
    )
    parser.add_argument("--resume", action="store_true", help="go on with --out; play only what has no verdict yet")
    parser.add_argument("--summary", type=Path, metavar="FILE", help="where to write the figures as JSON, too")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N tasks only")
    parser.add_argument("--samples", type=int, default=1, metavar="N", help="rollouts of each task (default: 1)")
    parser.add_argument(
        "--concurrency", type=int, default=CONCURRENCY, metavar="N", help=f"at a time (default: {CONCURRENCY})"
    )
    parser.add_argument("--temperature", type=float, metavar="T", help="(default: the server's own; 1 for a folder)")
    parser.add_argument(
        "--max-tokens", type=int, default=MAX_TOKENS, metavar="N", help=f"of one message (default: {MAX_TOKENS})"
    )
    parser.add_argument("--max-response-tokens", type=int, metavar="N", help="of all that follows the prompt")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of sessions, users and sampling (default: 0)")
    add_prompt_key(parser)
    add_play_arguments(parser)
    parser.add_argument("--reward", metavar="NAME", help="a name, package.module:function or file.py:function "
                        "(default: each task's own)")  # fmt: skip
    parser.add_argument(
        "--reward-set", action="append", default=[], metavar="KEY=VALUE", help="a keyword of the reward function"
    )
    parser.add_argument(
        "--llm", action="append", default=[], metavar="KEY=VALUE",
        help="a key of agentic.llm for the model, e.g. 'prices={prompt: 0.1, completion: 0.4}'",
    )  # fmt: skip
    parser.epilog = (
        "The last line of the output is one JSON object. Exit status: 0; 1 where a rollout has no verdict because "
        "something failed; 2 for bad input."
    )


def run(arguments: argparse.Namespace) -> int:
    """Play, judge, keep and count; return the exit status.

    Raises:
        UserInputError: naming the argument, or file, row and field.
        InfrastructureError: nothing works any more, or the budget is spent.
    """
    # As for "python -m": the user's own classes may lie where the command is given.
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    for name in ("samples", "concurrency", "max_tokens", "limit", "max_response_tokens"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise UserInputError(f"--{name.replace('_', '-')} must be at least 1, got {value}")
    if arguments.temperature is not None and not 0 <= arguments.temperature <= 10:
        raise UserInputError(f"--temperature must be from 0 to 10, got {arguments.temperature}")
    if not arguments.resume and arguments.out.exists():
        raise UserInputError(f"--out {arguments.out}: exists; add --resume to go on with it, or name another file")
    tasks = unique_tasks(load_tasks(arguments.tasks, arguments.prompt_key))[: arguments.limit]
    settings = read_play_settings(arguments, turns_for(tasks))
    plan = play_plan(arguments, settings)
    check_rows(tasks, settings, plan.llm, own_reward=plan.reward is None)
    model = served_model(arguments, plan.session.limits.max_parallel_calls > 1)
    fingerprint = _fingerprint(arguments, plan, model.name)
    jobs = [(task, sample) for task in tasks for sample in range(arguments.samples)]

    records: dict[tuple[str, int], Record] = {}
    with closing(_opened(arguments.out, arguments.resume)) as file:
        if arguments.resume:
            records = _settled(file, arguments.out, fingerprint, jobs)
        left = [(task, sample) for task, sample in jobs if (task.id, sample) not in records]
        if len(left) < len(jobs):
            print(f"{arguments.out}: {len(jobs) - len(left)} of {len(jobs)} rollouts are there", file=sys.stderr)
        kept, show, started = RecordFile(file), _progress(len(left)), time.monotonic()

        def keep(record: Record) -> None:
            kept.add(record)
            records[record.task_id, record.sample] = record.figures_only()
            show(record)

        failure: BaseException | None = None
        try:
            if left:
                run_to_the_end(roll_out(left, model, plan, fingerprint, arguments.concurrency, keep))
        except (InfrastructureError, KeyboardInterrupt) as error:
            failure = error
        seconds = time.monotonic() - started
    done = [records[key] for task, sample in jobs if (key := (task.id, sample)) in records]
    figures = summary(done, arguments.samples, seconds, missing=len(jobs) - len(done))
    _say(figures, arguments.summary)
    if isinstance(failure, InfrastructureError):
        raise failure
    return 1 if failure or figures["rollouts"]["infrastructure"] else 0


def play_plan(arguments: argparse.Namespace, settings: RolloutSettings) -> PlayPlan:
    """How tasks are played and judged.

    Raises:
        UserInputError: naming the key or argument.
    """
    helper = read_helper(arguments)
    reward_kwargs = read_settings_given("--reward-set", arguments.reward_set, "partial=true")
    if reward_kwargs and not arguments.reward:
        raise UserInputError("--reward-set needs --reward NAME, the function that takes the keyword")
    if arguments.reward:
        try:
            function = configured_reward(arguments.reward)
        except UserInputError as error:
            raise UserInputError(f"--reward: {error}") from error
        with naming_helper():
            check_kwargs(function, {**accepted(function, {"llm": helper} if helper else {}), **reward_kwargs})
    return PlayPlan(
        session=settings.session,
        max_turn_tokens=settings.max_turn_tokens or arguments.max_tokens,
        max_response_tokens=arguments.max_response_tokens,
        reward=arguments.reward,
        reward_kwargs=reward_kwargs,
        llm=helper,
        seed=arguments.seed,
    )


def load_tasks(source: Path, prompt_key: str = PROMPT_KEY) -> list[Task]:
    """The tasks of a file, or those of a run that may still be drawn.

    Raises:
        UserInputError: naming file, row and field.
    """
    if not source.is_dir():
        return read_tasks(source, prompt_key)
    if not (source / STORE_FILE).is_file():
        raise UserInputError(f"--tasks {source}: is a folder without {STORE_FILE}; give a run's folder or a file")
    with Store(store_url(source), create=False) as store:
        return list(pool_tasks(store, PoolFilter(status=TaskStatus.ACTIVE)))


def unique_tasks(tasks: Sequence[Task]) -> list[Task]:
    """The tasks in order, each once.

    Raises:
        UserInputError: two different tasks have the same id.
    """
    by_id: dict[str, Task] = {}
    for task in tasks:
        if by_id.setdefault(task.id, task).content_hash() != task.content_hash():
            raise UserInputError(f"--tasks: two different tasks have the id {task.id!r}; leave 'id' out of both")
    return list(by_id.values())


def _opened(path: Path, resume: bool) -> IO[bytes]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("r+b" if resume and path.exists() else "xb")
    except OSError as error:
        raise UserInputError(f"--out {path}: cannot be written: {error.strerror or error}") from error


def _settled(file: IO[bytes], path: Path, run: str, jobs: Sequence[Job]) -> dict[tuple[str, int], Record]:
    """Rollouts that need not be played again; the file then stands at the end of its last whole line."""
    wanted = {(task.id, sample) for task, sample in jobs}
    found: dict[tuple[str, int], Record] = {}
    end = 0
    if file.readable():
        for end, record in kept_records(file, str(path)):  # noqa: B007
            if record.run != run:
                raise UserInputError(
                    f"--out {path}: was made with another model or other settings; name another file, or give the "
                    "same --model, --name, --temperature, --max-tokens, --seed, --set, --reward, --llm and --helper-llm"
                )
            key = (record.task_id, record.sample)
            if key in wanted and record.status in _SETTLED:
                found[key] = record.figures_only()
        file.seek(end)
        file.truncate()
    return found


def _fingerprint(arguments: argparse.Namespace, plan: PlayPlan, model: str) -> str:
    """What decides a rollout, besides its task. How it is retried and where it runs does not."""
    decisive = {
        "model": model,
        "temperature": arguments.temperature,
        "llm": sorted(arguments.llm),
        # The session's settings among the others, as in files of earlier releases.
        "plan": {**asdict(plan), **asdict(plan.session), "attempts": None},
    }
    del decisive["plan"]["session"]
    if plan.llm is None:
        del decisive["plan"]["llm"]  # files of runs without one stay their own
    limits, unset = decisive["plan"]["limits"], asdict(DialogueLimits())
    for name in _LATER:
        if limits[name] == unset[name]:
            del limits[name]
    return hashlib.sha256(json.dumps(decisive, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _say(figures: Mapping[str, Any], path: Path | None) -> None:
    text = json.dumps(figures, ensure_ascii=False)
    if path is not None:
        try:
            with replacing(path) as file:
                file.write(f"{text}\n".encode())
        except OSError as error:
            raise UserInputError(f"--summary {path}: cannot be written: {error.strerror or error}") from error
    console = Console()
    # A file or pipe has no width to keep to.
    console = console if console.is_terminal else Console(width=200)
    for table in rollout_tables(figures):
        console.print(table)
    print(text)


def _progress(total: int) -> Callable[[Record], None]:
    """Says how far it is on a terminal, twice a second at most."""
    started = last = time.monotonic()
    shown = sys.stderr.isatty()
    done = succeeded = judged = failed = 0

    def show(record: Record) -> None:
        nonlocal last, done, succeeded, judged, failed
        done += 1
        judged += record.success is not None
        succeeded += bool(record.success)
        failed += record.status == RecordStatus.INFRASTRUCTURE.value
        now = time.monotonic()
        if shown and (now - last >= _PROGRESS_SECONDS or done == total):
            last = now
            text = f"{done} of {total}, {succeeded} of {judged} succeeded, {failed} failed otherwise"
            print(f"\r\x1b[K{text}, {done / (now - started):.1f}/s", end="", file=sys.stderr, flush=True)
            if done == total:
                print(file=sys.stderr)

    return show
