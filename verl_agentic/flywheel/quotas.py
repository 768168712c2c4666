"""Divide a number into whole parts."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import TypeVar

K = TypeVar("K")


def largest_remainders(exact: Mapping[K, float], total: int) -> dict[K, int]:
    """Whole numbers near ``exact`` that add up to ``total``; of equal remainders the first ones are rounded up."""
    floors = {name: math.floor(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: floors[name] - exact[name])
    for name in by_remainder[: total - sum(floors.values())]:
        floors[name] += 1
    return floors


def fair_quotas(available: Mapping[K, int], ratios: Mapping[K, float], size: int, rng: random.Random) -> dict[K, int]:
    """Split ``size`` by ratio; what a part cannot take goes to the others, and what is odd to random ones.

    Args:
        available: how much each part can take.
        ratios: shares relative to their sum, 1 where a part is not named; a part of ratio 0 gets nothing.
        size: what to split.
        rng: who gets what cannot be divided.
    """
    weights = {name: ratios.get(name, 1.0) for name, most in available.items() if most}
    names = [name for name, weight in weights.items() if weight > 0]
    quotas = dict.fromkeys(available, 0)
    left = min(size, sum(available[name] for name in names))
    while names:
        total = sum(weights[name] for name in names)
        exact = {name: left * weights[name] / total for name in names}
        full = [name for name in names if exact[name] >= available[name]]
        if not full:
            rng.shuffle(names)
            quotas.update(largest_remainders({name: exact[name] for name in names}, left))
            break
        for name in full:
            quotas[name] = available[name]
            left -= available[name]
            names.remove(name)
    return quotas
