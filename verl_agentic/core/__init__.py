"""Plain typed data that every other layer shares. Imports neither verl nor torch."""

from verl_agentic.core.errors import BrokenTaskError, InfrastructureError, UserInputError
from verl_agentic.core.outcome import FailureKind, Outcome
from verl_agentic.core.rejection import RejectedError, Rejection
from verl_agentic.core.task import Message, Task
from verl_agentic.core.trajectory import End, ToolCall, Trajectory, Turn

__all__ = [
    "BrokenTaskError",
    "End",
    "FailureKind",
    "InfrastructureError",
    "Message",
    "Outcome",
    "RejectedError",
    "Rejection",
    "Task",
    "ToolCall",
    "Trajectory",
    "Turn",
    "UserInputError",
]
