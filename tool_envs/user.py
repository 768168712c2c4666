"""The user's side of a dialogue."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from verl_agentic.core import Task


@dataclass(frozen=True, slots=True)
class UserReply:
    """What the user says.

    Attributes:
        content: the text; empty when the user only ends the dialogue.
        stop: whether the user ends the dialogue with this reply.
    """

    content: str
    stop: bool = False


class User(ABC):
    """A simulated user, opened with the task of one trajectory."""

    @abstractmethod
    def open(self, task: Task, seed: int) -> None:
        """Take the role that ``task.user`` describes."""

    @abstractmethod
    def reply(self, message: str) -> UserReply | None:
        """Answer the policy's message; ``None`` when there is nobody to answer."""


class NoUser(User):
    """Nobody answers."""

    def open(self, task: Task, seed: int) -> None:
        return None

    def reply(self, message: str) -> UserReply | None:
        return None
