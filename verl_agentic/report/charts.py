"""Charts as inline SVG that takes its ink from the page, so that it suits light and dark."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from verl_agentic.report.success import MEAN

# Stands for the page's own text colour, which SVG calls currentColor and matplotlib does not know.
_INK = "#010203"
_PALETTE = ("#4c78a8", "#f58518", "#54a24b", "#b279a2", "#e45756", "#72b7b2", "#9d755d", "#bab0ac")
_WIDE, _NARROW = (7.6, 2.9), (4.6, 2.6)  # inches; the page scales them
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "legend.frameon": False,
    "text.parse_math": False,
}


def success_bars(comparison: Mapping[str, Any], label: str) -> str:
    """Success per kind before and after training, with 95 % intervals."""
    kinds = [kind for kind in comparison["before"] if kind != MEAN] + [MEAN]
    states = [state for state in ("before", "after") if comparison[state]]

    def draw(axes: Any) -> None:
        width = 0.8 / len(states)
        for position, state in enumerate(states):
            present = [(at, kind) for at, kind in enumerate(kinds) if kind in comparison[state]]
            values = [comparison[state][kind] for _, kind in present]
            bounds = [comparison["ci95"][state][kind] for _, kind in present]
            below = [max(0.0, value - low) for value, (low, _) in zip(values, bounds, strict=True)]
            above = [max(0.0, high - value) for value, (_, high) in zip(values, bounds, strict=True)]
            places = [at + (position - (len(states) - 1) / 2) * width for at, _ in present]
            axes.bar(
                places,
                values,
                width * 0.92,
                yerr=[below, above],
                error_kw={"ecolor": _INK, "elinewidth": 1, "capsize": 2},
                color=_PALETTE[7] if state == "before" else _PALETTE[0],
                label=f"{state} (step {comparison[f'{state}_step']})",
            )
        axes.set_xticks(range(len(kinds)), kinds)
        axes.set_ylim(0, 1)
        axes.set_ylabel("success")
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0)

    return _svg(draw, label)


def reward_lines(steps: Sequence[Mapping[str, Any]], epochs: Sequence[Mapping[str, Any]]) -> str:
    """Mean reward and success per step, mean reward per epoch as level lines."""

    def draw(axes: Any) -> None:
        numbers = [one["step"] for one in steps]
        axes.plot(numbers, [one["reward"] for one in steps], color=_PALETTE[0], label="reward", marker=".", lw=1.4)
        axes.plot(numbers, [one["success"] for one in steps], color=_PALETTE[1], label="success", lw=1.2, alpha=0.8)
        named = False
        for epoch in epochs:
            within = [one["step"] for one in steps if one["epoch"] == epoch["epoch"]]
            if within and epoch["reward_mean"] is not None:
                label = None if named else "reward, epoch mean"
                ends = (min(within) - 0.4, max(within) + 0.4)
                axes.hlines(epoch["reward_mean"], *ends, color=_INK, lw=1.2, ls="--", alpha=0.7, label=label)
                named = True
        axes.set_xlabel("training step")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0)

    return _svg(draw, "reward per step")


def stacked_epochs(
    epochs: Sequence[Mapping[str, Any]], parts: Sequence[Mapping[Any, int]], label: str, wide: bool = False
) -> str:
    """Counts per epoch, stacked; ``parts`` has one mapping from part to count per epoch."""
    names = sorted({name for part in parts for name in part}, key=lambda name: (isinstance(name, str), name))

    def draw(axes: Any) -> None:
        places = list(range(len(epochs)))
        base = [0] * len(epochs)
        for position, name in enumerate(names):
            counts = [part.get(name, 0) for part in parts]
            colour = _PALETTE[position % len(_PALETTE)]
            axes.bar(places, counts, 0.7, bottom=base, color=colour, label=str(name).replace("_", " "))
            base = [low + count for low, count in zip(base, counts, strict=True)]
        axes.set_xticks(places, [str(epoch["epoch"]) for epoch in epochs])
        axes.set_xlabel("epoch")
        axes.yaxis.get_major_locator().set_params(integer=True)
        if names:
            axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0, reverse=True)

    return _svg(draw, label, size=_WIDE if wide else _NARROW)


def _svg(draw: Any, label: str, size: tuple[float, float] = _WIDE) -> str:
    # Imported here: drawing is the only thing that needs it, and it is slow to import.
    import matplotlib
    from matplotlib.figure import Figure

    # The salt keeps ids of different charts on one page apart, and those of one chart the same each time.
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": label}):
        figure = Figure(figsize=size)
        axes = figure.add_subplot()
        axes.grid(axis="y", color=_INK, alpha=0.12, linewidth=0.7)
        axes.set_axisbelow(True)
        draw(axes)
        buffer = io.StringIO()
        no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, bbox_inches="tight", metadata=no_metadata)
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(_INK, "currentColor")
    text = re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', 'class="chart"', text, count=1)
    # The page's own font family; older releases of matplotlib write it into the shorthand.
    text = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", text)
    return re.sub(r"font-family: [^;\"]*; ?", "", text)
