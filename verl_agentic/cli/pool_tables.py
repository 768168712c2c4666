"""The pool on a terminal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from verl_agentic.cli.plain_text import plain_text
from verl_agentic.core import Task
from verl_agentic.report.numbers import NONE, percent
from verl_agentic.store import Cell, PoolEntry, Progress, QuarantinedTask, RoundRecord, TaskStatus, total_yields

_MAX_TEXT = 2000
_MAX_REASONS = 10
_MAX_ROUNDS = 20


def entries_table(entries: Sequence[PoolEntry], total: int) -> Table:
    """A task a line."""
    table = _table(f"{len(entries)} of {total} tasks", "id", "kind", "structure", "status", "operator", "generator")
    for name in ("depth", "round", "success"):
        table.add_column(name, justify="right")
    for one in entries:
        texts = (one.id, one.kind, one.structure, one.status.value, one.operator or NONE, one.generator or NONE)
        table.add_row(*map(plain_text, texts), str(one.depth), str(one.round), percent(one.last_success))
    return table


def task_tables(entry: PoolEntry, task: Task, history: Sequence[float]) -> Iterator[RenderableType]:
    """A task's lineage, its dialogue and how the policy did on it."""
    facts = _table(entry.id, "field", "value")
    values = {
        "kind": task.kind,
        "structure": task.structure,
        "depth": str(task.depth),
        "status": entry.status.value + (f": {entry.reason}" if entry.reason else ""),
        "born in round": str(entry.round),
        "parent": task.parent or NONE,
        "operator": task.operator or NONE,
        "generator": task.generator or NONE,
        "seed": str(task.seed),
        "content hash": task.content_hash(),
        "environment": task.env,
        "reward": task.reward or NONE,
        "tools": ", ".join(str(tool.get("function", {}).get("name")) for tool in task.tools) or NONE,
        "ground truth": _shortened(json.dumps(task.ground_truth, ensure_ascii=False)),
        "success by step": " ".join(percent(value) for value in history) or NONE,
    }
    for name, value in values.items():
        facts.add_row(name, plain_text(value))
    yield facts
    for message in task.messages:
        yield Text(f"[{message['role']}]", style="bold")
        yield plain_text(_shortened(message["content"]))


def lineage_tree(before: Sequence[PoolEntry], entry: PoolEntry, after: Sequence[PoolEntry]) -> Tree:
    """From the first ancestor down to the last descendant."""
    chain = [*before, entry]
    root = Tree(_label(chain[0], entry))
    branch = root
    for one in chain[1:]:
        branch = branch.add(_label(one, entry))
    branches = {entry.id: branch}
    for one in after:
        branches[one.id] = branches[one.parent or ""].add(_label(one, entry))
    return root


def stats_tables(
    counts: Mapping[tuple[TaskStatus, str], int],
    progress: Mapping[Cell, Mapping[Progress, int]],
    origins: Mapping[str, int],
    quarantined: Sequence[QuarantinedTask],
    rounds: Sequence[RoundRecord],
) -> Iterator[Table]:
    """The pool in numbers."""
    statuses = _table("tasks", "kind")
    for status in TaskStatus:
        statuses.add_column(status.value, justify="right")
    for kind in sorted({kind for _, kind in counts}):
        statuses.add_row(plain_text(kind), *(str(counts.get((status, kind), 0)) for status in TaskStatus))
    yield statuses
    by_depth = _table("what can be drawn", "kind")
    for name in ("depth", *(one.value for one in Progress)):
        by_depth.add_column(name, justify="right")
    for cell, numbers in progress.items():
        by_depth.add_row(plain_text(cell.kind), str(cell.depth), *(str(numbers.get(one, 0)) for one in Progress))
    yield by_depth
    if origins:
        grown = _table("grown by", "operator")
        grown.add_column("tasks", justify="right")
        for operator, count in origins.items():
            grown.add_row(plain_text(operator), str(count))
        yield grown
    if quarantined:
        reasons = _table("quarantined", "reason")
        reasons.add_column("tasks", justify="right")
        for reason, count in Counter(one.reason for one in quarantined).most_common(_MAX_REASONS):
            reasons.add_row(plain_text(_shortened(reason)), str(count))
        yield reasons
    made = total_yields(record.yields for record in rounds)
    if made:
        operators = _table("candidates of the flywheel", "operator")
        for name in ("made", "accepted", "yield"):
            operators.add_column(name, justify="right")
        operators.add_column("the others", overflow="fold")
        for operator, one in made.items():
            why = ", ".join(f"{reason} {count}" for reason, count in one.rejected.most_common())
            operators.add_row(
                plain_text(operator), str(one.made), str(one.accepted), percent(one.share), plain_text(why or NONE)
            )
        yield operators
    if rounds:
        last = _table("rounds", "epoch", "status", "what it did")
        for record in rounds[-_MAX_ROUNDS:]:
            done = ", ".join(f"{name} {count}" for name, count in record.counts.items() if count)
            last.add_row(str(record.epoch), record.status, plain_text(done))
        yield last


def _table(title: str, *columns: str) -> Table:
    table = Table(title=escape(title), title_justify="left")
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def _label(one: PoolEntry, chosen: PoolEntry) -> Text:
    text = Text(one.id, style="bold" if one.id == chosen.id else "")
    operator = f"{one.operator}, " if one.operator else ""
    return text.append(f"  {operator}depth {one.depth}, round {one.round}, {one.status.value}", style="dim")


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]} ... ({len(text)} characters)"
