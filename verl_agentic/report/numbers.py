"""Numbers as people read them."""

from __future__ import annotations

from collections.abc import Sequence

NONE = "\N{EN DASH}"


def percent(value: float | None) -> str:
    """A share, e.g. ``41.7 %``."""
    return NONE if value is None else f"{100 * value:.1f} %"


def points(value: float | None) -> str:
    """A difference of shares in percentage points, e.g. ``+12.5``."""
    return NONE if value is None else f"{100 * value:+.1f}"


def interval(bounds: Sequence[float] | None, signed: bool = False) -> str:
    """An interval of shares, e.g. ``35.0 to 48.2``."""
    if bounds is None:
        return NONE
    return " to ".join(f"{100 * bound:{'+' if signed else ''}.1f}" for bound in bounds)


def decimal(value: float | None) -> str:
    """A reward, e.g. ``0.412``."""
    return NONE if value is None else f"{value:.3f}"


def duration(seconds: float | None) -> str:
    """Wall time, e.g. ``1 h 02 min``, ``3 min 20 s`` or ``4.2 s``."""
    if seconds is None:
        return NONE
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def size(count: int | None) -> str:
    """Bytes, e.g. ``5.3 GiB``."""
    if count is None:
        return NONE
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
