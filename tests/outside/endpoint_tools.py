"""Tools and a reward for the cases of chat endpoints."""

from __future__ import annotations

from typing import Any


def get(city: str = "") -> str:
    """Look at the weather.

    Args:
        city: name of the city.
    """
    return f"sunny in {city}"


def now() -> str:
    """Tell the time."""
    return "noon"


def score(data_source: str, solution_str: str, ground_truth: Any, extra_info: Any = None) -> float:
    """1 where the answer is done."""
    return float("<answer>done" in solution_str)
