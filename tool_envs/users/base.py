"""The user's side of a dialogue."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping
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
    """A simulated user, opened with the task of one trajectory.

    Keyword arguments of the constructor are options, which ``agentic.rollout.simulator_options`` sets.
    """

    @abstractmethod
    def open(self, task: Task, seed: int) -> None:
        """Take the role that ``task.user`` describes.

        Raises:
            BrokenTaskError: it describes none.
        """

    @abstractmethod
    def reply(self, message: str) -> UserReply | Awaitable[UserReply | None] | None:
        """Answer the policy's message, at once or awaitably; ``None`` when there is nobody to answer.

        Raises:
            InfrastructureError: what the user is made of failed.
        """

    def counts(self) -> Mapping[str, int]:
        """What happened in this dialogue that a run should know of, by name."""
        return {}


class NoUser(User):
    """Nobody answers."""

    def open(self, task: Task, seed: int) -> None:
        return None

    def reply(self, message: str) -> UserReply | None:
        return None
