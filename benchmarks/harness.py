"""What every benchmark shares: the machine it ran on, percentiles, memory, and the last line of its output."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import psutil


def machine(*packages: str) -> dict[str, Any]:
    """The machine and the versions of the packages that were measured."""
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least ``percent`` per cent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100).__int__() - 1)]


def resident_mib(with_children: bool = True) -> float:
    """Resident memory of this process, and of its children, in MiB."""
    process = psutil.Process()
    family = [process, *(process.children(recursive=True) if with_children else [])]
    total = 0
    for one in family:
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 2**20


def report(name: str, what: str, units: str, ours: float, peer: float | None, details: dict[str, Any]) -> None:
    """Print the result as one JSON object on one line; ``ratio`` is ours over the peer's."""
    ratio = round(ours / peer, 2) if peer else None
    result = {"name": name, "what": what, "units": units, "ours": ours, "peer": peer, "ratio": ratio, **details}
    print(json.dumps(result), flush=True)
