"""Why something that was made must not become a task: to count by, to tell, and to raise."""

from __future__ import annotations

from dataclasses import dataclass

from verl_agentic.core.errors import BrokenTaskError


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a candidate must not enter the pool.

    Attributes:
        reason: short name to count it by, e.g. ``near_duplicate``.
        detail: what was wrong with this one.
        text: what a language model wrote, to be kept with the reason; empty for anything else.
    """

    reason: str
    detail: str = ""
    text: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason


class RejectedError(BrokenTaskError):
    """Something was made that no task may be made of.

    Args:
        reason, detail, text: of its :class:`Rejection`.
    """

    def __init__(self, reason: str, detail: str = "", text: str = "") -> None:
        super().__init__(reason, detail, text)
        self.rejection = Rejection(reason, detail, text)

    def __str__(self) -> str:
        return str(self.rejection)
