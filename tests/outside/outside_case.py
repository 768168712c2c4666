"""A case from outside: an input that a public report says agents, judges or servers trip over, and what must hold."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Check = Callable[[], "Awaitable[None] | None"]


@dataclass(frozen=True, slots=True)
class Case:
    """One input and its check.

    Attributes:
        kind: which defect it stands for, e.g. ``G1``; the table is by kind.
        name: unique within its kind.
        check: raises ``AssertionError`` where it does not hold; may be a coroutine function.
        sure: whether there is no second opinion about what is right.
        own: whether it was made around a report's input, rather than being one.
        missed: whether it is known not to hold yet.
    """

    kind: str
    name: str
    check: Check
    sure: bool = True
    own: bool = False
    missed: bool = False

    def failure(self) -> str:
        """Run it; why it does not hold, empty where it does."""
        try:
            done = self.check()
            if inspect.isawaitable(done):
                asyncio.run(_waited(done))
        except Exception as error:
            text = str(error).strip().splitlines()
            return f"{type(error).__name__}: {text[0] if text else ''}"[:200]
        return ""


async def _waited(work: Awaitable[None]) -> None:
    await work
