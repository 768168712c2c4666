"""Why trajectories failed: played ones, and such as small policies really write."""

from __future__ import annotations

import random
from typing import Any

import pytest

from verl_agentic.core import End, FailureKind, Outcome, Task, ToolCall, Trajectory, Turn
from verl_agentic.core.outcome import ErrorKind
from verl_agentic.flywheel.error_analysis import commonest, error_counts
from verl_agentic.flywheel.hook import TaskResult
from verl_agentic.reward_fns.registry import judge
from verl_agentic.rollout import DialogueLimits, play
from verl_agentic.rollout.diagnosis import diagnose, diagnose_trajectory
from verl_agentic.store import Group, TaskStatus
from verl_agentic.synthesis.math.family import MathFamily

TASK = MathFamily().generate("add-mul", random.Random(0))
RIGHT = TASK.ground_truth["answer"]


async def played(*messages: str, turns: int = 6) -> Outcome:
    """The judged outcome of a policy that says ``messages`` and then repeats the last."""
    script = iter(messages)
    last = messages[-1]
    dialogue = await play(TASK, lambda said, tools: next(script, last), limits=DialogueLimits(max_turns=turns))
    result = await judge(TASK, dialogue.trajectory)
    failure = FailureKind(result["failure"])
    return Outcome(TASK.id, 0, 1, 0, 0.0, result["acc"], failure, turns, dialogue.trajectory.to_json())


def calc(expression: str) -> str:
    return f'<tool_call>{{"name": "calc", "arguments": {{"expression": "{expression}"}}}}</tool_call>'


@pytest.mark.parametrize(
    ("messages", "kind"),
    [
        ((calc("7+5"), "<answer>12</answer>"), ErrorKind.WRONG_ANSWER),
        ((calc("700+84"), "<answer>748</answer>"), ErrorKind.ARITHMETIC_SLIP),
        ((calc("700+84"), "<answer>78</answer>"), ErrorKind.ARITHMETIC_SLIP),
        (("<think>17 * 3 = 41, so</think><answer>41</answer>",), ErrorKind.ARITHMETIC_SLIP),
        (("17 * 3 = 51 <answer>41</answer>",), ErrorKind.WRONG_ANSWER),
        ((calc("1+1"),), ErrorKind.LOOP),
        ((calc("1+1"), calc("2+2"), calc("1+1"), calc("2+2"), calc("1+1"), calc("2+2")), ErrorKind.LOOP),
        (tuple(calc(f"1+{n}") for n in range(6)), ErrorKind.LIMIT),
        (
            ('<tool_call>{"name": "calc", "arguments": {"expression": </tool_call>', "<answer>1</answer>"),
            ErrorKind.FORMAT,
        ),
        (("The answer is 41.",), ErrorKind.FORMAT),
        (("\\boxed{41}",), ErrorKind.FORMAT),
        (("41",), ErrorKind.FORMAT),
        (("I cannot solve this.",), ErrorKind.GAVE_UP),
        (("<answer>I don't know</answer>",), ErrorKind.GAVE_UP),
        (("<answer></answer>",), ErrorKind.GAVE_UP),
        (("###TRANSFER_TO_HUMAN",), ErrorKind.GAVE_UP),
        ((calc("1+"), calc("(2"), "<answer>3</answer>"), ErrorKind.TOOL_MISUSE),
        (('<tool_call>{"name": "solve", "arguments": {}}</tool_call>', "<answer>3</answer>"), ErrorKind.TOOL_MISUSE),
    ],
)
async def test_what_a_policy_did_wrong(messages: tuple[str, ...], kind: ErrorKind) -> None:
    outcome = await played(*messages)
    found = diagnose(outcome)
    assert found is not None and found.kind is kind, found
    assert found == diagnose(outcome)
    assert 0 < len(found.evidence) < 200


async def test_a_success_has_no_error() -> None:
    assert diagnose(await played(f"17 * 3 = 41 <answer>{RIGHT}</answer>")) is None


def outcome_of(trajectory: Trajectory, failure: FailureKind = FailureKind.WRONG_ANSWER) -> Outcome:
    return Outcome("t", 0, 1, 0, 0.0, 0.0, failure, 1, trajectory.to_json())


def kind_of(trajectory: Trajectory, failure: FailureKind = FailureKind.WRONG_ANSWER) -> ErrorKind:
    found = diagnose(outcome_of(trajectory, failure))
    assert found is not None
    return found.kind


def test_asking_again_is_no_loop_where_the_world_answers_otherwise() -> None:
    calls = [ToolCall("status", {"id": 7}, f"{n} minutes left") for n in range(5)]
    assert kind_of(Trajectory("t", calls=calls, answer="late", end=End.ANSWER)) is ErrorKind.WRONG_ANSWER
    same = [ToolCall("status", {"id": 7}, "waiting") for _ in range(5)]
    assert kind_of(Trajectory("t", calls=same, answer="late", end=End.ANSWER)) is ErrorKind.LOOP


def test_cut_messages_are_limits() -> None:
    cut = Trajectory("t", turns=[Turn("assistant", "Let me think. I cannot")], end=End.MAX_TOKENS)
    assert kind_of(cut, FailureKind.LIMIT) is ErrorKind.LIMIT


@pytest.mark.parametrize(
    ("text", "slip"),
    [
        ("12 + 30 = 42", False),
        ("12+30=43", True),
        ("10 / 3 = 3.33", False),
        ("10 / 3 = 3.34", True),
        ("4 × 5 = 21", True),  # noqa: RUF001
        ("x = 12, so 3x = 35", False),
        ("2 + 2 = 4 + 1", False),
        ("1 / 0 = 0", False),
    ],
)
def test_claims_are_calculated(text: str, slip: bool) -> None:
    said = Trajectory("t", turns=[Turn("assistant", text)], answer="0.5", end=End.ANSWER)
    assert (kind_of(said) is ErrorKind.ARITHMETIC_SLIP) is slip


@pytest.mark.parametrize("stored", ["", "{", "[]", '{"turns": 3}', '"x"'])
def test_what_cannot_be_read_goes_by_the_reward(stored: str) -> None:
    outcome = Outcome("t", 0, 1, 0, 0.0, 0.0, FailureKind.FORBIDDEN_CALL, 1, stored)
    found = diagnose(outcome)
    assert found is not None and found.kind is ErrorKind.WRONG_STATE


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", ["1 " * 50_000, "1+" * 50_000, "1" * 100_000, "(1=" * 30_000, "\ud800" * 10])
def test_hostile_texts_are_read_in_time(text: str) -> None:
    said = Trajectory("t", turns=[Turn("assistant", text)] * 3, answer=text[:300], end=End.ANSWER)
    assert isinstance(kind_of(said), ErrorKind)


def test_an_undecided_sample_is_nobodys_error() -> None:
    assert kind_of(Trajectory("t", answer="1", end=End.ANSWER), FailureKind.UNDECIDED) is ErrorKind.UNDECIDED


async def test_the_commonest_error_of_a_task() -> None:
    slip, loop = await played("2+2=5 <answer>5</answer>"), await played(calc("1+1"))
    right = await played(f"<answer>{RIGHT}</answer>")

    def result(*outcomes: Outcome) -> TaskResult:
        groups: Any = (Group(TASK.id, 1, "u", outcomes),)
        return TaskResult(TASK, TaskStatus.ACTIVE, groups, (0.5,))

    assert error_counts(result(slip, loop, loop, right)) == {ErrorKind.LOOP: 2, ErrorKind.ARITHMETIC_SLIP: 1}
    assert commonest(error_counts(result(slip, loop, loop))) is ErrorKind.LOOP
    assert commonest(error_counts(result(loop, slip))) is ErrorKind.ARITHMETIC_SLIP
    assert commonest(error_counts(result(right))) is None


def talked(*turns: str) -> Trajectory:
    """Of a dialogue that the user ended; the agent's turns and the user's alternate."""
    said = [Turn(("assistant", "user")[place % 2], text) for place, text in enumerate(turns)]
    return Trajectory("t", turns=said, end=End.USER_STOP)


@pytest.mark.parametrize(
    ("hearing", "turns", "blame", "evidence"),
    [
        ("natural", ("What is your name?", "Ann Lee, code 9302.", "Done.", "Bye."), "user", "leaked code"),
        ("natural", ("Let me check.", "Bye."), "user", "left early"),
        ("natural", ("What is your name?", "I am Ann Lee.", "All done.", "Bye."), "policy", ""),
        (None, ("Let me check.", "Bye."), "policy", ""),
    ],
)
def test_who_is_to_blame(hearing: str | None, turns: tuple[str, ...], blame: str, evidence: str) -> None:
    facts = [
        {"name": "name", "ask": ["name"], "say": "I am Ann Lee."},
        {"name": "code", "ask": ["code"], "say": "The code is 9302."},
    ]
    script = {"facts": facts, **({"hearing": hearing} if hearing else {})}
    task = Task("t", [{"role": "user", "content": "Hi."}], [], "world", {}, "state", {}, script)
    found = diagnose_trajectory(talked(*turns), FailureKind.WRONG_STATE, task)
    assert found.blame == blame and evidence in found.evidence and ("the user" in found.evidence) is bool(evidence)
    # Without its task nobody can tell what the user was to say.
    assert diagnose_trajectory(talked(*turns), FailureKind.WRONG_STATE).blame == "policy"


def test_what_nobody_could_judge_is_not_the_policys() -> None:
    assert diagnose_trajectory(None, FailureKind.UNDECIDED).blame == "environment"
