"""The report in a few lines on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from verl_agentic.report.numbers import NONE, decimal, duration, interval, percent, points, size
from verl_agentic.report.success import MEAN


def print_summary(report: Mapping[str, Any], console: Console | None = None) -> None:
    """Print success before and after, reward by epoch and what is missing."""
    console = console or Console()
    for split in ("held_out", "validation"):
        if report[split] is not None:
            console.print(_success(report[split], split.replace("_", "-")))
    if report["epochs"]:
        console.print(_epochs(report))
    facts = (
        f"profile {report['profile'] or NONE}",
        f"total {duration(report['seconds'].get('total'))}",
        f"peak memory {size(report['peak_memory_bytes'])}",
        f"infrastructure failures {report['infrastructure_failures']['total']}",
    )
    console.print(escape(" · ".join(facts)))
    console.print(f"checkpoint: {escape(report['checkpoint'] or NONE)}", soft_wrap=True)
    if report["missing"]:
        console.print(f"[yellow]not recorded (yet): {escape('; '.join(report['missing']))}[/]")


def _success(comparison: Mapping[str, Any], name: str) -> Table:
    table = Table(title=f"{name} success", title_justify="left")
    for column in ("kind", "before", "after", "points"):
        table.add_column(column, justify="left" if column == "kind" else "right")
    before, after, deltas = comparison["before"], comparison["after"] or {}, comparison["delta_by_kind"] or {}
    for kind in [*sorted({*before, *after} - {MEAN}), MEAN]:
        cells = (percent(before.get(kind)), percent(after.get(kind)), points(deltas.get(kind)))
        table.add_row(escape(kind), *cells, style="bold" if kind == MEAN else None)
    delta = comparison["ci95"]["delta"]
    if delta:
        table.caption = f"95 % interval of the change: {interval(delta, signed=True)} points"
    return table


def _epochs(report: Mapping[str, Any]) -> Table:
    table = Table(title="epochs", title_justify="left")
    for column in ("epoch", "reward", "active tasks", "new", "mastered"):
        table.add_column(column, justify="right")
    for epoch in report["epochs"]:
        active = epoch["pool"]["status"]["active"]
        cells = (epoch["epoch"], decimal(epoch["reward_mean"]), active, epoch["new_tasks"], epoch["mastered"])
        table.add_row(*map(str, cells))
    return table
