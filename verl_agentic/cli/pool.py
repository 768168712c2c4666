"""``verl-agentic pool``: look into the pool of a run, take tasks out of it and put tasks in."""

from __future__ import annotations

import argparse
from pathlib import Path

from verl_agentic.cli.plain_text import wide_console
from verl_agentic.cli.play_settings import add_prompt_key
from verl_agentic.cli.pool_tables import entries_table, lineage_tree, stats_tables, task_tables
from verl_agentic.cli.tasks import KINDS, names
from verl_agentic.core import UserInputError
from verl_agentic.flywheel import import_tasks, protected_splits
from verl_agentic.flywheel.drafts import REJECTED
from verl_agentic.store import Candidates, PoolEntry, PoolFilter, Store, TaskStatus, store_url
from verl_agentic.store.pool_query import (
    ancestors,
    descendants,
    entry,
    pool_entries,
    pool_size,
    pool_tasks,
    quarantined,
)
from verl_agentic.store.statistics import pool_counts, pool_origins, success_history
from verl_agentic.synthesis.families import load_families
from verl_agentic.synthesis.rows import write_jsonl, write_parquet

_LIMIT = 50
_FOR_EVER = 2**31 - 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their arguments."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")

    listed = actions.add_parser("ls", help="list tasks")
    listed.add_argument("--limit", type=int, default=_LIMIT, metavar="N", help=f"tasks to list (default: {_LIMIT})")
    listed.set_defaults(action=_ls)
    shown = actions.add_parser("show", help="show a task and how the policy did on it")
    shown.set_defaults(action=_show)
    lineage = actions.add_parser("lineage", help="show what a task was grown from and what was grown from it")
    lineage.add_argument("--limit", type=int, default=_LIMIT, metavar="N", help=f"descendants (default: {_LIMIT})")
    lineage.set_defaults(action=_lineage)
    exported = actions.add_parser("export", help="write tasks as rows of verl's data")
    exported.set_defaults(action=_export)
    imported = actions.add_parser("import", help="add the tasks of a file; evaluation tasks are refused")
    imported.set_defaults(action=_import)
    stats = actions.add_parser("stats", help="count tasks by status, progress, depth and origin")
    stats.set_defaults(action=_stats)

    for action in (listed, shown, lineage, exported, imported, stats):
        action.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="folder of the run")
        action.add_argument("--store", metavar="URL", help="database URL of its store (default: the one in RUN_DIR)")
    for action in (shown, lineage):
        action.add_argument("task_id", metavar="TASK_ID", help="id of the task")
    for action in (listed, exported):
        statuses = [status.value for status in TaskStatus]
        action.add_argument("--kind", help="of this kind only")
        action.add_argument("--status", choices=statuses, help="of this status only")
        action.add_argument("--depth", type=int, metavar="D", help="of this depth only")
        action.add_argument("--operator", help="grown by this operator only")
        action.add_argument("--generator", help="made by this hook or import only")
    exported.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .parquet or .jsonl file")
    imported.add_argument("file", type=Path, metavar="FILE", help="a .parquet or .jsonl file")
    add_prompt_key(imported)
    imported.add_argument(
        "--kinds", default=KINDS, help=f"families whose evaluation structures are refused (default: {KINDS})"
    )


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; return the exit status.

    Raises:
        UserInputError: there is no such store or task, or naming file, row and field.
        InfrastructureError: the store failed.
    """
    with Store(arguments.store or store_url(arguments.run_dir), create=False) as store:
        arguments.action(store, arguments)
    return 0


def _ls(store: Store, arguments: argparse.Namespace) -> None:
    if arguments.limit < 1:
        raise UserInputError(f"--limit must be at least 1, got {arguments.limit}")
    chosen = _filter(arguments)
    entries = pool_entries(store, chosen, arguments.limit)
    total = len(entries) if len(entries) < arguments.limit else pool_size(store, chosen)
    wide_console().print(entries_table(entries, total))


def _show(store: Store, arguments: argparse.Namespace) -> None:
    one = _entry(store, arguments.task_id)
    task = store.task(one.id)
    assert task is not None
    history = success_history(store, [one.id], before_epoch=_FOR_EVER).get(one.id, ())
    console = wide_console()
    for part in task_tables(one, task, history):
        console.print(part)


def _lineage(store: Store, arguments: argparse.Namespace) -> None:
    one = _entry(store, arguments.task_id)
    grown = descendants(store, one.id, arguments.limit)
    wide_console().print(lineage_tree(ancestors(store, one.id), one, grown))


def _export(store: Store, arguments: argparse.Namespace) -> None:
    writers = {".parquet": write_parquet, ".jsonl": write_jsonl}
    write = writers.get(arguments.out.suffix)
    if write is None:
        raise UserInputError(f"--out {arguments.out}: must end in .parquet or .jsonl")
    # Texts that were rejected are no tasks, and would be taken for some where they are imported.
    tasks = (task for task in pool_tasks(store, _filter(arguments)) if task.generator != REJECTED)
    count = write(tasks, arguments.out, "train")
    print(f"{arguments.out}: {count} tasks")


def _import(store: Store, arguments: argparse.Namespace) -> None:
    protected = protected_splits(load_families(names(arguments.kinds)))
    store.acquire()
    rows, added = import_tasks(store, arguments.file, protected, arguments.prompt_key)
    print(f"{arguments.file}: {rows} rows, {added} new tasks")


def _stats(store: Store, arguments: argparse.Namespace) -> None:
    console = wide_console()
    progress = Candidates(store, _FOR_EVER).sizes()
    parts = stats_tables(pool_counts(store), progress, pool_origins(store), quarantined(store), store.rounds())
    for part in parts:
        console.print(part)


def _filter(arguments: argparse.Namespace) -> PoolFilter:
    status = None if arguments.status is None else TaskStatus(arguments.status)
    return PoolFilter(arguments.kind, status, arguments.depth, arguments.operator, arguments.generator)


def _entry(store: Store, task_id: str) -> PoolEntry:
    found = entry(store, task_id)
    if found is None:
        raise UserInputError(f"the store holds no task {task_id!r}; 'verl-agentic pool ls' lists tasks")
    return found
