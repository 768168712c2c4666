"""Functions and a class as tools: ``acme_worlds.tools:weather`` and so on."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Any, Literal

from verl_agentic.core import Task
from verl_agentic.tool_envs import ToolError

released = threading.Event()
cancelled: list[str] = []


def weather(city: str, unit: Literal["C", "F"] = "C") -> dict[str, Any]:
    """Say what the weather is.

    Args:
        city: name of the city,
            in English.
        unit: unit of the temperature.
    """
    if city == "Atlantis":
        raise ToolError("there is no such city")
    return {"city": city, "degrees": 20, "unit": unit}


async def nap(name: str, seconds: float) -> str:
    """Sleep."""
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        cancelled.append(name)
        raise
    return "rested"


def block(until_released: bool = True) -> str:
    """Hang until the test lets go."""
    released.wait(60 if until_released else 0)
    return "released"


def repeat(word: str, times: int) -> str:
    """Repeat a word."""
    return word * times


def broken() -> int:
    """Fail."""
    return 1 // 0


def odd() -> object:
    """Return what is no JSON."""
    return object()


def spin() -> int:
    """Never end, and never let go of the interpreter's lock for long."""
    count = 0
    while True:
        count += 1


def hoard() -> int:
    """Take all memory."""
    return len(bytearray(1 << 40))


def process() -> int:
    """Id of the process it runs in."""
    return os.getpid()


class Basket:
    """Articles of one session."""

    def __init__(self) -> None:
        self.articles: list[str] = []
        self.closed = False

    async def setup(self, task: Task, seed: int) -> None:
        self.articles = list(task.env_args.get("basket", []))

    def put(self, article: str) -> list[str]:
        """Put an article into the basket.

        Args:
            article: what to put.
        """
        time.sleep(0.001)
        self.articles.append(article)
        return self.articles

    async def empty(self) -> None:
        """Empty the basket."""
        self.articles.clear()

    def state(self) -> dict[str, Any]:
        return {"articles": self.articles}

    def teardown(self) -> None:
        self.closed = True
        closed.append(self)


closed: list[Basket] = []
