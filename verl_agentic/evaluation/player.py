"""One task played by a served model: the dialogue of training, without training."""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass, field

from verl_agentic.core import BrokenTaskError, End, Task, Trajectory
from verl_agentic.core.chat import ChatUsage, ContextFullError, RefusedToolsError
from verl_agentic.evaluation.model import ServedModel
from verl_agentic.evaluation.plan import PlayPlan
from verl_agentic.rollout import Dialogue, Session


@dataclass(slots=True)
class Played:
    """A trajectory, and what it took.

    Attributes:
        trajectory: it ended.
        usage: tokens and cost of all requests, those of earlier attempts included.
        requests: messages asked for, likewise.
        model_seconds: wall time in which the model wrote this trajectory's messages.
        seconds: wall time of this trajectory, from opening its session to its end.
        attempts: how often it was tried.
        note: what was odd about one of its messages.
    """

    trajectory: Trajectory
    usage: ChatUsage = field(default_factory=ChatUsage)
    requests: int = 0
    model_seconds: float = 0.0
    seconds: float = 0.0
    attempts: int = 1
    note: str = ""


def session_seed(plan: PlayPlan, task: Task, sample: int) -> int:
    """Seed of a task's session; the same for every model, so that all of them meet the same worlds and users."""
    return zlib.crc32(f"{task.id}/{plan.seed}/{sample}".encode())


async def play_served(task: Task, sample: int, model: ServedModel, plan: PlayPlan) -> Played:
    """Play one task to its end; tried anew where the infrastructure fails.

    Raises:
        BrokenTaskError: the task cannot be played by anyone, its prompt does not fit the model's context, or the
            model's server does not take its tools.
        UserInputError: the environment, the user or the endpoint is not configured as it must be.
        InfrastructureError: every attempt failed for reasons that are not the policy's, or the budget is spent.
    """
    session = Session(task, session_seed(plan, task, sample), plan.session, speaker="the model")
    played = Played(Trajectory(task.id))

    async def converse(dialogue: Dialogue) -> Played:
        nonlocal played
        played = Played(dialogue.trajectory, played.usage, played.requests, attempts=session.attempts)
        started = time.perf_counter()
        await _converse(dialogue, model, plan, played)
        played.seconds = time.perf_counter() - started
        return played

    return await session.play(converse)


async def _converse(dialogue: Dialogue, model: ServedModel, plan: PlayPlan, played: Played) -> None:
    tools = await dialogue.open()
    speaker = model.speaker(tools, dialogue.trajectory.seed)
    longest, room = plan.max_response_tokens, plan.max_turn_tokens
    spoken = 0
    while not dialogue.done:
        try:
            said = await speaker.say(dialogue.messages, room)
        except RefusedToolsError as error:
            raise BrokenTaskError(str(error)) from error
        except ContextFullError as error:
            if not dialogue.assistant_turns:
                raise BrokenTaskError(f"the prompt does not fit the model's context: {error}") from error
            dialogue.stop(End.MAX_TOKENS)
            return
        tokens = said.usage.completion_tokens
        played.usage += said.usage
        played.requests += 1
        played.note = played.note or said.note
        played.model_seconds += said.seconds
        if not dialogue.assistant_turns:
            dialogue.trajectory.prompt_tokens = said.usage.prompt_tokens
        spoken = said.usage.prompt_tokens + tokens - dialogue.trajectory.prompt_tokens
        if said.cut:
            dialogue.cut_off(said.text, tokens, said.seconds)
            return
        await dialogue.feed(said.text, tokens, said.seconds)
        if longest is not None:
            room = min(plan.max_turn_tokens, longest - spoken)
            if room < 1 and not dialogue.done:
                dialogue.stop(End.MAX_TOKENS)
