"""The figures of rollouts on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from verl_agentic.cli.plain_text import plain_text
from verl_agentic.report.numbers import NONE, duration, interval, percent

_COLUMNS = ("tasks", "judged", "success", "95 %", "turns", "tokens in", "tokens out", "p50", "p95", "$ a task")
_ALL = "all"


def rollout_tables(figures: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Figures by kind, why rollouts failed, and what has no verdict."""
    table = Table(title=escape(f"rollouts of {figures['model'] or 'no model'}"), title_justify="left")
    table.add_column("kind", overflow="fold")
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    for kind, row in [*figures["kinds"].items(), (_ALL, figures["all"])]:
        table.add_row(plain_text(kind), *_cells(row), style="bold" if row is figures["all"] else None)
    yield table
    failures, ends = figures["all"]["failures"], figures["all"]["ends"]
    yield plain_text(
        f"failures: {_listed(failures)}; ended by: {_listed(ends)}; calls: {_listed(figures['all']['calls'])}"
    )
    without = {name: count for name, count in figures["rollouts"].items() if name != "judged" and count}
    if without:
        yield plain_text(f"without a verdict, and counted nowhere above: {_listed(without)}")
    for error, count in figures["errors"].items():
        yield plain_text(f"  {count} x {error[:300]}")


def _cells(row: Mapping[str, Any]) -> Iterator[str]:
    yield str(row["tasks"])
    yield str(row["judged"])
    yield percent(row["success"])
    yield interval(row["ci95"])
    yield _mean(row["turns"], "{:.1f}")
    yield _mean(row["prompt_tokens"], "{:.0f}")
    yield _mean(row["completion_tokens"], "{:.0f}")
    for name in ("p50", "p95"):
        yield duration(row["seconds"][name] if row["seconds"] else None)
    yield _mean(row["cost"], "{:.4f}")


def _mean(spread: Mapping[str, float] | None, form: str) -> str:
    return NONE if spread is None else form.format(spread["mean"])


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"
