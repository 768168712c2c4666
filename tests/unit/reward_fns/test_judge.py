"""One trajectory has one verdict, whoever asks: training, an evaluation, the flywheel or a file of rows."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.cli.score_rows import RowScorer
from verl_agentic.core import BrokenTaskError, InfrastructureError, Task, Trajectory, Turn, UserInputError
from verl_agentic.core.chat import ChatUsage
from verl_agentic.evaluation.model import ModelMessage
from verl_agentic.evaluation.plan import PlayPlan
from verl_agentic.evaluation.player import session_seed
from verl_agentic.evaluation.record import Record
from verl_agentic.evaluation.run import roll_out_one
from verl_agentic.reward_fns.registry import configured_reward, judge, judge_now, response_text, success
from verl_agentic.rollout import Session
from verl_agentic.synthesis.rows import to_row
from verl_agentic.synthesis.service import ServiceFamily
from verl_agentic.tool_envs.calculator import CALCULATOR_TOOLS

FAMILY = ServiceFamily()
SERVICE = FAMILY.generate(FAMILY.structures("train")[0], random.Random(0))
FUNCTIONS = '''
from verl_agentic.reward_fns.common import undecided

def down(data_source, solution_str, ground_truth, extra_info=None):
    raise ConnectionError("the judge is down")

def unsure(data_source, solution_str, ground_truth, extra_info=None, on_undecided="zero"):
    return undecided("out of time", on_undecided)

def reads(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    """Right where the reference, as a text, is the last word of all that was said."""
    right = isinstance(ground_truth, str) and solution_str.split()[-1] == ground_truth
    return {"score": float(right), "handed": [data_source, solution_str, ground_truth, extra_info, kwargs]}
'''
CALL = '<tool_call>{"name": "calc", "arguments": {"expression": "2+3"}}</tool_call>'
BOXED = r"So it is \boxed{5}."
THOUGHT = r"<think>\boxed{5} is likely</think>I do not know."


@pytest.fixture(autouse=True)
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "judges_of_test.py").write_text(FUNCTIONS)
    monkeypatch.syspath_prepend(str(tmp_path))


def make_task(reward: str = "math", truth: Any = "5") -> Task:
    return Task("gsm8k", [{"role": "user", "content": "2 + 3?"}], CALCULATOR_TOOLS, "calculator", {}, reward, truth)


class Scripted:
    """A model that says the same lines to everyone."""

    name, priced = "scripted", False

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def speaker(self, tools: Any, seed: int) -> Any:
        return _Lines(self.lines)


class _Lines:
    def __init__(self, lines: list[str]) -> None:
        self._lines = iter(lines)

    async def say(self, messages: Any, room: int) -> ModelMessage:
        return ModelMessage(next(self._lines), ChatUsage(1, 0, 1), 0.0)


async def played(task: Task, lines: list[str] | None) -> Trajectory:
    """What comes of the lines, or of the expert's where there are none, in the session that an evaluation opens."""
    plan = PlayPlan()
    policy = FAMILY.expert(task) if lines is None else None
    said = iter(lines or ())

    async def converse(dialogue: Any) -> Trajectory:
        tools = await dialogue.open()
        while not dialogue.done:
            await dialogue.feed(policy(dialogue.messages, tools) if policy else next(said))
        trajectory: Trajectory = dialogue.trajectory
        return trajectory

    return await Session(task, session_seed(plan, task, 0), plan.session).play(converse)


def as_trained(task: Task, trajectory: Trajectory) -> dict[str, Any]:
    """What a reward function is handed in training: the row's fields, and the trajectory beside the row's own."""
    row = json.loads(json.dumps(to_row(task, 0, "train")))
    return {
        "data_source": row["data_source"],
        "solution_str": response_text(trajectory),
        "ground_truth": row["reward_model"]["ground_truth"],
        "extra_info": {**row["extra_info"], "trajectory": trajectory.to_json(), "num_turns": len(trajectory.turns) + 1},
    }


async def rolled_out(task: Task, lines: list[str]) -> Record:
    return await roll_out_one(task, 0, Scripted(lines), PlayPlan(), "run")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("task", "lines", "verdict"),
    [
        (make_task(), ["<answer>5</answer>"], "right"),
        (make_task(truth={"answer": 5}), [CALL, "<answer>5</answer>"], "right"),
        (make_task(), ["<answer>6</answer>"], "wrong"),
        (make_task(), ["It is 5, of course."], "wrong"),
        (make_task(), [BOXED], "wrong"),
        (make_task(), [THOUGHT], "wrong"),
        (SERVICE, None, "right"),
        (SERVICE, ["<answer>Done.</answer>"], "wrong"),
        (make_task("judges_of_test:unsure"), ["<answer>5</answer>"], "undecided"),
        (make_task("judges_of_test:reads"), [CALL, "It is 5"], "right"),
        (make_task("judges_of_test:reads"), ["It is <answer>6</answer>"], "wrong"),
    ],
    ids=["answer", "call", "other", "no tag", "box", "thought", "service", "idle", "undecided", "own", "own wrong"],
)
async def test_a_trajectory_has_one_verdict(task: Task, lines: list[str] | None, verdict: str) -> None:
    trajectory = await played(task, lines)
    said = [turn.content for turn in trajectory.turns if turn.role == "assistant"]
    result = await judge(task, trajectory)
    base = {key: result[key] for key in ("score", "acc", "verdict", "failure", "reason")}
    assert base["verdict"] == verdict
    assert judge_now(task, trajectory) == result and success(task, trajectory) == result["acc"]

    trained = await configured_reward("mixed")(**as_trained(task, trajectory))
    assert {key: trained[key] for key in base} == base

    record = await rolled_out(task, said)
    assert {key: record.reward[key] for key in base} == base
    assert record.success == (None if base["verdict"] == "undecided" else base["acc"])

    row = json.dumps(as_trained(task, trajectory)).encode()
    scored = await RowScorer(task.reward, configured_reward(task.reward), {}).score("row", row)
    assert {key: scored[key] for key in base} == base


async def test_a_judge_that_is_down_gives_no_verdict() -> None:
    task = make_task("judges_of_test:down")
    trajectory = await played(task, ["<answer>5</answer>"])
    for route in (judge_now, success):
        with pytest.raises(InfrastructureError, match="the judge is down"):
            route(task, trajectory)
    for judging in (judge(task, trajectory), configured_reward("mixed")(**as_trained(task, trajectory))):
        with pytest.raises(InfrastructureError, match="the judge is down"):
            await judging
    record = await rolled_out(task, ["<answer>5</answer>"])
    assert (record.status, record.success) == ("infrastructure", None) and "the judge is down" in record.error
    scorer = RowScorer(task.reward, configured_reward(task.reward), {})
    scored = await scorer.score("row", json.dumps(as_trained(task, trajectory)).encode())
    assert (scored["verdict"], scorer.failures) == ("undecided", 1)


async def test_a_function_is_handed_what_training_hands_it() -> None:
    task = make_task(truth="72")
    trajectory = await played(task, [CALL, "It is 5"])
    assert [turn.role for turn in trajectory.turns] == ["assistant", "tool", "assistant"]
    result = await judge(task, trajectory, "judges_of_test:reads", {"partial": True})
    trained = as_trained(task, trajectory)
    assert trained["solution_str"] == f"{CALL}\n5\nIt is 5" and trained["ground_truth"] == "72"
    own = {key: trained["extra_info"][key] for key in ("task", "trajectory", "num_turns")}
    assert result["handed"] == ["gsm8k", trained["solution_str"], "72", own, {"partial": True}]
    structured = await judge(make_task("judges_of_test:reads", {"answer": 5}), trajectory)
    assert structured["handed"][2] == '{"answer": 5}'


async def test_a_reward_that_is_named_goes_before_the_tasks_own(tmp_path: Path) -> None:
    trajectory = Trajectory("t", turns=[Turn("assistant", "6")], answer="6")
    file = f"{tmp_path / 'judges_of_test.py'}:reads"
    assert (await judge(make_task("applause", "6"), trajectory, file))["acc"] == 1.0
    assert (await judge(make_task("judges_of_test:down"), trajectory, "math", {"abs_tol": 1.0}))["acc"] == 1.0
    # A keyword that the function does not take is not handed to it.
    assert (await judge(make_task(), trajectory, "judges_of_test:unsure", {"llm": {}}))["verdict"] == "undecided"
    with pytest.raises(InfrastructureError, match="undecided"):
        await judge(make_task(), trajectory, "judges_of_test:unsure", {"on_undecided": "drop"})


@pytest.mark.parametrize("truth", [None, {}, {"answer": ""}])
async def test_a_task_without_a_reference_is_broken(truth: Any) -> None:
    with pytest.raises(BrokenTaskError, match="needs an 'answer'"):
        await judge(make_task(truth=truth), Trajectory("t", answer="5"))


async def test_who_named_a_reward_that_does_not_exist_is_told() -> None:
    with pytest.raises(BrokenTaskError, match="applause"):
        await judge(make_task("applause"), Trajectory("t"))
    with pytest.raises(UserInputError, match="applause"):
        await judge(make_task(), Trajectory("t"), "applause")
