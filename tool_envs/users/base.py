"""The user's side of a dialogue."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verl_agentic.core import BrokenTaskError, Task

DONE = "Done."
"""What a user says of what it did where there is nothing else to say."""

_GAP = re.compile(r"\{([A-Za-z_]\w*)\}")
_RESULT = "result"
_NOTHING_TO_TELL = "ok"


@dataclass(frozen=True, slots=True)
class UserCall:
    """Something that the user does in the world, as the agent told it to.

    Attributes:
        name: what the environment runs in the user's name.
        arguments: of the call.
        say: what the user says of it, with gaps: ``{result}`` for what came back, ``{field}`` for a field of it.
    """

    name: str
    arguments: dict[str, Any]
    say: str = "{result}"

    def told(self, result: str) -> str:
        """What the user says of a call that came back with ``result``.

        Raises:
            BrokenTaskError: ``say`` names a field that the result does not have.
        """
        try:
            data = json.loads(result)
        except ValueError:
            data = result
        fields = data if isinstance(data, dict) else {}

        def filled(gap: re.Match[str]) -> str:
            if gap[1] in fields:
                return _plain(fields[gap[1]])
            if gap[1] == _RESULT:
                return "" if data == _NOTHING_TO_TELL else _plain(data)
            known = ", ".join(map(str, fields)) or "none"
            raise BrokenTaskError(
                f"the user is to say {gap[0]} of {self.name!r}, whose result has no such field; fields: {known}"
            )

        return _GAP.sub(filled, self.say).strip()


@dataclass(frozen=True, slots=True)
class UserReply:
    """What the user says.

    Attributes:
        content: the text; empty when the user only ends the dialogue, or when ``calls`` say it all.
        stop: whether the user ends the dialogue with this reply.
        calls: what the user does before it speaks; the environment runs them and fills the reply.
    """

    content: str
    stop: bool = False
    calls: tuple[UserCall, ...] = ()

    def filled(self, told: Sequence[str]) -> UserReply:
        """The reply once its calls have been run: what is told of them (:meth:`UserCall.told`), then the text."""
        content = " ".join(filter(None, [*told, self.content]))
        return UserReply(content or DONE, self.stop)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


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
