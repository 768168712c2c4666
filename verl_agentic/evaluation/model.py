"""What a model that plays tasks outside of training is to the player."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from verl_agentic.core.chat import ChatUsage
from verl_agentic.core.task import Message


@dataclass(frozen=True, slots=True)
class ModelMessage:
    """One message of the model.

    Attributes:
        text: as :func:`verl_agentic.core.messages.action.parse_assistant` reads it.
        usage: what it took.
        seconds: wall time of generating it.
        cut: whether it was cut at its longest length.
        note: what is odd about it, for the record; empty where nothing is.
    """

    text: str
    usage: ChatUsage
    seconds: float
    cut: bool = False
    note: str = ""


class Speaker(Protocol):
    """A model's side of one dialogue."""

    async def say(self, messages: Sequence[Message], room: int) -> ModelMessage:
        """The next message.

        Args:
            messages: everything said so far, what this speaker said included.
            room: longest message, in tokens.

        Raises:
            ContextFullError: the dialogue does not fit the model's context.
            RefusedToolsError: the model cannot be given a tool's name or schema.
            InfrastructureError: the model failed.
            UserInputError: its configuration is at fault.
        """
        ...


class ServedModel(Protocol):
    """A model that plays many dialogues at once.

    Attributes:
        name: what it goes by in records.
        priced: whether what it takes has a price.
    """

    name: str
    priced: bool

    def speaker(self, tools: Sequence[Mapping[str, Any]], seed: int) -> Speaker:
        """Its side of a new dialogue with these tools."""
        ...
