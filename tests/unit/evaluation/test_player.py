"""A served model in a session: what earlier attempts took counts, and what fails is named."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, End, InfrastructureError, Task, Trajectory
from verl_agentic.core.chat import BudgetSpentError, ChatUsage, ContextFullError, RefusedToolsError
from verl_agentic.evaluation.model import ModelMessage
from verl_agentic.evaluation.plan import PlayPlan
from verl_agentic.evaluation.player import play_served
from verl_agentic.evaluation.replay import replay
from verl_agentic.rollout import DeadlineError, DialogueLimits, SessionPlan
from verl_agentic.tool_envs import Environment, register_environment

CALL = '<tool_call>{"name": "look", "arguments": {}}</tool_call>'
ANSWER = "<answer>5</answer>"
LOOK = {"type": "function", "function": {"name": "look", "parameters": {}}}
TASK = Task("t", [{"role": "user", "content": "Go."}], [LOOK], "test_player_door", {}, "math", "5")


@register_environment("test_player_door")
class Door(Environment):
    """Fails at its calls as often as it is told to, and may not close."""

    failures = 0
    closes = True
    sessions = 0

    async def open(self, task: Task, seed: int) -> None:
        await super().open(task, seed)
        Door.sessions += 1

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        if Door.failures:
            Door.failures -= 1
            raise OSError("jammed")
        return "open"

    async def close(self) -> None:
        if not Door.closes:
            raise OSError("stuck")


@pytest.fixture(autouse=True)
def door() -> type[Door]:
    Door.failures, Door.closes, Door.sessions = 0, True, 0
    return Door


class Scripted:
    """A model that says the same lines in each dialogue; a line that is an error is raised, a number waited for."""

    def __init__(self, *lines: str | float | Exception) -> None:
        self.lines = lines

    def speaker(self, tools: Any, seed: int) -> Any:
        return _Lines(self.lines)


class _Lines:
    def __init__(self, lines: Any) -> None:
        self._lines = iter(lines)

    async def say(self, messages: Any, room: int) -> ModelMessage:
        line = next(self._lines)
        if isinstance(line, Exception):
            raise line
        if not isinstance(line, str):
            await asyncio.sleep(line)
        return ModelMessage(str(line), ChatUsage(100, 0, 10, 0.5), 0.25)


async def played(*lines: str | float | Exception, **session: Any) -> Any:
    limits = DialogueLimits(grace_seconds=0.05)
    plan = PlayPlan(SessionPlan(**{"simulator": "none", "limits": limits, **session}))
    return await play_served(TASK, 0, Scripted(*lines), plan)  # type: ignore[arg-type]


async def test_what_earlier_attempts_took_counts(door: type[Door]) -> None:
    door.failures = 2
    one = await played(CALL, CALL, ANSWER, attempts=3)
    assert (one.attempts, one.requests, one.usage.completion_tokens, one.usage.cost) == (3, 5, 50, 2.5)
    # Of this trajectory alone.
    assert (one.model_seconds, len(one.trajectory.turns), one.trajectory.end) == (0.75, 5, End.ANSWER)
    assert one.seconds > 0
    door.failures = 2
    with pytest.raises(InfrastructureError, match="jammed"):
        await played(CALL, ANSWER)


async def test_a_session_that_does_not_close_costs_nothing(door: type[Door]) -> None:
    door.closes = False
    one = await played(CALL, ANSWER)
    assert (one.attempts, one.trajectory.answer, door.sessions) == (1, "5", 1)


@pytest.mark.parametrize(
    ("lines", "error", "said"),
    [
        ((BudgetSpentError("no money left"),), BudgetSpentError, "no money"),
        ((RefusedToolsError("look: bad schema"),), BrokenTaskError, "bad schema"),
        ((ContextFullError("too long"),), BrokenTaskError, "does not fit the model's context"),
    ],
)
async def test_what_no_attempt_mends_is_tried_once(
    door: type[Door], lines: Any, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        await played(*lines)
    assert door.sessions == 1


async def test_a_full_context_ends_a_dialogue_by_its_length() -> None:
    one = await played(CALL, ContextFullError("too long"))
    assert (one.trajectory.end, one.attempts) == (End.MAX_TOKENS, 1)


async def test_a_model_that_hangs_is_named() -> None:
    with pytest.raises(DeadlineError, match=r"took over 0\.1 s, at last waiting for the model") as caught:
        await played(CALL, 60, trajectory_seconds=0.1, attempts=1)
    assert caught.value.culprit == "the model"


async def test_a_replay_is_tried_once_and_needs_no_session_that_closes(door: type[Door]) -> None:
    stored: Trajectory = (await played(CALL, ANSWER)).trajectory
    plan = SessionPlan(simulator="none")
    door.closes = False
    found = await replay(TASK, stored, plan)
    assert (found.differences, found.messages, found.replies) == ([], 2, 1)
    assert found.trajectory.simulator == "none"
    door.sessions, door.failures = 0, 1
    with pytest.raises(InfrastructureError, match="jammed"):
        await replay(TASK, stored, plan)
    assert door.sessions == 1
