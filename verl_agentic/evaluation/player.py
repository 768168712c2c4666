"""One task played by a served model: the dialogue of training, without training."""

from __future__ import annotations

import asyncio
import time
import zlib
from dataclasses import dataclass, field

from verl_agentic.core import BrokenTaskError, End, InfrastructureError, Task, Trajectory
from verl_agentic.core.chat import BudgetSpentError, ChatUsage, ContextFullError, RefusedToolsError, noting_failures
from verl_agentic.evaluation.model import ServedModel
from verl_agentic.evaluation.plan import PlayPlan
from verl_agentic.rollout import DeadlineError, Dialogue
from verl_agentic.rollout.deadline import because, within
from verl_agentic.tool_envs import make_environment
from verl_agentic.tool_envs.users.registry import make_user


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
    usage, requests = ChatUsage(), 0
    for attempt in range(1, plan.attempts + 1):
        played = Played(Trajectory(task.id), usage, requests, attempts=attempt)
        try:
            await _attempt(task, session_seed(plan, task, sample), model, plan, played)
            return played
        except BudgetSpentError:
            raise
        except InfrastructureError:
            if attempt == plan.attempts:
                raise
            usage, requests = played.usage, played.requests
    raise AssertionError("attempts is at least 1")


async def _attempt(task: Task, seed: int, model: ServedModel, plan: PlayPlan, played: Played) -> None:
    user = make_user(plan.simulator, **plan.simulator_options)
    env = make_environment(plan.tool_env or task.env, user, plan.env_options)
    dialogue = Dialogue(task, env, plan.limits, seed)
    trajectory = played.trajectory = dialogue.trajectory
    trajectory.env, trajectory.simulator = plan.tool_env or task.env, plan.simulator
    started = time.perf_counter()
    failures: list[str] = []
    try:
        async with dialogue:
            # What it waits for in turn has the grace once, and then gives up itself.
            grace = 2 * plan.limits.grace_seconds
            with noting_failures() as failures:
                await within(_converse(dialogue, model, plan, played), plan.trajectory_seconds, grace)
            played.seconds = time.perf_counter() - started
    except asyncio.TimeoutError as error:
        culprit = " and ".join(dialogue.cut_short) or "the model"
        message = (
            f"trajectory took over {plan.trajectory_seconds:g} s, at last waiting for {culprit}{because(failures)}"
        )
        raise DeadlineError(message, culprit) from error
    except InfrastructureError:
        # A session that does not close costs nothing that was played.
        if not dialogue.done:
            raise


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
