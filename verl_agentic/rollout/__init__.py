"""The dialogue of one trajectory, independent of who samples the tokens."""

from verl_agentic.core.messages.action import AssistantAction, parse_assistant
from verl_agentic.rollout.deadline import DeadlineError
from verl_agentic.rollout.dialogue import Dialogue
from verl_agentic.rollout.limits import DialogueLimits
from verl_agentic.rollout.play import Policy, play
from verl_agentic.rollout.session import Session, SessionPlan

__all__ = [
    "AssistantAction",
    "DeadlineError",
    "Dialogue",
    "DialogueLimits",
    "Policy",
    "Session",
    "SessionPlan",
    "parse_assistant",
    "play",
]
