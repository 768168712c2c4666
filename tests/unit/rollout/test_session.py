"""A session: what fails in it and who is named, what is tried anew, and what costs nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, End, InfrastructureError, Task, Trajectory, UserInputError
from verl_agentic.core.chat import BudgetSpentError, note_failure
from verl_agentic.rollout import DeadlineError, Dialogue, DialogueLimits, Session, SessionPlan
from verl_agentic.tool_envs import Environment, User, register_environment

CALL = '<tool_call>{"name": "look", "arguments": {}}</tool_call>'
ANSWER = "<answer>5</answer>"
TOOL = {"type": "function", "function": {"name": "look", "parameters": {}}}
MOODY = '''
import asyncio
from verl_agentic.tool_envs import User, UserReply

class Moody(User):
    """Says yes, or does not, as its option says."""

    def __init__(self, mood="fine"):
        self.mood = mood

    def open(self, task, seed):
        self.seed = seed

    async def reply(self, message):
        if self.mood == "hangs":
            await asyncio.sleep(60)
        if self.mood == "fails":
            raise KeyError("no line")
        return UserReply(f"yes {self.seed}")

    def counts(self):
        return {"seed": self.seed}
'''


@register_environment("test_session_house")
class House(Environment):
    """Fails, hangs or runs out of money at one place, as often as it is told to."""

    opened: list[int] = []  # noqa: RUF012
    closed = 0
    trouble: list[tuple[str, Exception | None]] = []  # noqa: RUF012

    def __init__(self, user: User | None = None, *, word: str = "") -> None:
        super().__init__(user)
        self.word = word

    @classmethod
    async def at(cls, place: str) -> None:
        if cls.trouble and cls.trouble[0][0] == place:
            _, error = cls.trouble.pop(0)
            if error is None:
                await asyncio.sleep(60)
            else:
                raise error

    async def open(self, task: Task, seed: int) -> None:
        await super().open(task, seed)
        self.opened.append(seed)
        await self.at("open")

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        await self.at("call")
        return f"seen {self.word}"

    async def close(self) -> None:
        House.closed += 1
        await self.at("close")


@register_environment("test_session_other_house")
class OtherHouse(House):
    """The same under another name."""


@pytest.fixture(autouse=True)
def house() -> type[House]:
    House.opened, House.closed, House.trouble = [], 0, []
    return House


@pytest.fixture
def moody(tmp_path: Path) -> str:
    path = tmp_path / "moody.py"
    path.write_text(MOODY)
    return f"{path}:Moody"


def make_task(env: str = "test_session_house") -> Task:
    return Task("t", [{"role": "user", "content": "Go."}], [TOOL], env, {}, "math", "5")


def make_plan(**fields: Any) -> SessionPlan:
    limits = DialogueLimits(grace_seconds=0.05, call_seconds=fields.pop("call_seconds", 60.0))
    return SessionPlan(**{"simulator": "none", "limits": limits, **fields})


class Policy:
    """Says the same lines in each attempt; a line that is a number is waited for as many seconds."""

    def __init__(self, *lines: str | float) -> None:
        self.lines = lines
        self.dialogues: list[Dialogue] = []

    async def __call__(self, dialogue: Dialogue) -> Trajectory:
        self.dialogues.append(dialogue)
        await dialogue.open()
        for line in self.lines:
            if isinstance(line, str):
                await dialogue.feed(line)
            else:
                await asyncio.sleep(line)
        return dialogue.trajectory


class Told:
    """Keeps what it is told of."""

    def __init__(self) -> None:
        self.errors: list[InfrastructureError] = []

    async def __call__(self, error: InfrastructureError) -> None:
        self.errors.append(error)


async def test_a_trajectory_says_where_and_with_whom_it_was_played(moody: str) -> None:
    plan = make_plan(simulator=moody, env_options={"test_session_other_house": {"word": "w"}})
    session = Session(make_task(), 7, plan)
    played = await session.play(Policy(CALL, "Really?", ANSWER))
    assert (played.env, played.simulator, played.seed, played.user) == ("test_session_house", moody, 7, {"seed": 7})
    assert [turn.content for turn in played.turns if turn.role != "assistant"] == ["seen ", "yes 7"]
    assert (played.end, session.attempts, House.closed) == (End.ANSWER, 1, 1)

    elsewhere = make_plan(tool_env="test_session_other_house", env_options=plan.env_options)
    played = await Session(make_task(), 0, elsewhere).play(Policy(CALL, ANSWER))
    assert (played.env, played.simulator, played.calls[0].result) == ("test_session_other_house", "none", "seen w")


@pytest.mark.parametrize("place", ["open", "call", "close"])
async def test_what_fails_once_is_tried_anew_and_told_of(house: type[House], place: str) -> None:
    house.trouble = [(place, OSError("disk full"))]
    told, policy = Told(), Policy(CALL, ANSWER)
    session = Session(make_task(), 3, make_plan(), failed=told)
    played = await session.play(policy)
    assert (played.answer, played.end) == ("5", End.ANSWER)
    assert ["disk full" in str(error) for error in told.errors] == [True]
    # A session that does not close is the end of its trajectory all the same.
    attempts = 1 if place == "close" else 2
    assert (session.attempts, len(policy.dialogues), house.closed) == (attempts, attempts, attempts)
    assert house.opened == [3] * attempts
    assert len({id(dialogue.env) for dialogue in policy.dialogues}) == attempts


@pytest.mark.parametrize("place", ["open", "call"])
async def test_what_fails_as_often_as_it_is_tried_is_raised(house: type[House], place: str) -> None:
    house.trouble = [(place, OSError(f"number {n}")) for n in range(9)]
    told = Told()
    session = Session(make_task(), 0, make_plan(attempts=3), failed=told)
    with pytest.raises(InfrastructureError, match="number 2"):
        await session.play(Policy(CALL, ANSWER))
    # What is raised is not told of as well.
    assert ["number 0" in str(told.errors[0]), "number 1" in str(told.errors[1])] == [True, True]
    assert (len(told.errors), session.attempts, house.closed) == (2, 3, 3)


@pytest.mark.parametrize("mood", ["fails", "hangs"])
async def test_a_user_that_fails_is_ours(moody: str, mood: str) -> None:
    plan = make_plan(simulator=moody, simulator_options={"mood": mood}, call_seconds=0.1)
    session = Session(make_task(), 0, plan)
    with pytest.raises(InfrastructureError, match=r"the user (failed: KeyError|took over 0\.1 s)") as caught:
        await session.play(Policy("Really?"))
    assert (session.attempts, House.closed) == (2, 2)
    assert getattr(caught.value, "culprit", "the user") == "the user"


@pytest.mark.parametrize(
    ("task", "plan", "error"),
    [
        (make_task("nowhere"), make_plan(), BrokenTaskError),
        (make_task(), make_plan(tool_env="nowhere"), BrokenTaskError),
        (make_task(), make_plan(env_options={"test_session_house": {"nope": 1}}), UserInputError),
        (make_task(), make_plan(simulator="nobody"), UserInputError),
        (make_task(), make_plan(simulator_options={"nope": 1}), UserInputError),
    ],
)
async def test_what_no_attempt_mends_is_tried_once(task: Task, plan: SessionPlan, error: type[Exception]) -> None:
    told = Told()
    session = Session(task, 0, plan, failed=told)
    with pytest.raises(error):
        await session.play(Policy(ANSWER))
    assert (session.attempts, told.errors) == (1, [])


@pytest.mark.parametrize("error", [BudgetSpentError("no money left"), BrokenTaskError("no such table")])
async def test_a_spent_budget_and_a_broken_task_are_not_tried_anew(house: type[House], error: Exception) -> None:
    house.trouble = [("call", error)] * 2
    session = Session(make_task(), 0, make_plan())
    with pytest.raises(type(error)) as caught:
        await session.play(Policy(CALL, ANSWER))
    assert (caught.value, session.attempts, house.closed) == (error, 1, 1)


@pytest.mark.slow
async def test_what_hangs_is_named(house: type[House]) -> None:
    plan = make_plan(trajectory_seconds=0.2, attempts=1)

    async def culprit(policy: Policy, failures: str = "") -> str:
        said = rf"trajectory took over 0\.2 s, at last waiting for .*{failures}"
        with pytest.raises(DeadlineError, match=said) as caught:
            await Session(make_task(), 0, plan, speaker="the engine").play(policy)
        return caught.value.culprit

    house.trouble = [("call", None)]
    assert await culprit(Policy(CALL)) == "tool 'look'"
    house.trouble = [("open", None)]
    assert await culprit(Policy(CALL)) == "opening the session"
    assert await culprit(Policy(CALL, 60)) == "the engine"
    assert house.closed == 3

    class Retrying(Policy):
        async def __call__(self, dialogue: Dialogue) -> Trajectory:
            note_failure("503 from the server")
            return await super().__call__(dialogue)

    assert await culprit(Retrying(60), "the engine; 503 from the server$") == "the engine"


async def test_what_hangs_once_is_tried_anew(house: type[House]) -> None:
    house.trouble = [("call", None)]
    told = Told()
    session = Session(make_task(), 0, make_plan(trajectory_seconds=0.2), failed=told)
    assert (await session.play(Policy(CALL, ANSWER))).answer == "5"
    assert [getattr(error, "culprit", None) for error in told.errors] == ["tool 'look'"]


async def test_a_session_that_hangs_when_it_is_closed_costs_no_trajectory(house: type[House]) -> None:
    house.trouble = [("close", None)]
    told = Told()
    session = Session(make_task(), 0, make_plan(call_seconds=0.1, attempts=1), failed=told)
    assert (await session.play(Policy(ANSWER))).answer == "5"
    assert "closing the session took over 0.1 s" in str(told.errors[0])


async def test_a_close_that_fails_hides_nothing(house: type[House]) -> None:
    house.trouble = [("call", OSError("first")), ("close", OSError("second"))]
    with pytest.raises(InfrastructureError, match="first"):
        await Session(make_task(), 0, make_plan(attempts=1)).play(Policy(CALL, ANSWER))
    assert house.trouble == []


async def test_what_its_caller_makes_of_it_can_fail_too(house: type[House]) -> None:
    async def converse(dialogue: Dialogue) -> None:
        await dialogue.open()
        await dialogue.feed(ANSWER)
        raise InfrastructureError("the state is not JSON")

    session = Session(make_task(), 0, make_plan())
    with pytest.raises(InfrastructureError, match="not JSON"):
        await session.play(converse)
    assert session.attempts == 2


@pytest.mark.slow
async def test_seconds_that_are_excused_put_off_the_deadline_of_their_own_attempt_alone() -> None:
    waited = 0.0

    async def pausing(dialogue: Dialogue) -> Trajectory:
        nonlocal waited
        await dialogue.open()
        await asyncio.sleep(0.5)
        waited += 0.5
        await asyncio.sleep(60)
        return dialogue.trajectory

    session = Session(make_task(), 0, make_plan(trajectory_seconds=0.6, attempts=2), excused=lambda: waited)
    started = time.monotonic()
    with pytest.raises(DeadlineError):
        await session.play(pausing)
    # Each attempt has 1.1 s; with what the first one waited, the second would have 1.6.
    assert 2.1 < time.monotonic() - started < 2.55


async def test_cancelling_a_session_closes_it_and_tries_nothing_anew(house: type[House]) -> None:
    house.trouble = [("call", None)]
    session = Session(make_task(), 0, make_plan())
    playing: Awaitable[Trajectory] = asyncio.ensure_future(session.play(Policy(CALL, ANSWER)))
    await asyncio.sleep(0.05)
    playing.cancel()  # type: ignore[attr-defined]
    with pytest.raises(asyncio.CancelledError):
        await playing
    assert (session.attempts, house.closed) == (1, 1)
