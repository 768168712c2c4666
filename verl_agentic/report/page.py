"""The report as one self-contained HTML page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from verl_agentic.report import charts
from verl_agentic.report.markup import card, heading, message, paragraph, table
from verl_agentic.report.numbers import NONE, decimal, duration, interval, percent, points, size
from verl_agentic.report.style import STYLE
from verl_agentic.report.success import MEAN

# Nothing may be loaded or run, whatever a trajectory says.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render_html(report: Mapping[str, Any]) -> str:
    """Render what :func:`verl_agentic.report.build_report` returns."""
    sections = [
        _header(report),
        _comparison(report["held_out"], report["curves"]["held_out"], "Held-out success"),
        _comparison(report["validation"], report["curves"]["validation"], "Validation success"),
        _training(report),
        _pool(report),
        _flywheel(report),
        _failures(report),
        _run(report),
        _samples(report),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Training report</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(section for section in sections if section)
        + "\n</body></html>\n"
    )


def _header(report: Mapping[str, Any]) -> str:
    held_out = report["held_out"] or {}
    before, after = held_out.get("before"), held_out.get("after")
    seed = NONE if report["seed"] is None else report["seed"]
    parts = [
        heading("Training report", 1),
        paragraph(f"profile {report['profile'] or NONE} · seed {seed} · {report['steps']} steps", "dim"),
        '<div class="cards">',
        card(percent(before and before[MEAN]), "held-out success before"),
        card(percent(after and after[MEAN]), "held-out success after"),
        card(points(held_out.get("delta")), "percentage points gained"),
        card(duration(report["seconds"].get("total")), "total time"),
        card(size(report["peak_memory_bytes"]), "peak memory"),
        "</div>",
    ]
    if report["missing"]:
        parts.append(paragraph(f"Not recorded (yet): {'; '.join(report['missing'])}.", "notice"))
    return "\n".join(parts)


def _comparison(comparison: Mapping[str, Any] | None, curve: list[Any], title: str) -> str:
    if comparison is None:
        return ""
    before, after, ci95 = comparison["before"], comparison["after"] or {}, comparison["ci95"]
    deltas = comparison["delta_by_kind"] or {}
    kinds = [*sorted({*before, *after} - {MEAN}), MEAN]
    rows = [
        (
            "mean over kinds" if kind == MEAN else kind,
            percent(before.get(kind)),
            interval(ci95["before"].get(kind)),
            percent(after.get(kind)),
            interval((ci95["after"] or {}).get(kind)),
            points(deltas.get(kind)),
        )
        for kind in kinds
    ]
    head = ("kind", "before", "95 % interval", "after", "95 % interval", "change (points)")
    what = f"{comparison['tasks']} tasks, {comparison['samples_per_task']:g} sample(s) per task."
    if ci95["delta"]:
        gain = f"{points(comparison['delta'])} points (95 % interval {interval(ci95['delta'], signed=True)})"
        what += f" Change of the mean, paired by task: {gain}."
    parts = [heading(title), paragraph(what, "dim"), charts.success_bars(comparison, title), table(head, rows, True)]
    if len(curve) > 2:
        names = [kind for kind in kinds if kind != MEAN] + [MEAN]
        lines = [(one["step"], *(percent(one["success"].get(kind)) for kind in names)) for one in curve]
        parts += [heading("At each evaluation", 3), table(("step", *names), lines)]
    return "\n".join(parts)


def _training(report: Mapping[str, Any]) -> str:
    if not report["reward_per_step"]:
        return ""
    epochs = report["epochs"]
    kinds = sorted({kind for epoch in epochs for kind in epoch["success_by_kind"]})
    depths = sorted({depth for epoch in epochs for depth in epoch["success_by_depth"]})
    staged = any(epoch["stage"] for epoch in epochs)
    rows = [
        (
            epoch["epoch"],
            *((epoch["stage"] or NONE,) if staged else ()),
            epoch["samples"],
            decimal(epoch["reward_mean"]),
            *(percent(epoch["success_by_kind"].get(kind)) for kind in kinds),
            percent(epoch["zero_variance_groups"]),
            epoch["new_tasks"],
            epoch["mastered"],
        )
        for epoch in epochs
    ]
    head = (
        "epoch",
        *(("stage",) if staged else ()),
        "trajectories",
        "mean reward",
        *(f"success, {kind}" for kind in kinds),
        "no variance",
        "new tasks",
        "mastered",
    )
    note = (
        "New and mastered tasks are those of the flywheel round that opened the epoch. Groups without variance, all of "
        "whose rewards are alike, give no gradient."
    )
    parts = [heading("Training"), charts.reward_lines(report["reward_per_step"], epochs), table(head, rows)]
    parts.append(paragraph(note, "dim"))
    if len(depths) > 1:
        lines = [
            (epoch["epoch"], *(percent(epoch["success_by_depth"].get(depth)) for depth in depths))
            for epoch in epochs
            if epoch["samples"]
        ]
        names = ("epoch", *(f"depth {depth}" for depth in depths))
        parts += [heading("Success by depth of the task", 3), table(names, lines)]
    return "\n".join(parts)


def _pool(report: Mapping[str, Any]) -> str:
    epochs = report["epochs"]
    if not epochs:
        return ""
    parts = [heading("Pool"), paragraph("Number of tasks when each epoch started.", "dim"), '<div class="pair">']
    views = (
        ("status", "By status, all tasks"),
        ("kind", "By kind, active tasks"),
        ("depth", "By depth, active tasks"),
        ("operator", "By operator, active tasks"),
    )
    for name, title in views:
        chart = charts.stacked_epochs(epochs, [epoch["pool"][name] for epoch in epochs], f"pool by {name}")
        parts.append(f"<div>{heading(title, 3)}{chart}</div>")
    return "\n".join([*parts, "</div>"])


def _flywheel(report: Mapping[str, Any]) -> str:
    if not report["operators"]:
        return ""
    rows = [(name, *_yield_cells(one)) for name, one in report["operators"].items()]
    head = ("operator", "candidates", "accepted", "yield", "the others")
    what = (
        "Candidates for new tasks over all rounds, by the operator that made them; fresh ones were grown from no task."
    )
    parts = [heading("Flywheel"), paragraph(what, "dim"), table(head, rows, text_from=4)]
    lines = [
        (epoch["epoch"], *_yield_cells(_sum(epoch["operators"].values())))
        for epoch in report["epochs"]
        if epoch["round"]
    ]
    names = ("round before epoch", *head[1:])
    return "\n".join([*parts, heading("By round", 3), table(names, lines, text_from=4)])


def _sum(operators: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    total: dict[str, Any] = {"made": 0, "accepted": 0, "rejected": Counter()}
    for one in operators:
        total["made"] += one["made"]
        total["accepted"] += one["accepted"]
        total["rejected"].update(one["rejected"])
    return total


def _yield_cells(one: Mapping[str, Any]) -> tuple[int, int, str, str]:
    reasons = Counter(one["rejected"]).most_common()
    why = ", ".join(f"{reason.replace('_', ' ')} {count}" for reason, count in reasons)
    return one["made"], one["accepted"], percent(one["accepted"] / one["made"] if one["made"] else None), why or NONE


def _failures(report: Mapping[str, Any]) -> str:
    epochs = [epoch for epoch in report["epochs"] if epoch["samples"]]
    parts: list[str] = []
    kinds = sorted({kind for epoch in epochs for kind in epoch["failure_kinds"]})
    if kinds:
        rows = [(epoch["epoch"], *(epoch["failure_kinds"].get(kind, 0) for kind in kinds)) for epoch in epochs]
        parts += [
            heading("Where the policy failed"),
            charts.stacked_epochs(epochs, [epoch["failure_kinds"] for epoch in epochs], "failures by kind", wide=True),
            table(("epoch", *(kind.replace("_", " ") for kind in kinds)), rows),
        ]
    if (why := report["failure_reasons"]) and why["reasons"]:
        parts += _reasons(why)
    broken = report["infrastructure_failures"]
    parts.append(heading("Infrastructure failures"))
    if not broken["total"]:
        return "\n".join([*parts, paragraph("None.")])
    counts = ", ".join(f"{kind}: {count}" for kind, count in broken["by_kind"].items())
    parts.append(paragraph(f"{broken['total']} in all ({counts}). None was ever rewarded. The last ones:"))
    rows = [(one["step"], one["kind"], one["message"][:300]) for one in broken["last"]]
    return "\n".join([*parts, table(("step", "kind", "message"), rows, text_from=1)])


def _reasons(why: Mapping[str, Any]) -> list[str]:
    rows = [
        (
            one["count"],
            one["kind"] or NONE,
            one["failure"].replace("_", " "),
            f"{one['diagnosis'].replace('_', ' ')}: {one['evidence']}" if one["diagnosis"] else NONE,
            one["reason"] or NONE,
            one["task_id"],
        )
        for one in why["reasons"]
    ]
    note = (
        f"Of {why['failures']} failures in epoch {why['epoch']}, the latest {why['looked_at']}: the reward's reason, "
        "and what the trajectory itself shows. verl-agentic trajectories show prints one of them as a dialogue."
    )
    head = ("trajectories", "kind", "failure", "diagnosis of the latest", "reason", "its task")
    return [heading("Reasons", 3), paragraph(note, "dim"), table(head, rows, text_from=3)]


def _run(report: Mapping[str, Any]) -> str:
    rows = [(phase, duration(seconds)) for phase, seconds in report["seconds"].items()]
    parts = [heading("Run")]
    if rows:
        parts.append(table(("phase", "wall time"), rows, last_is_total=rows[-1][0] == "total"))
    checkpoint = report["checkpoint"]
    where = f"<code>{escape(checkpoint)}</code>" if checkpoint else NONE
    return "\n".join([*parts, f"<p>Checkpoint (Hugging Face format): {where}</p>"])


def _samples(report: Mapping[str, Any]) -> str:
    if not report["samples"]:
        return ""
    parts = [heading("Trajectories")]
    for sample in report["samples"]:
        verdict = "success" if sample["success"] else sample["failure"].replace("_", " ")
        css = "good" if sample["success"] else "bad"
        detail = f"{sample['source'].replace('_', '-')}, step {sample['step']}, reward {sample['reward']:.3f}"
        parts.append(
            f'<details><summary><b>{escape(sample["kind"])}</b> <span class="{css}">{escape(verdict)}</span> '
            f'<span class="dim">{escape(detail)} · {escape(sample["task_id"])}</span></summary><div class="chat">'
        )
        parts += [message(one["role"], one["content"]) for one in sample["messages"]]
        blame = f"to blame: {sample['blame']}" if sample["blame"] else ""
        why = [text for text in (sample["reason"], sample["diagnosis"], blame) if text and not sample["success"]]
        parts += [message("note", f"Why: {' · '.join(why)}")] if why else []
        parts.append("</div></details>")
    return "\n".join(parts)
